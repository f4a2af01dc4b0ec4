"""Bad and odd files, by upload and by command: each is refused in words or analysed, and no page fails over it.

`make corpus` takes all two hundred and prints what became of them; without it, every tenth is taken. Files go through
the route that browsers use, in this process, whose memory is what the server would have.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from core.base.errors import SightlineError
from core.base.progress import Progress
from core.base.settings import TrackSettings, VideoSettings
from core.cli import main
from core.http import media
from core.machine.artifacts import Store
from core.runs import Camera, Recipe, run_cameras
from core.workspace import add_clip, clip_of, serve_with, services
from core.workspace.cases import Case
from pages.parts.shell.markdown import escape
from tests.corpus.files import COUNT, OddFile, corpus
from tests.pages.making import asked, page, words
from tests.runs.fakes import BrightDetector, networks

ALL = os.environ.get("SIGHTLINE_CORPUS") == "all"
SERVER_BYTES = 1_500_000_000
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600 if ALL else 600)]


@pytest.fixture
def footage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "footage"
    folder.mkdir()
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(folder))
    serve_with(None)
    yield folder
    serve_with(None)


@pytest.fixture
def files(footage: Path) -> list[tuple[OddFile, Path]]:
    """What is looked at, and where it lies: each in a folder of its own, since recordings of one name become one."""
    chosen = corpus() if ALL else corpus()[::10]
    laid = []
    for number, file in enumerate(chosen):
        path = footage / str(number) / file.name
        path.parent.mkdir()
        file.write(path)
        laid.append((file, path))
    return laid


@contextmanager
def memory() -> Iterator[dict[str, int]]:
    """The most that this process takes within the block, and the most that one of its children takes, in bytes."""
    most, done = {"server": 0, "decoder": 0}, threading.Event()
    own = psutil.Process()

    def look() -> None:
        while not done.wait(0.05):
            most["server"] = max(most["server"], own.memory_info().rss)
            for child in own.children():
                try:
                    most["decoder"] = max(most["decoder"], child.memory_info().rss)
                except psutil.Error:
                    continue

    watch = threading.Thread(target=look)
    watch.start()
    try:
        yield most
    finally:
        done.set()
        watch.join()


def report(kind: str, outcomes: dict[str, str], most: dict[str, int], seconds: float) -> None:
    """What became of the files, for whoever ran them all."""
    counts = Counter("refused" if outcome else "analysed" for outcome in outcomes.values())
    sys.stdout.write(f"\n{kind}: {dict(counts)}, {seconds:.0f} s, at most ")
    sys.stdout.write(", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in most.items()) + "\n")
    for name, outcome in outcomes.items():
        sys.stdout.write(f"  {name!r:.60}: {outcome or 'analysed'}\n")


def check(files: list[tuple[OddFile, Path]], outcomes: dict[str, str]) -> None:
    """Each file is dealt with as expected; `outcomes` has the reason for which one was refused."""
    other = {
        file.name: (file.expected, outcomes[file.name])
        for file, _ in files
        if file.expected not in ("either", "refused" if outcomes[file.name] else "analysed")
    }
    assert other == {}


def test_the_corpus_is_whole() -> None:
    assert len(corpus()) == COUNT


def test_by_upload(footage: Path, files: list[tuple[OddFile, Path]]) -> None:
    case, began = services().cases.new("Corpus"), time.monotonic()
    outcomes: dict[str, str] = {}
    with memory() as most:
        for file, path in files:
            outcomes[file.name] = _from_folder(case, path) if file.is_folder else _uploaded(case, path)
        for part in _cases_of_ten(services().cases.load(case.key)):
            _look_at(part)
    report("by upload", outcomes, most, time.monotonic() - began)
    check(files, outcomes)
    assert most["server"] < SERVER_BYTES


def _uploaded(case: Case, path: Path) -> str:
    """Why the upload was refused; empty if it was taken."""
    from urllib.parse import quote

    address = media.upload_address(case.key) + quote(path.name, safe="")
    answer = asked(media.UPLOAD_ROUTES, address, "PUT", content=path.read_bytes())
    if answer.status_code != 200:
        # An address that names no file.
        assert answer.status_code in (400, 404), path.name
        return f"status {answer.status_code}"
    said = answer.json()
    assert bool(said.get("camera")) != bool(said.get("message") and said.get("remedy")), said
    return said.get("message", "")


def _from_folder(case: Case, path: Path) -> str:
    try:
        add_clip(case.key, path)
    except SightlineError as fault:
        return str(fault)
    return ""


def _cases_of_ten(case: Case) -> Iterator[Case]:
    """The same clips in cases that a page shows as a whole."""
    for begin in range(0, len(case.clips), 10):
        new = services().cases.new(f"Part {begin}")
        clips = case.clips[begin : begin + 10]
        yield services().cases.change(new.key, lambda empty, clips=clips: empty.with_clips(clips), "a part")


def _look_at(case: Case) -> None:
    """Open what shows clips, and the pictures that pages ask for."""
    for name in ("footage", "regions", "run"):
        app: AppTest = page(name)
        app.query_params["case"] = case.key
        app.run(timeout=120)
        assert not app.exception, (name, [clip.path for clip in case.clips], app.exception)
        if name == "footage":
            assert all(any(escape(clip.camera) in button.label for button in app.button) for clip in case.clips), words(
                app
            )
    for clip in case.clips:
        video = clip_of(clip.path)
        middle = round(500 * video.duration_seconds)
        if middle < 10**9:
            address = f"/stills/{clip.digest}/{middle}.jpg"
            assert asked(media.STILL_ROUTES, address).status_code in (200, 404)


def test_by_command(files: list[tuple[OddFile, Path]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run goes on to the next clip, whatever the last one was; `probe` says the same of each."""
    began = time.monotonic()
    recipe = Recipe(video=VideoSettings(fps=5), track=TrackSettings(n_init=2))
    cameras = [Camera(f"camera {number}", path) for number, (_, path) in enumerate(files)]
    with memory() as most:
        found = list(run_cameras(cameras, recipe, networks(BrightDetector()), Store(tmp_path / "store"), Progress()))
        status = main(["probe", *(str(path) for _, path in files)])
    said = capsys.readouterr()
    outcomes = {file.name: result.fault for (file, _), result in zip(files, found, strict=True)}
    report("by command", outcomes, most, time.monotonic() - began)
    check(files, outcomes)
    assert "Traceback" not in said.out + said.err and status == 1
    assert all(fault == "" or len(fault) > 10 for fault in outcomes.values())
    assert most["server"] < SERVER_BYTES
