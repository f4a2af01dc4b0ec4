"""Where heads are found, little else is covered; where none is sure, the rule of boxes says what is."""

import numpy as np
import pytest

import core.export.found_heads as found_heads
from core.base.errors import WeightsError
from core.base.types import Detections, Floats, Image, Timeline, Tracks
from core.export import CameraHeads
from core.export.found_heads import (
    KEPT_SECONDS,
    RecentHeads,
    head_finder,
    head_model,
    heads_of_crop,
    holds_a_head,
    which_to_cover,
)
from core.export.heads import MISSED
from core.export.images import blur_heads
from core.vision.heads import FoundHeads

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


def size_of(areas: Floats) -> float:
    return float((areas[:, 2:] - areas[:, :2]).prod(axis=1).sum())


def test_a_head_that_is_found_is_covered_and_little_else() -> None:
    by_rule, found = camera(0.9, Finder()).at(10), camera(0.9, Finder(HEAD)).at(10, PICTURE)
    assert len(found.areas) == 1 and not found.doubt
    assert (found.areas[0, :2] < HEAD[:2]).all() and (found.areas[0, 2:] > HEAD[2:]).all()
    assert size_of(found.areas) < 2.4 * size_of(np.array([HEAD])) < 0.5 * size_of(by_rule.areas)


def test_in_a_picture_of_another_size_a_head_is_where_it_is_in_the_clip() -> None:
    half = Finder([side / 2 for side in HEAD])
    areas = camera(0.9, half).at(10, PICTURE[::2, ::2]).areas
    np.testing.assert_allclose(areas, camera(0.9, Finder(HEAD)).at(10, PICTURE).areas, atol=1e-3)


def test_a_person_without_a_head_is_covered_by_the_rule_and_in_doubt() -> None:
    missed = camera(0.9, Finder()).at(10, PICTURE)
    np.testing.assert_array_equal(missed.areas, camera(0.9, Finder()).at(10).areas)
    assert missed.doubt == MISSED


def test_a_box_of_low_confidence_without_a_head_is_not_covered() -> None:
    assert not len(camera(0.1, Finder()).at(10, PICTURE).areas)
    assert len(camera(0.1, Finder(HEAD)).at(10, PICTURE).areas) == 1


def test_a_head_that_is_not_found_for_a_moment_is_covered_where_it_was() -> None:
    recent, nothing = RecentHeads(), Finder().heads
    assert not len(recent.keep(1.0, Finder(HEAD).heads))
    moved = Finder([side + 3 for side in HEAD]).heads
    assert not len(recent.keep(1.1, moved))
    assert recent.keep(1.2, nothing).xyxy.tolist() == moved.xyxy.tolist()
    assert len(recent.keep(1.05 + KEPT_SECONDS, nothing)) == 1
    assert not len(recent.keep(1.2 + KEPT_SECONDS, nothing))


def test_of_a_person_the_likeliest_head_is_covered_and_of_the_others_the_likely_ones() -> None:
    area = np.array([[300, 190, 340, 230]], np.float32)
    far = [500.0, 100.0, 514.0, 116.0]
    places = np.array([HEAD, [side + 12 for side in HEAD], far], np.float32)
    heads = FoundHeads(places, np.array([0.15, 0.1, 0.4], np.float32))
    sure, unlikely = np.array([0.9], np.float32), np.array([0.05], np.float32)
    assert which_to_cover(heads, area, sure).tolist() == [True, False, False]
    assert not which_to_cover(heads, area, unlikely).any()
    likely = FoundHeads(places, np.array([0.9, 0.3, 0.3], np.float32))
    assert which_to_cover(likely, area, sure).tolist() == [True, True, False]  # far from any box, it takes more
    assert not len(which_to_cover(Finder().heads, area, sure))


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
