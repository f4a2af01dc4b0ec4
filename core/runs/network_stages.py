"""The networks of one run: opened when a stage needs them and not before, then shared by all its clips.

The stages that run a network, chunk by chunk: boxes of a clip, and vectors of those boxes.

A chunk covers `CHUNK` analysed frames. Rows (positions in the timeline) decide which chunk a frame belongs to, so the
chunks of a run that was killed and of one that was not are the same bytes.

The boxes that runs have left of a clip, looked up without a model: to try regions on, before or after a run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from core.base.progress import Progress
from core.base.settings import DetectSettings, EmbedSettings, VideoSettings
from core.base.types import Bools, Clip, Detections, Features, Floats, Image, Ints, Timeline
from core.machine.artifacts import Artifact, Store
from core.machine.device import Backend, choose, cpu_bfloat16
from core.vision.detect import Detector, on_pytorch_only, open_detector
from core.vision.embed import Embedder, open_embedder
from core.vision.models import Model, find
from core.vision.video import Picture, plan, read

NO_EMBEDDER = "none"
"""In place of an embedder's name: tracks are matched on motion alone."""


class Networks:
    """`detector` and `embedder` open on first use; the keys and words below are known without opening anything."""

    def __init__(
        self,
        detector: Model,
        embedder: Model | None,
        backend: Backend,
        open_one: Callable[[Model, DetectSettings, Backend], Detector] = open_detector,
        open_other: Callable[[Model, Backend, bool], Embedder] = open_embedder,
    ) -> None:
        self.detector_model, self.embedder_model, self.backend = detector, embedder, backend
        self._open_detector, self._open_embedder = open_one, open_other
        self._detectors: dict[DetectSettings, Detector] = {}
        self._embedders: dict[bool, Embedder] = {}

    @classmethod
    def from_names(cls, detector: str, embedder: str, backend: Backend) -> Networks:
        """Models by name or file, no embedder where its name is `NONE`; `WeightsError` where one is not here."""
        other = None if embedder == NO_EMBEDDER else find(embedder, "embedder")
        return cls(find(detector, "detector"), other, backend)

    def detector(self, settings: DetectSettings) -> Detector:
        if settings not in self._detectors:
            self._detectors[settings] = self._open_detector(self.detector_model, settings, self.backend)
        return self._detectors[settings]

    def embedder(self, settings: EmbedSettings) -> Embedder:
        if self.embedder_model is None:
            raise ValueError("no embedder was chosen")
        if settings.flip not in self._embedders:
            self._embedders[settings.flip] = self._open_embedder(self.embedder_model, self.backend, settings.flip)
        return self._embedders[settings.flip]

    def key(self, model: Model) -> dict[str, Any]:
        """What of a model, its runtime and this CPU decides its numbers."""
        runtime = choose(self.backend, model.pytorch)
        if runtime == "openvino" and on_pytorch_only(model):
            runtime = "torch"
        return {
            "model": model.digest,
            "architecture": model.architecture,
            "input": repr(model.input),
            "runtime": runtime,
            # OpenVINO computes in 16 bits where the CPU can, and a cache may be carried to one that cannot.
            "precision": "bfloat16" if runtime == "openvino" and cpu_bfloat16() else "single",
        }


CHUNK = 200
CROP_BATCH = 32
OnProgress = Callable[[int], None]


def detect(
    clip: Clip, timeline: Timeline, artifact: Artifact, detector: Detector, progress: Progress, conf: float
) -> None:
    """Fill `artifact` with boxes (source pixels) from its first missing chunk on; those from `conf` up are shown."""
    first = artifact.sound()
    width, height = detector.fit(clip.width, clip.height)
    scale = np.array((clip.width / width, clip.height / height) * 2, np.float32)
    waiting: deque[Picture] = deque()
    chunk = _BoxChunk(artifact, first)
    with read(clip, timeline, first=first * CHUNK, scale_to=(width, height)) as pictures:

        def frames() -> Iterator[Image]:
            for picture in pictures:
                waiting.append(picture)
                yield picture.bgr

        for found in detector.detect(frames()):
            picture = waiting.popleft()
            chunk.add(picture.row, found.xyxy * scale, found.score)
            progress.show(picture.bgr, found.xyxy[found.score >= conf])
            progress.at(picture.row + 1)
    chunk.flush_before(chunk_count(timeline))
    artifact.finish(words=detector.words)


def count_boxes(artifact: Artifact, done: int, conf: float) -> int:
    """How many boxes from `conf` up an earlier attempt has left in the first `done` frames."""
    parts = islice(artifact.read(), -(-done // CHUNK))
    return sum(int((part["score"] >= conf).sum()) for part in parts)


class _BoxChunk:
    """Boxes of the frames of one chunk; written when a frame of a later chunk comes."""

    def __init__(self, artifact: Artifact, number: int) -> None:
        self._artifact, self._number = artifact, number
        self._row: list[int] = []
        self._xyxy: list[Floats] = []
        self._score: list[Floats] = []

    def add(self, row: int, xyxy: Floats, score: Floats) -> None:
        self.flush_before(row // CHUNK)
        self._row.append(row)
        self._xyxy.append(xyxy)
        self._score.append(score)

    def flush_before(self, number: int) -> None:
        while self._number < number:
            self._artifact.write(
                self._number,
                row=np.array(self._row, np.int64),
                count=np.array([len(s) for s in self._score], np.int64),
                xyxy=np.concatenate([np.empty((0, 4), np.float32), *self._xyxy]),
                score=np.concatenate([np.empty(0, np.float32), *self._score]),
            )
            self._number += 1
            self._row, self._xyxy, self._score = [], [], []


def chunk_count(timeline: Timeline) -> int:
    return -(-len(timeline) // CHUNK)


def load_detections(artifact: Artifact, timeline: Timeline) -> tuple[Detections, int]:
    """All boxes of the clip, and how many of its frames could be read."""
    frame: list[Ints] = [np.empty(0, np.int64)]
    xyxy: list[Floats] = [np.empty((0, 4), np.float32)]
    score: list[Floats] = [np.empty(0, np.float32)]
    frames = 0
    for part in artifact.read():
        frames += len(part["row"])
        frame.append(np.repeat(timeline.frame[part["row"]], part["count"]))
        xyxy.append(part["xyxy"])
        score.append(part["score"])
    return Detections(np.concatenate(frame), np.concatenate(xyxy), np.concatenate(score)), frames


def embeddable_boxes(detections: Detections, inside: Bools, settings: EmbedSettings) -> Bools:
    """Which boxes could get a vector: strong enough, where people count, and with a picture to look at."""
    side = detections.xyxy[:, 2:] - detections.xyxy[:, :2]
    return np.asarray(inside & (detections.score >= settings.floor) & (side >= 2).all(axis=1))


def embed(
    clip: Clip,
    timeline: Timeline,
    detections: Detections,
    want: Bools,
    artifact: Artifact,
    embedder: Embedder,
    progress: Progress,
) -> None:
    """Fill `artifact` with vectors (half precision) from its first missing chunk on; reads only frames with boxes."""
    row_of = np.searchsorted(timeline.frame, detections.frame)
    first = artifact.sound()
    rows = np.unique(row_of[want & (row_of >= first * CHUNK)])
    chunk = _VectorChunk(artifact, embedder, first)
    if len(rows):
        with read(clip, timeline[rows]) as pictures:
            for picture in pictures:
                row = int(rows[picture.row])
                chunk.flush_before(row // CHUNK)
                begin, end = np.searchsorted(row_of, [row, row + 1])
                for at in np.flatnonzero(want[begin:end]) + begin:
                    chunk.add(int(at), crop(picture.bgr, detections.xyxy[at]))
                progress.show(picture.bgr, detections.xyxy[begin:end][want[begin:end]])
                progress.at(row + 1)
    chunk.flush_before(chunk_count(timeline))
    artifact.finish(words=embedder.backend, crops=int(want.sum()))
    progress.at(len(timeline))


class _VectorChunk:
    """Crops of one chunk on their way through the embedder. Batches never reach over a chunk's end."""

    def __init__(self, artifact: Artifact, embedder: Embedder, number: int) -> None:
        self._artifact, self._embedder, self._number = artifact, embedder, number
        self._at: list[int] = []
        self._crops: list[Image] = []
        self._vectors: list[Floats] = []

    def add(self, at: int, picture: Image) -> None:
        self._at.append(at)
        self._crops.append(picture)
        if len(self._crops) == CROP_BATCH:
            self._run()

    def _run(self) -> None:
        self._vectors.append(self._embedder.embed(self._crops).astype(np.float16))
        self._crops = []

    def flush_before(self, number: int) -> None:
        while self._number < number:
            if self._crops or not self._vectors:
                self._run()
            self._artifact.write(
                self._number, detection=np.array(self._at, np.int64), vector=np.concatenate(self._vectors)
            )
            self._number += 1
            self._at, self._vectors = [], []


def crop(bgr: Image, xyxy: Floats) -> Image:
    """The part of the picture inside the box, clamped to the picture and at least one pixel each way."""
    height, width = bgr.shape[:2]
    left, top = np.clip(np.floor(xyxy[:2]), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(xyxy[2:]), (left + 1, top + 1), (width, height)).astype(int)
    return bgr[top:bottom, left:right].copy()


def load_features(artifact: Artifact) -> Iterator[Features]:
    """The vectors, chunk by chunk, as unit vectors in single precision."""
    for part in artifact.read():
        yield Features(part["detection"], part["vector"].astype(np.float32))


def latest_boxes(store: Store, digest: str) -> Artifact | None:
    """The boxes of this clip that were used last; nothing where no run has looked all through it."""
    return next(iter(store.whole(digest, "detect")), None)


def read_boxes(
    artifact: Artifact, clip: Clip, conf: float, start_seconds: float = 0.0, end_seconds: float | None = None
) -> Floats:
    """Boxes (n, 4), in pixels of the clip, of at least `conf` and within the given time, in the order of the frames."""
    timeline = plan(clip, VideoSettings(**artifact.about["key"]["video"]))
    found, _ = load_detections(artifact, timeline)
    seconds = clip.times[found.frame]
    end = np.inf if end_seconds is None else end_seconds
    return found.xyxy[(found.score >= conf) & (seconds >= start_seconds) & (seconds < end)]
