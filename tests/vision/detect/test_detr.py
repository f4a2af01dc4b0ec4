"""Detectors that give each box once, as D-FINE, RT-DETR and RF-DETR are exported: small graphs with planted outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from core.base.errors import WeightsError
from core.base.settings import DetectSettings
from core.base.types import Image
from core.cli import main
from core.machine.offline import import_openvino
from core.runs import Networks
from core.vision.detect import Boxes, open_detector
from core.vision.models import find
from tests.runs.fakes import HEIGHT, WIDTH, write_scene

# Four boxes, as centre and size in shares of the picture. The first three score by the mean of a colour: red, green,
# blue; the fourth is a dog.
CENTRES = np.array(
    [[0.5, 0.5, 0.2, 0.4], [0.25, 0.5, 0.1, 0.2], [0.75, 0.25, 0.3, 0.5], [0.1, 0.1, 0.1, 0.1]], np.float32
)
SETTINGS = DetectSettings(floor=0.05)
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def corners(width: float, height: float) -> np.ndarray[Any, Any]:
    """The planted boxes as x, y, x, y in a picture of this size."""
    xy, half = CENTRES[:, :2], CENTRES[:, 2:] / 2
    return np.concatenate([xy - half, xy + half], axis=1) * np.array([width, height] * 2)


def save(path: Path, nodes: list[Any], outputs: dict[str, Any], *, sizes: bool, side: Any, names: str = "") -> Path:
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, side, side])]
    if sizes:
        inputs.append(helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, ["N", 2]))
    values = [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()]
    graph = helper.make_graph(nodes, "network", inputs, values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if names:
        model.metadata_props.add(key="names", value=names)
    path.write_bytes(model.SerializeToString())
    return path


def constant(name: str, values: np.ndarray[Any, Any]) -> Any:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(values))


def logits_nodes(output: str, classes: int, person: int, lift: float = 0) -> list[Any]:
    """Logits (1, 4, classes): of people, the mean of red, green and blue as they come in; the fourth box is a dog."""
    before, after = np.full((1, 4, person), -200, np.float32), np.full((1, 4, classes - person - 1), -200, np.float32)
    if after.shape[2]:
        after[0, 3, -1] = 3
    return [
        helper.make_node("ReduceMean", ["images"], ["plain mean"], axes=[2, 3], keepdims=0),
        constant("lift", np.array([lift], np.float32)),
        helper.make_node("Add", ["plain mean", "lift"], ["mean"]),
        constant("low", np.full((1, 1), 1, np.float32)),
        helper.make_node("Concat", ["mean", "low"], ["four"], axis=1),
        constant("axis", np.array([2], np.int64)),
        helper.make_node("Unsqueeze", ["four", "axis"], ["column"]),
        constant("before", before),
        constant("after", after),
        helper.make_node("Concat", ["before", "column", "after"], [output], axis=2),
    ]


def raw(
    path: Path, boxes: str, logits: str, classes: int, person: int, side: Any = 64, names: str = "", lift: float = 0
) -> Path:
    """Boxes as shares, and a logit for each class."""
    outputs = {boxes: (TensorProto.FLOAT, ["N", 4, 4]), logits: (TensorProto.FLOAT, ["N", 4, classes])}
    nodes = [constant(boxes, CENTRES[None]), *logits_nodes(logits, classes, person, lift)]
    return save(path, nodes, outputs, sizes=False, side=side, names=names)


def labelled(path: Path, sizes: bool = True, side: Any = 64) -> Path:
    """Labels, boxes and scores, as D-FINE and RT-DETR are exported; boxes in pixels of the size that is given."""
    shares = corners(1, 1).astype(np.float32)[None]
    nodes = [
        constant("labels", np.array([[0, 0, 0, 16]], np.int64)),
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[2, 3], keepdims=0),
        constant("high", np.full((1, 1), 0.9, np.float32)),
        helper.make_node("Concat", ["mean", "high"], ["scores"], axis=1),
    ]
    if sizes:
        nodes += [
            constant("shares", shares),
            helper.make_node("Cast", ["orig_target_sizes"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Concat", ["floats", "floats"], ["twice"], axis=1),
            constant("axis", np.array([1], np.int64)),
            helper.make_node("Unsqueeze", ["twice", "axis"], ["factors"]),
            helper.make_node("Mul", ["shares", "factors"], ["boxes"]),
        ]
    else:
        nodes.append(constant("boxes", shares))
    outputs = {
        "labels": (TensorProto.INT64, ["N", 4]),
        "boxes": (TensorProto.FLOAT, ["N", 4, 4]),
        "scores": (TensorProto.FLOAT, ["N", 4]),
    }
    return save(path, nodes, outputs, sizes=sizes, side=side)


def frame(red: int, green: int, blue: int, width: int = 160, height: int = 90) -> Image:
    return np.full((height, width, 3), (blue, green, red), np.uint8)


def detected(path: Path, *frames: Image) -> list[Boxes]:
    return list(open_detector(find(str(path), "detector"), SETTINGS).detect(frames))


def sigmoid(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(1 / (1 + np.exp(-values)))


@pytest.mark.parametrize("sizes", [True, False])
def test_labelled_boxes(tmp_path: Path, sizes: bool) -> None:
    """Bytes over 255 and nothing else; a stretch, so that boxes grow by width and by height apart."""
    path = labelled(tmp_path / "dfine.onnx", sizes)
    found = detected(path, frame(204, 51, 102), frame(51, 102, 204, 320, 480))
    np.testing.assert_allclose(found[0].score, [0.8, 0.4, 0.2], atol=1e-3)
    np.testing.assert_allclose(found[0].xyxy, corners(160, 90)[[0, 2, 1]], atol=0.05)
    np.testing.assert_allclose(found[1].xyxy, corners(320, 480)[[2, 1, 0]], atol=0.1)
    model = find(str(path), "detector")
    assert "taken for D-FINE or RT-DETR" in model.assumed[0] and "64 x 64" in model.assumed[0]


@pytest.mark.parametrize(
    ("boxes", "logits", "classes", "person"), [("pred_boxes", "logits", 80, 0), ("pred_boxes", "pred_logits", 1, 0)]
)
def test_raw_boxes_of_rt_detr(tmp_path: Path, boxes: str, logits: str, classes: int, person: int) -> None:
    (found,) = detected(raw(tmp_path / "rtdetr.onnx", boxes, logits, classes, person), frame(204, 51, 102))
    expected = sigmoid(np.array([0.8, 0.4, 0.2]))
    scores = found.score if classes > 1 else found.score[1:]
    np.testing.assert_allclose(scores, expected, atol=1e-3)
    np.testing.assert_allclose(found.xyxy[-3:], corners(160, 90)[[0, 2, 1]], atol=0.05)


@pytest.mark.parametrize(("classes", "person"), [(91, 1), (2, 0)])
def test_rf_detr(tmp_path: Path, classes: int, person: int) -> None:
    """ImageNet's mean and deviation; COCO's numbering with gaps, in which people are 1."""
    path = raw(tmp_path / "rfdetr.onnx", "dets", "labels", classes, person)
    (found,) = detected(path, frame(204, 51, 102))
    expected = sigmoid((np.array([204, 51, 102]) / 255 - MEAN) / STD)
    np.testing.assert_allclose(found.score, np.sort(expected)[::-1], atol=1e-3)
    np.testing.assert_allclose(found.xyxy, corners(160, 90)[np.argsort(-expected)], atol=0.05)
    assert "taken for RF-DETR" in find(str(path), "detector").assumed[0]


def test_names_in_the_file_come_first(tmp_path: Path) -> None:
    path = raw(tmp_path / "mine.onnx", "dets", "labels", 4, 2, names="{0: 'car', 1: 'dog', 2: 'person'}")
    assert len(detected(path, frame(204, 51, 102))[0].score) == 3


def test_openvino_files_and_open_sizes(tmp_path: Path) -> None:
    """The same graph as OpenVINO saves it; where height and width are open, the size is that of the training."""
    openvino = import_openvino()
    folder = tmp_path / "dfine"
    openvino.save_model(openvino.convert_model(labelled(tmp_path / "a.onnx", side="S")), folder / "dfine.xml")
    model = find(str(folder), "detector")
    assert (model.format, model.input.width, model.input.height) == ("openvino", 640, 640)
    (found,) = open_detector(model, SETTINGS).detect([frame(204, 51, 102)])
    np.testing.assert_allclose(found.xyxy, corners(160, 90)[[0, 2, 1]], atol=0.05)


def test_frames_are_read_undistorted_and_as_large_as_needed(tmp_path: Path) -> None:
    detector = open_detector(find(str(labelled(tmp_path / "a.onnx", side=640)), "detector"), SETTINGS)
    assert detector.frame_size(1920, 1080) == (1138, 640) and detector.frame_size(160, 90) == (160, 90)
    assert "a (D-FINE or RT-DETR) on OpenVINO" in detector.description and "float32" in detector.description


def test_what_is_not_known_is_refused(tmp_path: Path) -> None:
    softmax = raw(tmp_path / "detr.onnx", "pred_boxes", "logits", 92, 1)
    with pytest.raises(WeightsError, match="shares one certainty among its classes"):
        find(str(softmax), "detector")
    unnamed = raw(tmp_path / "mine.onnx", "dets", "labels", 7, 0)
    with pytest.raises(WeightsError, match="7 classes, and does not say which one is people"):
        detected(unnamed)
    swapped = {"dets": (TensorProto.FLOAT, ["N", 4, 91]), "labels": (TensorProto.FLOAT, ["N", 4, 4])}
    nodes = [constant("labels", CENTRES[None]), *logits_nodes("dets", 91, 1)]
    with pytest.raises(WeightsError, match="other shapes") as fault:
        find(str(save(tmp_path / "swapped.onnx", nodes, swapped, sizes=False, side=64)), "detector")
    assert "D-FINE, RT-DETR or RF-DETR" in fault.value.remedy


def test_rt_detr_by_ultralytics_is_not_read_as_a_yolo(tmp_path: Path) -> None:
    """Its output has a row for each box, and YOLO's a column."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[0, 1, 2, 3], keepdims=0),
        constant("zeros", np.zeros((1, 300, 84), np.float32)),
        helper.make_node("Add", ["zeros", "mean"], ["output0"]),
    ]
    outputs = {"output0": (TensorProto.FLOAT, [1, 300, 84])}
    names = {number: "person" if number == 0 else f"class {number}" for number in range(80)}
    path = save(tmp_path / "rtdetr.onnx", nodes, outputs, sizes=False, side=64, names=str(names))
    with pytest.raises(WeightsError, match="RT-DETR by Ultralytics"):
        detected(path)


def test_keys_follow_the_preprocessing(tmp_path: Path) -> None:
    """What was stored with other pixels, or by another reading of the outputs, is never used."""
    paths = [
        labelled(tmp_path / "a.onnx"),
        labelled(tmp_path / "b.onnx", side=96),
        raw(tmp_path / "c.onnx", "dets", "labels", 91, 1),
    ]
    keys = []
    for path in paths:
        networks = Networks.from_names(str(path), "none", "auto")
        keys.append({**networks.key(networks.detector_model), "model": ""})
    assert all(keys[a] != keys[b] for a, b in ((0, 1), (0, 2), (1, 2)))


@pytest.mark.timeout(120)
def test_a_run_with_a_file_of_the_user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`run --weights`: tracks where the boxes are, and what the file was taken for in the record."""
    clip = write_scene(tmp_path / "gate.mp4", 20)
    path = raw(tmp_path / "rfdetr.onnx", "dets", "labels", 91, 1, lift=4)
    means = helper.make_node("ReduceMean", ["images"], ["out"], axes=[2, 3], keepdims=0)
    looks = save(tmp_path / "looks.onnx", [means], {"out": (TensorProto.FLOAT, ["N", 3])}, sizes=False, side=32)
    words = ["run", str(clip), "--out", str(tmp_path / "out"), "--weights", str(path), "--features", str(looks)]
    assert main([*words, "--fps", "0", "--no-zip", "--progress", "none"]) == 0
    box = corners(WIDTH, HEIGHT)[0]
    detector = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["models"]["detector"]
    tracks = np.loadtxt(tmp_path / "out" / "tracks" / "gate.txt", delimiter=",", ndmin=2)
    first = tracks[tracks[:, 0] == 1][:, 2:6]
    assert len(first) == 3 and any(np.allclose(row, [*box[:2], *(box[2:] - box[:2])], atol=1) for row in first)
    assert detector["name"] == "rfdetr" and "taken for RF-DETR" in " ".join(detector["assumed"])
