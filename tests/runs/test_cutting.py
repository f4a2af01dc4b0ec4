"""Tracks cut by hand: what each part has, how parts are numbered, what is refused, and all that follows a cut."""

import csv
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import SettingsError
from core.base.types import Floats, Tracklets, Tracks
from core.cli import main
from core.export import verify_zip
from core.lab.evaluate import score_run
from core.runs import (
    Crops,
    Cut,
    CutPoint,
    Evidence,
    Link,
    TrackKey,
    adjacent_parts,
    apply_links,
    cut,
    load_people,
    load_tracks,
    read_links,
    resolve_links,
    split_tracks,
)
from core.vision.appearance import mean_vectors
from core.vision.match import Contradiction, match
from core.vision.models import EmbedderPrior
from tests.runs.making import run

RED, GREEN, BLUE = (1.0, 0.0, 0.1), (0.0, 1.0, 0.1), (0.0, 0.0, 1.0)
CROPS = 8


def looks(*colours: tuple[float, ...]) -> Floats:
    vector = np.array(colours, np.float32)
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)


def mixed() -> tuple[Evidence, dict[str, Tracks]]:
    """Track 3 of the gate is red for four of its eight crops, then green; in the hall, track 1 is red and 2 green.

    Every track has a box each tenth of a second for eight seconds, and a crop each second at .3, .4 or .45. The gate's
    clip begins 100 seconds late, and it has a track 6 of which no crop could be kept.
    """
    names = [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2)]
    colours = [[BLUE] * 8, [BLUE] * 8, [RED] * 4 + [GREEN] * 4, [RED] * 8, [GREEN] * 8]
    row = np.repeat(np.arange(5), CROPS)
    seconds = np.tile(np.arange(CROPS) + [0.3, 0.4, 0.45, 1 / 3] * 2, 5)
    vector = looks(*(colour for track in colours for colour in track))
    quality = np.random.default_rng(0).uniform(0.2, 1, len(row)).astype(np.float32)
    worn = np.zeros((len(row), 2, 11), np.float32)
    worn[np.arange(len(row)), :, np.where(vector[:, 0] > vector[:, 1], 3, 6)] = 1
    files = np.array([f"{name}.jpg" for name in range(len(row))])
    halves = vector.astype(np.float16), worn.astype(np.float16)
    crops = Crops(row, np.rint(seconds * 25).astype(int), seconds, quality, files, *halves)
    camera, track = np.array(names).T
    offset = np.array([100.0, 0.0])
    start = offset[camera]
    look = mean_vectors(vector, quality, row)[1]
    colour = np.stack([worn[row == number].mean(0) for number in range(5)])
    tracklets = Tracklets(camera, track, start, start + 7.9, look)
    boxes = {"gate": boxes_of(1, 2, 3, 6), "hall": boxes_of(1, 2)}
    usual = np.zeros((2, look.shape[1]), np.float32)
    return Evidence(("gate", "hall"), offset, tracklets, colour, crops, usual), boxes


def boxes_of(*numbers: int) -> Tracks:
    frame, track = (column.ravel() for column in np.meshgrid(np.arange(80), numbers, indexing="ij"))
    box, one = np.zeros((len(frame), 4), np.float32), np.ones(len(frame), np.float32)
    return Tracks(frame, frame / 10, track, box, one, one.astype(bool))


def parts_of(evidence: Evidence, camera: str, *tracks: int) -> list[int]:
    return [evidence.row_of[camera, track] for track in tracks]


def test_each_side_is_set_apart_from_what_was_usual_before_the_cut() -> None:
    whole, tracks = mixed()
    usual = np.array([[0.0, 0.4, 0.1], [0.3, 0.0, 0.0]], np.float32)[:, : whole.camera_means.shape[1]]
    found = cut(replace(whole, camera_means=usual), [("gate", 3, 4.05)], tracks)
    expected = looks(RED, GREEN) - usual[0]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    parts = parts_of(found, "gate", 3, 7)
    np.testing.assert_allclose(found.tracklets.vector[parts], expected, atol=1e-3)
    assert np.array_equal(found.camera_means, usual)


def test_each_side_has_its_own_look_colours_times_and_crops() -> None:
    whole, tracks = mixed()
    found = cut(whole, [("gate", 3, 4.05)], tracks)
    assert found.cuts == (Cut("gate", 3, 4.05, 7),)  # after 6, of which there is no crop
    before, after = parts_of(found, "gate", 3, 7)
    np.testing.assert_allclose(found.tracklets.vector[[before, after]], looks(RED, GREEN), atol=1e-3)
    assert found.colours[[before, after]].argmax(2).tolist() == [[3, 3], [6, 6]]
    np.testing.assert_allclose(found.tracklets.start[[before, after]], [100, 104.1])
    np.testing.assert_allclose(found.tracklets.end[[before, after]], [104, 107.9])
    assert found.clip_seconds(after) == pytest.approx((4.1, 7.9))
    was = whole.crops.of(whole.row_of["gate", 3])
    for part, early in ((before, True), (after, False)):
        mine = found.crops.of(part)
        assert set(mine.name) == set(was.name[(was.seconds < 4.05) == early])
        assert (
            dict(zip(mine.name, mine.quality, strict=True)).items()
            <= dict(zip(was.name, was.quality, strict=True)).items()
        )
    # Nobody else changed, and neither did what was loaded.
    for f in fields(Tracklets):
        others = [row for row in range(5) if row != before]
        np.testing.assert_array_equal(
            getattr(found.tracklets, f.name)[others], getattr(whole.tracklets, f.name)[others]
        )
    assert len(whole.tracklets) == 5 and whole.cuts == () and whole.crops.row.max() == 4


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(["gate", "hall"]), st.integers(1, 3), st.integers(1, 7)), max_size=8))
def test_parts_hold_what_lies_between_their_cuts(said: list[tuple[str, int, int]]) -> None:
    """Whatever is cut, in whatever order it is said: no crop and no box is lost, and each lies where its time does."""
    whole, tracks = mixed()
    moments = [(camera, track, float(second)) for camera, track, second in said if (camera, track) in whole.row_of]
    moments = list(dict.fromkeys(moments))
    found = cut(whole, moments, tracks)
    assert found.cuts == cut(whole, moments[::-1], tracks).cuts
    assert len(found.tracklets) == 5 + len(moments)
    for camera in ("gate", "hall"):
        mine = [one for one in found.cuts if one.camera == camera]
        assert [one.new_track for one in mine] == list(
            range(*(n + tracks[camera].track.max() + 1 for n in (0, len(mine))))
        )
        assert mine == sorted(mine, key=lambda one: (one.track, one.seconds))
        boxes = split_tracks(tracks[camera], mine)
        assert (np.diff(boxes.frame) >= 0).all() and len(boxes) == len(tracks[camera])
        for number in np.unique(boxes.track).tolist():
            whose = next((one.track for one in mine if one.new_track == number), number)
            begin = next((one.seconds for one in mine if one.new_track == number), 0.0)
            end = min((one.seconds for one in mine if one.track == whose and one.seconds > begin), default=8.0)
            own = boxes.seconds[boxes.track == number]
            np.testing.assert_array_equal(own, np.arange(10 * begin, 10 * end) / 10)
            if (camera, number) in found.row_of:
                row, was = found.row_of[camera, number], whole.row_of[camera, whose]
                seconds = whole.crops.seconds[whole.crops.row == was]
                assert np.sort(found.crops.of(row).seconds).tolist() == [s for s in seconds if begin <= s < end]
                assert found.clip_seconds(row) == pytest.approx((own.min(), own.max()))


@pytest.mark.parametrize(
    ("moment", "crops_before", "boxes_before"),
    [
        (3.333, 3, 34),  # a third, as tables write it: it lies after
        (3.3333, 3, 34),
        (3.334, 4, 34),
        (4.3, 4, 43),
        (4.30001, 4, 43),
        (4.301, 5, 44),
    ],
)
def test_moments_are_read_to_the_millisecond(moment: float, crops_before: int, boxes_before: int) -> None:
    whole, tracks = mixed()
    found = cut(whole, [("gate", 3, moment)], tracks)
    assert len(found.crops.of(found.row_of["gate", 3])) == crops_before
    assert (split_tracks(tracks["gate"], found.cuts).track == 3).sum() == boxes_before


REFUSED: list[tuple[str, list[CutPoint], str]] = [
    ("before the first crop", [("gate", 3, 0.3)], r"3 of camera gate cannot be cut at 0.3 seconds.*after 0.300 and up"),
    (
        "after the last crop",
        [("gate", 3, 7.4)],
        r"Cut after 0\.300 and up to 7\.333\. .* 0\.300, 1\.400, 2\.450, 3\.333",
    ),
    ("before the track", [("gate", 3, -1.0)], "cannot be cut at -1 seconds"),
    ("after the track", [("gate", 3, 90.0)], "cannot be cut at 90 seconds"),
    ("twice at one moment", [("gate", 3, 4.0), ("gate", 3, 4.0)], "one part would have no picture"),
    ("no crop between two cuts", [("gate", 3, 4.0), ("gate", 3, 4.1)], "Each part needs a picture"),
    ("no such track", [("gate", 4, 4.0)], "no track 4 of camera gate"),
    ("a track without a crop", [("gate", 6, 4.0)], "no track 6 of camera gate"),
    ("no such camera", [("porch", 1, 4.0)], "no track 1 of camera porch"),
    ("a part of another cut", [("gate", 3, 4.0), ("gate", 7, 6.0)], "Use the track's number"),
]


@pytest.mark.parametrize(("moments", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_cannot_be_cut_is_refused(moments: list[CutPoint], said: str) -> None:
    whole, tracks = mixed()
    with pytest.raises(SettingsError, match=said):
        cut(whole, moments, tracks)


def test_a_track_with_one_picture_and_pictures_without_times_stay_whole() -> None:
    whole, tracks = mixed()
    single = replace(whole, crops=whole.crops[(whole.crops.row != 2) | (whole.crops.seconds < 1)])
    with pytest.raises(SettingsError, match="all its pictures are of one moment"):
        cut(single, [("gate", 3, 0.2)], tracks)
    with pytest.raises(SettingsError, match="these pictures have no times"):
        cut(replace(whole, offsets=np.full(2, np.nan)), [("gate", 3, 4.0)], {})


def link(camera: str, track: int, other: str, number: int, decision: str) -> Link:
    return Link(TrackKey(camera, track), decision, TrackKey(other, number))


def persons(found: Evidence, *links: Link) -> dict[tuple[str, int], int]:
    person = match(found.tracklets, EmbedderPrior(0.2, 0.2, 0.9), 0.9, resolve_links(links, found)).people().person
    return {name: int(person[row]) for name, row in found.row_of.items()}


def test_the_parts_are_two_people_unless_it_is_said_that_they_are_one() -> None:
    """Track 1 of the hall is red throughout: cut, its parts look the same and are two people all the same."""
    whole, tracks = mixed()
    found = cut(whole, [("hall", 1, 4.0)], tracks)
    apart = persons(found)
    assert apart["hall", 1] != apart["hall", 3]
    again = persons(found, link("hall", 3, "hall", 1, "same"))
    assert again["hall", 1] == again["hall", 3]
    # Who joins both to a third one has said that they are one and two people.
    with pytest.raises(Contradiction, match="you said"):
        persons(found, link("hall", 1, "gate", 1, "same"), link("gate", 1, "hall", 3, "same"))


def test_after_a_cut_each_part_finds_its_own() -> None:
    whole, tracks = mixed()
    found = cut(whole, [("gate", 3, 4.05)], tracks)
    who = persons(found)
    assert who["gate", 3] == who["hall", 1] != who["gate", 7] == who["hall", 2]
    # The new number can be spoken of as any other.
    apart = persons(found, link("gate", 7, "hall", 2, "different"))
    assert apart["gate", 7] not in (apart["hall", 2], apart["gate", 3])


def test_who_comes_back_after_two_cuts_may_be_the_first_again() -> None:
    whole, tracks = mixed()
    found = cut(whole, [("hall", 1, 5.0), ("hall", 1, 2.0)], tracks)
    assert list(adjacent_parts(found.cuts)) == [(("hall", 1), ("hall", 3)), (("hall", 3), ("hall", 4))]
    who = persons(found)
    assert who["hall", 1] == who["hall", 4] != who["hall", 3]


LINES = [
    "gate,1,,,cut,",
    "gate,1,,,cut,soon",
    "gate,1,,,cut,nan",
    "gate,1,hall,2,cut,1.5",
    "gate,one,,,cut,1.5",
    "gate,1,hall,2,same,1.5",
    "gate,1,,,same,",
    "gate,1,hall,2,perhaps,",
]


@pytest.mark.parametrize("line", LINES)
def test_lines_that_make_no_sense_are_refused_as_they_are_read(line: str, tmp_path: Path) -> None:
    path = tmp_path / "links.csv"
    path.write_text(f"camera,track,other_camera,other_track,decision,seconds\ngate,1,,,cut,2\n{line}\n")
    with pytest.raises(SettingsError, match="line 3"):
        read_links(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cut")
    run(path, gate=50.0)
    # Whichever test comes first: the people are there.
    assert main(["gallery", str(path / "out"), "--progress", "none"]) == 0
    return path / "out"


def numbers(text: str) -> list[int]:
    return sorted({int(line.split(",")[1]) for line in text.splitlines()})


def test_what_is_written_follows_the_cut_and_what_the_run_left_stays(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "links.csv"
    file.write_text(
        "camera,track,other_camera,other_track,decision,seconds\ngate,2,,,cut,1.75\nhall,2,gate,3,same,\n", "utf-8"
    )
    words = ["gallery", str(folder), "--cos", "0.9", "--progress", "none"]
    left = {name: (folder / name).read_bytes() for name in ("tracks/gate.txt", "tracks.parquet", "tracklets.npz")}
    assert main([*words, "--links", str(file)]) == 0
    assert {name: (folder / name).read_bytes() for name in left} == left
    with (folder / "people.csv").open(newline="") as table:
        rows = {(row["camera"], int(row["track"])): row for row in csv.DictReader(table)}
    assert set(rows) == {("gate", 1), ("gate", 2), ("gate", 3), ("hall", 1), ("hall", 2)}
    assert rows["gate", 2]["end_s"] == "1.700" and rows["gate", 3]["start_s"] == "1.800"
    assert rows["gate", 3]["person"] == rows["hall", 2]["person"] != rows["gate", 2]["person"]
    with zipfile.ZipFile(folder / "gallery.zip") as file_:
        boxes, plain = (file_.read(f"tracks/{camera}.txt").decode() for camera in ("gate", "hall"))
        crops = [name for name in file_.namelist() if "_t0003" in name and name.startswith("people/")]
    assert numbers(boxes) == [1, 2, 3] and numbers(plain) == [1, 2] and crops
    as_it_was = left["tracks/gate.txt"].decode().splitlines()
    after = [line.split(",") for line in boxes.splitlines()]
    assert sorted(",".join([f, "2" if t == "3" else t, *rest]) for f, t, *rest in after) == sorted(as_it_was)
    assert {int(f) for f, t, *_ in after if t == "3"} == set(range(19, 41))  # frames count from 1
    matching = verify_zip(folder / "gallery.zip").about["matching"]
    assert matching["cuts"] == [{"camera": "gate", "track": 2, "seconds": 1.75, "rest": 3}]
    # What reads the run's folder reads it with the cut.
    assert load_people(folder).evidence.row_of.keys() == rows.keys()
    scores = score_run(folder / "tracks", folder)
    assert scores.tracklets == 5
    # And without it as it was, with nothing of it left over.
    assert main(words) == 0
    assert not (folder / "cut").exists() and load_people(folder).evidence.cuts == ()


def test_a_cut_that_is_refused_leaves_everything_as_it_was(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "links.csv"
    file.write_text("camera,track,other_camera,other_track,decision,seconds\ngate,2,,,cut,99\n", "utf-8")
    words = ["gallery", str(folder), "--cos", "0.9", "--progress", "none"]
    assert main(words) == 0
    before = (folder / "people.csv").read_bytes()
    assert main([*words, "--links", str(file)]) == 2
    assert (folder / "people.csv").read_bytes() == before


def test_the_boxes_of_a_run_are_those_that_it_wrote(folder: Path) -> None:
    """Nothing is cut, so nothing is read, and a run without boxes has no trouble."""
    whole = load_people(folder).evidence
    assert apply_links((), whole, folder / "nowhere") is whole
    boxes = load_tracks(folder, "gate")
    np.testing.assert_array_equal(split_tracks(boxes, ()).track, boxes.track)
