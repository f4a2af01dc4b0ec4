"""YOLO through Ultralytics' own PyTorch code: the route for CUDA (half precision, batches) and the plain fallback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from core.detect.base import Boxes, Letterbox
from core.detect.naming import person_class
from core.offline import import_ultralytics
from core.settings import DetectSettings
from core.types import Image


class TorchDetector:
    """`device` is `cpu` or `cuda`; `person` the class to keep."""

    def __init__(self, name: str, file: Path, digest: str, settings: DetectSettings, device: str) -> None:
        self._model = import_ultralytics().YOLO(str(file), task="detect")
        self._person = person_class(self._model.names, name)
        self._settings, self._device = settings, device
        self._half, self._batch = (True, 32) if device == "cuda" else (False, 4)
        precision = "float16" if self._half else "float32"
        self.words = f"{name} on PyTorch, {device.upper()}, {precision}"
        self.key = f"{digest} torch {device} {precision}"

    def fit(self, width: int, height: int) -> tuple[int, int]:
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
                found = result.boxes
                yield Boxes(
                    found.xyxy.float().cpu().numpy().astype(np.float32),
                    found.conf.float().cpu().numpy().astype(np.float32),
                )
