"""Training an embedder: the recipe, the training loop, and the same training swept over several settings.

Everything drawn at random follows from (seed, epoch, step), so a training that is killed resumes after its last
complete epoch with the losses that it would have had."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.types import Image, Ints
from core.lab.training.batches import Augmentation, prefetch_batches, sample_batches
from core.lab.training.checkpoint import Checkpoint
from core.lab.training.data import TrainingSet
from core.lab.training.network import (
    BACKBONES,
    METRIC_LOSSES,
    MarginLoss,
    Student,
    as_input,
    contrastive_loss,
    initialise,
    regression_loss,
    similarity_loss,
    speed_up_depthwise,
    triplet_loss,
    uses_bfloat16,
)

SWEEPABLE = ("margin", "rate", "loss", "backbone")
_HEAD = ("margin", "rate", "loss", "backbone", "rank-1", "mAP", "loss at the end", "seconds")


@dataclass(frozen=True)
class ReidRecipe:
    """All settings of a training. The field names are written to checkpoints and embedders and must stay.

    backbone, height, width   the network and the size of its pictures
    people, pictures          of a batch: so many pictures of each of so many people
    unlabelled                further crops of a batch, with distillation targets only
    loss, margin              the metric loss: triplet, contrastive or margin
    metric, identity          weights of the metric loss and of the identity loss; 0 switches one off
    alike, towards            weights of the distillation losses: similarity loss and regression loss
    smoothing                 label smoothing of the identity loss
    rate, warmup, final       the learning rate climbs for `warmup` epochs, then falls along a cosine to `final` of it
    decay                     weight decay
    patience                  epochs without a better mAP after which the training ends; 0: never
    settled                   freezes the batch-norm statistics of the start weights, for a last stage
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
    alike: float = 0.0
    towards: float = 0.0
    optimizer: str = "adam"
    rate: float = 1e-3
    final: float = 0.01
    warmup: float = 1.0
    decay: float = 5e-4
    patience: int = 0
    seed: int = 0
    settled: bool = False
    augment: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONES:
            raise SettingsError(f"unknown backbone {self.backbone}", f"Choose one of {', '.join(BACKBONES)}.")
        if self.loss not in METRIC_LOSSES:
            raise SettingsError(f"unknown loss {self.loss}", f"Choose one of {', '.join(METRIC_LOSSES)}.")
        if self.optimizer not in ("adam", "sgd"):
            raise SettingsError(f"unknown optimizer {self.optimizer}", "Choose adam or sgd.")
        if min(self.epochs, self.people, self.pictures - 1) < 1 or self.people < 2:
            raise SettingsError("a batch needs 2 people and 2 pictures of each", "Give larger numbers.")
        if min(self.height, self.width) < 32 or self.rate <= 0 or not 0 <= self.smoothing < 1:
            raise SettingsError(
                "the size must be 32 or more, the rate above 0 and label smoothing from 0 to below 1",
                "Change the value.",
            )
        if min(self.metric, self.identity, self.alike, self.towards, self.decay, self.warmup) < 0:
            raise SettingsError("weights of losses, weight decay and warm-up cannot be negative", "Give 0 or more.")
        if not any((self.metric, self.identity, self.alike, self.towards)):
            raise SettingsError("all weights of losses are 0", "Give a loss a weight above 0.")


def train_reid(
    training_set: TrainingSet,
    recipe: ReidRecipe,
    checkpoint: Checkpoint,
    progress: Progress,
    start: Path | None = None,
    judge: Callable[[Student], dict[str, float]] | None = None,
) -> Student:
    """Train the network of `checkpoint`, or resume. `judge` gives `rank1` and `map` of the network after an epoch."""
    trainer = _Trainer(training_set, recipe, start)
    epochs_done = checkpoint.restore(trainer)
    total = trainer.steps_until(recipe.epochs)
    progress.begin("train", total, trainer.steps_until(epochs_done))
    for epoch in range(epochs_done, recipe.epochs):
        if recipe.patience and checkpoint.epochs_since_best() >= recipe.patience:
            break
        began = time.perf_counter()
        row = trainer.epoch(epoch, progress)
        if judge is not None:
            row |= judge(trainer.student)
        row["seconds"] = time.perf_counter() - began
        checkpoint.save(trainer, epoch + 1, row)
    trainer.student.eval()
    return trainer.student


class _Trainer:
    """The state of one training: network, metric loss, optimiser and training set."""

    def __init__(self, training_set: TrainingSet, recipe: ReidRecipe, start: Path | None) -> None:
        self._set, self.recipe = training_set, recipe
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        people = training_set.crops.people
        self._labels = np.searchsorted(people, training_set.crops.person)
        self.student = Student(
            recipe.backbone, len(people), training_set.targets.shape[1] if len(training_set.targets) else 0
        )
        initialise(self.student, recipe.seed)
        if start is not None:
            self.student.load_weights(start)
        self.student.to(self.device, memory_format=torch.channels_last)
        if self.device.type == "cpu" and uses_bfloat16(self.device):
            speed_up_depthwise(self.student)
        self.metric = (MarginLoss(recipe.margin) if recipe.loss == "margin" else nn.Identity()).to(self.device)
        weights = [*self.student.parameters(), *self.metric.parameters()]
        weights = [w for w in weights if w.requires_grad]
        if recipe.optimizer == "adam":
            self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(weights, recipe.rate, weight_decay=recipe.decay)
        else:
            self.optimizer = torch.optim.SGD(weights, recipe.rate, 0.9, weight_decay=recipe.decay, nesterov=True)
        self._batches_of_epoch: dict[int, list[Ints]] = {}

    def _batches(self, epoch: int) -> list[Ints]:
        """Picture numbers of each batch of an epoch: those of labelled crops, then those of unlabelled ones."""
        if epoch not in self._batches_of_epoch:
            rng = np.random.default_rng((self.recipe.seed, 1, epoch))
            rows = list(sample_batches(self._set.crops, self.recipe.people, self.recipe.pictures, rng))
            labelled, unlabelled = len(self._set.pictures), len(self._set.unlabelled)
            per_batch = min(self.recipe.unlabelled, unlabelled)
            if per_batch:
                rows = [np.concatenate([r, labelled + rng.choice(unlabelled, per_batch, replace=False)]) for r in rows]
            self._batches_of_epoch[epoch] = rows
        return self._batches_of_epoch[epoch]

    def steps_until(self, epoch: int) -> int:
        """Training steps in all epochs before `epoch`."""
        return sum(len(self._batches(e)) for e in range(epoch))

    def epoch(self, epoch: int, progress: Progress) -> dict[str, float]:
        """Train for one epoch; returns its row of the curve: learning rate and mean losses."""
        recipe, batches = self.recipe, self._batches(epoch)
        steps_before = self.steps_until(epoch)
        sums: dict[str, float] = {}
        self.student.set_training(self.recipe.settled)
        pictures_of_rows = _PictureRows(self._set.pictures, self._set.unlabelled)
        first_augmented = len(self._set.pictures) if self._set.augmented else None
        augmented_batches = prefetch_batches(
            pictures_of_rows, batches, recipe.augment, (recipe.seed, 2, epoch), first_augmented
        )
        for step, (rows, pictures) in enumerate(augmented_batches):
            self._set_rate(epoch + step / len(batches))
            for name, value in self._step(rows, pictures).items():
                sums[name] = sums.get(name, 0.0) + value / len(batches)
            progress.at(steps_before + step + 1)
        return {"epoch": epoch, "rate": float(self.optimizer.param_groups[0]["lr"]), **sums}

    def _set_rate(self, epoch: float) -> None:
        """Set the learning rate for this point of the training, in epochs and fractions of one."""
        recipe = self.recipe
        falling_epochs = max(recipe.epochs - recipe.warmup, 1e-9)
        cosine = (1 + np.cos(np.pi * min(max(epoch - recipe.warmup, 0) / falling_epochs, 1))) / 2
        factor = (epoch + 0.02) / recipe.warmup if epoch < recipe.warmup else recipe.final + (1 - recipe.final) * cosine
        for group in self.optimizer.param_groups:
            group["lr"] = float(recipe.rate * min(factor, 1.0))

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
        """Each weighted loss of a batch: `rows` (n,) are picture numbers, `before` and `after` the neck are (n, d)."""
        recipe, is_labelled = self.recipe, rows < len(self._labels)
        person = torch.from_numpy(self._labels[rows[is_labelled]]).to(self.device)
        is_labelled_row = torch.from_numpy(is_labelled).to(self.device)
        parts = {}
        if recipe.metric:
            parts[f"{recipe.loss}_loss"] = recipe.metric * self._metric_loss(before[is_labelled_row], person)
        if recipe.identity:
            logits = self.student.identity(after[is_labelled_row])
            smooth = functional.cross_entropy(logits, person, label_smoothing=recipe.smoothing)
            parts["identity_loss"] = recipe.identity * smooth
        if len(self._set.targets) and (recipe.alike or recipe.towards):
            has_target = rows >= self._set.first_target
            targets = torch.from_numpy(self._set.targets[rows[has_target] - self._set.first_target]).to(self.device)
            vectors = after[torch.from_numpy(has_target).to(self.device)]
            if recipe.alike:
                parts["alike_loss"] = recipe.alike * similarity_loss(vectors, targets)
            if recipe.towards:
                parts["towards_loss"] = recipe.towards * regression_loss(
                    self.student.project_to_teacher(vectors), targets
                )
        return parts

    def _metric_loss(self, vectors: Tensor, person: Tensor) -> Tensor:
        if self.recipe.loss == "margin":
            found: Tensor = self.metric(vectors, person)
            return found
        loss = triplet_loss if self.recipe.loss == "triplet" else contrastive_loss
        return loss(vectors, person, self.recipe.margin)


class _PictureRows:
    """Labelled pictures followed by unlabelled ones, indexed as one array without copying them into one."""

    def __init__(self, labelled_pictures: Image, unlabelled_pictures: Image) -> None:
        self._labelled, self._unlabelled = labelled_pictures, unlabelled_pictures

    def __getitem__(self, rows: Ints) -> Image:
        is_labelled = rows < len(self._labelled)
        return np.concatenate(
            [self._labelled[rows[is_labelled]], self._unlabelled[rows[~is_labelled] - len(self._labelled)]]
        )


def sweep_recipes(base: ReidRecipe, choices: Mapping[str, Sequence[Any]]) -> list[ReidRecipe]:
    """A recipe for every combination of the choices; settings that are not swept stay as in `base`."""
    if unknown := set(choices) - set(SWEEPABLE):
        raise SettingsError(f"{', '.join(sorted(unknown))} cannot be swept", f"Choose from {', '.join(SWEEPABLE)}.")
    names = [name for name in SWEEPABLE if choices.get(name)]
    combinations = itertools.product(*(choices[name] for name in names))
    return [replace(base, **dict(zip(names, values, strict=True))) for values in combinations]


def train_sweep(
    recipes: Iterable[ReidRecipe], train: Callable[[ReidRecipe], Mapping[str, float]]
) -> list[tuple[ReidRecipe, Mapping[str, float]]]:
    """Train each recipe; each with its row of figures, highest mAP first."""
    results = [(recipe, train(recipe)) for recipe in recipes]
    return sorted(results, key=lambda pair: -pair[1].get("map", 0.0))


def sweep_table(results: Sequence[tuple[ReidRecipe, Mapping[str, float]]]) -> str:
    """A plain text table of recipes and their figures, in the order of `results`."""
    rows = [_HEAD]
    for recipe, row in results:
        settings = (f"{recipe.margin:g}", f"{recipe.rate:g}", recipe.loss, recipe.backbone)
        scores = (_percent(row.get("rank1")), _percent(row.get("map")))
        rows.append((*settings, *scores, f"{row.get('loss', float('nan')):.3f}", f"{row.get('seconds', 0.0):.0f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
