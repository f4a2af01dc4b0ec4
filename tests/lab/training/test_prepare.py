"""Crops of a run: real clips of drawn figures, a run as it lies on disk, and every rule that keeps a box out."""

import json
import tarfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import ClipError, SettingsError, SightlineError, StoreError
from core.base.progress import Progress, Report
from core.base.types import Image
from core.lab.training import Crop, Prepared, PrepareSettings, assign_splits, prepare, read_crops, read_table
from core.vision.appearance import sharpness_of
from core.vision.video import probe

WIDTH, HEIGHT, FRAMES = 320, 240, 40
SETTINGS = PrepareSettings(purpose="to test", min_height=60)
FIGURES = {1: (20, (40, 40, 200)), 2: (120, (40, 200, 40)), 3: (220, (200, 40, 40))}  # left edge, colour
BOX = (40, 80)
Row = tuple[int, int, tuple[float, float, float, float], bool]


def figure(colour: tuple[int, int, int]) -> Image:
    """A person of one colour with dark and light squares on it: sharp everywhere."""
    squares = np.kron(np.indices((10, 5)).sum(axis=0) % 2, np.ones((8, 8)))[..., None] * 50
    return np.clip(np.array(colour) + squares, 0, 255).astype(np.uint8)


def write_scene(path: Path, blurred: frozenset[int] = frozenset()) -> Path:
    """Three figures that stand at 80 pixels from the top; frames in `blurred` are out of focus."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "8", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 10)
        for i in range(FRAMES):
            picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            for left, colour in FIGURES.values():
                picture[80:160, left : left + 40] = figure(colour)
            if i in blurred:
                picture = cv2.GaussianBlur(picture, (0, 0), 6)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def standing(track: int, frames: range = range(FRAMES), seen: bool = True) -> list[Row]:
    left = FIGURES[track][0]
    return [(frame, track, (left, 80, left + 40, 160), seen) for frame in frames]


def table(camera: str, rows: list[Row]) -> pa.Table:
    rows = sorted(rows)
    sides = np.array([row[2] for row in rows], np.float32).reshape(-1, 4).T
    frame = np.array([row[0] for row in rows], np.int64)
    columns = {"camera": pa.array([camera] * len(rows), pa.string()), "frame": frame, "seconds": frame / 10}
    columns |= {
        "track": np.array([row[1] for row in rows], np.int64),
        **dict(zip(("x1", "y1", "x2", "y2"), sides, strict=True)),
    }
    return pa.table(
        {**columns, "score": np.ones(len(rows), np.float32), "seen": np.array([row[3] for row in rows], bool)}
    )


def write_run(folder: Path, cameras: dict[str, tuple[Path, list[Row]]], **more: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    facts: dict[str, Any] = {}
    for name, (path, _) in cameras.items():
        clip = probe(path)
        facts[name] = {
            "clip": str(path),
            "digest": clip.digest,
            "width": clip.width,
            "height": clip.height,
            "frames": clip.frames,
        }
    pq.write_table(
        pa.concat_tables([table(name, rows) for name, (_, rows) in cameras.items()]), folder / "tracks.parquet"
    )
    model = {"name": "person-finder", "sha256": "ab" * 32, "licence": "AGPL", "trained_on": "pictures", "assumed": []}
    models = {"detector": model, "embedder": "none: matched on motion alone"}
    record = {"program": "sightline 0", "state": "done", "began": "2026-01-01", "models": models, "cameras": facts}
    (folder / "run.json").write_text(json.dumps({**record, **more}))
    return folder


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("clips") / "gate.mp4")


@pytest.fixture
def run(scene: Path, tmp_path: Path) -> Path:
    """Two cameras of the same clip, three people in each. The first in order of names is `door`."""
    rows = [*standing(1), *standing(2), *standing(3)]
    return write_run(tmp_path / "run", {"gate": (scene, rows), "door": (scene, rows)})


def one(scene: Path, tmp_path: Path, rows: list[Row], settings: PrepareSettings = SETTINGS) -> Prepared:
    return prepare(write_run(tmp_path / "run", {"gate": (scene, rows)}), tmp_path / "out", settings, Progress())


def content(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def edit(out: Path, **people: str) -> None:
    """Names for tracks; `gate_2="anna"` is track 2 of gate."""
    lines = (out / "people.csv").read_text().splitlines()
    named = {tuple(key.split("_")): name for key, name in people.items()}
    lines = [
        ",".join([*line.split(",")[:2], named.get(tuple(line.split(",")[:2]), line.split(",")[2])]) for line in lines
    ]
    (out / "people.csv").write_text("\n".join(lines) + "\n")


def test_the_crops_show_who_they_say(run: Path, tmp_path: Path) -> None:
    """Every crop has its figure's colour, size and name, and reads as a data set."""
    out = tmp_path / "out"
    made = prepare(run, out, SETTINGS, Progress())
    assert made.cameras == {"door": 1, "gate": 2}
    assert {crop.name for crop in made.crops} == {name for name in content(out) if name.endswith(".jpg")}
    for crop in made.crops:
        picture = cv2.imread(str(out / crop.name))
        assert picture is not None and picture.shape[:2] == BOX[::-1]
        assert crop.person == f"cam{crop.camera}-{crop.track:04d}"
        assert np.abs(picture.mean(axis=(0, 1)) - figure(FIGURES[crop.track][1]).mean(axis=(0, 1))).max() < 12
    for split in ("train", "val"):
        crops = read_crops(out / split)
        assert len(crops.people) == len(made.people(split))
        assert set(crops.camera.tolist()) <= {1, 2}


def test_crops_are_spread_over_time(scene: Path, tmp_path: Path) -> None:
    made = one(scene, tmp_path, standing(1), PrepareSettings(purpose="x", min_height=60, most=4))
    frames = sorted(crop.frame for crop in made.crops)
    assert [frame * 4 // FRAMES for frame in frames] == [0, 1, 2, 3]  # one from each quarter


def test_a_short_track_gives_what_it_has(scene: Path, tmp_path: Path) -> None:
    assert len(one(scene, tmp_path, standing(1, range(5, 8))).crops) == 3


LEFT, RIGHT = FIGURES[1][0], FIGURES[2][0]
RULES = [
    # (the box of the track, what is said of it)
    ("whole", (LEFT, 80, LEFT + 40, 160), ""),
    ("as high as asked", (LEFT, 80, LEFT + 40, 140), ""),
    ("a pixel too low", (LEFT, 80, LEFT + 40, 139), "lower than 60 pixels"),
    ("touching the left", (1, 80, 40, 160), "cut off by the picture's edge"),
    ("touching the right", (280, 80, 319, 160), "cut off by the picture's edge"),
    ("touching the top", (LEFT, 1, LEFT + 40, 90), "cut off by the picture's edge"),
    ("touching the bottom", (LEFT, 150, LEFT + 40, 240), "cut off by the picture's edge"),
    ("a quarter covered", (RIGHT - 30, 80, RIGHT + 10, 160), ""),
    ("more than a quarter covered", (RIGHT - 29, 80, RIGHT + 11, 160), "overlapped"),
]


@pytest.mark.parametrize(("box", "reason"), [r[1:] for r in RULES], ids=[r[0] for r in RULES])
def test_which_box_fits(scene: Path, tmp_path: Path, box: tuple[int, int, int, int], reason: str) -> None:
    """Track 9 has the box; track 2 stands beside it, as wide, so that both are covered by the same share."""
    rows: list[Row] = [*standing(2), *((frame, 9, box, True) for frame in range(FRAMES))]
    made = one(scene, tmp_path, rows, PrepareSettings(purpose="x", min_height=60, sharpness=0))
    assert (9 in {crop.track for crop in made.crops}) == (not reason)
    assert {why for why in made.left_out if why != "more than needed"} == {reason} - {""}


def test_boxes_that_were_filled_in_are_no_crops(scene: Path, tmp_path: Path) -> None:
    made = one(scene, tmp_path, [*standing(1, range(10)), *standing(1, range(10, 40), seen=False)])
    assert made.crops and max(crop.frame for crop in made.crops) < 10
    assert made.left_out["filled in, not seen"] == 30


def test_blurred_frames_give_no_crops(tmp_path: Path) -> None:
    blurred = frozenset(range(20))
    clip = write_scene(tmp_path / "gate.mp4", blurred)
    made = one(clip, tmp_path, standing(1))
    assert made.crops and blurred.isdisjoint(crop.frame for crop in made.crops)
    assert made.left_out["blurred"] >= 6
    assert len(made.crops) + sum(made.left_out.values()) == FRAMES


def test_every_box_is_accounted_for(run: Path, tmp_path: Path) -> None:
    prepare(run, tmp_path / "out", SETTINGS, Progress())
    edit(tmp_path / "out", gate_1="-", door_1="")
    made = prepare(run, tmp_path / "out", SETTINGS, Progress())
    assert made.left_out["left out by people.csv"] == 2 * FRAMES
    assert len(made.crops) + sum(made.left_out.values()) == 6 * FRAMES
    assert len({(crop.camera, crop.track) for crop in made.crops}) == 4


def test_merged_tracks_are_one_person_in_one_split(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert prepare(run, out, SETTINGS, Progress()).askable("val") == 0
    assert "people.csv" in (out / "card.md").read_text().split("## Content")[1]
    edit(out, gate_1="anna", door_1="anna", gate_2="Ben B/x", door_2="Ben B/x")
    table_before = (out / "people.csv").read_bytes()
    made = prepare(run, out, SETTINGS, Progress())
    assert (out / "people.csv").read_bytes() == table_before
    assert {p for split in ("train", "val") for p in made.people(split)} == {
        "anna",
        "Ben_B_x",
        "cam1-0003",
        "cam2-0003",
    }
    assert not set(made.people("train")) & set(made.people("val"))
    assert made.askable("val") == 1  # those seen by two cameras go to both splits first
    assert {crop.camera for crop in made.crops if crop.person == "anna"} == {1, 2}
    assert not (out / "train" / "cam1-0001").exists() and not (out / "val" / "cam1-0001").exists()


def test_again_gives_the_same_bytes(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(run, out, SETTINGS, Progress())
    first = content(out)
    prepare(run, out, SETTINGS, Progress())
    again = content(out)
    assert first.keys() == again.keys()
    assert {name for name in first if first[name] != again[name]} <= {"card.md"}  # which says when


def test_the_card_says_what_why_and_from_what(run: Path, tmp_path: Path, scene: Path) -> None:
    out = tmp_path / "out"
    settings = PrepareSettings(purpose="a lesson\n# about | gates", consent="signed by all", min_height=60)
    made = prepare(run, out, settings, Progress())
    text = (out / "card.md").read_text()
    assert "- Purpose: a lesson # about | gates\n- Consent: signed by all\n" in text
    for words in (probe(scene).digest, "person-finder", "ab" * 32, "more than needed", "min_height", "320 x 240"):
        assert words in text
    for split in ("train", "val"):
        row = f"| {split} | {len(made.people(split))} | 0 | {sum(c.split == split for c in made.crops)} |"
        assert row in text
    assert str(scene.parent) not in text and str(tmp_path) not in text
    assert not any(
        str(tmp_path).encode() in found or str(scene.parent).encode() in found for found in content(out).values()
    )


def test_nothing_is_written_without_a_purpose(run: Path, tmp_path: Path) -> None:
    for purpose in ("", " \n"):
        with pytest.raises(SettingsError, match="purpose"):
            prepare(run, tmp_path / "out", PrepareSettings(purpose=purpose), Progress())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("strange", ["notes.txt", "train/anna/cam1_000001.jpg", "val/x.jpg", "card.md", "test/a.jpg"])
def test_a_folder_with_other_things_is_left_alone(run: Path, tmp_path: Path, strange: str) -> None:
    out = tmp_path / "out"
    (out / strange).parent.mkdir(parents=True)
    (out / strange).write_text("mine")
    with pytest.raises(SettingsError, match=r"has other content|has a file that was not written here"):
        prepare(run, out, SETTINGS, Progress())
    assert content(out) == {strange: b"mine"}


def test_a_picture_put_among_ours_is_not_deleted(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(run, out, SETTINGS, Progress())
    (out / "train" / "mine.jpg").write_text("mine")
    before = content(out)
    with pytest.raises(SettingsError, match=r"mine\.jpg"):
        prepare(run, out, SETTINGS, Progress())
    assert content(out) == before


def test_the_crops_of_another_run_are_left_alone(run: Path, tmp_path: Path, scene: Path) -> None:
    out = tmp_path / "out"
    prepare(run, out, SETTINGS, Progress())
    before = content(out)
    other = write_run(tmp_path / "other", {"gate": (scene, standing(1))})
    with pytest.raises(SettingsError, match="another run"):
        prepare(other, out, SETTINGS, Progress())
    assert content(out) == before


def test_a_stop_leaves_no_half_set_and_goes_on(run: Path, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def listen(report: Report) -> None:
        if report.number == 2:
            raise Stop

    out = tmp_path / "out"
    with pytest.raises(Stop):
        prepare(run, out, SETTINGS, Progress(listen))
    assert list(content(out)) == ["people.csv"]
    assert prepare(run, out, SETTINGS, Progress()).crops


def test_one_name_for_two_people_at_once_is_refused(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(run, out, SETTINGS, Progress())
    edit(out, gate_1="anna", gate_3="anna")
    before = content(out)
    with pytest.raises(SettingsError, match="anna is both track 1 and track 3 of gate"):
        prepare(run, out, SETTINGS, Progress())
    assert content(out) == before


def test_runs_and_clips_that_do_not_fit(run: Path, tmp_path: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    for change, kind, words in (
        ({"state": "running"}, SettingsError, "not finished"),
        ({"cameras": {**record["cameras"], "gate": {**record["cameras"]["gate"], "digest": "0"}}}, ClipError, "gate"),
        (
            {"cameras": {**record["cameras"], "gate": {**record["cameras"]["gate"], "clip": "no.mp4"}}},
            ClipError,
            r"no\.mp4",
        ),
    ):
        (run / "run.json").write_text(json.dumps({**record, **change}))
        with pytest.raises(kind, match=words):
            prepare(run, tmp_path / "out", SETTINGS, Progress())
    with pytest.raises(StoreError):
        prepare(tmp_path / "nowhere", tmp_path / "out", SETTINGS, Progress())


def test_a_camera_that_failed_is_passed_over_and_keeps_its_number(run: Path, tmp_path: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    record["cameras"]["door"] = {"clip": "gone.mp4", "failed": "no such file"}
    (run / "run.json").write_text(json.dumps(record))
    made = prepare(run, tmp_path / "out", SETTINGS, Progress())
    assert made.cameras == {"gate": 2} and {crop.camera for crop in made.crops} == {2}


def test_nobody_in_the_clip_is_an_empty_set(scene: Path, tmp_path: Path) -> None:
    made = one(scene, tmp_path, [])
    assert made.crops == () and (tmp_path / "out" / "card.md").is_file()


BOTH = [("gate", 1), ("gate", 2)]
TABLES = [
    ("semicolons and a mark, as spreadsheets write", "\ufeffcamera;track;person\ngate;1;anna\n", {("gate", 1): "anna"}),
    ("space around, empty lines", "Camera, track ,person\n\n gate , 1 , anna \n\n", {("gate", 1): "anna"}),
    ("left out in three ways", "camera,track,person\ngate,1,\ngate,2,-\n", {}),
    ("one folder for one name", "camera,track,person\ngate,1,a b\ngate,2,a b\n", dict.fromkeys(BOTH, "a_b")),
    ("an unknown track", "camera,track,person\ngate,9,anna\n", "line 2: the run has no track 9"),
    ("an unknown camera", "camera,track,person\nroof,1,anna\n", "no track 1 in a camera roof"),
    ("no number", "camera,track,person\ngate,one,anna\n", "no track one"),
    ("twice", "camera,track,person\ngate,1,anna\ngate,1,ben\n", "line 3: track 1 of gate is listed twice"),
    ("two names, one folder", "camera,track,person\ngate,1,a b\ngate,2,A/B\n", "would share the folder"),
    ("other columns", "camera,id,person\ngate,1,anna\n", "expected the columns"),
    ("nothing", "", "expected the columns"),
    ("a cell too few", "camera,track,person\ngate,1\n", "line 2: expected 3 columns"),
    ("a path for a name", "camera,track,person\ngate,1,../../x\n", {("gate", 1): "x"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [t[1:] for t in TABLES], ids=[t[0] for t in TABLES])
def test_tables_as_people_write_them(tmp_path: Path, text: str, expected: Any) -> None:
    path = tmp_path / "people.csv"
    path.write_text(text, encoding="utf-8")
    if isinstance(expected, dict):
        assert read_table(path, BOTH) == expected
    else:
        with pytest.raises(SightlineError, match=expected):
            read_table(path, BOTH)


people_of = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.sets(st.integers(1, 3), min_size=1), max_size=12)


@given(people=people_of, share=st.floats(0, 0.99), seed=st.integers(0, 5))
def test_splits_are_whole_people_on_both_sides(people: dict[str, set[int]], share: float, seed: int) -> None:
    crops = [Crop(person, camera, camera, 0, "all") for person, cameras in people.items() for camera in cameras]
    settings = PrepareSettings(purpose="x", share=share, seed=seed)
    made = Prepared(tuple(assign_splits(crops, settings)), {}, {})
    train, val = set(made.people("train")), set(made.people("val"))
    assert train | val == set(people) and not train & val
    if share and len(people) > 1:
        assert train and val
        assert len(val) in {max(1, round(share * len(people))), len(people) - 1}
        # Somebody who can be looked for across cameras, if anybody can.
        assert made.askable("val") or not any(len(cameras) > 1 for cameras in people.values())
    assert Prepared(tuple(assign_splits(crops[::-1], settings)), {}, {}).crops == made.crops


def test_another_seed_asks_other_people() -> None:
    crops = [Crop(str(n), 1, n, 0, "all") for n in range(50)]
    chosen = [
        {c.person for c in assign_splits(crops, PrepareSettings(purpose="x", seed=s)) if c.split == "val"}
        for s in (0, 1)
    ]
    assert chosen[0] != chosen[1] and len(chosen[0]) == len(chosen[1]) == 10


@pytest.mark.parametrize("change", [{"most": 0}, {"min_height": 0}, {"overlap": 1.1}, {"share": 1}, {"sharpness": -1}])
def test_settings_out_of_range(change: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        PrepareSettings(purpose="x", **change)


def test_real_crops_are_sharp_until_they_are_blurred(shared: Path) -> None:
    """The threshold on real people: nearly all stay, most of them in the dark too, and none once they are blurred."""
    threshold = PrepareSettings().sharpness
    crops = real_crops(shared)
    assert np.mean([sharpness_of(crop) >= threshold for crop in crops]) >= 0.98
    assert np.mean([sharpness_of((crop * 0.35).astype(np.uint8)) >= threshold for crop in crops]) >= 0.85
    assert not any(sharpness_of(cv2.GaussianBlur(crop, (0, 0), 3)) >= threshold for crop in crops)


def real_crops(shared: Path) -> list[Image]:
    """People of Market-1501 as they come out of the archive."""
    crops = []
    with tarfile.open(shared / "data" / "training" / "market1501_train.tar") as archive:
        for member in archive:
            if member.name.endswith(".jpg") and (file := archive.extractfile(member)):
                crops.append(cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR))
            if len(crops) == 200:
                return crops
    return crops
