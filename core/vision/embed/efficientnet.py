"""EfficientNet-Lite0 (Tan and Le, 2019; the Lite variant without gates, with ReLU6) as the body of an embedder.

It begins with weights that know pictures: those of ImageNet's classifier load by the names of their modules
(`_conv_stem`, `_blocks.3._expand_conv`), as TensorFlow's port to PyTorch calls them. The last stage keeps the
resolution of the one before it, as is usual in re-identification: a standing person has few pixels. Means and maxima of
earlier stages, where colours and patterns are clearer, are joined to the last one's. Each picture's light is normalised
first, to what the classifier saw on average."""

# mypy: disable-error-code="misc"
# PyTorch is not followed by the type checker, so its classes have no type to inherit.

from __future__ import annotations

import torch
from torch import Tensor, nn

EFFICIENTNET = "efficientnet_lite0"
EFFICIENTNET_FEATURES = 512
IMAGENET_CLASSIFIER = "_fc."
_EPSILON = 1e-3
_JOINED = {4: 40, 10: 112}
"""Blocks whose output is joined to the last one's, and its channels."""
_FIRST_BLOCKS = 5
_STAGES = (
    # expansion, kernel, stride of the first block, channels, blocks
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 1, 192, 4),  # stride 2 in the classifier
    (6, 3, 1, 320, 1),
)


class InvertedBlock(nn.Module):
    """Widen, convolve each channel by itself, narrow; added to its input where both have the same shape."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = inputs * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(inputs, inner, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(inner, eps=_EPSILON)
        self._depthwise_conv = nn.Conv2d(inner, inner, kernel, stride, kernel // 2, groups=inner, bias=False)
        self._bn1 = nn.BatchNorm2d(inner, eps=_EPSILON)
        self._project_conv = nn.Conv2d(inner, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, eps=_EPSILON)
        self._widens, self._adds = expansion > 1, stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        inner = nn.functional.relu6(self._bn0(self._expand_conv(x))) if self._widens else x
        found: Tensor = self._bn2(self._project_conv(nn.functional.relu6(self._bn1(self._depthwise_conv(inner)))))
        return found + x if self._adds else found


class EfficientNetLite0(nn.Module):
    """(n, 3, height, width) -> (n, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, 1, bias=False)
        self._bn0: nn.Module = nn.BatchNorm2d(32, eps=_EPSILON)
        blocks, inputs = [], 32
        for expansion, kernel, stride, outputs, repeats in _STAGES:
            for number in range(repeats):
                blocks.append(InvertedBlock(inputs, outputs, expansion, kernel, stride if number == 0 else 1))
                inputs = outputs
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = nn.Conv2d(inputs, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, eps=_EPSILON)
        self.reduce = nn.Linear(2 * sum(_JOINED.values()) + 1280, EFFICIENTNET_FEATURES)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.instance_norm(x)
        x = nn.functional.relu6(self._bn0(self._conv_stem(x)))
        joined = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in _JOINED:
                joined += [x.mean((2, 3)), x.amax((2, 3))]
        x = nn.functional.relu6(self._bn1(self._conv_head(x)))
        features: Tensor = self.reduce(torch.cat([*joined, x.mean((2, 3))], 1))
        return features

    def first_stages(self) -> list[nn.Module]:
        """What a classifier of pictures has learned for good: edges, colours, patterns."""
        return [self._conv_stem, self._bn0, *self._blocks[:_FIRST_BLOCKS]]
