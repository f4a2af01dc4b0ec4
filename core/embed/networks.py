"""PyTorch networks with their weights in, ending in the feature vector: the classifier is removed."""

from __future__ import annotations

import torchvision
from torch import nn

from core.embed.osnet import CHANNELS, OSNet
from core.errors import WeightsError
from core.weights import Model
from core.weights.checkpoints import architecture, read_state

HEADS = ("fc.", "classifier.")


def build(model: Model) -> nn.Module:
    """The network of a PyTorch file, in float32 on the CPU, ready for inference."""
    state = read_state(model.path)
    found = architecture(state)
    if found != model.architecture:
        raise WeightsError(
            f"{model.path.name} should hold {model.architecture} and holds {found or 'another network'}",
            "Name the file by its path under another name.",
        )
    network: nn.Module
    if model.architecture in CHANNELS:
        network = OSNet(CHANNELS[model.architecture])
        heads: tuple[str, ...] = ("classifier.",)
    else:
        network = torchvision.models.resnet50(weights=None)
        network.fc = nn.Identity()
        heads = HEADS
    body = {key.removeprefix("model."): value for key, value in state.items() if not key.startswith(heads)}
    body = {key: value for key, value in body.items() if not key.startswith(heads)}
    try:
        network.load_state_dict(body)
    except RuntimeError as fault:
        raise WeightsError(
            f"{model.path.name} does not fit {model.architecture} ({fault})", "Fetch it again."
        ) from fault
    return network.eval().requires_grad_(False)
