"""Where heads are found, little else is covered; where none is sure, the rule of boxes says what is."""

import numpy as np
import pytest

import core.export.found_heads as found_heads
from core.base.errors import WeightsError
from core.base.types import Detections, Floats, Image, Timeline, Tracks
from core.export import CameraHeads
from core.export.found_heads import (
    ANYWHERE,
    IN_BOX,
    IN_BOX_ALONE,
    head_finder,
    head_model,
    heads_of_crop,
    holds_a_head,
    least_score,
    which_to_cover,
    without_twins,
)
from core.export.head_paths import FollowedHeads
from core.export.heads import MISSED, CoveredPicture
from core.export.images import CropPictures, blur_heads
from core.runs import Crop
from core.vision.heads import FoundHeads
from core.vision.video import jpeg

SIZE = (640, 480)
FILM = Timeline(np.arange(41), np.arange(41) / 20)
PICTURE = np.zeros((480, 640, 3), np.uint8)
PERSON = [300.0, 200.0, 340.0, 300.0]
HEAD = [313.0, 200.0, 327.0, 216.0]


class Finder:
    """Finds the same heads in every picture, or none."""

    def __init__(self, *heads: list[float]) -> None:
        self.heads = FoundHeads(np.array(heads).reshape(-1, 4), np.full(len(heads), 0.9))

    def find(self, bgr: Image, boxes: Floats) -> FoundHeads:
        return self.heads


def camera(score: float, finder: Finder) -> CameraHeads:
    found = Detections(np.array([10]), np.array([PERSON]), np.array([score]))
    return CameraHeads(Tracks.empty(), found, FILM, FILM, SIZE, finder=finder)  # type: ignore[arg-type]


def seen(camera: CameraHeads, picture: Image = PICTURE) -> CoveredPicture:
    """What is covered in picture 10 if this is what it shows."""
    return camera.at(10, picture)


def size_of(areas: Floats) -> float:
    return float((areas[:, 2:] - areas[:, :2]).prod(axis=1).sum())


def test_a_head_that_is_found_is_covered_and_little_else() -> None:
    by_rule, found = camera(0.9, Finder()).at(10), seen(camera(0.9, Finder(HEAD)))
    assert len(found.areas) == 1 and not found.doubt
    assert (found.areas[0, :2] < HEAD[:2]).all() and (found.areas[0, 2:] > HEAD[2:]).all()
    assert size_of(found.areas) < 2.4 * size_of(np.array([HEAD])) < 0.5 * size_of(by_rule.areas)


def test_in_a_picture_of_another_size_a_head_is_where_it_is_in_the_clip() -> None:
    half = Finder([side / 2 for side in HEAD])
    areas = seen(camera(0.9, half), PICTURE[::2, ::2]).areas
    np.testing.assert_allclose(areas, seen(camera(0.9, Finder(HEAD))).areas, atol=1e-3)


def test_a_person_without_a_head_is_covered_by_the_rule_and_in_doubt() -> None:
    missed = seen(camera(0.9, Finder()))
    np.testing.assert_array_equal(missed.areas, camera(0.9, Finder()).at(10).areas)
    assert missed.doubt == MISSED


def test_a_box_of_low_confidence_without_a_head_is_not_covered() -> None:
    assert not len(seen(camera(0.1, Finder())).areas)
    assert len(seen(camera(0.1, Finder(HEAD))).areas) == 1


def film(frames: range, found: dict[int, Finder]) -> CameraHeads:
    """Somebody who stands in all of the film, in whose pictures `found` is seen, or else a head."""
    boxes = Detections(FILM.frame, np.array([PERSON] * 41), np.full(41, 0.9))
    nobody = Finder()
    heads = CameraHeads(Tracks.empty(), boxes, FILM, FILM, SIZE, finder=nobody)  # type: ignore[arg-type]
    for row in frames:
        nobody.heads = found.get(row, Finder(HEAD)).heads
        heads.look(row, PICTURE)
    return heads


def test_a_head_that_is_not_found_for_a_moment_is_covered_and_not_in_doubt() -> None:
    covered = film(range(0, 41, 2), {20: Finder()})
    for row in (19, 20, 21):
        np.testing.assert_allclose(covered.at(row).areas, covered.at(0).areas, atol=0.5)
        assert not covered.at(row).doubt


def test_a_false_head_of_one_picture_is_not_covered_in_a_film() -> None:
    hand = [302.0, 215.0, 316.0, 231.0]
    covered = film(range(0, 41, 2), {20: Finder(HEAD, hand)})
    assert len(covered.at(20).areas) == 1
    assert len(film(range(20, 21), {20: Finder(HEAD, hand)}).at(20).areas) == 2


def test_a_head_that_is_gone_too_long_puts_the_picture_in_doubt() -> None:
    gone = {row: Finder() for row in range(10, 31, 2)}
    covered = film(range(0, 41, 2), gone)
    assert covered.at(20).doubt == MISSED and size_of(covered.at(20).areas) > size_of(covered.at(0).areas)


def test_a_head_that_jumps_leaves_no_picture_without_cover_or_doubt() -> None:
    """Another head where the first was not: both places are covered for a moment."""
    low = [313.0, 218.0, 327.0, 234.0]
    covered = film(range(0, 41, 2), {row: Finder(low) for row in range(20, 41, 2)})
    for row, head in enumerate([HEAD] * 20 + [low] * 21):
        picture = covered.at(row)
        inside = (picture.areas[:, :2] <= head[:2]).all(axis=1) & (picture.areas[:, 2:] >= head[2:]).all(axis=1)
        assert inside.any() or picture.doubt
    assert len(covered.at(19).areas) == 2


def test_a_picture_by_itself_knows_nothing_of_those_before() -> None:
    covered = film(range(0, 20, 2), {})
    assert len(covered.at(19).areas) == 1 and covered.at(30).doubt == MISSED
    alone = covered.at(30, PICTURE)
    assert not alone.doubt
    np.testing.assert_array_equal(alone.areas, seen(camera(0.9, Finder(HEAD))).areas)


def test_what_is_likely_is_covered_where_the_head_of_a_box_may_be_and_elsewhere_what_is_sure() -> None:
    area = np.array([[300, 190, 340, 230]], np.float32)
    far = [500.0, 100.0, 514.0, 116.0]
    places, none = np.array([HEAD, far], np.float32), np.zeros(2)
    for score, expected in ((0.45, [True, False]), (ANYWHERE, [True, True]), (0.3, [False, False])):
        heads = FollowedHeads(none, places, np.full(2, score))
        assert which_to_cover(heads, area, np.array([0.9], np.float32), IN_BOX).tolist() == expected
    weak = which_to_cover(heads, area, np.array([0.05], np.float32), IN_BOX_ALONE)
    assert not weak.any()


def test_in_a_picture_of_its_own_less_is_asked_of_a_head() -> None:
    assert least_score(np.array([1.0])) == least_score(np.array([0.0, 1.0, 2.0])) == IN_BOX_ALONE
    assert least_score(np.arange(9) * 0.08) == IN_BOX > IN_BOX_ALONE


def test_the_box_of_a_track_and_its_detection_are_looked_into_once() -> None:
    boxes = np.array([PERSON, [301, 200, 341, 301], [330, 200, 370, 300]], np.float32)
    assert without_twins(boxes).tolist() == boxes[[0, 2]].tolist()
    assert without_twins(boxes[:0]).shape == (0, 4)


def test_heads_are_looked_for_in_a_crop_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    finder, crops = Finder(), [Crop(1.0, 25, jpeg(PICTURE[:80, :40] + np.uint8(grey), 90)) for grey in (9, 99)]
    seen_by_network: list[Image] = []

    def find(bgr: Image, boxes: Floats) -> FoundHeads:
        seen_by_network.append(bgr)
        return finder.heads

    monkeypatch.setattr(finder, "find", find)
    monkeypatch.setattr(found_heads, "head_finder", lambda: finder)
    pictures = CropPictures(blur=True)
    for crop in (*crops, *crops):
        assert pictures.full_size_jpeg(crop) == jpeg(pictures.load(crop), 92)
    assert len(seen_by_network) == 2


def test_a_head_is_in_an_area_with_its_middle() -> None:
    areas = np.array([PERSON, [0, 0, 10, 10], [310, 190, 330, 201]], np.float32)
    assert holds_a_head(areas, np.array([HEAD], np.float32)).tolist() == [True, False, False]
    assert not holds_a_head(areas, np.empty((0, 4), np.float32)).any()


def test_a_crop_without_a_head_is_covered_as_its_boxes_say() -> None:
    crop = np.random.default_rng(0).integers(0, 255, (120, 50, 3), np.uint8)
    assert heads_of_crop(np.zeros_like(crop)) is None
    covered = blur_heads(np.zeros_like(crop) + 9, [(10, 10, 20, 20)])
    assert covered.shape == crop.shape


def test_without_the_weights_exports_say_so_and_use_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(head_model(), dict)

    def missing() -> None:
        raise WeightsError("the file of person-head is missing", "Restore it.")

    monkeypatch.setattr(found_heads, "open_head_finder", missing)
    head_finder.cache_clear()
    try:
        assert head_finder() is None and heads_of_crop(PICTURE) is None
        assert head_model() == "none was at hand: more than heads is covered"
    finally:
        head_finder.cache_clear()
