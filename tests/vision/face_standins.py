"""Small networks with the inputs and outputs of YuNet and SFace, which OpenCV's own classes load."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FACE_PX = {8: 12, 16: 20, 32: 48}
"""How large a face of each stride is said to be."""
_CHANNEL = {8: -1, 16: 1, 32: 2}
"""Which channel (BGR) of the picture shows a face at that stride: green a small one, red a large one."""


def write_yunet(path: Path, large_px: int = 48) -> Path:
    """Finds a face of `large_px` in each cell of 32 that is red, and one of 20 pixels in each of 16 that is green."""
    sizes = {**FACE_PX, 32: large_px}
    nodes, constants, outputs = [], [], []

    def conv(name: str, stride: int, weight: NDArray[np.float32], bias: NDArray[np.float32], width: int) -> None:
        constants.append(numpy_helper.from_array(weight, f"{name}_w"))
        constants.append(numpy_helper.from_array(bias, f"{name}_b"))
        constants.append(numpy_helper.from_array(np.array([1, -1, width], np.int64), f"{name}_shape"))
        inputs, sides = ["input", f"{name}_w", f"{name}_b"], [stride, stride]
        nodes.append(helper.make_node("Conv", inputs, [f"{name}_conv"], kernel_shape=sides, strides=sides))
        nodes.append(helper.make_node("Transpose", [f"{name}_conv"], [f"{name}_t"], perm=[0, 2, 3, 1]))
        nodes.append(helper.make_node("Reshape", [f"{name}_t", f"{name}_shape"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, width]))

    for kind in ("cls", "obj", "bbox", "kps"):
        for stride in FACE_PX:
            width = {"bbox": 4, "kps": 10}.get(kind, 1)
            weight = np.zeros((width, 3, stride, stride), np.float32)
            side = np.log(sizes[stride] / stride)
            bias = {
                "bbox": np.array([0.5, 0.5, side, side]),
                "kps": np.array([0.2, 0.3, 0.8, 0.3, 0.5, 0.5, 0.3, 0.8, 0.7, 0.8]),
            }.get(kind, np.zeros(1))
            if kind in ("cls", "obj") and (channel := _CHANNEL[stride]) >= 0:
                weight[0, channel] = 1 / (stride * stride * 200)
                weight[0, [c for c in (1, 2) if c != channel]] = -1 / (stride * stride * 200)
            conv(f"{kind}_{stride}", stride, weight, bias.astype(np.float32), width)
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 640, 640])
    return _save(path, nodes, [image], outputs, constants)


def write_sface(path: Path, dimension: int = 128) -> Path:
    """A vector of the mean colour."""
    rng = np.random.default_rng(0)
    weight = numpy_helper.from_array(rng.standard_normal((3, dimension)).astype(np.float32), "w")
    shape = numpy_helper.from_array(np.array([1, 3], np.int64), "shape")
    nodes = [
        helper.make_node("GlobalAveragePool", ["data"], ["mean"]),
        helper.make_node("Reshape", ["mean", "shape"], ["row"]),
        helper.make_node("MatMul", ["row", "w"], ["fc1"]),
    ]
    image = helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 112, 112])
    vector = helper.make_tensor_value_info("fc1", TensorProto.FLOAT, [1, dimension])
    return _save(path, nodes, [image], [vector], [weight, shape])


def _save(path: Path, nodes: list, inputs: list, outputs: list, constants: list) -> Path:  # type: ignore[type-arg]
    graph = helper.make_graph(nodes, "stand-in", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path
