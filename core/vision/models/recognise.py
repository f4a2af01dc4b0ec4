"""Recognising the model in a file that the manifest does not know, by its content; what remains unknown is assumed.

Checkpoints are read without running any code inside them; the names of their tensors tell the architecture."""

from __future__ import annotations

import functools
import json
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.base.errors import WeightsError
from core.machine.offline import import_openvino
from core.vision.models.digests import format_of, model_name
from core.vision.models.model import MODEL_SUFFIXES, InputConvention, Model, ModelKind, ScoreScale

COCO_LABELS = 91
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OSNET_WIDTHS = {64: "osnet_x1_0", 32: "osnet_x0_5", 16: "osnet_x0_25"}
COCO_PERSON = {80: 0, 91: 1}
"""Where people are among the classes of detectors that learned COCO: by the number of classes, without or with gaps."""
RT_DETR, RF_DETR = "rtdetr", "rfdetr"
"""Architectures of detectors that give each box once: D-FINE and RT-DETR, and RF-DETR."""
STEADY = "steady_"  # prefix of networks that normalise each picture's own light first
NECK_WEIGHT = "neck.weight"  # of the embedders that Sightline's lab trains
CARD_PLACE = ["sightline", "card"]
"""Where OpenVINO files that the lab has quantized say what they were made of."""
_DETR_SIDE = 640  # what D-FINE and RT-DETR are trained with, where the file leaves it open
EXPORT_DETR = "Give D-FINE, RT-DETR or RF-DETR as their own projects export them (docs/models.md)."
SAVE_STATE_DICT = (
    "Save its state_dict alone (torch.save(model.state_dict(), ...)) or as .safetensors, and name that file."
)


def read_state(path: Path) -> dict[str, Any]:
    """The tensors of a checkpoint by name, on the CPU, without `module.` prefixes and `state_dict` wrappers."""
    content = _read(path)
    while isinstance(content, dict) and isinstance(inner := content.get("state_dict", content.get("model")), dict):
        content = inner
    if not isinstance(content, dict) or not content or not all(hasattr(value, "shape") for value in content.values()):
        raise WeightsError(f"{path.name} holds no state_dict", SAVE_STATE_DICT)
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def training_recipe(path: Path) -> dict[str, Any]:
    """The training recipe that Sightline's lab writes into its weights; empty for all other files."""
    if path.suffix.lower() != ".safetensors":
        return {}
    from safetensors import safe_open

    try:
        with safe_open(path, "pt") as file:
            recipe = json.loads((file.metadata() or {}).get("recipe", "{}"))
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
            # PyTorch warns of old pickles, which it then reads or refuses.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as fault:
        raise WeightsError(
            f"{path.name} cannot be loaded safely: it is damaged, or holds objects that would run code", SAVE_STATE_DICT
        ) from fault
    except Exception as fault:
        # On a damaged file these readers raise almost any exception.
        raise WeightsError(f"{path.name} cannot be read as weights ({fault})", "Fetch the file again.") from fault


def architecture_of(state: dict[str, Any]) -> str:
    """`resnet50`, `ft_resnet50`, `osnet_x...`, `efficientnet_lite0`, perhaps after `steady_`, or `yolo11n_body`; empty
    for others."""
    if "steady.weight" in state:
        inner = architecture_of({k.removeprefix("network."): v for k, v in state.items() if k != "steady.weight"})
        return STEADY + inner if inner else ""
    if "conv1.conv.weight" in state and "conv5.conv.weight" in state:
        return OSNET_WIDTHS.get(int(state["conv1.conv.weight"].shape[0]), "")
    if "body.10.m.0.attn.qkv.conv.weight" in state and "reduce.weight" in state:
        return "yolo11n_body"
    if "_conv_stem.weight" in state and "_blocks.15._project_conv.weight" in state:
        # The gates of plain EfficientNets are absent from the Lite variant; Lite0 alone has 16 blocks.
        return "" if any("_se_" in key for key in state) or "_blocks.16._bn2.weight" in state else "efficientnet_lite0"
    for prefix, name in (("", "resnet50"), ("model.", "ft_resnet50")):
        # Three convolutions in a block with 2,048 outputs: ResNet50. ResNet101 and 152 have more blocks in layer3.
        last = state.get(f"{prefix}layer4.2.conv3.weight")
        if last is None or last.shape[0] != 2048 or f"{prefix}layer3.6.conv1.weight" in state:
            continue
        # The part model (PCB) of the same baseline has the same body, but other strides and six classifiers.
        if not prefix or any(key.startswith("classifier.add_block") for key in state):
            return name
    return ""


def recognise(path: Path, digest: str, kind: ModelKind, candidates: list[Model]) -> Model:
    """The model in the file at `path`, one of `candidates` or similar; `assumed` says what the file does not state."""
    form = format_of(path)
    if kind == "detector":
        # Ultralytics opens .pt files only; those of torchvision are .pth.
        if form in ("onnx", "openvino"):
            return _detr_model(path, digest) or _yolo_model(path, digest)
        return _yolo_model(path, digest) if path.suffix.lower() == ".pt" else _faster_rcnn_model(path, digest)
    return _checkpoint_model(path, digest, candidates) if form in ("pt", "safetensors") else _graph_model(path, digest)


def faster_rcnn(state: dict[str, Any]) -> tuple[str, int]:
    """Which Faster R-CNN of torchvision these weights belong to (empty for none), and its number of classes."""
    scores = state.get("roi_heads.box_predictor.cls_score.weight")
    if scores is None:
        return "", 0
    if "backbone.body.layer4.2.conv3.weight" in state and "roi_heads.box_head.0.0.weight" in state:
        return "fasterrcnn_resnet50_fpn_v2", int(scores.shape[0])
    if "backbone.body.16.0.weight" in state and "roi_heads.box_head.fc6.weight" in state:
        return "fasterrcnn_mobilenet_v3_large_fpn", int(scores.shape[0])
    return "", 0


def _model_of(path: Path, digest: str, kind: ModelKind, architecture: str, usual_suffix: str, **facts: Any) -> Model:
    """The model in a user's file, named after it. `usual_suffix` tells the format where that of the file is unknown."""
    return Model(
        name=model_name(path),
        kind=kind,
        path=path,
        format=format_of(path) or MODEL_SUFFIXES[usual_suffix],
        digest=digest,
        architecture=architecture,
        **facts,
    )


def _faster_rcnn_model(path: Path, digest: str) -> Model:
    network, classes = faster_rcnn(read_state(path))
    if not network:
        raise WeightsError(
            f"{path.name} holds no detector known here",
            "Give a YOLO (.pt, .onnx), or a fasterrcnn_resnet50_fpn_v2 or fasterrcnn_mobilenet_v3_large_fpn (.pth).",
        )
    labels = "those of COCO" if classes == COCO_LABELS else "its own"
    return _model_of(
        path,
        digest,
        "detector",
        network,
        ".pth",
        input=InputConvention(1333, 800, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        assumed=(
            f"recognised as {network} by the names of its weights; "
            f"its {classes} classes are {labels}, class 1 is a person",
        ),
    )


def _yolo_model(path: Path, digest: str) -> Model:
    card = read_card(path, digest) if format_of(path) == "openvino" else {}
    if card:
        scores = card.get("scores")
        return _model_of(
            path,
            digest,
            "detector",
            "yolo",
            ".xml",
            input=InputConvention(640, 640),
            licence=str(card["licence"]),
            trained_on=str(card["trained_on"]),
            source=f"quantized by Sightline's lab from {card['quantized_from']}",
            scale=ScoreScale(**scores) if scores else None,
            assumed=(f"its scores are taken to be those of {card['quantized_from']}",) if scores else (),
        )
    return _model_of(
        path,
        digest,
        "detector",
        "yolo",
        ".pt",
        input=InputConvention(640, 640),
        assumed=("assumed to be a YOLO detector of Ultralytics: RGB from 0 to 1, letterboxed",),
    )


@dataclass(frozen=True)
class DetrLayout:
    """The inputs and outputs of a detector that gives each box once, found by their names.

    image       number of the input that takes pictures, of `width` x `height` (0: any)
    sizes       number of the input that takes the width and height in which boxes are given; -1 without
    boxes       output (1, boxes, 4): x, y, x, y if there are `labels`, otherwise centre and size from 0 to 1
    scores      output (1, boxes) of scores if there are `labels`, otherwise (1, boxes, classes) before the sigmoid
    labels      output (1, boxes) with the class of each box; empty if the classes have scores of their own
    classes     how many classes have scores; 0 if the output does not say
    """

    image: int
    sizes: int
    width: int
    height: int
    boxes: str
    scores: str
    labels: str
    classes: int


def detr_layout(graph: Any, name: str) -> DetrLayout | None:
    """The layout of OpenVINO's `graph`; None for another kind. `WeightsError` where only the names are those of one."""
    outputs = {label: _shape(port) for port in graph.outputs for label in port.get_names()}
    inputs = [_shape(port) for port in graph.inputs]
    for boxes, scores, labels in (
        ("boxes", "scores", "labels"),
        ("dets", "labels", ""),
        ("pred_boxes", "logits", ""),
        ("pred_boxes", "pred_logits", ""),
    ):
        if not {boxes, scores, labels or boxes} <= set(outputs):
            continue
        image = next((number for number, shape in enumerate(inputs) if len(shape) == 4 and shape[1] in (3, 0)), -1)
        sizes = next((number for number, shape in enumerate(inputs) if len(shape) == 2 and shape[1] in (2, 0)), -1)
        ranks = len(outputs[boxes]), len(outputs[scores])
        is_usual = ranks == (3, 2 if labels else 3) and outputs[boxes][2] in (4, 0)
        if image < 0 or not is_usual or len(inputs) > 1 + (sizes >= 0):
            raise WeightsError(
                f"{name} has the outputs of a DETR ({boxes}, {scores}), but its inputs or outputs have other shapes",
                EXPORT_DETR,
            )
        height, width = inputs[image][2:]
        classes = 0 if labels else outputs[scores][2]
        return DetrLayout(image, sizes, width, height, boxes, scores, labels, classes)
    return None


def _shape(port: Any) -> list[int]:
    """Lengths of the axes, 0 for those that are open; empty if even their number is."""
    shape = port.partial_shape
    if shape.rank.is_dynamic:
        return []
    return [0 if axis.is_dynamic else axis.get_length() for axis in shape]


def _detr_model(path: Path, digest: str) -> Model | None:
    """The model in the file if it gives each box once; None if not, or if the file cannot be read."""
    layout = _read_detr_layout(path, digest)
    if layout is None:
        return None
    is_rf_detr = layout.boxes == "dets" or layout.classes == COCO_LABELS
    if layout.classes == COCO_LABELS + 1 and not is_rf_detr:
        raise WeightsError(
            f"{path.name} is a DETR that shares one certainty among its classes, which is not known here", EXPORT_DETR
        )
    width, height = layout.width or _DETR_SIDE, layout.height or _DETR_SIDE
    convention = InputConvention(width, height)
    if is_rf_detr:
        convention = InputConvention(width, height, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    family = "RF-DETR" if is_rf_detr else "D-FINE or RT-DETR"
    colours = "RGB with ImageNet's mean and standard deviation" if is_rf_detr else "RGB from 0 to 1"
    outputs = ", ".join(filter(None, (layout.boxes, layout.labels, layout.scores)))
    return _model_of(
        path,
        digest,
        "detector",
        RF_DETR if is_rf_detr else RT_DETR,
        ".onnx",
        input=convention,
        assumed=(f"taken for {family} by its outputs ({outputs}): {colours}, stretched to {width} x {height}",),
    )


def write_card(graph: Any, card: dict[str, Any]) -> None:
    """Put the card of a model that the lab has quantized into its OpenVINO `graph`, which keeps it in its file."""
    graph.set_rt_info(json.dumps(card), CARD_PLACE)


@functools.lru_cache(maxsize=16)
def read_card(path: Path, _digest: str) -> dict[str, Any]:
    """The card in an OpenVINO file that the lab has quantized; empty for all others."""
    try:
        graph = import_openvino().Core().read_model(path)
        card = json.loads(str(graph.get_rt_info(CARD_PLACE).value)) if graph.has_rt_info(CARD_PLACE) else {}
    except (RuntimeError, ValueError):
        # Whoever opens the model says what is wrong with it.
        return {}
    return card if isinstance(card, dict) and {"quantized_from", "licence", "trained_on"} <= set(card) else {}


@functools.lru_cache(maxsize=16)
def _read_detr_layout(path: Path, _digest: str) -> DetrLayout | None:
    """Remembered for as long as the file is the same: reading a large one takes a second."""
    try:
        graph = import_openvino().Core().read_model(path)
    except RuntimeError:
        # Whoever opens the model says what is wrong with it.
        return None
    return detr_layout(graph, path.name)


def _checkpoint_model(path: Path, digest: str, candidates: list[Model]) -> Model:
    state, recipe = read_state(path), training_recipe(path)
    network = architecture_of(state)
    pytorch = [model for model in candidates if model.is_pytorch]
    alike = [model for model in pytorch if model.architecture == network.removeprefix(STEADY)]
    assumed: tuple[str, ...] = ()
    if network and NECK_WEIGHT in state and {"height", "width"} <= set(recipe):
        # The lab always trains with this mean and deviation; the recipe states the size.
        convention = InputConvention(int(recipe["width"]), int(recipe["height"]), mean=IMAGENET_MEAN, std=IMAGENET_STD)
        dimension = len(state[NECK_WEIGHT])
    elif alike:
        convention, dimension = alike[0].input, alike[0].dimension
        assumed = (
            f"recognised as {network} by the names of its weights; its input convention is that of {alike[0].name}",
        )
    else:
        raise WeightsError(
            f"{path.name} holds none of the networks known here",
            f"Known: {', '.join(sorted({model.architecture for model in pytorch}))}; or give ONNX.",
        )
    return _model_of(
        path,
        digest,
        "embedder",
        network,
        ".pt",
        input=convention,
        dimension=dimension,
        source="trained by Sightline's lab" if recipe else "named by the user",
        assumed=assumed,
    )


def _graph_model(path: Path, digest: str) -> Model:
    """ONNX and OpenVINO files state input size and output length, but neither colour order nor mean nor scale."""
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
    return _model_of(
        path,
        digest,
        "embedder",
        "graph",
        ".onnx",
        input=InputConvention(width, height, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        dimension=dimension,
        assumed=(
            "the file does not state its input convention; assumed: RGB with ImageNet's mean and standard deviation",
        ),
    )
