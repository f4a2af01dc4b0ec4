"""What 0.1.0 wrote still opens, and shows the same people and decisions.

tests/data/v0.1.0/README.md says how it was made. `expected.json` beside it holds what 0.1.0 itself showed of these,
written by this module: `python -m tests.test_opens_0_1_0 FILE`.
"""

import csv
import json
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.machine.paths import cache_dir
from core.machine.relocate import move_old_data
from core.review import load_review, open_session
from core.vision.regions import to_json
from core.workspace.cases import Case, Cases
from core.workspace.jobs import Jobs

DATA = Path(__file__).resolve().parent / "data" / "v0.1.0"
RUN, ZIP, BACKUP = DATA / "run", DATA / "run" / "gallery.zip", DATA / "case-backup.zip"
EXPECTED = DATA / "expected.json"
PHOTO = "crops/cam1/t0002_f000050.jpg"
RETRACK: Mapping[str, list[str]] = {"iou, n_init": ["--iou", "0.5", "--n-init", "5"], "conf": ["--conf", "0.5"]}
DECIDED = ["--cos", "0.55", "--links", str(DATA / "links.csv"), "--names", str(DATA / "names.csv")]

# Worded or drawn by the program of today: an export of the same run may say it better than 0.1.0 did.
PRESENTATION = {"README.txt", "report.html", "contact_sheet.jpg"}
# Nothing in an export depends on these.
HARMLESS = {"python", "torch", "ultralytics"}

pytestmark = pytest.mark.timeout(300)


def spoken(*words: str) -> str:
    """What a command prints, once it has succeeded."""
    with redirect_stdout(StringIO()) as text:
        status = main(words)
    assert status == 0, words
    return text.getvalue()


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def zipped(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode()


def manifest(path: Path) -> dict[str, Any]:
    return dict(json.loads(zipped(path, "manifest.json")))


# What is shown, by kind of file.


def run_shows(folder: Path) -> dict[str, Any]:
    """Who is who in the run, exported again with the decisions that it was made with."""
    spoken("gallery", str(RUN), "--to", str(folder), *DECIDED, "--progress", "none")
    return {"sightings": rows(zipped(folder / "gallery.zip", "sightings.csv")), "people": rows(read(folder))}


def read(folder: Path) -> str:
    return (folder / "people.csv").read_text(encoding="utf-8")


def zip_shows() -> dict[str, Any]:
    content = manifest(ZIP)
    return {
        "sightings": rows(zipped(ZIP, "sightings.csv")),
        "choice": content["about"]["choice"],
        "offset_seconds": content["about"]["offset_seconds"],
    }


def retrack_says() -> dict[str, list[int]]:
    """The numbers in what `retrack` says; its words are not what counts here."""
    return {name: list(map(int, re.findall(r"\d+", spoken("retrack", str(RUN), *f)))) for name, f in RETRACK.items()}


def query_ranks() -> list[str]:
    answer = json.loads(spoken("query", str(RUN), str(RUN / PHOTO), "--whole", "--top", "3", "--json"))
    return [found["person"] for found in answer["people"][0]["ranked"]]


def case_shows(case: Case) -> dict[str, Any]:
    """Everything that somebody sees of a case: how it was set up, what was decided, and who is who by that."""
    review = load_review(Cases().review_file(case.key))
    desk = open_session(cache_dir() / "runs" / case.run / "out", review, case.threshold)
    persons = sorted(set(desk.people.person.tolist()))
    names, notes = desk.labels
    plan = case.plan
    return {
        "name": case.name,
        "purpose": case.purpose,
        "run": case.run,
        "run_state": Jobs().get(case.run).state,
        "threshold": case.threshold,
        "models": [plan.detector, plan.embedder],
        "settings": {"fps": plan.video.fps, "size": plan.detect.size, "conf": plan.track.conf, "iou": plan.track.iou},
        "clips": [[clip.camera, clip.digest, json.loads(to_json(clip.regions))] for clip in case.clips],
        "offsets": dict(case.offsets),
        "decided": [[action.kind, action.description] for action in review.done],
        "taken_back": [[action.kind, action.description] for action in review.undone],
        "links": [link.to_dict() for link in review.links],
        "people": {str(person): [list(track) for track in desk.tracks(person)] for person in persons},
        "names": {str(person): name for person, name in names.items()},
        "notes": {str(person): note for person, note in notes.items()},
    }


def restored_case() -> Case:
    before = {case.key for case in Cases().all()}
    spoken("cases", "--restore", str(BACKUP))
    (case,) = (case for case in Cases().all() if case.key not in before)
    return case


def unpacked_case() -> Case:
    """The case as it lies in a cache that 0.1.0 has filled: its folder, its run and its clips."""
    key, run = "6b0c58871e7e2144", json.loads(zipped(BACKUP, "case.json"))["run"]
    places = {"run": cache_dir() / "runs" / run, "clips": cache_dir() / "uploads"}
    with zipfile.ZipFile(BACKUP) as archive:
        for name in archive.namelist():
            top, _, rest = name.partition("/")
            path = places[top] / rest if rest else cache_dir() / "cases" / key / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))
    assert "were moved" in move_old_data()
    return Cases().load(key)


def everything(folder: Path) -> dict[str, Any]:
    """What `expected.json` holds, as the program at hand shows it."""
    shutil.copytree(DATA / "stages", cache_dir() / "stages")
    return {
        "run": run_shows(folder / "gallery"),
        "zip": zip_shows(),
        "retrack": retrack_says(),
        "query": query_ranks(),
        "case": case_shows(restored_case()),
    }


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return dict(json.loads(EXPECTED.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def old_cache(tmp_path_factory: pytest.TempPathFactory, exported: Path) -> Iterator[Path]:
    """A cache in which 0.1.0 left what the run was made from; models are exported already."""
    folder = tmp_path_factory.mktemp("cache")
    shutil.copytree(DATA / "stages", folder / "stages")
    shutil.copytree(exported, folder / "exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTLINE_CACHE", str(folder))
        patch.setenv("SIGHTLINE_FOOTAGE", str(folder / "footage"))
        yield folder


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    """The recordings, out of the back-up."""
    with zipfile.ZipFile(BACKUP) as archive:
        names = [name for name in archive.namelist() if name.startswith("clips/")]
        return [Path(archive.extract(name, tmp_path)) for name in names]


def test_a_run_shows_the_same_people(expected: dict[str, Any], old_cache: Path, tmp_path: Path) -> None:
    assert rows(read(RUN)) == expected["run"]["people"]
    assert run_shows(tmp_path) == expected["run"]


def test_a_zip_is_whole_and_holds_the_same_decisions(expected: dict[str, Any], old_cache: Path) -> None:
    spoken("gallery", "--check", str(ZIP))
    assert zip_shows() == expected["zip"]


def test_a_zip_can_be_made_again(
    old_cache: Path, clips: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """To the byte, texts and drawings aside, where the same libraries compute in the same precision."""
    out = tmp_path / "again"
    status = main(["run", *map(str, clips), "--like", str(ZIP), "--out", str(out), "--progress", "none"])
    before, after = manifest(ZIP), manifest(out / "gallery.zip")
    assert _decided(before) == _decided(after)
    assert len(rows(zipped(out / "gallery.zip", "sightings.csv"))) > 0
    if _computed_by(before) != _computed_by(after):
        assert status in (0, 1)
        return
    assert zipped(out / "gallery.zip", "sightings.csv") == zipped(ZIP, "sightings.csv")
    differing = _digests(before).items() ^ _digests(after).items()
    # More of each picture is covered than then.
    assert {name for name, _ in differing if not name.startswith("people/")} <= PRESENTATION
    assert status == 0
    said = capsys.readouterr().out
    assert ("presentation only: " in said) == bool(differing) and "files are the same as in" in said


def _decided(content: Mapping[str, Any]) -> Any:
    return content["about"]["choice"], content["about"]["offset_seconds"], content["about"]["run"]["regions"]


def _digests(content: Mapping[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["sha256"] for entry in content["entries"]}


def _computed_by(content: Mapping[str, Any]) -> Any:
    run = content["about"]["run"]
    versions = {name: value for name, value in run["versions"].items() if name not in HARMLESS}
    return versions, [(model["runtime"], model["precision"]) for model in run["models"].values()]


def test_a_run_is_tracked_again_from_what_was_stored(expected: dict[str, Any], old_cache: Path) -> None:
    assert retrack_says() == expected["retrack"]


def test_a_photo_finds_the_same_person(expected: dict[str, Any], old_cache: Path) -> None:
    assert query_ranks()[0] == expected["query"][0]


@pytest.mark.parametrize("opened", [restored_case, unpacked_case], ids=["restored from a back-up", "in the cache"])
def test_a_case_shows_the_same(opened: Callable[[], Case], expected: dict[str, Any], old_cache: Path) -> None:
    shown = case_shows(opened())
    for what, value in expected["case"].items():
        assert shown[what] == value, what


def test_a_back_up_brings_its_recordings(old_cache: Path) -> None:
    assert all(Path(clip.path).is_file() for clip in restored_case().clips)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        Path(sys.argv[1]).write_text(json.dumps(everything(Path(name)), indent=1, ensure_ascii=False) + "\n", "utf-8")
