"""PyTorch networks with their weights in, ending in the feature vector: the classifier is removed."""

from __future__ import annotations

from typing import Any

import torchvision
from torch import nn

from core.embed.osnet import CHANNELS, OSNet
from core.embed.steady import Steady
from core.errors import WeightsError
from core.weights import Model
from core.weights.checkpoints import STEADY, architecture, read_state

HEADS = ("fc.", "classifier.")
NECK = "neck."


def build(model: Model) -> nn.Module:
    """The network of a PyTorch file, in float32 on the CPU, ready for inference."""
    state = read_state(model.path)
    found = architecture(state)
    if found != model.architecture:
        raise WeightsError(
            f"{model.path.name} should hold {model.architecture} and holds {found or 'another network'}",
            "Name the file by its path under another name.",
        )
    network = body(model.architecture)
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


def body(architecture: str) -> nn.Module:
    """The network without its classifier, with random weights."""
    if architecture.startswith(STEADY):
        return Steady(body(architecture.removeprefix(STEADY)))
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
