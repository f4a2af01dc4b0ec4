"""Detectors that give each box once, so that nothing is suppressed: D-FINE, RT-DETR and RF-DETR through OpenVINO.

Their input has one size, usually a square, to which a picture is stretched, so boxes are scaled back by width and by
height apart. In 16 bits, a coordinate near 600 pixels would be off by up to two; so these networks compute in 32.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import WeightsError
from core.base.settings import DetectSettings
from core.base.types import Floats
from core.vision.detect.base import Boxes, Letterbox
from core.vision.detect.on_openvino import OpenVinoDetector
from core.vision.models import COCO_PERSON, RF_DETR, DetrLayout, Model, detr_layout

_FAMILIES = {RF_DETR: "RF-DETR"}
_LARGEST_SHARE = 2.0
"""Boxes that all end below this are shares of the picture: in pixels, one of a few hundred is always larger."""


class DetrDetector(OpenVinoDetector):
    """`person` is the class that counts; None if the file does not name its classes, which are then those of COCO."""

    hints = MappingProxyType({"INFERENCE_PRECISION_HINT": "f32"})
    _layout: DetrLayout

    def __init__(self, model: Model, file: Path, person: int | None, settings: DetectSettings) -> None:
        self._model = model
        super().__init__(model.name, file, model.digest, person or 0, settings)
        self._person = _coco_person(self._layout, model) if person is None else person
        family = _FAMILIES.get(model.architecture, "D-FINE or RT-DETR")
        self.description = self.description.replace(model.name, f"{model.name} ({family})", 1)
        self.key += f" {model.architecture} {model.input}"

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        """The whole picture undistorted, for the preview: as large as the input needs it in both directions."""
        scale = min(1.0, max(self._model.input.width / width, self._model.input.height / height))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def _require(self, network: Any) -> Any:
        layout = detr_layout(network, self._name)
        if layout is None:
            raise WeightsError(f"{self._name} does not give boxes and classes", "Give another file.")
        self._layout, self.image_input = layout, layout.image
        return network.input(layout.image).partial_shape

    def _choose_precision(self) -> str:
        return "float32"

    def _letterbox(self, width: int, height: int) -> Letterbox:
        size = self._model.input.width, self._model.input.height
        return Letterbox(size, size)

    def _reshape(self, network: Any, outer: tuple[int, int]) -> None:
        shapes = {self._layout.image: [1, 3, outer[1], outer[0]]}
        if self._layout.sizes >= 0:
            shapes[self._layout.sizes] = [1, 2]
        network.reshape(shapes)

    def _normalise(self, steps: Any) -> None:
        convention = self._model.input
        steps.mean([convention.scale * value for value in convention.mean])
        steps.scale([convention.scale * value for value in convention.std])

    def _fill_inputs(self, request: Any, outer: tuple[int, int]) -> None:
        if self._layout.sizes >= 0:
            request.get_input_tensor(self._layout.sizes).data[:] = [outer]

    def _decode(self, request: Any) -> Boxes:
        layout, size = self._layout, (self._model.input.width, self._model.input.height)
        boxes, scores = (request.get_tensor(name).data[0] for name in (layout.boxes, layout.scores))
        if layout.labels:
            labels = request.get_tensor(layout.labels).data[0]
            return decode_labelled(boxes, scores, labels, self._person, size, self._settings)
        return decode_classes(boxes, scores, self._person, size, self._settings)


def _coco_person(layout: DetrLayout, model: Model) -> int:
    """The number of the class of people in a file that does not name its classes."""
    if layout.labels:
        return COCO_PERSON[80]
    if layout.classes in COCO_PERSON:
        return COCO_PERSON[layout.classes]
    # Trained on people alone; RF-DETR adds a class for nothing at the end.
    if layout.classes == 1 or (layout.classes == 2 and model.architecture == RF_DETR):
        return 0
    count = layout.classes or "an unknown number of"
    raise WeightsError(
        f"{model.path.name} gives scores for {count} classes, and does not say which one is people",
        'Give one that was trained on COCO or on people alone, or write names = {0: "person", ...} into its metadata.',
    )


def decode_labelled(
    boxes: NDArray[Any],
    scores: NDArray[Any],
    labels: NDArray[Any],
    person: int,
    size: tuple[int, int],
    settings: DetectSettings,
) -> Boxes:
    """Boxes of class `person` from boxes (n, 4) with one score and class each, in pixels of an input of this `size`.

    Boxes are x, y, x, y in pixels, or as shares of the picture where the network is not told its size.
    """
    xyxy = boxes.astype(np.float32)
    if xyxy.max(initial=0) <= _LARGEST_SHARE:
        xyxy = xyxy * np.array(size * 2, np.float32)
    return _best(xyxy, scores.astype(np.float32), labels == person, settings)


def decode_classes(
    boxes: NDArray[Any], logits: NDArray[Any], person: int, size: tuple[int, int], settings: DetectSettings
) -> Boxes:
    """Boxes of class `person` from centres and sizes (n, 4), as shares of the picture, and `logits` (n, classes)."""
    score = np.asarray(1 / (1 + np.exp(-np.clip(logits[:, person].astype(np.float32), -60, 60))), np.float32)
    centre, half = boxes[:, :2].astype(np.float32), boxes[:, 2:].astype(np.float32) / 2
    shares = np.concatenate([centre - half, centre + half], axis=1)
    xyxy = np.asarray(shares * np.array(size * 2, np.float32), np.float32)
    # As with YOLO, a box counts for its best class only.
    return _best(xyxy, score, logits.argmax(axis=1) == person, settings)


def _best(xyxy: Floats, score: Floats, is_person: NDArray[Any], settings: DetectSettings) -> Boxes:
    """People from the floor up, best first, as many as are taken."""
    rows = np.flatnonzero(is_person & (score >= settings.floor))
    rows = rows[np.argsort(-score[rows], kind="stable")][: settings.most]
    return Boxes(xyxy[rows], score[rows])
