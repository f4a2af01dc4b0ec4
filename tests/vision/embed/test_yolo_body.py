"""The backbone of YOLO11n as the body of an embedder: it computes what the detector computes, and begins from one."""

from pathlib import Path

import pytest
import torch

from core.lab.training import Student, initialise
from core.machine.offline import import_ultralytics
from core.vision.embed import YOLO_BODY, YOLO_BODY_FEATURES, YoloBody, build_body
from core.vision.models import architecture_of

WEIGHTS = Path(__file__).resolve().parents[3] / "weights"


@pytest.mark.slow
def test_its_layers_compute_what_those_of_ultralytics_do() -> None:
    detector = import_ultralytics().YOLO(str(WEIGHTS / "person-yolo11n-2.pt"), task="detect").model.float().eval()
    body = YoloBody().eval()
    body.load_detector_state(detector.state_dict())
    body.body[7].conv.stride = (2, 2)
    x = torch.rand(2, 3, 128, 64)
    with torch.inference_mode():
        theirs, ours = x, x
        for layer, own in zip(detector.model[:11], body.body, strict=True):
            theirs, ours = layer(theirs), own(ours)
            assert torch.allclose(theirs, ours, atol=1e-4)


def test_a_vector_per_picture_whatever_its_size_and_light() -> None:
    torch.manual_seed(0)
    body = build_body(YOLO_BODY).eval()
    pictures = torch.rand(2, 3, 128, 64)
    with torch.inference_mode():
        vectors = body(pictures)
        assert vectors.shape == (2, YOLO_BODY_FEATURES) and body(torch.zeros(1, 3, 96, 48)).shape == (1, 512)
        assert torch.allclose(body(pictures * 0.5 + 0.2), vectors, atol=1e-2)


def test_it_is_recognised_by_its_weights() -> None:
    state = build_body(YOLO_BODY).state_dict()
    assert architecture_of(state) == YOLO_BODY
    del state["reduce.weight"]
    assert architecture_of(state) == ""


@pytest.mark.slow
def test_it_begins_from_a_detector_of_the_same_size(tmp_path: Path) -> None:
    student = Student(YOLO_BODY, 2)
    initialise(student, 1)
    own = student.backbone.reduce.weight.clone()
    student.load_weights(WEIGHTS / "person-yolo11n-2.pt")
    first = student.backbone.body[0].conv.weight
    detector = import_ultralytics().YOLO(str(WEIGHTS / "person-yolo11n-2.pt"), task="detect").model.float()
    assert torch.equal(first, detector.model[0].conv.weight) and torch.equal(student.backbone.reduce.weight, own)


def test_a_detector_of_another_size_is_refused() -> None:
    body = YoloBody()
    state = {key.replace("body.", "model."): value for key, value in body.state_dict().items()}
    body.load_detector_state(state)
    state["model.0.conv.weight"] = torch.zeros(32, 3, 3, 3)
    with pytest.raises(RuntimeError):
        body.load_detector_state(state)
    del state["model.0.conv.weight"]
    with pytest.raises(RuntimeError):
        body.load_detector_state(state)
