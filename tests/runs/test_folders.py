"""Crops that people bring: who was told apart stays apart, nothing of theirs is touched, and no time is made up."""

import csv
import hashlib
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.errors import ClipError, SettingsError
from core.base.progress import Progress, Report
from core.export import ExportOptions
from core.runs import Choice, Evidence, Gallery, import_crops, list_folders, load_evidence, load_people, read_photo
from core.vision.appearance import quality, sharpness_of
from core.vision.match import match
from core.vision.models import EmbedderPrior
from tests.runs.fakes import ColourEmbedder, model
from tests.runs.making import BLUE, GREEN, RED, brought, decide_and_write, picture

KNOWN = EmbedderPrior(impostor_mean=0.5, impostor_spread=0.2, threshold=0.9)


def collected(folders: list[Path], out: Path, progress: Progress | None = None) -> Evidence:
    return import_crops(list_folders(folders, out), model("embedder"), ColourEmbedder(), out, progress)[0]


def people(evidence: Evidence, out: Path, cos: float = 0.98) -> Gallery:
    return decide_and_write(evidence, out, KNOWN, Choice(cos), ExportOptions(when="today")).gallery


def content(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_people_are_found_across_folders(tmp_path: Path) -> None:
    folders = brought(tmp_path / "in")
    before = content(tmp_path / "in")
    gallery = people(collected(folders, tmp_path / "out"), tmp_path / "out")
    assert content(tmp_path / "in") == before
    who = {(s.camera, s.track): s.person for s in gallery.sightings}
    # anna and ben, then a.webp (green), b.JPG and c.bmp (red), d.tif (blue)
    assert who["gate", 1] == who["hall", 2] == who["hall", 3]
    assert who["gate", 2] == who["hall", 1]
    assert len(set(who.values())) == 3 and len(who) == 6
    assert {s.upper for s in gallery.sightings if s.person == who["gate", 1]} == {"red"}
    made = {"run.json", "pictures.csv", "tracklets.npz", "people.csv", "similarity.npz", "gallery.zip"}
    assert made <= set(content(tmp_path / "out")) and not (tmp_path / "out" / "tracks").exists()


def test_two_folders_of_one_camera_are_never_one_person(tmp_path: Path) -> None:
    """However alike they are; two loose pictures may be, and a loose one may be anybody's."""
    for name in ("in/gate/x/1.png", "in/gate/y/1.png", "in/gate/1.png", "in/gate/2.png"):
        picture(tmp_path / name, RED)
    evidence = collected([tmp_path / "in" / "gate"], tmp_path / "out")
    why = match(evidence.tracklets, KNOWN).why
    assert (why != 0).tolist() == [[False] * 4] * 2 + [[False, False, False, True], [False, False, True, False]]
    assert len(people(evidence, tmp_path / "out", -1).by_person()) == 2
    said = {row["reason"] for row in table(tmp_path / "out" / "candidates.csv")}
    assert any("told apart already" in words for words in said) and not any("same time" in words for words in said)


def test_nothing_pretends_to_be_a_time(tmp_path: Path) -> None:
    evidence = collected(brought(tmp_path / "in"), tmp_path / "out")
    gallery = people(evidence, tmp_path / "out")
    assert not evidence.has_times and not gallery.has_times
    rows = table(tmp_path / "out" / "people.csv")
    assert len(rows) == 6 and {(row["start_s"], row["end_s"]) for row in rows} == {("", "")}
    assert gallery.about["offset_seconds"] == {}
    again = people(load_evidence(tmp_path / "out"), tmp_path / "out")
    assert [s.sort_key for s in again.sightings] == [s.sort_key for s in gallery.sightings]


def test_every_file_is_accounted_for(tmp_path: Path) -> None:
    folders = brought(tmp_path / "in")
    (tmp_path / "in" / "gate" / "anna" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "in" / "hall" / "nothing.png").write_bytes(b"")
    for name in ("notes.txt", ".hidden.jpg", "anna/._2.png"):
        (tmp_path / "in" / "gate" / name).write_bytes(b"x")
    (tmp_path / "in" / "gate" / "nobody").mkdir()
    evidence = collected(folders, tmp_path / "out")
    rows = table(tmp_path / "out" / "pictures.csv")
    assert [(row["file"], row["picture"], row["crop"]) for row in rows if row["camera"] == "gate"] == [
        ("anna/10.jpg", "1", "gate/t0001_p000001.jpg"),
        ("anna/2.png", "2", "gate/t0001_p000002.jpg"),
        ("anna/broken.jpg", "", ""),
        ("ben/10.jpg", "3", "gate/t0002_p000003.jpg"),
        ("ben/2.png", "4", "gate/t0002_p000004.jpg"),
    ]
    source = tmp_path / "in" / "gate" / "anna" / "2.png"
    assert rows[1]["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    shown = cv2.imread(str(tmp_path / "out" / "crops" / rows[1]["crop"])).astype(int)
    assert np.abs(shown - cv2.imread(str(source))).mean() < 6
    cameras = json.loads((tmp_path / "out" / "run.json").read_text())["cameras"]
    counts = {
        name: (c["crops"], c["unreadable"], c["people_told_apart"], c["loose_pictures"]) for name, c in cameras.items()
    }
    assert counts == {"gate": (4, 1, 2, 0), "hall": (4, 1, 0, 4)}
    assert len(evidence.crops) == 8 and len(evidence.tracklets) == 6


def test_names_that_were_brought_name_nothing_that_is_handed_out(tmp_path: Path) -> None:
    folders = brought(tmp_path / "in")
    people(collected(folders, tmp_path / "out"), tmp_path / "out")
    names = [name for name in content(tmp_path / "out") if any(word in name for word in ("anna", "ben", "webp"))]
    assert names == []
    manifest = json.dumps(load_people(tmp_path / "out").gallery.about)
    assert "anna" not in manifest and str(tmp_path) not in manifest
    assert json.loads(manifest)["run"]["models"]["embedder"]["sha256"] == "d1"


def test_folders_of_one_name_are_two_cameras(tmp_path: Path) -> None:
    one, other = picture(tmp_path / "a" / "gate" / "1.png", RED), picture(tmp_path / "b" / "Gate" / "1.png", GREEN)
    evidence = collected([one.parent, other.parent], tmp_path / "out")
    assert evidence.cameras == ("gate", "Gate-2")
    assert sorted(path.name for path in (tmp_path / "out" / "crops").iterdir()) == ["Gate-2", "gate"]


def test_good_pictures_count_for_more(tmp_path: Path) -> None:
    """A person's vector lies nearer to the tall picture's than to the tiny one's: sharpness and height both count."""
    files = [
        picture(tmp_path / "in" / "anna" / name, colour, height=height)
        for name, colour, height in (("1.png", RED, 128), ("2.png", BLUE, 8))
    ]
    evidence = collected([tmp_path / "in"], tmp_path / "out")
    first, second = evidence.crops.vector.astype(np.float32) @ evidence.tracklets.vector[0]
    sharp = np.array([sharpness_of(read_photo(file)) for file in files])
    by_hand = quality(np.array([1, 8 / 128], np.float32), sharp, np.zeros(2, np.int64))
    np.testing.assert_allclose(evidence.crops.quality, by_hand, rtol=1e-6)
    assert first > 0.95 > second


@pytest.mark.parametrize(
    ("folders", "out", "said"),
    [
        (["in/gate", "in/none"], "out", "none is no folder"),
        (["in/gate", "in/empty"], "out", "empty holds no pictures"),
        (["in/gate", "in/gate"], "out", "hold the same pictures"),
        (["in", "in/gate"], "out", "hold the same pictures"),
        (["in/gate"], "in/gate", "is inside the other"),
        (["in/gate"], "in/gate/out", "is inside the other"),
        (["in/gate"], "in", "is inside the other"),
        (["in/gate"], "taken", "holds something else"),
    ],
)
def test_what_would_harm_or_means_nothing_is_refused(folders: list[str], out: str, said: str, tmp_path: Path) -> None:
    brought(tmp_path / "in")
    (tmp_path / "in" / "empty").mkdir()
    picture(tmp_path / "taken" / "crops" / "mine.jpg", RED)
    before = content(tmp_path)
    with pytest.raises((ClipError, SettingsError), match=said):
        list_folders([tmp_path / folder for folder in folders], tmp_path / out)
    assert content(tmp_path) == before and not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_listed_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    brought(tmp_path / "in")
    listed = os.scandir

    def locked(place: str | Path) -> object:
        if Path(place).name == "ben":
            raise PermissionError(13, "Permission denied", str(place))
        return listed(place)

    monkeypatch.setattr(os, "scandir", locked)
    with pytest.raises(ClipError, match=r"ben cannot be listed \(Permission denied\)"):
        list_folders([tmp_path / "in" / "gate"], tmp_path / "out")


def test_a_camera_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.jpg").write_bytes(b"no picture")
    with pytest.raises(ClipError, match="can be read"):
        collected([tmp_path / "in"], tmp_path / "out")
    # What was begun may be done again, and says that it is not done.
    assert json.loads((tmp_path / "out" / "run.json").read_text())["state"] == "running"
    picture(tmp_path / "in" / "2.jpg", RED)
    assert len(collected([tmp_path / "in"], tmp_path / "out").crops) == 1


def test_again_it_takes_the_place_of_what_was(tmp_path: Path) -> None:
    people(collected(brought(tmp_path / "in"), tmp_path / "out"), tmp_path / "out")
    (tmp_path / "in" / "hall" / "d.tif").unlink()
    evidence = collected([tmp_path / "in" / "hall"], tmp_path / "out")
    assert not (tmp_path / "out" / "gallery.zip").exists()
    assert sorted(content(tmp_path / "out" / "crops")) == [f"hall/t000{n}_p00000{n}.jpg" for n in (1, 2, 3)]
    assert len(load_evidence(tmp_path / "out").tracklets) == len(evidence.tracklets) == 3


def test_it_says_how_far_it_is(tmp_path: Path) -> None:
    told: list[Report] = []
    collected(brought(tmp_path / "in"), tmp_path / "out", Progress(told.append, every=0))
    assert [(report.camera, report.done, report.total) for report in told if report.done == report.total] == [
        ("gate", 4, 4),
        ("hall", 4, 4),
    ]
    assert {report.stage for report in told} == {"embed"} and told[0].cameras == 2
