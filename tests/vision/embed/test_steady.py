"""A steady network: exposure, white balance and contrast of a picture change nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from core.lab.training import Student, initialise
from core.vision.embed import build_body, open_embedder
from core.vision.models import architecture_of, find


def lit(pictures: Tensor) -> Tensor:
    """Under other light: each channel brighter or darker, and with more or less contrast."""
    return pictures * torch.tensor([0.6, 1.4, 0.9]).view(1, 3, 1, 1) + torch.tensor([0.3, -0.2, 0.1]).view(1, 3, 1, 1)


@pytest.mark.parametrize("name", ["osnet_x0_25", pytest.param("resnet50", marks=pytest.mark.slow)])
def test_light_changes_nothing(name: str) -> None:
    torch.manual_seed(0)
    steady, plain = build_body("steady_" + name).eval(), build_body(name).eval()
    pictures = torch.randn(2, 3, 64, 32)
    with torch.inference_mode():
        before, after = steady(pictures), steady(lit(pictures))
        assert torch.allclose(before, after, atol=1e-3 * float(before.abs().max()))
        plainly, changed = plain(pictures), plain(lit(pictures))
    assert float((plainly - changed).abs().max()) > 1e-2 * float(plainly.abs().max())


@pytest.mark.parametrize("name", ["osnet_x0_25", pytest.param("resnet50", marks=pytest.mark.slow)])
def test_it_goes_on_from_the_same_network_that_is_not_steady(name: str, tmp_path: Path) -> None:
    giver, taker = Student(name, 3), Student("steady_" + name, 3)
    initialise(giver, 1)
    initialise(taker, 2)
    torch.save(giver.embedder_state(), tmp_path / "plain.pth")
    taker.load_weights(tmp_path / "plain.pth")
    own, taken = dict(giver.backbone.named_parameters()), dict(taker.backbone.network.named_parameters())
    assert own.keys() == taken.keys()
    assert all(torch.equal(own[key], taken[key]) for key in own)


@pytest.mark.slow
def test_what_is_trained_embeds_alike_on_both_runtimes(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    student = Student("steady_osnet_x0_25", 3)
    initialise(student, 1)
    for part in student.modules():
        if isinstance(part, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            part.momentum = 1.0
    student.train()
    student(torch.randn(8, 3, 16, 8).repeat_interleave(8, 2).repeat_interleave(8, 3))
    state = student.embedder_state()
    assert architecture_of(state) == "steady_osnet_x0_25"
    save_file({key: value.contiguous() for key, value in state.items()}, tmp_path / "mine.safetensors")
    model = find(str(tmp_path / "mine.safetensors"), "embedder")
    assert model.architecture == "steady_osnet_x0_25"
    coarse = np.random.default_rng(0).integers(0, 256, (3, 8, 4, 3), dtype=np.uint8)
    pictures = list(coarse.repeat(12, 1).repeat(12, 2))
    on_torch, on_openvino = (open_embedder(model, backend).embed(pictures) for backend in ("torch", "openvino"))
    assert (on_openvino * on_torch).sum(1).min() > 0.99  # OpenVINO may compute with 16 bits
    assert (on_torch @ on_torch.T).min() < 0.95
