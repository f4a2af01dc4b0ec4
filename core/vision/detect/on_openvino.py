"""YOLO on a CPU through OpenVINO: fixed input shapes, one inference request per stream, several frames at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

from core.base.settings import DetectSettings
from core.base.types import Image
from core.machine.offline import import_openvino
from core.vision.detect.base import GREY, Boxes, Letterbox, decode_boxes, explain_openvino, require_detector


class OpenVinoDetector:
    """`file` is an OpenVINO .xml or an ONNX file; `person` is the class that counts."""

    def __init__(self, name: str, file: Path, digest: str, person: int, settings: DetectSettings) -> None:
        self._ov = import_openvino()
        self._core = self._ov.Core()
        self._file, self._settings, self._person = file, settings, person
        self._shape = require_detector(self._core.read_model(file), name).input(0).partial_shape
        self._name = name
        self._requests_by_shape: dict[tuple[int, int], list[Any]] = {}
        capabilities = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self._precision = "bfloat16" if "BF16" in capabilities else "float32"
        self.description = f"{name} on OpenVINO {self._ov.__version__.split('-')[0]}, CPU, {self._precision}"
        self.key = f"{digest} openvino {self._precision}"

    def _letterbox(self, width: int, height: int) -> Letterbox:
        high, wide = self._shape[2], self._shape[3]
        fixed = None if high.is_dynamic or wide.is_dynamic else (wide.get_length(), high.get_length())
        return Letterbox.around(width, height, self._settings.size, fixed)

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        return self._letterbox(width, height).inner

    def _requests(self, outer: tuple[int, int]) -> list[Any]:
        """Inference requests, compiled once per input shape. Input is uint8, BGR, height x width x 3, like frames."""
        if outer not in self._requests_by_shape:
            with explain_openvino(self._name):
                self._requests_by_shape[outer] = self._compile(outer)
        return self._requests_by_shape[outer]

    def _compile(self, outer: tuple[int, int]) -> list[Any]:
        model = self._core.read_model(self._file)
        if model.input(0).partial_shape.is_dynamic:
            model.reshape([1, 3, outer[1], outer[0]])
        prepared = self._ov.preprocess.PrePostProcessor(model)
        entry = prepared.input()
        entry.tensor().set_element_type(self._ov.Type.u8).set_layout(self._ov.Layout("NHWC"))
        entry.tensor().set_color_format(self._ov.preprocess.ColorFormat.BGR)
        steps = entry.preprocess().convert_element_type(self._ov.Type.f32)
        steps.convert_color(self._ov.preprocess.ColorFormat.RGB).scale(255.0)
        entry.model().set_layout(self._ov.Layout("NCHW"))
        compiled = self._core.compile_model(prepared.build(), "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
        streams = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        return [compiled.create_infer_request() for _ in range(streams)]

    def detect(self, frames: Iterable[Image]) -> Iterator[Boxes]:
        running: deque[tuple[Any, Letterbox, int, int]] = deque()
        next_requests: Iterator[Any] | None = None
        streams = 0
        try:
            for frame in frames:
                height, width = frame.shape[:2]
                letterbox = self._letterbox(width, height)
                if next_requests is None:
                    requests = self._requests(letterbox.outer)
                    next_requests, streams = cycle(requests), len(requests)
                    for request in requests:
                        request.get_input_tensor().data[:] = GREY
                if len(running) == streams:
                    yield self._collect(*running.popleft())
                request = next(next_requests)
                letterbox.place(frame, request.get_input_tensor().data[0])
                request.start_async()
                running.append((request, letterbox, width, height))
            while running:
                yield self._collect(*running.popleft())
        finally:
            for request, *_ in running:
                request.wait()

    def _collect(self, request: Any, letterbox: Letterbox, width: int, height: int) -> Boxes:
        request.wait()
        found = decode_boxes(request.get_output_tensor(0).data[0], self._person, self._settings)
        return Boxes(letterbox.undo(found.xyxy, width, height), found.score)
