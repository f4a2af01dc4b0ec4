"""What an export says of the recordings of its run, and the whole frames that its report shows of them."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.errors import ClipError
from core.base.progress import Progress, Report
from core.export import ExportOptions, verify_zip, write_people
from core.export import full_frames as full_frames_module
from core.export.facts import Original, Recordings
from core.export.full_frames import FullFrames, take_frames
from core.machine.paths import cache_dir
from core.runs import Crop, Evidence, MatchedPeople, decide, read_record, save_record
from core.vision.video import digest
from tests.export.making import unpacked
from tests.runs.fakes import HEIGHT, WIDTH, write_scene
from tests.runs.making import run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Evidence, MatchedPeople]:
    folder = tmp_path_factory.mktemp("originals")
    evidence = run(folder)
    return folder, evidence, decide(evidence, folder / "out", None)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_recording_has_its_sha256_and_it_is_computed_once(
    made: tuple[Path, Evidence, MatchedPeople], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, told = made[0], list[Report]()
    found = Recordings(folder / "out").originals(Progress(told.append, every=0))
    clips = [folder / "gate.mp4", folder / "hall.mp4"]
    assert found == [Original(clip.stem, clip.name, digest(clip), sha256(clip), clip.stat().st_size) for clip in clips]
    assert {report.stage for report in told} == {"checksum"}
    monkeypatch.setattr("core.export.facts._sha256", lambda *_: pytest.fail("it was read again"))
    assert Recordings(folder / "out").originals(Progress()) == found
    assert (cache_dir() / "checksums" / f"{found[0].digest}.txt").read_text() == f"{found[0].sha256}\n"


def test_a_recording_that_moved_changed_or_went_says_so(tmp_path: Path) -> None:
    write_scene(tmp_path / "hall.mp4", 36)
    run(tmp_path)
    moved = (tmp_path / "gate.mp4").rename(tmp_path / "elsewhere.mp4")
    with (tmp_path / "hall.mp4").open("ab") as file:
        file.write(b"more")
    gate, hall = Recordings(tmp_path / "out", [moved]).originals(Progress())
    assert (gate.file, gate.sha256, gate.missing) == ("gate.mp4", sha256(moved), "")
    assert (hall.sha256, hall.missing) == ("", "hall.mp4 has changed since the run")
    gone = Recordings(tmp_path / "out").originals(Progress())[0]
    assert gone.sha256 == "" and "gate.mp4 cannot be read" in gone.missing and str(tmp_path) not in gone.missing
    with pytest.raises(ClipError, match="it was gone"):
        Recordings(tmp_path / "out", [moved], {"gate": "it was gone"}).path("gate")


def test_a_folder_of_pictures_has_the_sha256_of_its_list(tmp_path: Path) -> None:
    run(tmp_path)
    folder = tmp_path / "shots"
    folder.mkdir()
    for number in (10, 9):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((8, 8, 3), number, np.uint8))
    record = read_record(tmp_path / "out")
    camera = replace(record.cameras["gate"], clip=str(folder), file="shots", digest=digest(folder))
    save_record(tmp_path / "out", replace(record, cameras={"gate": camera}))
    (original,) = Recordings(tmp_path / "out").originals(Progress())
    lines = "".join(f"{sha256(folder / name)}  {name}\n" for name in ("10.png", "9.png"))
    assert original.pictures == 2 and original.sha256 == hashlib.sha256(lines.encode()).hexdigest()


def frames(made: tuple[Path, Evidence, MatchedPeople], blur: bool = True, absent: str = "") -> FullFrames:
    folder, _, people = made
    recordings = Recordings(folder / "out", (), {absent: "it was gone"} if absent else {})
    return take_frames(people, folder / "out", recordings, blur, Progress())


def picture(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("blur", [True, False])
def test_each_sighting_has_its_whole_frame_with_a_box(made: tuple[Path, Evidence, MatchedPeople], blur: bool) -> None:
    taken = frames(made, blur)
    assert len(taken.jpegs) == 4 and not taken.missing and not taken.left_out
    clip = cv2.VideoCapture(str(made[0] / "gate.mp4"))
    for sighting in (each for each in made[2].gallery.sightings if each.camera == "gate"):
        clip.set(cv2.CAP_PROP_POS_FRAMES, sighting.crops[0].frame)
        plain, drawn = clip.read()[1], picture(taken.jpegs["gate", sighting.track])
        assert drawn.shape == plain.shape == (HEIGHT, WIDTH, 3)
        changed = np.abs(drawn.astype(int) - plain).max(axis=2) > 60
        assert 50 < changed.sum() < 0.3 * changed.size  # a frame around somebody, and their head


def test_heads_of_everybody_in_the_frame_are_covered(made: tuple[Path, Evidence, MatchedPeople]) -> None:
    """Also of the person whom the sighting is not about."""
    covered, plain = frames(made), frames(made, blur=False)
    for key, jpeg in covered.jpegs.items():
        first, second = picture(jpeg).astype(int), picture(plain.jpegs[key]).astype(int)
        halves = [np.abs(first[part] - second[part]).max() for part in (np.s_[: HEIGHT // 2], np.s_[HEIGHT // 2 :])]
        assert min(halves) > 15


def test_a_missing_clip_leaves_its_frames_out(made: tuple[Path, Evidence, MatchedPeople]) -> None:
    taken = frames(made, absent="hall")
    assert {camera for camera, _ in taken.jpegs} == {"gate"} and taken.missing == {"hall": "it was gone"}


def test_of_very_many_sightings_everybody_has_one(
    made: tuple[Path, Evidence, MatchedPeople], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full_frames_module, "MAX_FRAMES", 3)
    taken = frames(made)
    person_of = {(each.camera, each.track): each.person for each in made[2].gallery.sightings}
    assert len(taken.jpegs) == 3 and taken.left_out == 1
    assert {person_of[key] for key in taken.jpegs} == set(person_of.values())
    monkeypatch.setattr(full_frames_module, "MAX_BYTES", max(map(len, taken.jpegs.values())))
    small = frames(made)
    assert len(small.jpegs) == 1 and small.left_out == 3


def test_a_frame_that_cannot_be_read_is_left_out(made: tuple[Path, Evidence, MatchedPeople]) -> None:
    """A crop beyond the end of the clip, as a damaged record may have it."""
    folder, _, people = made
    sightings = [replace(each, crops=(Crop(each.start_seconds, 10**6, b""),)) for each in people.gallery.sightings]
    odd = replace(people, gallery=replace(people.gallery, sightings=tuple(sightings)))
    take_frames(odd, folder / "out", Recordings(folder / "out"), True, Progress())


def test_an_export_says_all_this_and_is_the_same_each_time(made: tuple[Path, Evidence, MatchedPeople]) -> None:
    folder, _, people = made
    for name in ("one", "two"):
        write_people(people, folder / "out", ExportOptions(to=folder / name))
    assert (folder / "one" / "gallery.zip").read_bytes() == (folder / "two" / "gallery.zip").read_bytes()
    manifest = verify_zip(folder / "one" / "gallery.zip")
    assert [each["sha256"] for each in manifest.about["originals"]] == [
        sha256(folder / "gate.mp4"),
        sha256(folder / "hall.mp4"),
    ]
    report = unpacked(folder / "one" / "gallery.zip")["report.html"].decode()
    assert sha256(folder / "gate.mp4") in report and report.count("in the full frame") == 4
    # Places on this machine are nobody's business.
    assert str(folder) not in report and str(folder) not in json.dumps(manifest.about)
