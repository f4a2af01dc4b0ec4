"""The re-identification network: backbone, neck and training heads, its losses, and embedding pictures with it.

The neck is a batch normalisation without shift (BNNeck, Luo and others, 2019). Metric losses see the vectors before
it; the identity loss and every later comparison use those after it. The neck ships with the backbone, the heads do not.

Vectors are (n, d) tensors, people (n,). Distances are Euclidean between unit vectors, so they lie in 0 to 2."""

# mypy: disable-error-code="misc"
# PyTorch is not followed by the type checker, so its classes have no type to inherit.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from core.base.errors import SettingsError, WeightsError
from core.base.progress import Progress
from core.base.types import Floats, Image
from core.lab.training.data import Crops, load_pictures
from core.machine.device import cpu_has_bfloat16
from core.machine.offline import import_ultralytics
from core.machine.paths import write_atomically
from core.vision.embed import (
    CHANNELS,
    EFFICIENTNET,
    EFFICIENTNET_FEATURES,
    FEATURES,
    NECK,
    YOLO_BODY,
    YOLO_BODY_FEATURES,
    EfficientNetLite0,
    Steady,
    YoloBody,
    build_body,
    load_body_state,
    split_state,
)
from core.vision.models import STEADY, architecture_of, read_state, training_recipe

BATCHNORM_BATCH = 96
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RESNET_FEATURES = 2048
METRIC_LOSSES = ("triplet", "contrastive", "margin")


@dataclass(frozen=True)
class Backbone:
    """A network that can be trained: `build` makes it with random weights; its vectors have length `width`."""

    build: Callable[[], nn.Module]
    width: int


_EITHER_WAY = {**dict.fromkeys(CHANNELS, FEATURES), "resnet50": RESNET_FEATURES}
_ALWAYS_STEADY = {EFFICIENTNET: EFFICIENTNET_FEATURES, YOLO_BODY: YOLO_BODY_FEATURES}
BACKBONES = {
    prefix + name: Backbone(partial(build_body, prefix + name), width)
    for prefix, widths in (("", _EITHER_WAY | _ALWAYS_STEADY), (STEADY, _EITHER_WAY))
    for name, width in widths.items()
}


class Student(nn.Module):
    """Backbone, neck and training heads for `people` identities and teacher vectors of length `teacher` (0: none).

    The names of its attributes are the keys of checkpoints.
    """

    def __init__(self, backbone: str, people: int, teacher: int = 0) -> None:
        super().__init__()
        if backbone not in BACKBONES:
            raise SettingsError(f"unknown backbone {backbone}", f"Choose one of {', '.join(BACKBONES)}.")
        self.backbone = BACKBONES[backbone].build()
        width = BACKBONES[backbone].width
        self.neck = nn.BatchNorm1d(width)
        self.neck.bias.requires_grad_(False)
        self.identity = nn.Linear(width, people, bias=False)
        nn.init.normal_(self.identity.weight, std=0.01)
        self.project = nn.Linear(width, teacher) if teacher else None
        self._frozen: list[nn.Module] = []

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors before and after the neck, in single precision."""
        before = self.backbone(pictures).float()
        return before, self.neck(before)

    def project_to_teacher(self, vectors: Tensor) -> Tensor:
        """Vectors after the neck, mapped to the space of the teacher's vectors, (n, teacher)."""
        if self.project is None:
            raise ValueError("this network has no teacher")
        found: Tensor = self.project(vectors)
        return found

    def keep_first_stages(self) -> None:
        """Never train the first stages of EfficientNet-Lite0, which come from ImageNet's classifier: that is twice as
        fast, and what they know of edges and colours is of use for people too."""
        assert isinstance(self.backbone, EfficientNetLite0)
        self._frozen = self.backbone.first_stages()
        for module in self._frozen:
            module.requires_grad_(False)

    def set_training(self, freeze_bn: bool) -> None:
        """Switch to training mode; with `freeze_bn` batch normalisations keep and use the statistics that they have."""
        self.train()
        for module in self._frozen:
            module.eval()
        if freeze_bn:
            for norm in self.batchnorms():
                norm.eval()

    def batchnorms(self) -> list[nn.Module]:
        """All batch normalisations."""
        return [module for module in self.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]

    def embedder_state(self) -> dict[str, Tensor]:
        """The weights of an embedder: backbone and neck, under the names that `core.vision.embed` reads."""
        neck = {NECK + key: value for key, value in self.neck.state_dict().items()}
        return {**self.backbone.state_dict(), **neck}

    def half_precision_state(self) -> dict[str, Tensor]:
        """The embedder's weights as they are written to a file: half precision, without counters of batches."""
        state = {key: value.detach().cpu().half().contiguous() for key, value in self.embedder_state().items()}
        return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}

    def load_weights(self, path: Path) -> None:
        """Load backbone and neck of a checkpoint (Sightline, torchreid, torchvision; for `yolo11n_body` also a YOLO11n
        detector, .pt); heads keep random weights."""
        if isinstance(self.backbone, YoloBody) and path.suffix == ".pt":
            _start_from_detector(self.backbone, path)
            return
        state = read_state(path)
        if not architecture_of(state):
            raise WeightsError(
                f"{path.name} has no backbone that can be trained", f"Choose one of {', '.join(BACKBONES)}."
            )
        if architecture_of(state) == EFFICIENTNET and "reduce.weight" not in state:
            self.keep_first_stages()
        body_state, neck = split_state(state, architecture_of(state))
        is_plain = not architecture_of(state).startswith(STEADY)
        try:
            if is_plain and isinstance(self.backbone, Steady):
                self.backbone.load_plain_state(body_state)
            else:
                load_body_state(self.backbone, body_state)
            if neck:
                self.neck.load_state_dict(neck)
        except RuntimeError as fault:
            raise WeightsError(f"{path.name} has another backbone", "Give --backbone the one of the file.") from fault


def _start_from_detector(body: YoloBody, path: Path) -> None:
    detector = import_ultralytics().YOLO(str(path), task="detect").model
    try:
        body.load_detector_state(detector.float().state_dict())
    except RuntimeError as fault:
        raise WeightsError(
            f"{path.name} is no YOLO11n", "Name a detector of this size, such as person-yolo11n-2.pt."
        ) from fault


class _DepthwiseGradient(torch.autograd.Function):
    """A depthwise convolution in bfloat16 whose gradient is computed in single precision."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return functional.conv2d(x, weight.to(x.dtype), None, stride, padding, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, _ = torch.ops.aten.convolution_backward(
            gradient.float().contiguous(memory_format=torch.channels_last),
            x.float().contiguous(memory_format=torch.channels_last),
            weight,
            None,
            [ctx.stride] * 2,
            [ctx.padding] * 2,
            [1, 1],
            False,
            [0, 0],
            x.shape[1],
            [True, True, False],
        )
        return of_x.to(x.dtype), of_weight, None, None


class _Depthwise(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        found: Tensor = _DepthwiseGradient.apply(x.bfloat16(), self.weight, self.stride[0], self.padding[0])
        return found


def speed_up_depthwise(student: Student) -> None:
    """Train depthwise convolutions at full speed on a CPU with bfloat16: PyTorch's gradient of them in bfloat16 takes
    about four times as long as in single precision. Weights and their names stay."""
    for module in student.modules():
        if type(module) is nn.Conv2d and module.groups == module.in_channels > 1 and module.bias is None:
            module.__class__ = _Depthwise


def initialise(student: Student, seed: int) -> None:
    """Random weights that depend on the seed alone."""
    torch.manual_seed(seed)
    for module in student.backbone.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
    nn.init.normal_(student.identity.weight, std=0.01)
    if student.project is not None:
        nn.init.normal_(student.project.weight, std=0.01)
        nn.init.zeros_(student.project.bias)


def as_input(pictures: Image, device: torch.device) -> Tensor:
    """uint8 BGR (n, height, width, 3) to normalised RGB (n, 3, height, width), in channels-last memory order."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).to(device).permute(0, 3, 1, 2).flip(1).float() / 255
    mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


def uses_bfloat16(device: torch.device) -> bool:
    """Whether this device computes faster in bfloat16 than in single precision."""
    return device.type == "cuda" or cpu_has_bfloat16()


def embed_with(student: Student, pictures: Image, batch: int = 64, flip: bool = False) -> Floats:
    """Unit vectors (n, d) of pictures (n, height, width, 3) uint8 BGR; with `flip`, means with mirror images."""
    device = next(student.parameters()).device
    student.eval()
    found = []
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=uses_bfloat16(device)):
        for at in range(0, len(pictures), batch):
            x = as_input(pictures[at : at + batch], device)
            vectors = student(x)[1]
            found.append(
                functional.normalize(vectors + student(x.flip(3))[1] if flip else vectors).float().cpu().numpy()
            )
    return np.concatenate(found)


def recompute_batchnorm(
    weights: Path, sets: list[Crops], max_per_set: int, out: Path, seed: int, progress: Progress
) -> None:
    """Write the embedder `weights` to `out`, with batch-norm statistics from at most `max_per_set` crops of each set.

    All other weights stay. Augmented copies have other statistics than what a camera shows, so an embedder that was
    trained on copies gains from this.
    """
    recipe = training_recipe(weights)
    if not {"height", "width"} <= set(recipe):
        raise SettingsError(
            f"{weights.name} was not made by train reid", "Name an embedder.safetensors from the folder of a training."
        )
    rng = np.random.default_rng(seed)
    chosen = [crops[np.sort(rng.permutation(len(crops))[:max_per_set])] for crops in sets]
    pictures = np.concatenate([load_pictures(crops, recipe["height"], recipe["width"]) for crops in chosen])
    if len(pictures) < 2:
        raise SettingsError("statistics need 2 crops or more", "Name a folder with more crops.")
    student = Student(architecture_of(read_state(weights)), 1)
    student.load_weights(weights)
    _recompute(student, pictures[rng.permutation(len(pictures))], progress)
    with safe_open(weights, "pt") as file:
        write_atomically(out, save(student.half_precision_state(), file.metadata()))


def _recompute(student: Student, pictures: Image, progress: Progress) -> None:
    device = torch.device("cpu")
    student.to(memory_format=torch.channels_last).train()
    for norm in student.batchnorms():
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
    progress.begin("means", len(pictures))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=uses_bfloat16(device)):
        for rows in np.array_split(np.arange(len(pictures)), max(len(pictures) // BATCHNORM_BATCH, 1)):
            student(as_input(pictures[rows], device))
            progress.at(int(rows[-1]) + 1)
    student.eval()


def pairwise_distances(vectors: Tensor) -> Tensor:
    """(n, d) to (n, n): Euclidean distances of the normalised vectors, 0 to 2, in single precision."""
    unit = functional.normalize(vectors.float())
    return (2 - 2 * unit @ unit.T).clamp_min(1e-8).sqrt()


def triplet_loss(vectors: Tensor, person: Tensor, margin: float) -> Tensor:
    """Batch hard: the farthest positive of each picture must be nearer than its nearest negative, by `margin`."""
    distance, same = pairwise_distances(vectors), person[:, None] == person[None]
    positive = distance.masked_fill(~same, -1).amax(1)
    negative = distance.masked_fill(same, 3).amin(1)
    return functional.relu(positive - negative + margin).mean()


def contrastive_loss(vectors: Tensor, person: Tensor, margin: float) -> Tensor:
    """Pairs: positives together, negatives at least `margin` apart. Both kinds of pairs weigh the same."""
    distance, same = pairwise_distances(vectors), person[:, None] == person[None]
    is_positive = same & ~torch.eye(len(person), dtype=torch.bool, device=person.device)
    return distance[is_positive].square().mean() + functional.relu(margin - distance[~same]).square().mean()


class MarginLoss(nn.Module):
    """Margin loss: a learned border between positives and negatives, `margin` wide (Wu and others, 2017)."""

    def __init__(self, margin: float, border: float = 1.2) -> None:
        super().__init__()
        self.margin, self.border = margin, nn.Parameter(torch.tensor(border))

    def forward(self, vectors: Tensor, person: Tensor) -> Tensor:
        distance, same = pairwise_distances(vectors), person[:, None] == person[None]
        is_positive = same & ~torch.eye(len(person), dtype=torch.bool, device=person.device)
        positive = functional.relu(distance[is_positive] - self.border + self.margin)
        negative = functional.relu(self.border - distance[~same] + self.margin)
        # Only pairs on the wrong side count: most negatives are far already and would dilute the mean.
        wrong = ((positive > 0).sum() + (negative > 0).sum()).clamp_min(1)
        return (positive.sum() + negative.sum()) / wrong


def similarity_loss(vectors: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference between the similarities of all pairs of the batch and those of the teacher."""
    student_similarity, teacher_similarity = (
        functional.normalize(vectors.float()),
        functional.normalize(teacher.float()),
    )
    return (student_similarity @ student_similarity.T - teacher_similarity @ teacher_similarity.T).square().mean()


def regression_loss(projected: Tensor, teacher: Tensor) -> Tensor:
    """Mean of 1 - cosine between projected vectors and the teacher's vectors, both (n, d)."""
    return 1 - functional.cosine_similarity(projected.float(), teacher.float()).mean()
