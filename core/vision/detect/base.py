"""What a detector is, and what detectors share: letterboxing, boxes from raw output, the class of people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.base.errors import WeightsError
from core.base.settings import DetectSettings
from core.base.types import Floats, Image
from core.vision.models import SCALE_POINTS, ScoreScale

GREY = 114
"""Grey level around a picture that does not fill the input, as in YOLO's training."""
END_TO_END_ROWS = 1000
"""Most rows of an output that is free of duplicates already (YOLO26): rows of (x, y, x, y, score, class)."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """The people in one frame, highest score first: `xyxy` (n, 4) in pixels of that frame, `score` (n,) from 0 to 1."""

    xyxy: Floats
    score: Floats


class Detector(Protocol):
    """Finds people. `description` names model, runtime and precision for users; `key` all that decides the boxes."""

    @property
    def description(self) -> str: ...

    @property
    def key(self) -> str: ...

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) at which frames of that size are analysed; frames read at it are not resized again."""

    def detect(self, frames: Iterable[Image]) -> Iterator[Boxes]:
        """Boxes for each BGR frame (height, width, 3), in order. All frames of one call have the same size."""


class ScaledDetector:
    """A detector whose scores become confidences by `scale`. `detector` was opened with the scores of `settings`."""

    def __init__(self, detector: Detector, scale: ScoreScale) -> None:
        self._detector, self._scale = detector, scale
        self.description = (
            f"{detector.description}; scores of {scale.usable:g} and {scale.certain:g} count as confidences of "
            f"{SCALE_POINTS[0]:g} and {SCALE_POINTS[1]:g}"
        )
        self.key = f"{detector.key} scores {scale.usable:g} {scale.certain:g}"

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        return self._detector.frame_size(width, height)

    def detect(self, frames: Iterable[Image]) -> Iterator[Boxes]:
        for found in self._detector.detect(frames):
            yield Boxes(found.xyxy, self._scale.confidences(found.score))


@dataclass(frozen=True)
class Letterbox:
    """A picture of `inner` (width, height) centred in an input of `outer` (width, height)."""

    inner: tuple[int, int]
    outer: tuple[int, int]

    @classmethod
    def around(cls, width: int, height: int, size: int, outer: tuple[int, int] | None = None) -> Letterbox:
        """Fit into `outer`, or into the smallest multiple of 32 around the picture with its long side at `size`.

        >>> Letterbox.around(1280, 720, 640)
        Letterbox(inner=(640, 360), outer=(640, 384))
        """
        limit = outer or (size, size)
        ratio = min(limit[0] / width, limit[1] / height)
        inner = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        return cls(inner, outer or (-(-inner[0] // 32) * 32, -(-inner[1] // 32) * 32))

    @property
    def left_top(self) -> tuple[int, int]:
        (iw, ih), (ow, oh) = self.inner, self.outer
        return round((ow - iw) / 2 - 0.1), round((oh - ih) / 2 - 0.1)

    def place(self, frame: Image, into: Image) -> None:
        """Resize `frame` into the middle of `into` (outer height, outer width, 3); its margins are left as they are."""
        import cv2

        (iw, ih), (left, top) = self.inner, self.left_top
        if frame.shape[:2] != (ih, iw):
            frame = np.asarray(cv2.resize(frame, (iw, ih), interpolation=cv2.INTER_LINEAR), np.uint8)
        into[top : top + ih, left : left + iw] = frame

    def undo(self, xyxy: Floats, width: int, height: int) -> Floats:
        """Boxes (n, 4) in input pixels, converted to those of the `width` x `height` picture and clipped to it."""
        offset = np.array(self.left_top * 2, np.float32)
        scale = np.array((width / self.inner[0], height / self.inner[1]) * 2, np.float32)
        limit = np.array((width, height) * 2, np.float32)
        return np.asarray(np.clip((xyxy - offset) * scale, 0, limit), np.float32)


def suppress(xyxy: Floats, score: Floats, iou: float, most: int) -> Boxes:
    """Non-maximum suppression: at most `most` boxes, best first, none with an IoU above `iou` with a better box."""
    import cv2

    if not len(score):
        return Boxes(xyxy.reshape(0, 4), score)
    xywh = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    selected: Sequence[int] = cv2.dnn.NMSBoxes(xywh.tolist(), score.tolist(), 0.0, iou)
    rows = np.asarray(selected, np.int64)[:most]
    return Boxes(xyxy[rows], score[rows])


def decode_boxes(output: NDArray[Any], person: int, settings: DetectSettings) -> Boxes:
    """Boxes of class `person` from one image's output, in pixels of the network's input.

    `output` is (4 + classes, anchors) with centre, size and a score per class, or (rows, 6) of an end-to-end network.
    """
    if output.shape[1] == 6 and output.shape[0] <= END_TO_END_ROWS:
        rows = output[(output[:, 4] >= settings.floor) & (output[:, 5] == person)]
        rows = rows[np.argsort(-rows[:, 4], kind="stable")][: settings.most]
        return Boxes(rows[:, :4].astype(np.float32), rows[:, 4].astype(np.float32))
    score = output[4 + person]
    anchors = np.flatnonzero(score >= settings.floor)
    # An anchor counts for its best class only: a dog with a score of 0.1 as a person is no person.
    if output.shape[0] > 5:
        anchors = anchors[output[4:, anchors].argmax(axis=0) == person]
    centre, half = output[:2, anchors].T, output[2:4, anchors].T / 2
    xyxy = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
    return suppress(xyxy, score[anchors].astype(np.float32), settings.nms_iou, settings.most)


@contextmanager
def explain_openvino(model: str) -> Iterator[None]:
    """What OpenVINO cannot make a network of is an error in words."""
    try:
        yield
    except RuntimeError as fault:
        reason = (str(fault).strip().splitlines() or [""])[-1]
        raise WeightsError(f"{model} cannot be opened by OpenVINO ({reason})", "Give another file.") from fault


def require_detector(network: Any, name: str) -> Any:
    """The network of OpenVINO, if it takes pictures and gives boxes; `WeightsError` otherwise."""
    shapes = [port.partial_shape for ports in (network.inputs[:1], network.outputs[:1]) for port in ports]
    ranks = [-1 if shape.rank.is_dynamic else shape.rank.get_length() for shape in shapes]
    if len(ranks) < 2 or ranks[0] != 4 or ranks[1] not in (-1, 3):
        raise WeightsError(
            f"{name} does not give boxes for a picture",
            "Give a YOLO as Ultralytics exports it, or a D-FINE, RT-DETR or RF-DETR as its own project does.",
        )
    return network


def person_class(names: Mapping[int, str], model: str) -> int:
    """The number of the class called person, or of the only class, whatever its name.

    >>> person_class({0: "bicycle", 1: "person"}, "mine"), person_class({0: "item"}, "mine")
    (1, 0)
    """
    for number, name in names.items():
        if name.lower() in ("person", "pedestrian", "people"):
            return int(number)
    if len(names) == 1:
        return int(next(iter(names)))
    raise WeightsError(
        f"{model} has no class called person (its classes are {', '.join(list(names.values())[:5])}, ...)",
        "Use a detector trained on people.",
    )
