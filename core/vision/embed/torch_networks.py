"""OSNet (Zhou and others, Omni-Scale Feature Learning for Person Re-Identification, 2019), for inference.

Each block looks at its input through four stacks of light 3x3 convolutions, one to four deep, and one gate shared by
all of them weighs their channels. Modules are named as torchreid names them, so that its checkpoints load.

A network that does not mind a camera's light: it begins by taking each picture's own away.

Every channel of the picture is brought to its own mean and spread over the picture (instance normalisation, Ulyanov
and others 2016), and so are those of the first convolution: exposure, white balance and contrast are gone before
anything is learned. Batch normalisation keeps what it saw in training, and so falters under a camera that it never saw.

PyTorch networks with their weights in, ending in the feature vector: the classifier is removed.

Features through PyTorch: half precision on CUDA, float32 on a CPU."""

# mypy: disable-error-code="misc"
# PyTorch is not followed by the type checker, so its classes have no type to inherit.

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor, nn

from core.base.errors import WeightsError
from core.base.types import Floats, Image
from core.vision.models import STEADY, Model, architecture_of, read_state

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


class Steady(nn.Module):
    """OSNet or ResNet50 behind such a normalisation, and with another in place of its first."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.steady = nn.InstanceNorm2d(3, affine=True)
        holder, name = (network.conv1, "bn") if isinstance(network, OSNet) else (network, "bn1")
        setattr(holder, name, nn.InstanceNorm2d(getattr(holder, name).num_features, affine=True))
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.network(self.steady(x))
        return features

    def begin_from(self, state: dict[str, Any]) -> None:
        """Take over the weights of the same network that is not steady; only its first means and spreads are lost."""
        lost = ("conv1.bn.running", "conv1.bn.num", "bn1.running", "bn1.num")
        self.network.load_state_dict({key: value for key, value in state.items() if not key.startswith(lost)})


HEADS = ("fc.", "classifier.")
NECK = "neck."


def build_network(model: Model) -> nn.Module:
    """The network of a PyTorch file, in float32 on the CPU, ready for inference."""
    state = read_state(model.path)
    found = architecture_of(state)
    if found != model.architecture:
        raise WeightsError(
            f"{model.path.name} should hold {model.architecture} and holds {found or 'another network'}",
            "Name the file by its path under another name.",
        )
    network = build_body(model.architecture)
    within, neck = split_state(state, model.architecture)
    try:
        network.load_state_dict(within)
        if neck:
            norm = nn.BatchNorm1d(len(neck["weight"]))
            norm.load_state_dict(neck)
            network = nn.Sequential(network, norm)
    except RuntimeError as fault:
        raise WeightsError(
            f"{model.path.name} does not fit {model.architecture} ({fault})", "Fetch it again."
        ) from fault
    return network.float().eval().requires_grad_(False)


def build_body(architecture: str) -> nn.Module:
    """The network without its classifier, with random weights."""
    if architecture.startswith(STEADY):
        return Steady(build_body(architecture.removeprefix(STEADY)))
    if architecture in CHANNELS:
        return OSNet(CHANNELS[architecture])
    network: nn.Module = torchvision.models.resnet50(weights=None)
    network.fc = nn.Identity()
    return network


def split_state(state: dict[str, Any], architecture: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The weights of the body, and of the neck that our own models have (empty for others); classifiers left out."""
    heads = ("classifier.",) if architecture in CHANNELS else HEADS
    within = {key.removeprefix("model."): value for key, value in state.items() if not key.startswith((*heads, NECK))}
    within = {key: value for key, value in within.items() if not key.startswith(heads)}
    neck = {key.removeprefix(NECK): value for key, value in state.items() if key.startswith(NECK)}
    return within, neck


CUDA_BATCH, CPU_BATCH = 256, 32


class TorchNetwork:
    """`device` is `cpu` or `cuda`."""

    def __init__(self, model: Model, device: str) -> None:
        half = device == "cuda"
        self.batch = CUDA_BATCH if half else CPU_BATCH
        self.precision = f"torch {device} {'float16' if half else 'float32'}"
        self.description = f"PyTorch {torch.__version__.split('+')[0]}, {device.upper()}, {'float16' if half else 'float32'}"
        self._device, self._type = torch.device(device), torch.float16 if half else torch.float32
        self._network = build_network(model).to(self._device, self._type, memory_format=torch.channels_last)
        convention = model.input
        self._rgb = convention.colour == "rgb"
        self._mean = torch.tensor(convention.mean, device=self._device).view(1, 3, 1, 1) * convention.scale
        self._std = torch.tensor(convention.std, device=self._device).view(1, 3, 1, 1) * convention.scale
        self.dimension = self.run(np.zeros((1, convention.height, convention.width, 3), np.uint8)).shape[1]

    def run(self, pictures: Image) -> Floats:
        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(pictures)).to(self._device).permute(0, 3, 1, 2)
            x = x.flip(1) if self._rgb else x
            x = ((x.float() - self._mean) / self._std).to(self._type)
            features: Floats = self._network(x).flatten(1).float().cpu().numpy()
            return features
