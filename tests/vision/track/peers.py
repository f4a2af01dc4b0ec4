"""PETS with a vector for every box, and a tracker of somebody else's on it: `deep-sort-realtime`."""

import time
from dataclasses import dataclass, replace

import numpy as np

from core.base.settings import EmbedSettings
from core.base.types import Detections, Features, Floats, Ints, Timeline
from core.machine.artifacts import Artifact
from core.runs import CameraResult, load_detections, load_features
from tests.conftest import Pets

COSINE_DISTANCE, MAX_AGE, BUDGET = 0.2, 30, 100
FRAMES = 795
TIMES = Timeline(np.arange(FRAMES), np.arange(FRAMES) / 10)


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


def stored_of(pets: Pets) -> Stored:
    found = pets.run(replace(pets.recipe, embed=EmbedSettings(every=True)), features=True)
    boxes, _ = load_detections(_left(pets, found, "detect"), TIMES)
    return Stored(boxes, list(load_features(_left(pets, found, "embed"))))


def _left(pets: Pets, found: CameraResult, stage: str) -> Artifact:
    """What a stage of this run has in the store."""
    if found.clip is None:
        raise ValueError(f"PETS could not be read: {found.fault}")
    artifact = pets.store.find(found.clip.digest, found.stages[stage]["artifact"])
    if artifact is None:
        raise ValueError(f"nothing of {stage} is in the store")
    return artifact


def by_deep_sort_realtime(boxes: Detections, vectors: Floats, budget: int | None) -> tuple[Ints, float]:
    """The track of each box, and frames a second."""
    from deep_sort_realtime.deepsort_tracker import DeepSort

    tracker = DeepSort(
        embedder=None, max_age=MAX_AGE, n_init=3, max_iou_distance=0.7,
        max_cosine_distance=COSINE_DISTANCE, nn_budget=budget,
    )  # fmt: skip
    owner = np.zeros(len(boxes), np.int64)
    spent = 0.0
    for frame in range(FRAMES):
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
    return owner, FRAMES / spent
