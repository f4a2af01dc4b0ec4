"""The backbone of YOLO11n (layers 0 to 10) as the body of an embedder.

A detector of people has learned what clothes, limbs and bags look like, at little cost in computing. Unlike there, the
last stage keeps the resolution of the one before it, as is usual in re-identification, and means and maxima of three
stages are joined: colours and patterns are clearer in the earlier ones. Each picture's light is normalised first.

The names of modules are those of the detector's weights, so that these can be loaded."""

# mypy: disable-error-code="misc"
# PyTorch is not followed by the type checker, so its classes have no type to inherit.

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

YOLO_BODY = "yolo11n_body"
YOLO_BODY_FEATURES = 512
LAYERS = 11
_JOINED = {4: 128, 6: 128, 10: 256}
"""Layers whose output is joined, and its channels."""
_LIGHT_STD, _LIGHT_MEAN = 0.25, 0.45
"""What the normalised light is brought to: the detector saw pictures from 0 to 1."""


class YoloBody(nn.Module):
    """(n, 3, height, width) -> (n, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _Unit(3, 16, 3, 2),
            _Unit(16, 32, 3, 2),
            _Split(32, 64, 16, _Bottleneck(16, 8)),
            _Unit(64, 64, 3, 2),
            _Split(64, 128, 32, _Bottleneck(32, 16)),
            _Unit(128, 128, 3, 2),
            _Split(128, 128, 64, _TwoWays(64)),
            _Unit(128, 256, 3, 1),  # stride 2 in the detector
            _Split(256, 256, 128, _TwoWays(128)),
            _Pools(256),
            _Attended(256),
        )
        self.reduce = nn.Linear(2 * sum(_JOINED.values()), YOLO_BODY_FEATURES)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.instance_norm(x) * _LIGHT_STD + _LIGHT_MEAN
        joined = []
        for number, layer in enumerate(self.body):
            x = layer(x)
            if number in _JOINED:
                joined += [x.mean((2, 3)), x.amax((2, 3))]
        features: Tensor = self.reduce(torch.cat(joined, 1))
        return features

    def load_detector_state(self, state: dict[str, Any]) -> None:
        """Load the layers of a YOLO11n detector; the reduction to the length of a vector stays random."""
        prefix = "model."
        layers = {f"body.{key.removeprefix(prefix)}": value for key, value in state.items() if key.startswith(prefix)}
        own = {key: value for key, value in self.state_dict().items() if key.startswith("reduce.")}
        self.load_state_dict({key: value for key, value in (layers | own).items() if key in self.state_dict()})


class _Unit(nn.Module):
    """Convolution and batch normalisation, and SiLU where it is `active`."""

    def __init__(
        self, inputs: int, outputs: int, size: int = 1, stride: int = 1, groups: int = 1, active: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)
        self.act = nn.SiLU() if active else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.act(self.bn(self.conv(x)))
        return found


class _Bottleneck(nn.Module):
    """Two convolutions, the first to `inner` channels, added to the input."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.cv1, self.cv2 = _Unit(channels, inner, 3), _Unit(inner, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = x + self.cv2(self.cv1(x))
        return found


class _TwoWays(nn.Module):
    """Half of the channels through two bottlenecks, the other half past them (C3k)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.cv1, self.cv2, self.cv3 = _Unit(channels, half), _Unit(channels, half), _Unit(channels, channels)
        self.m = nn.Sequential(_Bottleneck(half, half), _Bottleneck(half, half))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.cv3(torch.cat([self.m(self.cv1(x)), self.cv2(x)], 1))
        return found


class _Split(nn.Module):
    """One part of `inner` channels stays, the other goes through a block; both and its result are joined (C3k2)."""

    def __init__(self, inputs: int, outputs: int, inner: int, block: nn.Module) -> None:
        super().__init__()
        self.cv1, self.cv2 = _Unit(inputs, 2 * inner), _Unit(3 * inner, outputs)
        self.m = nn.ModuleList([block])

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.cv1(x).chunk(2, 1))
        parts += [block(parts[-1]) for block in self.m]
        found: Tensor = self.cv2(torch.cat(parts, 1))
        return found


class _Pools(nn.Module):
    """The maxima of ever wider surroundings (SPPF)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.cv1, self.cv2 = _Unit(channels, half), _Unit(4 * half, channels)
        self.m = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.cv1(x)]
        for _ in range(3):
            parts.append(self.m(parts[-1]))
        found: Tensor = self.cv2(torch.cat(parts, 1))
        return found


class _Attention(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = channels // 64
        self.key = channels // self.heads // 2
        self.qkv = _Unit(channels, 2 * channels, active=False)
        self.proj = _Unit(channels, channels, active=False)
        self.pe = _Unit(channels, channels, 3, groups=channels, active=False)

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        every = self.qkv(x).reshape(n, self.heads, 4 * self.key, height * width)
        query, key, value = every.split([self.key, self.key, 2 * self.key], dim=2)
        weights = (query.transpose(2, 3) @ key * self.key**-0.5).softmax(-1)
        weighed = (value @ weights.transpose(2, 3)).reshape(n, channels, height, width)
        found: Tensor = self.proj(weighed + self.pe(value.reshape(n, channels, height, width)))
        return found


class _AttentionBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attn = _Attention(channels)
        self.ffn = nn.Sequential(_Unit(channels, 2 * channels), _Unit(2 * channels, channels, active=False))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(x)
        found: Tensor = x + self.ffn(x)
        return found


class _Attended(nn.Module):
    """Half of the channels through attention over the whole picture (C2PSA)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cv1, self.cv2 = _Unit(channels, channels), _Unit(channels, channels)
        self.m = nn.Sequential(_AttentionBlock(channels // 2))

    def forward(self, x: Tensor) -> Tensor:
        stays, goes = self.cv1(x).chunk(2, 1)
        found: Tensor = self.cv2(torch.cat([stays, self.m(goes)], 1))
        return found
