"""Side by side with other trackers on the same boxes: `deep-sort-realtime` as an oracle, ByteTrack as a rival."""

from pathlib import Path

import numpy as np
import pytest

from core.base.settings import TrackSettings
from core.base.types import Detections, Floats, Ints, Timeline, Tracks
from core.lab.evaluate import score
from core.vision.mot import read_detections, read_mot, rows_of
from core.vision.track import AssociationRules, Tracker, track
from tests.conftest import Pets
from tests.vision.track.peers import BUDGET, COSINE_DISTANCE, FRAMES, MAX_AGE, Stored, by_deep_sort_realtime, stored_of

pytestmark = [pytest.mark.shared, pytest.mark.oracle, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stored(pets: Pets) -> Stored:
    return stored_of(pets)


def previous(owner: Ints) -> Ints:
    """For each box the row of the box before it in its track; -1 for a first one, -2 for none. Free of labels."""
    last: dict[int, int] = {}
    out = np.full(len(owner), -2)
    for row, number in enumerate(owner.tolist()):
        if number:
            out[row] = last.get(number, -1)
            last[number] = row
    return out


def by_ours(boxes: Detections, vectors: Floats, rules: AssociationRules) -> Ints:
    tracker = Tracker(rules, 1.0)
    owner = np.zeros(len(boxes), np.int64)
    for frame in range(FRAMES):
        rows = np.flatnonzero(boxes.frame == frame)
        has = np.ones(len(rows), bool)
        owner[rows] = tracker.step(float(frame), boxes.xyxy[rows], boxes.score[rows], vectors[rows], has)
    return owner


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_classic_profile_equals_deep_sort_realtime(stored: Stored) -> None:
    """The same boxes and vectors, the same links. (Its vectors bank differs in one thing: a track that is not seen
    adds its last vector again in every frame, so a bounded bank forgets sooner. That may move a link or two.)
    """
    boxes, vectors = stored.looked_at()
    theirs, _ = by_deep_sort_realtime(boxes, vectors, BUDGET)
    ours = by_ours(boxes, vectors, AssociationRules.classic(1 - COSINE_DISTANCE, MAX_AGE, BUDGET))
    differing = np.flatnonzero(previous(theirs) != previous(ours))
    assert len(differing) <= 0.01 * len(boxes), f"frames {boxes.frame[differing]}"


def by_bytetrack(boxes: Detections, frames: int, rate: float) -> Tracks:
    import supervision as sv
    from trackers import ByteTrackTracker

    tracker = ByteTrackTracker(frame_rate=rate)
    rows: list[tuple[float, ...]] = []
    for frame in range(frames):
        at = np.flatnonzero((boxes.frame == frame) & (boxes.score >= 0.25))
        given = sv.Detections(boxes.xyxy[at], confidence=boxes.score[at], class_id=np.zeros(len(at), int))
        found = tracker.update(given)
        if found.tracker_id is not None:
            keep = found.tracker_id >= 0
            rows += [(frame, n, *b) for n, b in zip(found.tracker_id[keep], found.xyxy[keep], strict=True)]
    table = np.array(rows)
    ones = np.ones(len(table))
    return Tracks(table[:, 0], table[:, 0] / rate, table[:, 1], table[:, 2:], ones, ones > 0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize(("name", "frames", "rate"), [("MOT17-11", 900, 30.0), ("MOT17-13", 750, 25.0)])
def test_at_least_bytetrack_on_public_detections(shared: Path, name: str, frames: int, rate: float) -> None:
    folder = shared / "data" / "mot" / name
    boxes, truth = read_detections(folder / "det.txt"), read_mot(folder / "gt.txt")
    rival = score(truth, rows_of(by_bytetrack(boxes, frames, rate))).as_dict()
    times = Timeline(np.arange(frames), np.arange(frames) / rate)
    ours = score(truth, rows_of(track(times, boxes, TrackSettings()))).as_dict()
    assert ours["MOTA"] >= rival["MOTA"]
    assert ours["IDF1"] >= rival["IDF1"]
