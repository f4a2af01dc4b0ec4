"""Networks to train: what they load, what they ship, and that a seed decides their first weights."""

from pathlib import Path

import pytest
import torch

from core.base.errors import SettingsError, WeightsError
from core.lab.training import BACKBONES, Student, initialise, speed_up_depthwise


def saved(state: dict[str, torch.Tensor], path: Path) -> Path:
    torch.save({"state_dict": state}, path)
    return path


LARGE = ("resnet50", "osnet_x1_0")
SIZES = [pytest.param(name, marks=pytest.mark.slow if name.endswith(LARGE) else ()) for name in BACKBONES]


@pytest.mark.parametrize("backbone", SIZES)
def test_a_standard_checkpoint_with_a_classifier_loads(backbone: str, tmp_path: Path) -> None:
    giver, taker = Student(backbone, 3), Student(backbone, 5)
    initialise(giver, 1)
    initialise(taker, 2)
    head = "fc" if backbone.endswith("resnet50") else "classifier"
    # As torchreid and torchvision save them: no neck, a classifier of somebody else's people.
    state = {"module." + key: value for key, value in giver.backbone.state_dict().items()}
    state |= {f"module.{head}.weight": torch.zeros(7, 4), f"module.{head}.bias": torch.zeros(7)}
    taker.load_weights(saved(state, tmp_path / "model.pth"))
    for one, other in zip(giver.backbone.parameters(), taker.backbone.parameters(), strict=True):
        assert torch.equal(one, other)


def test_our_own_weights_bring_their_neck(tmp_path: Path) -> None:
    giver, taker = Student("osnet_x0_25", 3), Student("osnet_x0_25", 3)
    initialise(giver, 1)
    giver.train()
    giver(torch.randn(4, 3, 64, 32))
    taker.load_weights(saved(giver.embedder_state(), tmp_path / "own.pth"))
    pictures = torch.randn(2, 3, 64, 32)
    assert torch.equal(giver.eval()(pictures)[1], taker.eval()(pictures)[1])


def test_the_seed_decides_the_first_weights() -> None:
    one, same, other = (Student("osnet_x0_25", 3, teacher=4) for _ in range(3))
    for student, seed in ((one, 1), (same, 1), (other, 2)):
        torch.rand(seed + 5)
        initialise(student, seed)
    alike = [torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True)]
    assert all(alike)
    assert not torch.equal(one.identity.weight, other.identity.weight)


def test_settled_it_learns_with_the_means_that_it_has() -> None:
    student = Student("osnet_x0_25", 3)
    initialise(student, 1)
    pictures = torch.randn(4, 3, 64, 32)
    kept = {name: value.clone() for name, value in student.named_buffers()}
    student.set_training(freeze_bn=True)
    _, after = student(pictures)
    after.sum().backward()
    assert all(torch.equal(value, kept[name]) for name, value in student.named_buffers())
    assert any(weight.grad is not None for weight in student.parameters())
    # In training as when it ships.
    student.eval()
    assert torch.allclose(student(pictures)[1], after, atol=1e-5)
    student.set_training(freeze_bn=False)
    student(pictures)
    assert not all(torch.equal(value, kept[name]) for name, value in student.named_buffers())


def test_the_wrong_backbone_is_refused_in_words(tmp_path: Path) -> None:
    state = Student("osnet_x0_5", 3).embedder_state()
    with pytest.raises(WeightsError, match="has another backbone"):
        Student("osnet_x0_25", 3).load_weights(saved(state, tmp_path / "half.pth"))
    with pytest.raises(WeightsError, match="has no backbone"):
        Student("osnet_x0_25", 3).load_weights(saved({"a": torch.zeros(3)}, tmp_path / "other.pth"))
    with pytest.raises(SettingsError, match="unknown backbone"):
        Student("alexnet", 3)


def test_depthwise_convolutions_have_the_gradient_of_single_precision() -> None:
    plain, fast = Student("osnet_x0_25", 3), Student("osnet_x0_25", 3)
    initialise(plain, 1)
    initialise(fast, 1)
    speed_up_depthwise(fast)
    assert list(plain.state_dict()) == list(fast.state_dict())
    depthwise = [name for name, module in plain.named_modules() if getattr(module, "groups", 1) > 1]
    slow, quick = plain.get_submodule(depthwise[0]), fast.get_submodule(depthwise[0])
    seen = torch.randn(4, slow.weight.shape[0], 16, 8)
    for module, precise in ((slow, True), (quick, False)):
        with torch.autocast("cpu", torch.bfloat16, enabled=not precise):
            module(seen).float().square().mean().backward()
    assert quick.weight.grad.dtype == torch.float32
    assert torch.allclose(slow.weight.grad, quick.weight.grad, rtol=0.03, atol=0.003)
