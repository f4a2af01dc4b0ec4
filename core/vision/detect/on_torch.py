"""Detectors on PyTorch, on CUDA with half precision and batches: YOLO through Ultralytics, torchvision's Faster R-CNN.

The Faster R-CNNs were trained with the short side at 800 px and the long side at 1333 at most; here `size` is the long
side, as for every detector. Class 1 is a person, in COCO's numbering and in networks trained on two classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.models import detection

from core.base.errors import WeightsError
from core.base.settings import DetectSettings
from core.base.types import Image
from core.machine.offline import import_ultralytics
from core.vision.detect.base import Boxes, Letterbox, person_class
from core.vision.models import Model, faster_rcnn, read_state

FASTER_RCNN_PERSON = 1
FASTER_RCNN_NMS_IOU = 0.5
"""What the Faster R-CNNs were tuned for; the setting `nms_iou`, meant for YOLO, counts where it is stricter."""


class TorchDetector:
    """A YOLO model on `device`, which is `cpu` or `cuda`."""

    def __init__(self, name: str, file: Path, digest: str, settings: DetectSettings, device: str) -> None:
        self._model = import_ultralytics().YOLO(str(file), task="detect")
        self._person = person_class(self._model.names, name)
        self._settings, self._device = settings, device
        self._half, self._batch = (True, 32) if device == "cuda" else (False, 4)
        precision = "float16" if self._half else "float32"
        self.description = f"{name} on PyTorch, {device.upper()}, {precision}"
        self.key = f"{digest} torch {device} {precision}"

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        return Letterbox.around(width, height, self._settings.size).inner

    def detect(self, frames: Iterable[Image]) -> Iterator[Boxes]:
        source = iter(frames)
        while batch := list(islice(source, self._batch)):
            for result in self._model.predict(
                batch,
                imgsz=self._settings.size,
                conf=self._settings.floor,
                iou=self._settings.nms_iou,
                max_det=self._settings.most,
                classes=[self._person],
                device=self._device,
                half=self._half,
                verbose=False,
            ):
                yield Boxes(_float32(result.boxes.xyxy), _float32(result.boxes.conf))


class TorchvisionDetector:
    """A Faster R-CNN on `device`, which is `cpu` or `cuda`."""

    def __init__(self, model: Model, settings: DetectSettings, device: str) -> None:
        self._network = build_network(model, settings).to(device)
        self._settings, self._device = settings, device
        self._batch, precision = (8, "float16") if device == "cuda" else (1, "float32")
        if device == "cuda":
            to_half_precision(self._network)
        self.description = f"{model.name} on PyTorch, {device.upper()}, {precision}"
        self.key = f"{model.digest} torchvision {device} {precision}"

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        return Letterbox.around(width, height, self._settings.size).inner

    def detect(self, frames: Iterable[Image]) -> Iterator[Boxes]:
        source = iter(frames)
        while batch := list(islice(source, self._batch)):
            with torch.inference_mode():
                outputs = self._network([self._rgb(frame) for frame in batch])
            for output in outputs:
                people = output["labels"] == FASTER_RCNN_PERSON
                yield Boxes(_float32(output["boxes"][people]), _float32(output["scores"][people]))

    def _rgb(self, frame: Image) -> Tensor:
        """BGR bytes (height, width, 3) -> RGB from 0 to 1 (3, height, width)."""
        pixels = torch.from_numpy(np.ascontiguousarray(frame[:, :, ::-1])).to(self._device)
        return pixels.permute(2, 0, 1).float() / 255


def build_network(model: Model, settings: DetectSettings) -> Any:
    """The Faster R-CNN in the model's file, in float32 on the CPU, ready for inference. Downloads nothing."""
    state = read_state(model.path)
    found, classes = faster_rcnn(state)
    if found != model.architecture:
        raise WeightsError(
            f"{model.path.name} holds {found or 'another network'}, not {model.architecture}",
            "Download it again, or name another file.",
        )
    network = getattr(detection, found)(
        weights=None,
        weights_backbone=None,
        num_classes=classes,
        min_size=settings.size,
        max_size=settings.size,
        box_score_thresh=settings.floor,
        box_nms_thresh=min(settings.nms_iou, FASTER_RCNN_NMS_IOU),
        box_detections_per_img=settings.most,
    )
    try:
        network.load_state_dict(state)
    except RuntimeError as fault:
        raise WeightsError(f"{model.path.name} does not fit {found} ({fault})", "Download it again.") from fault
    return network.eval().requires_grad_(False)


def to_half_precision(network: Any) -> None:
    """Convert convolutions and box head to half precision; anchors, boxes and suppression stay in float32.

    In half precision a coordinate above 1024 px is rounded to whole pixels, and suppression's offsets overflow.
    """
    for part in (network.backbone, network.rpn.head, network.roi_heads.box_head):
        part.half()
        part.register_forward_pre_hook(lambda _, inputs: _cast(inputs, torch.float16))
        part.register_forward_hook(lambda _, inputs, output: _cast(output, torch.float32))


def _cast(value: Any, dtype: torch.dtype) -> Any:
    """Tensors, or dicts and sequences of them, as `dtype`."""
    if isinstance(value, Tensor):
        return value.to(dtype)
    if isinstance(value, dict):
        return type(value)((name, _cast(item, dtype)) for name, item in value.items())
    return type(value)(_cast(item, dtype) for item in value)


def _float32(values: Tensor) -> Any:
    return values.float().cpu().numpy().astype(np.float32)
