"""The detector that ships, on every runtime of this machine; other YOLO families through the same door."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from core.base.errors import BackendError, WeightsError
from core.base.settings import DetectSettings, VideoSettings
from core.base.types import Image
from core.lab.synthetic import sample_clips, sample_folder
from core.machine.offline import import_ultralytics
from core.vision.detect import Boxes, Detector, open_detector
from core.vision.models import InputConvention, Model, find
from core.vision.track import iou_matrix
from core.vision.video import plan, probe, read

pytestmark = pytest.mark.usefixtures("exported")
SHIPPED = "person-yolo11n-2"


def pictures(clip: Path, every: int, size: tuple[int, int] | None = None) -> list[Image]:
    probed = probe(clip)
    with read(probed, plan(probed, VideoSettings(fps=0))[::every], scale_to=size) as frames:
        return [picture.bgr for picture in frames]


def all_of(detector: Detector, frames: list[Image]) -> list[Boxes]:
    return list(detector.detect(frames))


def partnered(ones: list[Boxes], others: list[Boxes], least: float) -> float:
    """Share of boxes above 0.25 in `ones` that have a partner in `others` with at least that overlap."""
    hits = total = 0
    for one, other in zip(ones, others, strict=True):
        sure = one.xyxy[one.score > 0.25]
        total += len(sure)
        if len(sure) and len(other.xyxy):
            hits += int((iou_matrix(sure, other.xyxy).max(axis=1) >= least).sum())
    return hits / max(total, 1)


@pytest.fixture(scope="module")
def noise() -> list[Image]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (90, 160, 3), np.uint8) for _ in range(5)]


def test_openvino_answers_in_order_and_one_box_list_per_frame(noise: list[Image]) -> None:
    detector = open_detector(find(SHIPPED, "detector"), DetectSettings(size=320), "openvino")
    assert "OpenVINO" in detector.description and SHIPPED in detector.description
    together = all_of(detector, noise)
    alone = [all_of(detector, [frame])[0] for frame in noise]
    assert len(together) == len(noise)
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one.xyxy, other.xyxy)
    assert all_of(detector, []) == []


@pytest.mark.slow
def test_eight_bits_find_the_same_people() -> None:
    frames = pictures(sample_clips(sample_folder())[0], 100, (640, 360))
    models = [find(name, "detector") for name in (SHIPPED, f"{SHIPPED}-int8")]
    floats, eights = (open_detector(model, DetectSettings(), "openvino") for model in models)
    assert "INT8" in eights.description and "INT8" not in floats.description
    assert models[1].digest in eights.key and floats.key != eights.key  # results of one are never taken for the other's
    ones, others = all_of(floats, frames), all_of(eights, frames)
    assert sum((found.score > 0.25).sum() for found in ones) > 5
    assert partnered(ones, others, 0.8) > 0.9 and partnered(others, ones, 0.8) > 0.9


def test_leaving_half_way_is_clean(noise: list[Image]) -> None:
    detector = open_detector(find(SHIPPED, "detector"), DetectSettings(size=320), "openvino")
    results = detector.detect(noise)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(all_of(detector, noise)) == len(noise)


def test_torch_is_there_when_asked_for(noise: list[Image]) -> None:
    detector = open_detector(find(SHIPPED, "detector"), DetectSettings(size=320), "torch")
    assert "PyTorch" in detector.description
    assert len(all_of(detector, noise)) == len(noise)


def test_what_is_not_here_is_said(shared: Path) -> None:
    model = find(str(shared / "weights" / "yolov8n_int8_openvino_model"), "detector")
    with pytest.raises(BackendError, match="no PyTorch file"):
        open_detector(model, DetectSettings(), "torch")


def test_a_file_that_is_no_yolo_is_said(tmp_path: Path) -> None:
    path = tmp_path / "fake.pt"
    path.write_bytes(b"not weights")
    model = Model("fake", "detector", path, "pt", "0" * 64, "yolo", InputConvention())
    with pytest.raises(WeightsError, match="no YOLO model"):
        open_detector(model, DetectSettings(), "openvino")


def onnx_file(path: Path, shape: list[int], output: list[int]) -> Path:
    """A network that reshapes its input, with the classes of one of our detectors."""
    target = helper.make_tensor("shape", TensorProto.INT64, [len(output)], output)
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["images", "shape"], ["out"])],
        "network",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, output)],
        [target],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    model.metadata_props.add(key="names", value="{0: 'person'}")
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("kind", ["no graph", "cut off", "a vector", "another input", "names"])
def test_a_broken_onnx_detector_is_said(tmp_path: Path, kind: str, noise: list[Image]) -> None:
    path = tmp_path / "mine.onnx"
    content = onnx_file(path, [1, 3, 32, 32], [1, 6, 512]).read_bytes()
    if kind == "no graph":
        path.write_bytes(b"no graph at all")
    elif kind == "cut off":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "a vector":
        onnx_file(path, [1, 3, 32, 32], [1, 3072])
    elif kind == "another input":
        onnx_file(path, [1, 3072], [1, 6, 512])
    else:
        path.write_bytes(content.replace(b"{0: 'person'}", b"[[[[[[[[[[[[["))
    model = Model("mine", "detector", path, "onnx", "0" * 64, "yolo", InputConvention())
    with pytest.raises(WeightsError) as fault:
        all_of(open_detector(model, DetectSettings(size=320), "openvino"), noise)
    assert fault.value.remedy


@pytest.mark.shared
@pytest.mark.timeout(300)
def test_openvino_finds_what_ultralytics_finds(shared: Path) -> None:
    """98 of 100 boxes of Ultralytics' own `predict` have a partner, on a clip enlarged and on one reduced."""
    model = find(SHIPPED, "detector")
    ours = open_detector(model, DetectSettings(), "openvino")
    theirs = import_ultralytics().YOLO(str(model.path), task="detect")
    found: list[Boxes] = []
    said: list[Boxes] = []
    for clip, every in (("pets_s2l1/view1.avi", 25), ("clips/woman_walking_1080p.mov", 4)):
        path = shared / "data" / clip
        probed = probe(path)
        looked_at = ours.frame_size(probed.width, probed.height)
        scale = np.array((probed.width / looked_at[0], probed.height / looked_at[1]) * 2, np.float32)
        found += [Boxes(b.xyxy * scale, b.score) for b in ours.detect(pictures(path, every, looked_at))]
        said += [
            Boxes(r.boxes.xyxy.numpy(), r.boxes.conf.numpy())
            for frame in pictures(path, every)
            for r in theirs.predict(frame, imgsz=640, conf=0.05, iou=0.7, verbose=False)
        ]
    shares = partnered(said, found, 0.9), partnered(found, said, 0.9)
    assert min(shares) >= 0.98, shares


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("family", ["yolov8n", "yolo11n", "yolo26n"])
def test_families(family: str, tmp_path: Path, noise: list[Image]) -> None:
    """Random weights of each family, made here: OpenVINO says what PyTorch says, suppressed or not by the network."""
    import torch

    torch.manual_seed(0)
    yolo = import_ultralytics().YOLO(f"{family}.yaml", task="detect")
    yolo.model.names = {number: "person" if number == 0 else f"class {number}" for number in range(80)}
    path = tmp_path / f"{family}.pt"
    yolo.save(str(path))
    model = Model(family, "detector", path, "pt", family.ljust(64, "0"), "yolo", InputConvention())
    settings = DetectSettings(size=160, floor=0.0005, nms_iou=0.99)
    ours = all_of(open_detector(model, settings, "openvino"), noise)
    theirs = all_of(open_detector(model, settings, "torch"), noise)
    assert [len(b.score) > 0 for b in ours] == [len(b.score) > 0 for b in theirs]
    top = [np.abs(a.score[:1] - b.score[:1]).max(initial=0) for a, b in zip(ours, theirs, strict=True)]
    assert max(top) < 0.01
