"""A photo against a run: who is in it, who of the run comes first, and what may not be compared."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.errors import ClipError, StoreError, WeightsError
from core.base.types import Image
from core.runs import (
    Choice,
    CutPoint,
    Link,
    ModelRecord,
    Name,
    RunPeople,
    decide,
    find_people,
    find_run_model,
    load_evidence,
    load_people,
    rank_candidates,
    rank_people,
    read_photo,
    read_record,
)
from core.vision.detect import Boxes
from core.vision.match import subtract_mean
from core.vision.models import EmbedderPrior, find
from tests.runs.fakes import COLOURS, BrightDetector, ColourEmbedder
from tests.runs.making import decide_and_write, run

KNOWN = EmbedderPrior(impostor_mean=0.5, impostor_spread=0.2, threshold=0.9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which gate and hall see a red figure (P001) and a green one (P002)."""
    path = tmp_path_factory.mktemp("query")
    decide_and_write(run(path), path / "out", KNOWN, Choice(0.9))
    return path / "out"


@pytest.fixture
def decided(folder: Path) -> RunPeople:
    return load_people(folder)


def scene(*places: tuple[int, tuple[int, int, int]], width: int = 320) -> Image:
    """Bright figures at these columns, by their colours."""
    bgr = np.full((120, width, 3), 20, np.uint8)
    for left, colour in places:
        bgr[30:90, left : left + 24] = colour
    return bgr


class LastFirst(BrightDetector):
    """Bright spots, those at the right first."""

    def detect(self, frames: Iterable[Image]) -> Iterator[Boxes]:
        for found in super().detect(frames):
            order = np.argsort(-found.xyxy[:, 0])
            yield Boxes(found.xyxy[order], found.score[order])


def test_people_are_counted_from_the_left_whatever_the_detector_says_first() -> None:
    red, green = COLOURS
    photo = find_people(scene((200, green), (40, red), (120, green)), LastFirst(), 0.5)
    assert not photo.is_whole
    np.testing.assert_allclose(photo.xyxy[:, [0, 2]], [[40, 64], [120, 144], [200, 224]], atol=1)
    assert [int(crop.reshape(-1, 3).mean(0).argmax()) for crop in photo.crops] == [2, 1, 1]


def test_a_detector_that_looks_at_small_pictures_still_answers_in_pixels_of_the_photo() -> None:
    detector = BrightDetector()
    detector.frame_size = lambda width, height: (width // 2, height // 4)  # type: ignore[method-assign]
    photo = find_people(scene((40, COLOURS[0])), detector, 0.5)
    np.testing.assert_allclose(photo.xyxy, [[40, 30, 64, 90]], atol=4)


def test_whoever_is_not_found_is_the_whole_picture() -> None:
    photo = find_people(scene(), BrightDetector(), 0.5)
    assert photo.is_whole and photo.xyxy.tolist() == [[0, 0, 320, 120]] and photo.crops[0].shape == (120, 320, 3)
    assert find_people(scene((40, COLOURS[0])), None).is_whole
    # The detector's score is 0.9, and the run wanted more.
    assert find_people(scene((40, COLOURS[0])), BrightDetector(), 0.95).is_whole


class Speck:
    words, key = "specks, for tests", "speck"

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        return width, height

    def detect(self, frames: Iterable[Image]) -> Iterator[Boxes]:
        for _ in frames:
            yield Boxes(np.array([[5, 5, 6, 50]], np.float32), np.ones(1, np.float32))


def test_a_box_too_thin_for_anybody_is_nobody() -> None:
    assert find_people(scene(), Speck(), 0.5).is_whole


def test_everybody_is_ranked_as_by_hand(decided: RunPeople) -> None:
    tracklets = decided.evidence.tracklets
    assert decided.person.tolist() == [1, 2, 1, 2] and decided.threshold == 0.9
    asked = np.array([0.2, 0.5, 0.84], np.float32)
    asked /= np.linalg.norm(asked)
    found = rank_people(asked, decided)
    similarity = tracklets.vector @ subtract_mean(asked, decided.evidence.camera_means.mean(axis=0))
    by_hand = {p: similarity[decided.person == p] for p in (1, 2)}
    assert found.person.tolist() == sorted(by_hand, key=lambda p: -by_hand[p].mean()) == [1, 2]
    np.testing.assert_allclose(found.similarity, [by_hand[p].mean() for p in found.person], atol=1e-6)
    np.testing.assert_allclose(found.best, [by_hand[p].max() for p in found.person], atol=1e-6)
    np.testing.assert_allclose(similarity[found.row], found.best, atol=1e-6)


def test_the_mean_decides_and_not_the_best(decided: RunPeople) -> None:
    """Of two people, one has a tracklet just like the photo and another unlike it; the other one two alike enough."""
    vector = np.array([[1, 0, 0], [0.9, 0.4359, 0], [0, 0, 1], [0.9, 0, 0.4359]], np.float32)
    tracklets = replace(decided.evidence.tracklets, vector=vector)
    changed = replace(decided.evidence, tracklets=tracklets, camera_means=np.zeros((2, 3), np.float32))
    found = rank_people(np.array([1, 0, 0], np.float32), replace(decided, evidence=changed))
    assert found.person.tolist() == [2, 1] and found.row.tolist()[1] == 0
    np.testing.assert_allclose(found.similarity, [0.9, 0.5], atol=1e-3)
    np.testing.assert_allclose(found.best, [0.9, 1.0], atol=1e-3)


def test_candidates_show_the_crop_that_is_most_alike(decided: RunPeople, folder: Path) -> None:
    (asked,) = ColourEmbedder().embed([np.full((8, 4, 3), COLOURS[1], np.uint8)])
    first, second = rank_candidates(asked, decided, folder, 10)
    assert (first.person, first.above_threshold, second.person, second.above_threshold) == (2, True, 1, False)
    assert first.camera in ("gate", "hall") and first.best >= first.similarity > 0.98
    assert isinstance(first.crop.jpeg, Path) and first.crop.jpeg.is_relative_to(folder / "crops" / first.camera)
    green = cv2.imdecode(np.frombuffer(first.crop.jpeg.read_bytes(), np.uint8), 1)[8:-8, 4:-4]
    assert green.reshape(-1, 3).mean(0).argmax() == 1
    assert 0 <= first.crop.seconds <= 3.9 and first.crop.frame == round(10 * first.crop.seconds)
    assert len(rank_candidates(asked, decided, folder, 1)) == 1
    crops = decided.evidence.crops
    odd = crops.vector.copy()
    odd[np.arange(len(odd)) % 8 != 5] = (1, 0, 0)  # of each tracklet's eight, the sixth alone is as it was
    changed = replace(decided, evidence=replace(decided.evidence, crops=replace(crops, vector=odd)))
    assert str(rank_candidates(asked, changed, folder, 1)[0].crop.jpeg).endswith(tuple(crops.name[5::8].tolist()))


def test_a_person_at_the_very_threshold_is_alike(decided: RunPeople, folder: Path) -> None:
    (asked,) = ColourEmbedder().embed([np.full((8, 4, 3), COLOURS[1], np.uint8)])
    similarity = rank_candidates(asked, decided, folder, 1)[0].similarity
    for threshold, enough in ((similarity, True), (similarity + 1e-6, False)):
        assert rank_candidates(asked, replace(decided, threshold=threshold), folder, 1)[0].above_threshold is enough


def test_vectors_of_another_length_are_refused(decided: RunPeople) -> None:
    with pytest.raises(StoreError, match="have 3 numbers, this model gives 5"):
        rank_people(np.ones(5, np.float32), decided)


def test_the_people_are_those_of_the_last_decision(tmp_path: Path) -> None:
    evidence = run(tmp_path)
    links = [("gate", 1, "hall", 1, "different"), ("gate", 1, "hall", 2, "same"), ("hall", 1, "gate", 2, "same")]
    names = ("camera", "track", "other_camera", "other_track", "decision")
    said = tuple(Link.from_dict(dict(zip(names, map(str, link), strict=True))) for link in links)
    decide_and_write(evidence, tmp_path / "out", KNOWN, Choice(0.95, said))
    decided = load_people(tmp_path / "out")
    assert decided.person[0] == decided.person[3] != decided.person[1] == decided.person[2]
    assert decided.threshold == 0.95
    crops = {(s.camera, s.track): len(s.crops) for s in decided.gallery.sightings}
    assert crops == {("gate", 1): 8, ("gate", 2): 8, ("hall", 1): 8, ("hall", 2): 8}
    assert all(crop.jpeg.is_file() for s in decided.gallery.sightings for crop in s.crops)  # type: ignore[union-attr]


def test_a_cut_is_asked_as_two(tmp_path: Path) -> None:
    evidence = run(tmp_path)
    cut = (Link.cut(CutPoint("gate", 1, 2.0)),)
    decide_and_write(evidence, tmp_path / "out", KNOWN, Choice(0.9, cut))
    decided = load_people(tmp_path / "out")
    assert len(load_evidence(tmp_path / "out").tracklets) == 4 and len(decided.evidence.tracklets) == 5
    assert len(decided.person) == 5 == len(decided.gallery.sightings)


def test_what_does_not_belong_together_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no people\.csv"):
        load_people(tmp_path)
    decide_and_write(run(tmp_path), tmp_path / "out", KNOWN, Choice(0.9))
    (tmp_path / "empty").mkdir()
    run(tmp_path / "empty", empty=True)
    tracklets = tmp_path / "empty" / "out" / "tracklets.npz"
    tracklets.replace(tmp_path / "out" / "tracklets.npz")
    with pytest.raises(StoreError, match="has other tracks"):
        load_people(tmp_path / "out")


def test_the_tables_of_a_run_are_enough(tmp_path: Path) -> None:
    """The zip is for somebody else: without one, and beside one of another decision, the same people are read."""
    out, cut = tmp_path / "out", (Link.cut(CutPoint("gate", 1, 2.0)),)
    choice = Choice(0.9, cut, names=(Name("hall", 2, "Anna", "a hat"),), purpose="a test")
    people = decide_and_write(run(tmp_path), out, KNOWN, choice)
    whole = load_people(out)
    (out / "gallery.zip").write_bytes(b"of another decision")
    assert repr(load_people(out).gallery) == repr(whole.gallery)  # nan is not itself
    (out / "gallery.zip").unlink()
    loaded = load_people(out)
    assert repr(loaded.gallery) == repr(whole.gallery) and loaded.person.tolist() == whole.person.tolist()
    assert loaded.gallery.people == people.gallery.people != {} and loaded.gallery.about == people.gallery.about
    same = ("camera", "track", "person", "status", "upper", "lower", "crops")
    for read, made in zip(loaded.gallery.sightings, people.gallery.sightings, strict=True):
        assert [getattr(read, name) for name in same] == [getattr(made, name) for name in same]


def test_tables_of_two_decisions_are_refused(tmp_path: Path) -> None:
    out, evidence = tmp_path / "out", run(tmp_path)
    decide_and_write(evidence, out, KNOWN, Choice(1.0))
    table = (out / "people.csv").read_bytes()
    decide_and_write(evidence, out, KNOWN, Choice(-1.0))
    (out / "people.csv").write_bytes(table)
    with pytest.raises(StoreError, match="name different people"):
        load_people(out)


def test_deciding_writes_nothing(tmp_path: Path) -> None:
    evidence, out = run(tmp_path), tmp_path / "out"
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    decide(evidence, out, KNOWN, Choice(0.9))
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def record(sha256: str) -> dict[str, ModelRecord | str]:
    return {"embedder": ModelRecord("person-osnet", sha256), "detector": "none"}


def test_the_model_has_to_be_the_one_of_the_run(folder: Path) -> None:
    shipped = find("person-osnet", "embedder")
    assert find_run_model(record(shipped.digest), "embedder") == shipped
    assert find_run_model(record(shipped.digest), "embedder", str(shipped.path)).digest == shipped.digest
    starts = f"SHA-256 starts with {shipped.digest[:12]}, that of the run's embedder with 0123"
    with pytest.raises(WeightsError, match=starts):
        find_run_model(record("0123"), "embedder")
    with pytest.raises(WeightsError, match=r"run's embedder was not found.*--features FILE"):
        find_run_model(read_record(folder).models, "embedder")
    with pytest.raises(WeightsError, match="the run had no detector"):
        find_run_model(record("0123"), "detector")


def test_what_is_no_picture_is_said(tmp_path: Path) -> None:
    for name, content in (("a.jpg", b"words"), ("b.jpg", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ClipError, match="no picture that can be read"):
            read_photo(tmp_path / name)
    with pytest.raises(ClipError, match="cannot be read"):
        read_photo(tmp_path / "none.jpg")


def test_a_photo_is_upright(tmp_path: Path) -> None:
    """A camera that was held sideways says so in the file."""
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, :10] = 255
    plain = cv2.imencode(".jpg", picture)[1].tobytes()
    turned = bytes.fromhex("ffe1002245786966000049492a0008000000010012010300010000000600000000000000")
    (tmp_path / "a.jpg").write_bytes(plain[:2] + turned + plain[2:])
    bgr = read_photo(tmp_path / "a.jpg")
    assert bgr.shape == (40, 20, 3) and bgr[:8].mean() > 200 > 50 > bgr[12:].mean()


def test_the_run_is_only_read(decided: RunPeople, folder: Path) -> None:
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    load_people(folder)
    rank_candidates(decided.evidence.tracklets.vector[0], decided, folder, 5)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == stamps
