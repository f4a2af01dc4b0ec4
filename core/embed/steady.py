"""A network that does not mind a camera's light: it begins by taking each picture's own away.

Every channel of the picture is brought to its own mean and spread over the picture (instance normalisation, Ulyanov
and others 2016), and so are those of the first convolution: exposure, white balance and contrast are gone before
anything is learned. Batch normalisation keeps what it saw in training, and so falters under a camera that it never saw.
"""

# mypy: disable-error-code="misc"
# PyTorch is not followed by the type checker, so its classes have no type to inherit.

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from core.embed.osnet import OSNet


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
