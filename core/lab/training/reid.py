"""Training an embedder: people with names in, a network that puts the same person's pictures together out.

Owns the recipe and the loop. Everything drawn at random follows from (seed, epoch, step), so a training that was
killed goes on from its last whole epoch with the losses that it would have had.

Means and variances of an embedder's batch normalisations, taken anew from crops as they are.

Copies that were recoloured, blurred and mixed have other means than what a camera shows; an embedder that learned from
them judges by theirs until this is done.

The same training over and over with other settings, and a table of what each was worth."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.types import Floats, Image, Ints
from core.lab.training.batches import Augmentation, prefetch_batches, sample_batches
from core.lab.training.checkpoint import Checkpoint
from core.lab.training.data import Crops, load_pictures
from core.lab.training.network import (
    BACKBONES,
    METRIC_LOSSES,
    MarginLoss,
    Student,
    similarity_loss,
    contrastive_loss,
    initialise,
    regression_loss,
    triplet_loss,
)
from core.machine.device import cpu_bfloat16
from core.machine.paths import write_atomically
from core.vision.models import architecture, read_state, trained_as

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ReidRecipe:
    """`metric`, `identity`, `alike` and `towards` are the weights of the losses; 0 switches one off.

    A batch holds `pictures` of each of `people`, and `unlabelled` crops that only the teacher speaks about.
    `rate` climbs for `warmup` epochs and then falls along a cosine to `final` of itself. `settled` keeps the means and
    spreads of the batch normalisations that the training starts with: for a last stage, in which the network is to
    learn with those that it will ship with.
    """

    backbone: str = "osnet_x0_5"
    height: int = 256
    width: int = 128
    epochs: int = 30
    people: int = 16
    pictures: int = 4
    unlabelled: int = 0
    loss: str = "triplet"
    margin: float = 0.3
    metric: float = 1.0
    identity: float = 1.0
    smoothing: float = 0.1
    similarity_loss: float = 0.0
    regression_loss: float = 0.0
    optimizer: str = "adam"
    rate: float = 1e-3
    final: float = 0.01
    warmup: float = 1.0
    decay: float = 5e-4
    patience: int = 0
    seed: int = 0
    recompute_batchnorm: bool = False
    augment: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONES:
            raise SettingsError(f"{self.backbone} is no backbone known here", f"Known: {', '.join(BACKBONES)}.")
        if self.loss not in METRIC_LOSSES:
            raise SettingsError(f"{self.loss} is no loss known here", f"Known: {', '.join(METRIC_LOSSES)}.")
        if self.optimizer not in ("adam", "sgd"):
            raise SettingsError(f"{self.optimizer} is no optimizer known here", "Choose adam or sgd.")
        if min(self.epochs, self.people, self.pictures - 1) < 1 or self.people < 2:
            raise SettingsError("a batch needs 2 people and 2 pictures of each", "Give larger numbers.")
        if min(self.height, self.width) < 32 or self.rate <= 0 or not 0 <= self.smoothing < 1:
            raise SettingsError("a size starts at 32, a rate above 0, and smoothing ends below 1", "Change that one.")
        if min(self.metric, self.identity, self.alike, self.towards, self.decay, self.warmup) < 0:
            raise SettingsError("a weight of a loss, a decay or a warm-up cannot be negative", "Give 0 or more.")
        if not any((self.metric, self.identity, self.alike, self.towards)):
            raise SettingsError("without any loss nothing is learned", "Give one of them a weight.")


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What is learned from: pictures (n, height, width, 3) uint8 BGR, whose they are (`Crops`), what the teacher says.

    `unlabelled` (m, height, width, 3) are further pictures; `teacher` (t, d) speaks about the last t of all n + m, and
    may be empty. Those that are `finished` are shown as they are: the teacher saw them so.
    """

    crops: Crops
    pictures: Image
    teacher: Floats
    unlabelled: Image
    finished: bool = False

    @property
    def untold(self) -> int:
        """How many pictures, from the first one on, the teacher says nothing about."""
        return len(self.pictures) + len(self.unlabelled) - len(self.teacher)

    def fingerprint(self) -> str:
        """Of everything in it: two lessons with the same one teach the same."""
        mark = hashlib.blake2b(b"finished" * self.finished, digest_size=16)
        for part in (self.pictures, self.crops.person, self.crops.camera, self.teacher, self.unlabelled):
            mark.update(f"{part.shape} {part.dtype}".encode())
            mark.update(np.ascontiguousarray(part).data if part.size else b"")
        return mark.hexdigest()


def train_reid(
    lesson: TrainingSet,
    recipe: ReidRecipe,
    checkpoint: Checkpoint,
    progress: Progress,
    start: Path | None = None,
    judge: Callable[[Student], dict[str, float]] | None = None,
) -> Student:
    """Train, or go on with, the network of `checkpoint`. `judge` gives `rank1` and `map` after an epoch."""
    school = _Trainer(lesson, recipe, start)
    done = checkpoint.restore(school)
    total = school.steps_until(recipe.epochs)
    progress.begin("train", total, school.steps_until(done))
    for epoch in range(done, recipe.epochs):
        if recipe.patience and checkpoint.stale() >= recipe.patience:
            break
        began = time.perf_counter()
        row = school.epoch(epoch, progress)
        if judge is not None:
            row |= judge(school.student)
        row["seconds"] = time.perf_counter() - began
        checkpoint.save(school, epoch + 1, row)
    school.student.eval()
    return school.student


class _Trainer:
    """Network, optimiser and pictures of one training."""

    def __init__(self, lesson: TrainingSet, recipe: ReidRecipe, start: Path | None) -> None:
        self._lesson, self.recipe = lesson, recipe
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        people = lesson.crops.people
        self._label = np.searchsorted(people, lesson.crops.person)
        self.student = Student(recipe.backbone, len(people), lesson.teacher.shape[1] if len(lesson.teacher) else 0)
        initialise(self.student, recipe.seed)
        if start is not None:
            self.student.begin_from(start)
        self.student.to(self.device, memory_format=torch.channels_last)
        self.metric = (MarginLoss(recipe.margin) if recipe.loss == "margin" else nn.Identity()).to(self.device)
        weights = [*self.student.parameters(), *self.metric.parameters()]
        weights = [w for w in weights if w.requires_grad]
        if recipe.optimizer == "adam":
            self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(weights, recipe.rate, weight_decay=recipe.decay)
        else:
            self.optimizer = torch.optim.SGD(weights, recipe.rate, 0.9, weight_decay=recipe.decay, nesterov=True)
        self._counts: dict[int, list[Ints]] = {}

    def _batches(self, epoch: int) -> list[Ints]:
        if epoch not in self._counts:
            rng = np.random.default_rng((self.recipe.seed, 1, epoch))
            rows = list(sample_batches(self._lesson.crops, self.recipe.people, self.recipe.pictures, rng))
            first, more = len(self._lesson.pictures), len(self._lesson.unlabelled)
            extra = min(self.recipe.unlabelled, more)
            if extra:
                rows = [np.concatenate([r, first + rng.choice(more, extra, replace=False)]) for r in rows]
            self._counts[epoch] = rows
        return self._counts[epoch]

    def steps_until(self, epoch: int) -> int:
        return sum(len(self._batches(e)) for e in range(epoch))

    def epoch(self, epoch: int, progress: Progress) -> dict[str, float]:
        recipe, batches = self.recipe, self._batches(epoch)
        before = self.steps_until(epoch)
        sums: dict[str, float] = {}
        self.student.learn(self.recipe.settled)
        everything = _PictureRows(self._lesson.pictures, self._lesson.unlabelled)
        finished = len(self._lesson.pictures) if self._lesson.finished else None
        shown = prefetch_batches(everything, batches, recipe.augment, (recipe.seed, 2, epoch), finished)
        for step, (rows, pictures) in enumerate(shown):
            self._set_rate(epoch + step / len(batches))
            for name, value in self._step(rows, pictures).items():
                sums[name] = sums.get(name, 0.0) + value / len(batches)
            progress.at(before + step + 1)
        return {"epoch": epoch, "rate": float(self.optimizer.param_groups[0]["lr"]), **sums}

    def _set_rate(self, at: float) -> None:
        recipe = self.recipe
        whole = max(recipe.epochs - recipe.warmup, 1e-9)
        fallen = (1 + np.cos(np.pi * min(max(at - recipe.warmup, 0) / whole, 1))) / 2
        share = (at + 0.02) / recipe.warmup if at < recipe.warmup else recipe.final + (1 - recipe.final) * fallen
        for group in self.optimizer.param_groups:
            group["lr"] = float(recipe.rate * min(share, 1.0))

    def _step(self, rows: Ints, pictures: Image) -> dict[str, float]:
        x = as_input(pictures, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=uses_bfloat16(self.device)):
            before, after = self.student(x)
        parts = self._losses(rows, before, after)
        loss = torch.stack(list(parts.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 10.0)
        self.optimizer.step()
        return {"loss": float(loss.detach()), **{name: float(part.detach()) for name, part in parts.items()}}

    def _losses(self, rows: Ints, before: Tensor, after: Tensor) -> dict[str, Tensor]:
        """Each loss, already weighted."""
        recipe, named = self.recipe, rows < len(self._label)
        person = torch.from_numpy(self._label[rows[named]]).to(self.device)
        known = torch.from_numpy(named).to(self.device)
        parts = {}
        if recipe.metric:
            parts[f"{recipe.loss}_loss"] = recipe.metric * self._metric_loss(before[known], person)
        if recipe.identity:
            logits = self.student.identity(after[known])
            smooth = functional.cross_entropy(logits, person, label_smoothing=recipe.smoothing)
            parts["identity_loss"] = recipe.identity * smooth
        if len(self._lesson.teacher) and (recipe.alike or recipe.towards):
            told = rows >= self._lesson.untold
            teacher = torch.from_numpy(self._lesson.teacher[rows[told] - self._lesson.untold]).to(self.device)
            taught = after[torch.from_numpy(told).to(self.device)]
            if recipe.alike:
                parts["alike_loss"] = recipe.alike * similarity_loss(taught, teacher)
            if recipe.towards:
                parts["towards_loss"] = recipe.towards * regression_loss(self.student.projected(taught), teacher)
        return parts

    def _metric_loss(self, vectors: Tensor, person: Tensor) -> Tensor:
        if self.recipe.loss == "margin":
            found: Tensor = self.metric(vectors, person)
            return found
        loss = triplet_loss if self.recipe.loss == "triplet" else contrastive_loss
        return loss(vectors, person, self.recipe.margin)


class _PictureRows:
    """Labelled pictures and, behind them, unlabelled ones: rows are drawn as from one array, which is never made."""

    def __init__(self, first: Image, then: Image) -> None:
        self._first, self._then = first, then

    def __getitem__(self, rows: Ints) -> Image:
        near = rows < len(self._first)
        return np.concatenate([self._first[rows[near]], self._then[rows[~near] - len(self._first)]])


def as_input(pictures: Image, device: torch.device) -> Tensor:
    """uint8 BGR (n, height, width, 3) -> normalised RGB (n, 3, height, width), channels last."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).to(device).permute(0, 3, 1, 2).flip(1).float() / 255
    mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


def uses_bfloat16(device: torch.device) -> bool:
    """Whether 16 bits are computed faster than 32 here."""
    return device.type == "cuda" or cpu_bfloat16()


def embed_with(student: Student, pictures: Image, batch: int = 64, flip: bool = False) -> Floats:
    """Unit vectors of pictures at the network's size, (n, d)."""
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


BATCH = 96


def recompute_batchnorm(weights: Path, sets: list[Crops], most: int, out: Path, seed: int, progress: Progress) -> None:
    """`weights`, an embedder of our lab, with means from at most `most` crops of each set; all else stays, to `out`."""
    recipe = trained_as(weights)
    if not {"height", "width"} <= set(recipe):
        raise SettingsError(f"{weights.name} was not made by train reid", "Name an embedder.safetensors of its folder.")
    rng = np.random.default_rng(seed)
    picked = [crops[np.sort(rng.permutation(len(crops))[:most])] for crops in sets]
    pictures = np.concatenate([load_pictures(crops, recipe["height"], recipe["width"]) for crops in picked])
    if len(pictures) < 2:
        raise SettingsError("means need 2 crops or more", "Name a folder with more of them.")
    student = Student(architecture(read_state(weights)), 1)
    student.begin_from(weights)
    _recompute(student, pictures[rng.permutation(len(pictures))], progress)
    with safe_open(weights, "pt") as held:
        write_atomically(out, save(student.halved(), held.metadata()))


def _recompute(student: Student, pictures: Image, progress: Progress) -> None:
    device = torch.device("cpu")
    student.to(memory_format=torch.channels_last).train()
    for norm in student.norms():
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches, each as much as the other
    progress.begin("means", len(pictures))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=uses_bfloat16(device)):
        for rows in np.array_split(np.arange(len(pictures)), max(len(pictures) // BATCH, 1)):
            student(as_input(pictures[rows], device))
            progress.at(int(rows[-1]) + 1)
    student.eval()


SWEEPABLE = ("margin", "rate", "loss", "backbone")
_HEAD = ("margin", "rate", "loss", "backbone", "rank-1", "mAP", "loss at the end", "seconds")


def sweep_recipes(base: ReidRecipe, choices: Mapping[str, Sequence[Any]]) -> list[ReidRecipe]:
    """Every combination of the choices, each a whole recipe; what is not swept stays as in `base`."""
    if strange := set(choices) - set(SWEEPABLE):
        raise SettingsError(f"{', '.join(sorted(strange))} cannot be swept", f"Choose among {', '.join(SWEEPABLE)}.")
    names = [name for name in SWEEPABLE if choices.get(name)]
    combinations = itertools.product(*(choices[name] for name in names))
    return [replace(base, **dict(zip(names, values, strict=True))) for values in combinations]


def train_sweep(
    recipes: Iterable[ReidRecipe], train: Callable[[ReidRecipe], Mapping[str, float]]
) -> list[tuple[ReidRecipe, Mapping[str, float]]]:
    """Each recipe with the last row of its curve, best mAP first."""
    found = [(recipe, train(recipe)) for recipe in recipes]
    return sorted(found, key=lambda pair: -pair[1].get("map", 0.0))


def sweep_table(found: Sequence[tuple[ReidRecipe, Mapping[str, float]]]) -> str:
    rows = [_HEAD]
    for recipe, row in found:
        settings = (f"{recipe.margin:g}", f"{recipe.rate:g}", recipe.loss, recipe.backbone)
        worth = (_percent(row.get("rank1")), _percent(row.get("map")))
        rows.append((*settings, *worth, f"{row.get('loss', float('nan')):.3f}", f"{row.get('seconds', 0.0):.0f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
