"""Embedding with OpenVINO on the CPU: ONNX and OpenVINO files as they are, PyTorch files exported once.

Every inference has the same shape, padded where crops are few. OpenVINO picks other kernels for other batch sizes, and
in bfloat16, its choice where the CPU has it, a crop's vector would depend on how many others are in its batch. A batch
of 8 was as fast as one of 32 within a sixth (three networks, two cores)."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from core.base.errors import StoreError, WeightsError
from core.base.types import Floats, Image
from core.machine.offline import import_openvino
from core.machine.paths import cache_dir, publish
from core.vision.models import Model

BATCH = 8
PRECISION_NAMES = {"bf16": "bfloat16", "f32": "float32", "f16": "float16"}


class OpenVinoNetwork:
    """A model on the CPU; `precision` (`f32`, `bf16`) overrides OpenVINO's choice."""

    def __init__(self, model: Model, precision: str = "") -> None:
        ov = import_openvino()
        graph, self.batch = _graph(ov, model)
        hints = {"PERFORMANCE_HINT": "LATENCY", **({"INFERENCE_PRECISION_HINT": precision} if precision else {})}
        compiled = ov.Core().compile_model(_with_input(ov, graph, model), "CPU", hints)
        used = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        version = ov.__version__.split("-")[0]
        self.precision = f"openvino {PRECISION_NAMES.get(used, used)}"
        self.description = f"OpenVINO {version}, CPU, {PRECISION_NAMES.get(used, used)}"
        self.dimension = int(np.prod(list(compiled.output(0).shape)[1:]))
        self._request = compiled.create_infer_request()

    def run(self, pictures: Image) -> Floats:
        pixels = self._request.get_input_tensor().data
        pixels[: len(pictures)] = pictures
        pixels[len(pictures) :] = 0
        self._request.infer()
        features: Floats = self._request.get_output_tensor(0).data[: len(pictures)].reshape(len(pictures), -1).copy()
        return features


def _graph(ov: Any, model: Model) -> tuple[Any, int]:
    """The model's graph with a fixed batch size, and that size: 1 where the file was exported for single crops."""
    file = export_to_openvino(model) if model.is_pytorch else model.path
    try:
        for batch in (BATCH, 1):
            graph = ov.Core().read_model(file)
            graph.reshape([batch, 3, model.input.height, model.input.width])
            out = graph.output(0).partial_shape
            if out.is_static and out[0].get_length() == batch:
                return graph, batch
    except RuntimeError as fault:
        reason = str(fault).strip().splitlines()[-1]
        raise WeightsError(f"{model.name} cannot be opened by OpenVINO ({reason})", "Give another file.") from fault
    raise WeightsError(f"{model.name} does not give one vector for each picture", "Give an embedder, not a detector.")


def _with_input(ov: Any, graph: Any, model: Model) -> Any:
    """`graph` with the input convention built in, so that it takes uint8 BGR, height x width x 3."""
    prepared, convention = ov.preprocess.PrePostProcessor(graph), model.input
    entry, formats = prepared.input(), ov.preprocess.ColorFormat
    entry.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_color_format(formats.BGR)
    entry.model().set_layout(ov.Layout("NCHW"))
    steps = entry.preprocess().convert_element_type(ov.Type.f32)
    if convention.colour == "rgb":
        steps.convert_color(formats.RGB)
    steps.mean([value * convention.scale for value in convention.mean])
    steps.scale([value * convention.scale for value in convention.std])
    return prepared.build()


def export_to_openvino(model: Model) -> Path:
    """The OpenVINO file of a PyTorch file, exported once per digest."""
    ov = import_openvino()
    version = ov.__version__.split("-")[0]
    folder = cache_dir() / "exported" / f"{model.architecture}-{model.digest[:16]}-openvino-{version}"
    if not (folder / "model.xml").is_file():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as parent:
                exported = Path(parent) / "exported"
                _convert(ov, model, exported / "model.xml")
                publish(exported, folder)
        except OSError as fault:
            raise StoreError(
                f"{folder} cannot be written ({fault})", "Free some space, or set SIGHTLINE_CACHE."
            ) from fault
    return folder / "model.xml"


def _convert(ov: Any, model: Model, file: Path) -> None:
    import torch

    from core.vision.embed.torch_networks import build_network

    size = (model.input.height, model.input.width)
    with warnings.catch_warnings():
        # The tracer warns that it is deprecated and that it fixes shapes, which is what is wanted here.
        warnings.simplefilter("ignore")
        graph = ov.convert_model(build_network(model), example_input=torch.zeros(1, 3, *size), input=[-1, 3, *size])
    ov.save_model(graph, file, compress_to_fp16=False)
