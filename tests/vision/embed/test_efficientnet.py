"""EfficientNet-Lite0 as a body: recognised by its weights, begun from those of ImageNet's classifier."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.base.errors import WeightsError
from core.lab.training import Student, initialise
from core.vision.embed import EFFICIENTNET, EFFICIENTNET_FEATURES, build_body
from core.vision.models import architecture_of, find


def classifier() -> dict[str, torch.Tensor]:
    """What a classifier of ImageNet holds: a body without the reduction, and a layer of 1,000 classes."""
    torch.manual_seed(3)
    body = build_body(EFFICIENTNET).state_dict()
    state = {key: value for key, value in body.items() if not key.startswith("reduce.")}
    return {**state, "_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}


def test_a_vector_per_picture_of_any_size() -> None:
    body = build_body(EFFICIENTNET).eval()
    with torch.inference_mode():
        assert body(torch.zeros(2, 3, 160, 80)).shape == (2, EFFICIENTNET_FEATURES)
        assert body(torch.zeros(1, 3, 64, 48)).shape == (1, EFFICIENTNET_FEATURES)


def test_only_this_size_of_the_lite_family_is_taken_for_it() -> None:
    state = classifier()
    assert architecture_of(state) == EFFICIENTNET
    assert architecture_of({**state, "_blocks.3._se_reduce.weight": torch.zeros(1)}) == ""
    assert architecture_of({**state, "_blocks.16._bn2.weight": torch.zeros(1)}) == ""


def test_it_goes_on_from_a_classifier_whose_first_stages_stay(tmp_path: Path) -> None:
    state = classifier()
    torch.save(state, tmp_path / "imagenet.pth")
    student = Student(EFFICIENTNET, 2)
    initialise(student, 1)
    own = student.backbone.reduce.weight.clone()
    student.load_weights(tmp_path / "imagenet.pth")
    body = student.backbone
    assert torch.equal(body._blocks[15]._project_conv.weight, state["_blocks.15._project_conv.weight"])
    assert torch.equal(body.reduce.weight, own)
    student.set_training(freeze_bn=False)
    before = {key: value.clone() for key, value in body.state_dict().items()}
    student(torch.rand(4, 3, 64, 32))[0].square().mean().backward()
    assert body._conv_stem.weight.grad is None and body._blocks[5]._expand_conv.weight.grad is not None
    changed = {key for key, value in body.state_dict().items() if not torch.equal(value, before[key])}
    assert changed and all(not key.startswith(("_bn0.", "_blocks.4.")) for key in changed)


def test_light_changes_nothing() -> None:
    torch.manual_seed(0)
    body, pictures = build_body(EFFICIENTNET).eval(), torch.rand(2, 3, 64, 32)
    with torch.inference_mode():
        assert torch.allclose(body(pictures), body(pictures * 0.5 + 0.2), atol=1e-2)


def test_a_classifier_with_a_part_missing_is_refused(tmp_path: Path) -> None:
    state = classifier()
    del state["_bn1.weight"]
    torch.save(state, tmp_path / "cut.pth")
    with pytest.raises(WeightsError, match="another backbone"):
        Student(EFFICIENTNET, 2).load_weights(tmp_path / "cut.pth")


def test_what_the_lab_trains_is_opened_by_its_file_alone(tmp_path: Path) -> None:
    student = Student(EFFICIENTNET, 2)
    initialise(student, 1)
    recipe = {"recipe": json.dumps({"backbone": EFFICIENTNET, "height": 96, "width": 48})}
    save_file(student.half_precision_state(), tmp_path / "mine.safetensors", recipe)
    model = find(str(tmp_path / "mine.safetensors"), "embedder")
    assert (model.architecture, model.dimension) == (EFFICIENTNET, EFFICIENTNET_FEATURES)
    assert (model.input.height, model.input.width, model.assumed) == (96, 48, ())
