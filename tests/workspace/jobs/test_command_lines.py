"""What other users of the machine read in the list of processes: no text that the user typed, no name, no path of a
clip, whatever kind of work a child does."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from core.base.settings import VideoSettings
from core.cli import main
from core.runs import SAME, Link, TrackKey, TravelTime
from core.vision.regions import Region, Regions, to_json
from core.vision.video import probe
from core.workspace.jobs import Export, Exports, Jobs, Order, Source, SpeedTests
from core.workspace.jobs.exports import GALLERY
from core.workspace.jobs.processes import MEASURE
from core.workspace.jobs.runs import CORE
from core.workspace.media import FILM, Proxies
from tests.vision.video.making import write_clip
from tests.workspace.jobs.test_jobs import until

CASE, PURPOSE, REASON, PERSON = "Nightingale", "theft-of-a-bag", "asked-by-the-court", "Anna-Kowalska"
CAMERA, OTHER_CAMERA, CLIP, WHEN = "backdoor", "cellar", "holiday.mp4", "2026-11-28T14:03:10"
TEXTS = (CASE, PURPOSE, REASON, PERSON, CAMERA, OTHER_CAMERA, CLIP, WHEN, "Europe/Berlin")
# Stands in for the program: it keeps what it was given, and stays until it is stopped.
CHILD = """
import json, sys, time
from pathlib import Path
Path(sys.argv[1]).write_text(json.dumps(json.load(sys.stdin) if sys.argv[2:] == ["-"] else sys.argv[2:]))
time.sleep(60)
"""
Start = Callable[[list[str], Path, Path], object]


def start_run(command: list[str], root: Path, clip: Path) -> object:
    field = to_json(Regions((Region("box", ((0.0, 0.1), (1.0, 1.0)), name=CASE),)))
    source = Source(CAMERA, str(clip), "d" * 32, 1.5, 2.0, 9.0, field, 4.0)
    return Jobs(root, command).start(Order((source,), "a detector", "an embedder", video=VideoSettings(fps=5)))


def start_export(command: list[str], root: Path, clip: Path) -> object:
    export = Export(
        "films",
        "0123456789" * 2,
        "s",
        0.5,
        (Link(TrackKey(CAMERA, 1), SAME, TrackKey(OTHER_CAMERA, 2)),),
        ((CAMERA, 1, PERSON, CASE),),  # type: ignore[arg-type]
        PURPOSE,
        REASON,
        began=((CAMERA, WHEN),),
        time_zone="Europe/Berlin",
        travel=(TravelTime(CAMERA, OTHER_CAMERA, 20.0),),
        drift=((CAMERA, 3.0),),
    )
    return Exports(root, command).start(export, root, [str(clip)])


def start_film(command: list[str], root: Path, clip: Path) -> object:
    return Proxies(root, command).request(probe(clip))


def start_measurement(command: list[str], root: Path, clip: Path) -> object:
    return SpeedTests(command).begin([str(clip), "--weights=a detector"])


KINDS: dict[str, tuple[Start, tuple[str, ...]]] = {
    "run": (start_run, CORE),
    "export": (start_export, GALLERY),
    "film": (start_film, FILM),
    "measurement": (start_measurement, MEASURE),
}


@pytest.fixture
def own_children() -> Iterator[Callable[[], list[psutil.Process]]]:
    before = set(psutil.Process().children())

    def started() -> list[psutil.Process]:
        return [child for child in psutil.Process().children() if child not in before]

    yield started
    for child in started():
        child.kill()


@pytest.mark.parametrize("kind", KINDS)
def test_the_list_of_processes_shows_no_text_of_the_user(
    kind: str, tmp_path: Path, own_children: Callable[[], list[psutil.Process]]
) -> None:
    start, program = KINDS[kind]
    clip, script, given = tmp_path / CASE / CLIP, tmp_path / "child.py", tmp_path / "given"
    clip.parent.mkdir()
    write_clip(clip, range(5))
    script.write_text(CHILD)
    start([sys.executable, str(script), str(given)], tmp_path / "jobs", clip)
    until(lambda: given.exists() and given.read_text())
    (child,) = own_children()
    words = " ".join(child.cmdline())
    assert str(script) in words and not [text for text in TEXTS if text in words]
    assert not [text for text in TEXTS if text in " ".join(program)]
    # All of it reaches the child, in a file of the job's folder.
    assert CLIP in given.read_text()
    kept = list((tmp_path / "jobs").rglob("arguments.json"))
    assert kind == "measurement" or [json.loads(path.read_text()) for path in kept] == [json.loads(given.read_text())]


def test_arguments_come_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(text: bytes) -> int:
        monkeypatch.setattr(sys, "stdin", type("Input", (), {"buffer": type("Bytes", (), {"read": lambda _: text})()}))
        return main(["gallery", "-"])

    assert told(json.dumps(["--check", "/nowhere/ü.zip"]).encode()) == 2
    assert "/nowhere/" in capsys.readouterr().err
    for text in (b"", b"{}", b"[1]", b"\xff"):
        assert told(text) == 2
        assert "standard input" in capsys.readouterr().err
