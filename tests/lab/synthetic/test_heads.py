"""The truth of heads in drawn footage, and a short clip of the sample whose heads are covered by it.

`python -m tests.bench heads` measures whole plazas with the networks that ship; here boxes are the true ones, as
inexact as a detector's.
"""

import numpy as np
import pytest

from core.base.types import Detections, Timeline, Tracks
from core.export import CameraHeads
from core.lab.synthetic import HeadRows, SampleSettings, head_rows, sample_folder
from core.lab.synthetic.settings import HEIGHT, WIDTH
from core.vision.heads import open_head_finder
from core.vision.mot import MotRows, read_mot
from core.vision.video import probe
from tests.bench.heads import VISIBLE, measure

FRAMES = np.arange(100, 340, 12)
SEEN = 0.3
"""Share of a person from which on a detector finds them here."""


@pytest.fixture(scope="module")
def truth() -> HeadRows:
    return head_rows(SampleSettings(), 0, FRAMES)


@pytest.fixture(scope="module")
def people() -> MotRows:
    rows = read_mot(sample_folder() / "truth" / "cam1.txt")
    return rows[np.isin(rows.frame, FRAMES)]


@pytest.mark.slow
def test_a_head_is_at_the_top_of_a_person(truth: HeadRows, people: MotRows) -> None:
    boxes = {(frame, person): box for frame, person, box in zip(people.frame, people.id, people.xyxy, strict=True)}
    whole = truth[truth.visible > 0.99]
    assert len(whole) > 40
    for frame, person, (x1, y1, x2, y2) in zip(whole.frame, whole.id, whole.xyxy, strict=True):
        left, top, right, bottom = boxes[frame, person]
        assert left - 2 <= x1 and x2 <= right + 2 and abs(y1 - top) <= 3 and y2 < top + 0.3 * (bottom - top) + 3


@pytest.fixture(scope="module")
def seen(people: MotRows) -> tuple[Tracks, Detections, Timeline]:
    """The first four people have tracks, the others only boxes of low confidence."""
    rows = people[people.visibility >= SEEN]
    high = rows.xyxy[:, 3:] - rows.xyxy[:, 1:2]
    xyxy = rows.xyxy + np.random.default_rng(1).normal(0, 0.02, (len(rows), 4)) * high
    tracked = rows.id <= 4
    score = np.where(tracked, 0.8, 0.1)
    order = np.lexsort((rows.id[tracked], rows.frame[tracked]))
    tracks = Tracks(
        *(column[tracked][order] for column in (rows.frame, rows.frame / 25, rows.id, xyxy, score, score > 0))
    )
    return tracks, Detections(rows.frame, xyxy, score), Timeline(FRAMES, FRAMES / 25)


@pytest.mark.slow
def test_hardly_a_head_of_a_short_clip_is_seen(truth: HeadRows, seen: tuple[Tracks, Detections, Timeline]) -> None:
    """By the rule, and by the network that ships, which covers much less."""
    tracks, detections, film = seen
    by_rule = measure(CameraHeads(tracks, detections, film, film, (WIDTH, HEIGHT)), film, truth, (WIDTH, HEIGHT))
    assert by_rule.heads == int((truth.visible >= VISIBLE).sum()) > 50
    assert by_rule.uncovered <= 0.002 * by_rule.heads + 1, by_rule.places
    clip = probe(sample_folder() / "cam1.mp4")
    finder = CameraHeads(tracks, detections, film, film, (WIDTH, HEIGHT), finder=open_head_finder())
    finder.look_through(clip)
    found = measure(finder, film, truth, (WIDTH, HEIGHT))
    assert found.uncovered <= 0.01 * found.heads + 1, found.places
    assert found.covered_px < 0.75 * by_rule.covered_px
