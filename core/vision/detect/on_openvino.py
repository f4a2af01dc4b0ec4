"""Detectors on a CPU through OpenVINO: fixed input shapes, a request per stream, several frames at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

from core.base.settings import DetectSettings
from core.base.types import Image
from core.machine.offline import import_openvino
from core.vision.detect.base import GREY, Boxes, Letterbox, decode_boxes, explain_openvino, require_detector


class OpenVinoDetector:
    """A YOLO model. `file` is an OpenVINO .xml or an ONNX file; `person` is the class that counts.

    A detector of another family says what is different: what it requires, how pictures come in, what its output means.
    """

    image_input = 0
    """Which of the network's inputs takes pictures."""
    hints: Mapping[str, str] = {}
    """What OpenVINO is told when it compiles the network."""

    def __init__(self, name: str, file: Path, digest: str, person: int, settings: DetectSettings) -> None:
        self._ov = import_openvino()
        self._core = self._ov.Core()
        self._file, self._settings, self._person = file, settings, person
        self._name = name
        network = self._core.read_model(file)
        self._shape = self._require(network)
        self._requests_by_shape: dict[tuple[int, int], list[Any]] = {}
        self._precision = self._choose_precision()
        quantized = any(step.get_type_name() == "FakeQuantize" for step in network.get_ops())
        precision = f"INT8 and {self._precision}" if quantized else self._precision
        self.description = f"{name} on OpenVINO {self._ov.__version__.split('-')[0]}, CPU, {precision}"
        self.key = f"{digest} openvino {self._precision}"

    def _require(self, network: Any) -> Any:
        """The shape of the pictures that the network takes; `WeightsError` if it is no detector of this family."""
        return require_detector(network, self._name).input(0).partial_shape

    def _choose_precision(self) -> str:
        """What OpenVINO computes in by itself."""
        capabilities = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return "bfloat16" if "BF16" in capabilities else "float32"

    def _reshape(self, network: Any, outer: tuple[int, int]) -> None:
        """Fix the axes that the file leaves open."""
        if network.input(0).partial_shape.is_dynamic:
            network.reshape([1, 3, outer[1], outer[0]])

    def _normalise(self, steps: Any) -> None:
        """Add the steps from bytes in RGB to what the network was trained on."""
        steps.scale(255.0)

    def _fill_inputs(self, request: Any, outer: tuple[int, int]) -> None:
        """Fill once what is the same for all pictures."""
        request.get_input_tensor(self.image_input).data[:] = GREY

    def _decode(self, request: Any) -> Boxes:
        """Boxes in pixels of the input, from a request that is done."""
        return decode_boxes(request.get_output_tensor(0).data[0], self._person, self._settings)

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
        self._reshape(model, outer)
        prepared = self._ov.preprocess.PrePostProcessor(model)
        entry = prepared.input(self.image_input)
        entry.tensor().set_element_type(self._ov.Type.u8).set_layout(self._ov.Layout("NHWC"))
        entry.tensor().set_color_format(self._ov.preprocess.ColorFormat.BGR)
        steps = entry.preprocess().convert_element_type(self._ov.Type.f32)
        self._normalise(steps.convert_color(self._ov.preprocess.ColorFormat.RGB))
        entry.model().set_layout(self._ov.Layout("NCHW"))
        compiled = self._core.compile_model(prepared.build(), "CPU", {"PERFORMANCE_HINT": "THROUGHPUT", **self.hints})
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
                        self._fill_inputs(request, letterbox.outer)
                if len(running) == streams:
                    yield self._collect(*running.popleft())
                request = next(next_requests)
                letterbox.place(frame, request.get_input_tensor(self.image_input).data[0])
                request.start_async()
                running.append((request, letterbox, width, height))
            while running:
                yield self._collect(*running.popleft())
        finally:
            for request, *_ in running:
                request.wait()

    def _collect(self, request: Any, letterbox: Letterbox, width: int, height: int) -> Boxes:
        request.wait()
        found = self._decode(request)
        return Boxes(letterbox.undo(found.xyxy, width, height), found.score)
