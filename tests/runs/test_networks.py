"""What a run's networks are known by: everything that decides their numbers, and nothing that must be opened first."""

from pathlib import Path

import pytest

from core.runs import Networks
from core.vision.detect import Detector
from core.vision.models import Model, find


def sealed(*_: object) -> Detector:
    raise AssertionError("a network was opened")


def test_the_runtime_and_its_precision_are_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    model = find("person-yolo11n-2", "detector")
    keys = []
    for bfloat16 in (True, False):
        monkeypatch.setattr("core.runs.network_stages.cpu_has_bfloat16", lambda here=bfloat16: here)
        keys += [Networks(model, None, runtime, make_detector=sealed).key(model) for runtime in ("openvino", "torch")]
    assert [(key["runtime"], key["precision"]) for key in keys] == [
        ("openvino", "bfloat16"), ("torch", "single"), ("openvino", "single"), ("torch", "single")
    ]  # fmt: skip
    assert keys[1] == keys[3] and keys[0] != keys[2]


def test_what_runs_on_pytorch_alone_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.machine.device.has_cuda", lambda: False)
    model = Model("rcnn", "detector", tmp_path / "rcnn.pth", "pt", "0", "fasterrcnn_resnet50_fpn_v2")
    assert Networks(model, None, "auto", make_detector=sealed).key(model)["runtime"] == "torch"
