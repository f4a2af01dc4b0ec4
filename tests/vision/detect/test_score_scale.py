"""Confidences that mean the same for every detector."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.base.settings import DetectSettings, TrackSettings
from core.base.types import Image
from core.runs.network_stages import Networks
from core.vision.detect import Boxes, ScaledDetector
from core.vision.models import DETECTOR, ScoreScale, find
from core.vision.track import AssociationRules

SCALE = ScoreScale(0.1, 0.4)


class Found:
    """A detector that finds the same boxes in every frame."""

    description, key = "found", "digest"

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        return width, height

    def detect(self, frames: Iterable[Image]) -> Iterator[Boxes]:
        for _ in frames:
            yield Boxes(np.zeros((4, 4), np.float32), np.array([0.9, 0.4, 0.1, 0.02], np.float32))


def test_the_scale_meets_its_points_and_keeps_the_order() -> None:
    scores = np.linspace(0, 1, 101, dtype=np.float32)
    found = SCALE.confidences(scores)
    assert found[[0, 10, 40, 100]].tolist() == pytest.approx([0, 0.25, 0.55, 1])
    assert (np.diff(found) > 0).all()
    assert [SCALE.score(float(value)) for value in found] == pytest.approx(scores.tolist(), abs=1e-6)


def test_its_points_are_the_thresholds_that_people_and_the_tracker_use() -> None:
    rules = AssociationRules.from_settings(TrackSettings())
    assert SCALE.score(rules.conf) == pytest.approx(SCALE.usable)
    assert SCALE.score(rules.high_confidence) == pytest.approx(SCALE.certain)


@pytest.mark.parametrize("usable, certain", [(0, 0.5), (0.5, 0.5), (0.5, 0.2), (0.5, 1)])
def test_a_scale_that_does_not_rise_is_refused(usable: float, certain: float) -> None:
    with pytest.raises(ValueError, match="rises"):
        ScoreScale(usable, certain)


def test_a_scaled_detector_says_so() -> None:
    detector = ScaledDetector(Found(), SCALE)
    (boxes,) = detector.detect([np.zeros((8, 8, 3), np.uint8)])
    assert boxes.score.tolist() == pytest.approx([0.925, 0.55, 0.25, 0.05], abs=1e-3)
    assert "scores of 0.1 and 0.4 count as confidences of 0.25 and 0.55" in detector.description
    assert detector.key != Found.key


def test_what_is_stored_depends_on_the_scale() -> None:
    model = find(DETECTOR, "detector")
    plain, scaled = replace(model, scale=None), replace(model, scale=SCALE)
    networks = Networks(plain, None, "auto")
    assert "scores" not in networks.key(plain)
    assert networks.key(scaled) == {**networks.key(plain), "scores": [0.1, 0.4]}


@pytest.mark.usefixtures("exported")
def test_boxes_down_to_the_floor_are_found_by_their_own_score(sample_frame: Image) -> None:
    """The floor is a confidence: a detector of low scores is asked for lower ones."""
    from core.vision.detect import open_detector

    model, settings = replace(find(DETECTOR, "detector"), scale=None), DetectSettings(size=320, floor=0.5)
    (plain,) = open_detector(model, DetectSettings(size=320, floor=SCALE.score(0.5))).detect([sample_frame])
    (scaled,) = open_detector(replace(model, scale=SCALE), settings).detect([sample_frame])
    np.testing.assert_allclose(scaled.xyxy, plain.xyxy)
    np.testing.assert_allclose(scaled.score, SCALE.confidences(plain.score))
    assert len(scaled.score) and (scaled.score >= 0.5).all()


@pytest.fixture
def sample_frame() -> Image:
    from core.base.settings import VideoSettings
    from core.vision.video import plan, probe, read

    clip = probe(next(iter(sorted((Path(__file__).parents[3] / "sample").glob("*.mp4")))))
    with read(clip, plan(clip, VideoSettings(fps=0))[100:101]) as pictures:
        return next(iter(pictures)).bgr
