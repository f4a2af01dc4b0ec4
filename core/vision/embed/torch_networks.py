"""Embedding with PyTorch: OSNet, ResNet50, EfficientNet, and each behind instance normalisation (called steady).

OSNet (Zhou and others, Omni-Scale Feature Learning for Person Re-Identification, 2019): each block sees its input
through four stacks of light 3x3 convolutions, one to four deep, whose channels one shared gate weighs. Modules are
named as in torchreid, so that its checkpoints load.

A steady network does not depend on a camera's light. Instance normalisation (Ulyanov and others, 2016) of the picture's
channels and of the first convolution's output removes exposure, white balance and contrast of each picture. Batch
normalisation, by contrast, keeps the statistics of its training and fails under cameras that differ from it."""

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
from core.vision.embed.efficientnet import EFFICIENTNET, IMAGENET_CLASSIFIER, EfficientNetLite0
from core.vision.embed.yolo_body import YOLO_BODY, YoloBody
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
HEADS = ("fc.", IMAGENET_CLASSIFIER, "classifier.")
NECK = "neck."
CUDA_BATCH, CPU_BATCH = 256, 32


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
    """A 3x3 convolution in two cheap steps: pointwise, then depthwise."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv2(self.conv1(x))))


class Gate(nn.Module):
    """Weighs channels by their means over the whole picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // GATE_SQUEEZE, 1)
        self.fc2 = nn.Conv2d(channels // GATE_SQUEEZE, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(pooled))))


class Block(nn.Module):
    """Omni-scale residual block."""

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
        reduced = self.conv1(x)
        a, b, c, d = (self.gate(scale(reduced)) for scale in (self.conv2a, self.conv2b, self.conv2c, self.conv2d))
        shortcut = x if self.downsample is None else self.downsample(x)
        return torch.relu(self.conv3(a + b + c + d) + shortcut)


def _stage(inputs: int, outputs: int, halve: bool) -> nn.Sequential:
    blocks: list[nn.Module] = [Block(inputs, outputs), Block(outputs, outputs)]
    return nn.Sequential(*blocks, *([nn.Sequential(Unit(outputs, outputs), nn.AvgPool2d(2))] if halve else []))


class OSNet(nn.Module):
    """(n, 3, height, width) -> (n, 512), without the classifier of training."""

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
    """A network behind instance normalisation, its first batch normalisation replaced by another."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.steady = nn.InstanceNorm2d(3, affine=True)
        module, name = (network.conv1, "bn") if isinstance(network, OSNet) else (network, "bn1")
        setattr(module, name, nn.InstanceNorm2d(getattr(module, name).num_features, affine=True))
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.network(self.steady(x))
        return features

    def load_plain_state(self, state: dict[str, Any]) -> None:
        """Load the weights of the same network without the normalisation; its first running statistics are dropped."""
        first = "conv1.bn" if isinstance(self.network, OSNet) else "bn1"
        dropped = (f"{first}.running", f"{first}.num")
        load_body_state(self.network, {key: value for key, value in state.items() if not key.startswith(dropped)})


def load_body_state(network: nn.Module, state: dict[str, Any]) -> None:
    """Load a body's weights. ImageNet's classifier has no reduction to the length of a vector: it stays random."""
    is_classifier = isinstance(network, EfficientNetLite0) and "reduce.weight" not in state
    own = {key: value for key, value in network.state_dict().items() if key.startswith("reduce.")}
    network.load_state_dict({**state, **own} if is_classifier else state)


def build_network(model: Model) -> nn.Module:
    """The network of a PyTorch file, in float32 on the CPU, ready for inference."""
    state = read_state(model.path)
    found = architecture_of(state)
    if found != model.architecture:
        raise WeightsError(
            f"{model.path.name} holds {found or 'another network'}, not {model.architecture}",
            "Name the file by its path under another name.",
        )
    network = build_body(model.architecture)
    body_state, neck = split_state(state, model.architecture)
    try:
        network.load_state_dict(body_state)
        if neck:
            norm = nn.BatchNorm1d(len(neck["weight"]))
            norm.load_state_dict(neck)
            network = nn.Sequential(network, norm)
    except RuntimeError as fault:
        raise WeightsError(
            f"{model.path.name} does not fit {model.architecture} ({fault})", "Download it again."
        ) from fault
    return network.float().eval().requires_grad_(False)


def build_body(architecture: str) -> nn.Module:
    """The network without its classifier, with random weights."""
    if architecture.startswith(STEADY):
        return Steady(build_body(architecture.removeprefix(STEADY)))
    if architecture in CHANNELS:
        return OSNet(CHANNELS[architecture])
    if architecture == EFFICIENTNET:
        return EfficientNetLite0()
    if architecture == YOLO_BODY:
        return YoloBody()
    network: nn.Module = torchvision.models.resnet50(weights=None)
    network.fc = nn.Identity()
    return network


def split_state(state: dict[str, Any], architecture: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The weights of the body, and of the neck that Sightline's models have (empty for others), without classifiers."""
    heads = ("classifier.",) if architecture in CHANNELS else HEADS
    headless = {key.removeprefix("model."): value for key, value in state.items() if not key.startswith((*heads, NECK))}
    body = {key: value for key, value in headless.items() if not key.startswith(heads)}
    neck = {key.removeprefix(NECK): value for key, value in state.items() if key.startswith(NECK)}
    return body, neck


class TorchNetwork:
    """A model on `device`: `cuda` in half precision, or `cpu` in float32."""

    def __init__(self, model: Model, device: str) -> None:
        half = device == "cuda"
        self.batch = CUDA_BATCH if half else CPU_BATCH
        self.precision = f"torch {device} {'float16' if half else 'float32'}"
        self.description = (
            f"PyTorch {torch.__version__.split('+')[0]}, {device.upper()}, {'float16' if half else 'float32'}"
        )
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
