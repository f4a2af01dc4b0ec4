"""Reads PyTorch checkpoints without running anything in them, and tells by their keys which network they belong to."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

from core.errors import WeightsError

OSNET_WIDTHS = {64: "osnet_x1_0", 32: "osnet_x0_5", 16: "osnet_x0_25"}
STEADY = "steady_"  # before the name of a network that takes each picture's own light away first
SAFER = "Save its state_dict alone (torch.save(model.state_dict(), ...)) or as .safetensors, and name that file."


def read_state(path: Path) -> dict[str, Any]:
    """The tensors of a checkpoint by name, on the CPU, `module.` and `state_dict` wrappings removed."""
    held = _read(path)
    while isinstance(held, dict) and isinstance(inner := held.get("state_dict", held.get("model")), dict):
        held = inner
    if not isinstance(held, dict) or not held or not all(hasattr(value, "shape") for value in held.values()):
        raise WeightsError(f"{path.name} holds no state_dict", SAFER)
    return {str(key).removeprefix("module."): value for key, value in held.items()}


def trained_as(path: Path) -> dict[str, Any]:
    """The recipe that our own lab writes into the weights it makes; empty for everybody else's."""
    if path.suffix.lower() != ".safetensors":
        return {}
    from safetensors import safe_open

    try:
        with safe_open(path, "pt") as held:
            recipe = json.loads((held.metadata() or {}).get("recipe", "{}"))
    except Exception as fault:
        raise WeightsError(f"{path.name} cannot be read as weights ({fault})", "Fetch the file again.") from fault
    return recipe if isinstance(recipe, dict) else {}


def _read(path: Path) -> Any:
    import torch

    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        with warnings.catch_warnings():
            # It warns of old pickles, which it then reads or refuses.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as fault:
        raise WeightsError(
            f"{path.name} cannot be loaded safely: it is damaged, or holds objects that would run code", SAFER
        ) from fault
    except Exception as fault:
        # A damaged file makes these readers raise almost anything.
        raise WeightsError(f"{path.name} cannot be read as weights ({fault})", "Fetch the file again.") from fault


def architecture(state: dict[str, Any]) -> str:
    """`resnet50`, `ft_resnet50`, `osnet_x...`, or one of them `steady_`; empty where the keys mean none of them."""
    if "steady.weight" in state:
        within = architecture({k.removeprefix("network."): v for k, v in state.items() if k != "steady.weight"})
        return STEADY + within if within else ""
    if "conv1.conv.weight" in state and "conv5.conv.weight" in state:
        return OSNET_WIDTHS.get(int(state["conv1.conv.weight"].shape[0]), "")
    for prefix, name in (("", "resnet50"), ("model.", "ft_resnet50")):
        # 2,048 rows and three convolutions a block: ResNet50. 101 and 152 have more blocks in layer3.
        last = state.get(f"{prefix}layer4.2.conv3.weight")
        if last is None or last.shape[0] != 2048 or f"{prefix}layer3.6.conv1.weight" in state:
            continue
        # The baseline's part model has the same body, other strides and six numbered classifiers.
        if not prefix or any(key.startswith("classifier.add_block") for key in state):
            return name
    return ""
