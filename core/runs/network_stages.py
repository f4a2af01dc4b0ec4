"""The stages that run a network: the boxes of a clip, and the vectors of those boxes.

The networks are opened when a stage first needs them and shared by all clips of a run. Results are stored chunk by
chunk. A chunk covers `CHUNK` analysed frames, chosen by row (position in the timeline), so a run that was interrupted
and continued has the same bytes as one that was not.

Stored boxes can be read without a model, to try regions on before or after a run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.progress import Progress
from core.base.settings import DetectSettings, EmbedSettings, MachineSettings, VideoSettings
from core.base.types import Bools, Clip, Detections, Features, Floats, Image, Ints, Timeline
from core.machine.artifacts import Arrays, Artifact, Store
from core.machine.device import Backend, choose_runtime, cpu_has_bfloat16
from core.vision.detect import Detector, needs_pytorch, open_detector
from core.vision.embed import Embedder, open_embedder
from core.vision.face import FaceModels, find_face_models
from core.vision.models import Model, find
from core.vision.video import Picture, plan, read

NO_EMBEDDER = "none"
"""In place of the name of an embedder: boxes are tracked by motion alone."""


class Networks:
    """The detector and embedder of a run. Each opens on first use; names and keys are known without opening it.

    `faces` are the files by which faces are compared, None where they are not.
    """

    def __init__(
        self,
        detector: Model,
        embedder: Model | None,
        backend: Backend,
        make_detector: Callable[[Model, DetectSettings, Backend], Detector] = open_detector,
        make_embedder: Callable[[Model, Backend, bool], Embedder] = open_embedder,
        buffer: int = MachineSettings().buffer,
        faces: FaceModels | None = None,
    ) -> None:
        self.faces = faces
        self.detector_model, self.embedder_model, self.backend = detector, embedder, backend
        self.buffer = buffer
        self._open_detector, self._open_embedder = make_detector, make_embedder
        self._detectors: dict[DetectSettings, Detector] = {}
        self._embedders: dict[bool, Embedder] = {}

    @classmethod
    def from_names(
        cls,
        detector: str,
        embedder: str,
        backend: Backend,
        buffer: int = MachineSettings().buffer,
        faces: bool = False,
    ) -> Networks:
        """Models by name or file, no embedder if its name is `NO_EMBEDDER`; `WeightsError` if one is missing."""
        embedder_model = None if embedder == NO_EMBEDDER else find(embedder, "embedder")
        face_models = find_face_models() if faces else None
        return cls(find(detector, "detector"), embedder_model, backend, buffer=buffer, faces=face_models)

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
        """All that decides the numbers of a model: the file, its runtime and the precision on this CPU."""
        runtime = choose_runtime(self.backend, model.is_pytorch)
        if runtime == "openvino" and needs_pytorch(model):
            runtime = "torch"
        return {
            "model": model.digest,
            "architecture": model.architecture,
            "input": repr(model.input),
            "runtime": runtime,
            # OpenVINO computes in 16 bits where the CPU can, and a cache may be carried to one that cannot.
            "precision": "bfloat16" if runtime == "openvino" and cpu_has_bfloat16() else "single",
            # Absent where scores are taken as they are, as in keys of 0.1.0.
            **({"scores": [model.scale.usable, model.scale.certain]} if model.scale else {}),
        }


CHUNK = 200
CROP_BATCH = 32
OnProgress = Callable[[int], None]


def detect(
    clip: Clip, timeline: Timeline, artifact: Artifact, detector: Detector, progress: Progress, conf: float, buffer: int
) -> None:
    """Write boxes (pixels of the clip) to `artifact` from its first missing chunk on.

    The preview shows those with at least `conf`. Up to `buffer` pictures are decoded ahead.
    """
    first = artifact.intact_chunks()
    width, height = detector.frame_size(clip.width, clip.height)
    scale = np.array((clip.width / width, clip.height / height) * 2, np.float32)
    waiting: deque[Picture] = deque()
    chunk = _BoxChunk(artifact, first)
    with read(clip, timeline, first=first * CHUNK, scale_to=(width, height), queue_size=buffer) as pictures:

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
    artifact.finish(words=detector.description)


def count_boxes(artifact: Artifact, done: int, conf: float) -> int:
    """The number of boxes from `conf` up that an earlier attempt stored for the first `done` frames."""
    parts = islice(artifact.read(), -(-done // CHUNK))
    return sum(int((part["score"] >= conf).sum()) for part in parts)


class _BoxChunk:
    """The boxes of one chunk, written when a frame of a later chunk arrives."""

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


def write_boxes(artifact: Artifact, timeline: Timeline, stored: Iterable[Arrays], description: str) -> None:
    """Write the boxes of a whole timeline, which are those of its parts one after the other, and finish the artifact.

    `stored` holds arrays as chunks do: `row` (frames,), `count` (frames,), `xyxy` and `score` of the boxes in turn.
    """
    none: Arrays = {
        "row": np.empty(0, np.int64),
        "count": np.empty(0, np.int64),
        "xyxy": np.empty((0, 4), np.float32),
        "score": np.empty(0, np.float32),
    }
    parts = [none, *stored]
    row, count, xyxy, score = (np.concatenate([part[name] for part in parts]) for name in none)
    first_box = np.concatenate([[0], np.cumsum(count)])
    for number in range(chunk_count(timeline)):
        begin, end = np.searchsorted(row, (number * CHUNK, (number + 1) * CHUNK))
        boxes = slice(first_box[begin], first_box[end])
        artifact.write(number, row=row[begin:end], count=count[begin:end], xyxy=xyxy[boxes], score=score[boxes])
    artifact.finish(words=description)


def write_vectors(
    artifact: Artifact,
    timeline: Timeline,
    detections: Detections,
    at: Ints,
    vectors: NDArray[np.float16],
    description: str,
) -> None:
    """As `write_boxes`, of vectors (n, d): those of the detections with the rising numbers `at`."""
    row_of = np.searchsorted(timeline.frame, detections.frame[at])
    for number in range(chunk_count(timeline)):
        begin, end = np.searchsorted(row_of, (number * CHUNK, (number + 1) * CHUNK))
        artifact.write(number, detection=at[begin:end], vector=vectors[begin:end])
    artifact.finish(words=description, crops=len(at))


def embed_boxes(
    clip: Clip, timeline: Timeline, detections: Detections, selected: Ints, embedder: Embedder, buffer: int
) -> NDArray[np.float16]:
    """The vectors (n, d) of the detections with these rising numbers, in half precision."""
    row_of = np.searchsorted(timeline.frame, detections.frame[selected])
    crops: list[Image] = []
    vectors: list[NDArray[np.float16]] = []
    rows = np.unique(row_of)
    with read(clip, timeline[rows], queue_size=buffer) as pictures:
        for picture in pictures:
            begin, end = np.searchsorted(row_of, (rows[picture.row], rows[picture.row] + 1))
            crops += [crop(picture.bgr, box) for box in detections.xyxy[selected[begin:end]]]
            while len(crops) >= CROP_BATCH:
                vectors.append(embedder.embed(crops[:CROP_BATCH]).astype(np.float16))
                del crops[:CROP_BATCH]
    if crops or not vectors:
        vectors.append(embedder.embed(crops).astype(np.float16))
    return np.concatenate(vectors)


def chunk_count(timeline: Timeline) -> int:
    """The number of chunks that cover the timeline."""
    return -(-len(timeline) // CHUNK)


def load_detections(artifact: Artifact, timeline: Timeline) -> tuple[Detections, int]:
    """All boxes of the clip, and the number of frames that could be read."""
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
    """Which boxes can get a vector: inside the regions, of enough confidence, and at least 2 pixels each way."""
    side = detections.xyxy[:, 2:] - detections.xyxy[:, :2]
    return np.asarray(inside & (detections.score >= settings.floor) & (side >= 2).all(axis=1))


def embed(
    clip: Clip,
    timeline: Timeline,
    detections: Detections,
    selected: Bools,
    artifact: Artifact,
    embedder: Embedder,
    progress: Progress,
    buffer: int,
) -> None:
    """Write the vectors (half precision) of the boxes in `selected` to `artifact`, from its first missing chunk on.

    Only frames with such boxes are read.
    """
    row_of = np.searchsorted(timeline.frame, detections.frame)
    first = artifact.intact_chunks()
    rows = np.unique(row_of[selected & (row_of >= first * CHUNK)])
    chunk = _VectorChunk(artifact, embedder, first)
    if len(rows):
        with read(clip, timeline[rows], queue_size=buffer) as pictures:
            for picture in pictures:
                row = int(rows[picture.row])
                chunk.flush_before(row // CHUNK)
                begin, end = np.searchsorted(row_of, [row, row + 1])
                for at in np.flatnonzero(selected[begin:end]) + begin:
                    chunk.add(int(at), crop(picture.bgr, detections.xyxy[at]))
                progress.show(picture.bgr, detections.xyxy[begin:end][selected[begin:end]])
                progress.at(row + 1)
    chunk.flush_before(chunk_count(timeline))
    artifact.finish(words=embedder.backend, crops=int(selected.sum()))
    progress.at(len(timeline))


class _VectorChunk:
    """The crops of one chunk, embedded in batches. A batch never spans two chunks."""

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
    """The stored vectors, chunk by chunk, as unit vectors in single precision."""
    for part in artifact.read():
        yield Features(part["detection"], part["vector"].astype(np.float32))


def layout_of(clip: Clip) -> list[list[int]]:
    """What numbers the frames of a clip besides its content: where each part begins, and by how much it was moved.

    It is empty for a clip with one clock, and for any that was analysed when parts were not told apart.
    """
    return [[part.packet, part.shift] for part in clip.parts]


def latest_boxes(store: Store, clip: Clip) -> Artifact | None:
    """The most recently used complete boxes of the clip; None if no run has detected all of it."""
    layout = layout_of(clip)
    found = store.finished_artifacts(clip.digest, "detect")
    return next((artifact for artifact in found if artifact.about["key"].get("parts", []) == layout), None)


def read_boxes(
    artifact: Artifact, clip: Clip, conf: float, start_seconds: float = 0.0, end_seconds: float | None = None
) -> Floats:
    """Boxes (n, 4), in pixels of the clip, with at least `conf` and within the given seconds, in order of frames."""
    timeline = plan(clip, VideoSettings(**artifact.about["key"]["video"]))
    found, _ = load_detections(artifact, timeline)
    seconds = clip.times[found.frame]
    end = np.inf if end_seconds is None else end_seconds
    return found.xyxy[(found.score >= conf) & (seconds >= start_seconds) & (seconds < end)]
