"""Reads PyTorch checkpoints without running anything in them, and tells by their keys which network they belong to.

A file that the manifest does not know: which network it is, by its contents, and what must be assumed to use it."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

from core.base.errors import WeightsError
from core.machine.offline import import_openvino
from core.vision.models.digests import format_of, model_name
from core.vision.models.model import SUFFIXES, InputConvention, Kind, Model

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


def training_recipe(path: Path) -> dict[str, Any]:
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


def architecture_of(state: dict[str, Any]) -> str:
    """`resnet50`, `ft_resnet50`, `osnet_x...`, or one of them `steady_`; empty where the keys mean none of them."""
    if "steady.weight" in state:
        within = architecture_of({k.removeprefix("network."): v for k, v in state.items() if k != "steady.weight"})
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


COCO_LABELS = 91
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def recognise(path: Path, digest: str, kind: Kind, known: list[Model]) -> Model:
    """`path` as a model, with sentences in `assumed` for whatever its contents do not say."""
    form = format_of(path)
    if kind == "detector":
        # Ultralytics names its files .pt and opens no others; torchvision's are .pth.
        yolo = form in ("onnx", "openvino") or path.suffix.lower() == ".pt"
        return _yolo_model(path, digest) if yolo else _faster_rcnn_model(path, digest)
    return _checkpoint_model(path, digest, known) if form in ("pt", "safetensors") else _graph_model(path, digest)


def faster_rcnn(state: dict[str, Any]) -> tuple[str, int]:
    """Which of torchvision's Faster R-CNNs these weights are, empty for none, and how many classes they tell apart."""
    scores = state.get("roi_heads.box_predictor.cls_score.weight")
    if scores is None:
        return "", 0
    if "backbone.body.layer4.2.conv3.weight" in state and "roi_heads.box_head.0.0.weight" in state:
        return "fasterrcnn_resnet50_fpn_v2", int(scores.shape[0])
    if "backbone.body.16.0.weight" in state and "roi_heads.box_head.fc6.weight" in state:
        return "fasterrcnn_mobilenet_v3_large_fpn", int(scores.shape[0])
    return "", 0


def _faster_rcnn_model(path: Path, digest: str) -> Model:
    network, classes = faster_rcnn(read_state(path))
    if not network:
        raise WeightsError(
            f"{path.name} holds no detector known here",
            "Give a YOLO (.pt, .onnx), or a fasterrcnn_resnet50_fpn_v2 or fasterrcnn_mobilenet_v3_large_fpn (.pth).",
        )
    whose = "COCO's" if classes == COCO_LABELS else "of its own"
    return Model(
        name=model_name(path),
        kind="detector",
        path=path,
        format=format_of(path) or SUFFIXES[".pth"],
        digest=digest,
        architecture=network,
        input=InputConvention(1333, 800, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        assumed=(f"taken for {network} by the names of its weights; its {classes} classes are {whose}, 1 a person",),
    )


def _yolo_model(path: Path, digest: str) -> Model:
    return Model(
        name=model_name(path),
        kind="detector",
        path=path,
        format=format_of(path) or SUFFIXES[".pt"],
        digest=digest,
        architecture="yolo",
        input=InputConvention(640, 640),
        assumed=("taken for a YOLO detector of Ultralytics: RGB from 0 to 1, letterboxed",),
    )


def _checkpoint_model(path: Path, digest: str, known: list[Model]) -> Model:
    built = architecture_of(read_state(path))
    like = [model for model in known if model.architecture == built.removeprefix(STEADY) and model.is_pytorch]
    if not like:
        raise WeightsError(
            f"{path.name} holds none of the networks known here",
            f"Known: {', '.join(sorted({model.architecture for model in known if model.is_pytorch}))}; or give ONNX.",
        )
    assumed: tuple[str, ...] = (
        f"taken for {built} by the names of its weights; its input convention is that of {like[0].name}",
    )
    convention, recipe = like[0].input, training_recipe(path)
    if {"height", "width"} <= set(recipe):
        # Our lab always trains with this mean and deviation; the size is the recipe's.
        convention = InputConvention(int(recipe["width"]), int(recipe["height"]), mean=IMAGENET_MEAN, std=IMAGENET_STD)
        assumed = ()
    return Model(
        name=model_name(path),
        kind="embedder",
        path=path,
        format=format_of(path) or SUFFIXES[".pt"],
        digest=digest,
        architecture=built,
        input=convention,
        dimension=like[0].dimension,
        source="trained by Sightline's lab" if recipe else "named by the user",
        assumed=assumed,
    )


def _graph_model(path: Path, digest: str) -> Model:
    """ONNX and OpenVINO say their input's size and their output's length, but neither colour nor mean nor scale."""
    try:
        graph = import_openvino().Core().read_model(path)
        shape, out = graph.input(0).partial_shape, graph.output(0).partial_shape
        height, width = shape[2].get_length(), shape[3].get_length()
        dimension = out[len(out) - 1].get_length()
    except RuntimeError as fault:
        reason = str(fault).strip().splitlines()[-1]
        raise WeightsError(
            f"{path.name} cannot be read as an embedder ({reason})", "Give a model with input n x 3 x height x width."
        ) from fault
    return Model(
        name=model_name(path),
        kind="embedder",
        path=path,
        format=format_of(path) or SUFFIXES[".onnx"],
        digest=digest,
        architecture="graph",
        input=InputConvention(width, height, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        dimension=dimension,
        assumed=("nothing in the file says how pictures go in; assumed: RGB with ImageNet's mean and deviation",),
    )
