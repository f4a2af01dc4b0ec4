"""What the trainer does is tried on a network of two layers, and on a real one among the slow tests."""

# mypy: disable-error-code="misc"

from __future__ import annotations

import pytest
import torch
from torch import nn

from core.lab.training import BACKBONES, Backbone

WIDTH = 32


class Toy(nn.Module):
    """Two convolutions, and the mean and the spread of what they answer over the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(3, 16, 5, stride=4, padding=2), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.Conv2d(16, WIDTH // 2, 3, stride=2, padding=1), nn.BatchNorm2d(WIDTH // 2), nn.ReLU()),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts: torch.Tensor = self.layers(x).flatten(2)
        return torch.cat([parts.mean(2), parts.std(2)], 1)


@pytest.fixture(params=["toy", pytest.param("osnet_x0_25", marks=pytest.mark.slow)])
def backbone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a network that can be trained."""
    monkeypatch.setitem(BACKBONES, "toy", Backbone(Toy, WIDTH))
    name: str = request.param
    return name
