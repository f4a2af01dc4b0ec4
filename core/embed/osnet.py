"""OSNet (Zhou and others, Omni-Scale Feature Learning for Person Re-Identification, 2019), for inference.

Each block looks at its input through four stacks of light 3x3 convolutions, one to four deep, and one gate shared by
all of them weighs their channels. Modules are named as torchreid names them, so that its checkpoints load.
"""

# mypy: disable-error-code="misc"
# PyTorch is not followed by the type checker, so its classes have no type to inherit.

from __future__ import annotations

import torch
from torch import Tensor, nn

# Channels of the four stages; two blocks each; every block works at a quarter of its output's channels.
CHANNELS = {
    "osnet_x1_0": (64, 256, 384, 512),
    "osnet_x0_5": (32, 128, 192, 256),
    "osnet_x0_25": (16, 64, 96, 128),
}
FEATURES = 512
SQUEEZE = 4
GATE_SQUEEZE = 16


class Unit(nn.Module):
    """Convolution, batch normalisation and, unless `linear`, ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int = 1, stride: int = 1, linear: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.act = nn.Identity() if linear else nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))


class LightUnit(nn.Module):
    """A 3x3 convolution in two cheap steps: across channels, then across space."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv2(self.conv1(x))))


class Gate(nn.Module):
    """Weighs channels by what the whole picture holds."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // GATE_SQUEEZE, 1)
        self.fc2 = nn.Conv2d(channels // GATE_SQUEEZE, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        whole = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(whole))))


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        inner = outputs // SQUEEZE
        self.conv1 = Unit(inputs, inner)
        self.conv2a = LightUnit(inner)
        self.conv2b = nn.Sequential(*(LightUnit(inner) for _ in range(2)))
        self.conv2c = nn.Sequential(*(LightUnit(inner) for _ in range(3)))
        self.conv2d = nn.Sequential(*(LightUnit(inner) for _ in range(4)))
        self.gate = Gate(inner)
        self.conv3 = Unit(inner, outputs, linear=True)
        self.downsample = Unit(inputs, outputs, linear=True) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        within = self.conv1(x)
        a, b, c, d = (self.gate(scale(within)) for scale in (self.conv2a, self.conv2b, self.conv2c, self.conv2d))
        beside = x if self.downsample is None else self.downsample(x)
        return torch.relu(self.conv3(a + b + c + d) + beside)


def _stage(inputs: int, outputs: int, halve: bool) -> nn.Sequential:
    blocks: list[nn.Module] = [Block(inputs, outputs), Block(outputs, outputs)]
    return nn.Sequential(*blocks, *([nn.Sequential(Unit(outputs, outputs), nn.AvgPool2d(2))] if halve else []))


class OSNet(nn.Module):
    """(n, 3, 256, 128) -> (n, 512). The classifier of training is left out."""

    def __init__(self, channels: tuple[int, int, int, int]) -> None:
        super().__init__()
        first, second, third, fourth = channels
        self.conv1 = Unit(3, first, 7, 2)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.conv2 = _stage(first, second, halve=True)
        self.conv3 = _stage(second, third, halve=True)
        self.conv4 = _stage(third, fourth, halve=False)
        self.conv5 = Unit(fourth, fourth)
        self.fc = nn.Sequential(nn.Linear(fourth, FEATURES), nn.BatchNorm1d(FEATURES), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv4(self.conv3(self.conv2(self.maxpool(self.conv1(x)))))
        features: Tensor = self.fc(self.conv5(x).mean((2, 3)))
        return features
