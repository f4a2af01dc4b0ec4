"""Side by side with other trackers on the same boxes: `deep-sort-realtime` as an oracle, ByteTrack as a rival."""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from core.mot import read_detections, read_mot, rows_of
from core.pipeline import CameraResult
from core.pipeline.stages import load_detections, stored_features
from core.score import score
from core.settings import EmbedSettings, TrackSettings
from core.store import Artifact
from core.track import Rules, Tracker, track
from core.types import Detections, Features, Floats, Ints, Timeline, Tracks
from tests.conftest import Pets

pytestmark = [pytest.mark.shared, pytest.mark.oracle, pytest.mark.timeout(300)]

COSINE_DISTANCE, MAX_AGE, BUDGET = 0.2, 30, 100


TIMES = Timeline(np.arange(795), np.arange(795) / 10)


@dataclass(frozen=True)
class Stored:
    """PETS with a vector for every box from the floor up: the peers know no other way of looking."""

    boxes: Detections
    parts: list[Features]

    def looked_at(self) -> tuple[Detections, Floats]:
        """Boxes that have a vector, and the vectors."""
        rows = np.concatenate([p.detection for p in self.parts])
        vectors = np.concatenate([p.vector for p in self.parts])
        return self.boxes[rows], vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def left(pets: Pets, found: CameraResult, stage: str) -> Artifact:
    """What a stage of this run has in the store."""
    assert found.clip is not None
    artifact = pets.store.named(found.clip.digest, found.stages[stage]["artifact"])
    assert artifact is not None
    return artifact


@pytest.fixture(scope="module")
def stored(pets: Pets) -> Stored:
    found = pets.run(replace(pets.recipe, embed=EmbedSettings(every=True)), features=True)
    boxes, _ = load_detections(left(pets, found, "detect"), TIMES)
    return Stored(boxes, list(stored_features(left(pets, found, "embed"))))


def previous(owner: Ints) -> Ints:
    """For each box the row of the box before it in its track; -1 for a first one, -2 for none. Free of labels."""
    last: dict[int, int] = {}
    out = np.full(len(owner), -2)
    for row, number in enumerate(owner.tolist()):
        if number:
            out[row] = last.get(number, -1)
            last[number] = row
    return out


def by_deep_sort_realtime(boxes: Detections, vectors: Floats, budget: int | None) -> tuple[Ints, float]:
    from deep_sort_realtime.deepsort_tracker import DeepSort

    tracker = DeepSort(
        embedder=None, max_age=MAX_AGE, n_init=3, max_iou_distance=0.7,
        max_cosine_distance=COSINE_DISTANCE, nn_budget=budget,
    )  # fmt: skip
    owner = np.zeros(len(boxes), np.int64)
    spent = 0.0
    for frame in range(795):
        rows = np.flatnonzero(boxes.frame == frame)
        xywh = boxes.xyxy[rows].astype(float)
        xywh[:, 2:] -= xywh[:, :2]
        raw = [(b, s, r) for b, s, r in zip(xywh.tolist(), boxes.score[rows].tolist(), rows.tolist(), strict=True)]
        began = time.perf_counter()
        found = tracker.update_tracks(raw, embeds=list(vectors[rows]))
        spent += time.perf_counter() - began
        for one in found:
            if one.time_since_update == 0:
                owner[one.det_class] = int(one.track_id)
    return owner, 795 / spent


def rate_of(boxes: Detections, parts: list[Features]) -> float:
    """Frames a second of the tracker alone; the best of a few, in time that this process had to itself."""
    spent = []
    for _ in range(5):
        began = time.perf_counter()
        track(TIMES, boxes, TrackSettings(), parts)
        spent.append(time.perf_counter() - began)
    return len(TIMES) / min(spent)


def by_ours(boxes: Detections, vectors: Floats, rules: Rules) -> Ints:
    tracker = Tracker(rules, 1.0)
    owner = np.zeros(len(boxes), np.int64)
    for frame in range(795):
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
    ours = by_ours(boxes, vectors, Rules.classic(1 - COSINE_DISTANCE, MAX_AGE, BUDGET))
    differing = np.flatnonzero(previous(theirs) != previous(ours))
    assert len(differing) <= 0.01 * len(boxes), f"frames {boxes.frame[differing]}"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_ten_times_as_fast_as_deep_sort_realtime(stored: Stored) -> None:
    """As it comes: its bank grows without bound, and NumPy has as many threads as there are cores, whatever the tests
    were told. Ours answers ten times as fast at the least. (One thread and a bounded bank each would suit it better.)
    """
    with threadpool_limits(os.cpu_count()):
        _, their_rate = by_deep_sort_realtime(*stored.looked_at(), None)
        assert rate_of(stored.boxes, stored.parts) >= 10 * their_rate


def test_speed_without_features(stored: Stored) -> None:
    assert rate_of(stored.boxes, []) >= 2500


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
