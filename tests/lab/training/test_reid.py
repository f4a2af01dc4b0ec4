"""Training: it learns, goes on after a kill with the losses it would have had, and what it ships embeds alike."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.base.errors import Cancelled, SettingsError
from core.base.progress import Progress, Report
from core.lab.training import (
    NO_AUGMENTATION,
    Checkpoint,
    ReidRecipe,
    Student,
    embed_with,
    read_crops,
    read_training_set,
    train_reid,
)
from core.vision.embed import open_embedder
from core.vision.models import find
from tests.lab.training.making import market

RECIPE = ReidRecipe(
    backbone="osnet_x0_25", height=64, width=32, epochs=3, people=4, pictures=3, rate=2e-3, identity=0.5
)


@pytest.fixture
def recipe(backbone: str) -> ReidRecipe:
    """For a toy, and among the slow tests for a real network."""
    return replace(RECIPE, backbone=backbone)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return market(tmp_path_factory.mktemp("crops") / "market", people=12)


def train(folder: Path, out: Path, recipe: ReidRecipe = RECIPE, progress: Progress | None = None) -> Student:
    progress = progress or Progress()
    taught, examination = read_training_set(folder, recipe, 4, None, None, progress)
    return train_reid(taught, recipe, Checkpoint(out, asdict(recipe)), progress, judge=examination)


def losses(out: Path) -> list[float]:
    return [row["loss"] for row in Checkpoint(out, {}).curves.rows]


@pytest.mark.parametrize(("loss", "optimizer"), [("triplet", "adam"), ("contrastive", "sgd"), ("margin", "sgd")])
def test_it_learns(folder: Path, tmp_path: Path, loss: str, optimizer: str, recipe: ReidRecipe) -> None:
    recipe = replace(
        recipe, loss=loss, optimizer=optimizer, rate=2e-3 if optimizer == "adam" else 2e-2, augment=NO_AUGMENTATION
    )
    train(folder, tmp_path, recipe)
    course = losses(tmp_path)
    assert len(course) == 3 and course[-1] < course[0]


class Killed(BaseException):
    """Not one that a trainer could catch by mistake."""


@pytest.mark.parametrize(("loss", "optimizer"), [("triplet", "adam"), ("margin", "sgd")])
def test_killed_and_resumed_it_has_the_losses_of_an_undisturbed_training(
    folder: Path, tmp_path: Path, loss: str, optimizer: str, recipe: ReidRecipe
) -> None:
    recipe = replace(recipe, loss=loss, optimizer=optimizer)
    whole = train(folder, tmp_path / "whole", recipe)

    def kill(report: Report) -> None:
        if report.stage == "train" and report.done >= 10:
            raise Killed

    with pytest.raises(Killed):
        train(folder, tmp_path / "killed", recipe, Progress(kill, every=0))
    assert len(losses(tmp_path / "killed")) < 3
    again = train(folder, tmp_path / "killed", recipe)
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    for one, other in zip(whole.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_wish_to_stop_is_heard(folder: Path, tmp_path: Path, recipe: ReidRecipe) -> None:
    with pytest.raises(Cancelled):
        train(folder, tmp_path, recipe, progress=Progress(is_cancelled=lambda: True))


@pytest.mark.slow
def test_what_ships_embeds_like_the_network_that_was_trained(folder: Path, tmp_path: Path) -> None:
    student = train(folder, tmp_path, replace(RECIPE, epochs=1, height=256, width=128))
    crops = read_crops(folder)
    pictures = np.stack([np.full((256, 128, 3), 40 * i, np.uint8) for i in range(4)])
    pictures[:, 60:200, 30:90] = np.random.default_rng(0).integers(0, 256, (4, 140, 60, 3))
    embedder = open_embedder(find(str(tmp_path / "embedder.safetensors"), "embedder"), "torch")
    ours, shipped = embed_with(student, pictures), embedder.embed(list(pictures))
    # Half precision in the file, bfloat16 in training where the CPU has it.
    assert ((ours * shipped).sum(axis=1) > 0.995).all()
    assert len(crops) == 72 and embedder.dimension == 512


@pytest.mark.slow
@pytest.mark.always
def test_the_file_says_how_pictures_go_in(folder: Path, tmp_path: Path) -> None:
    train(folder, tmp_path, replace(RECIPE, epochs=1))
    model = find(str(tmp_path / "embedder.safetensors"), "embedder")
    assert (model.input.height, model.input.width, model.architecture) == (64, 32, "osnet_x0_25")
    assert model.assumed == ()


def test_other_settings_do_not_go_on_with_a_training(folder: Path, tmp_path: Path, recipe: ReidRecipe) -> None:
    train(folder, tmp_path, replace(recipe, epochs=1))
    with pytest.raises(SettingsError, match="other settings"):
        train(folder, tmp_path, replace(recipe, epochs=1, margin=0.7))


def test_it_stops_early_when_nothing_gets_better(folder: Path, tmp_path: Path, recipe: ReidRecipe) -> None:
    recipe = replace(recipe, epochs=5, patience=2, rate=1e-9, final=1.0)
    taught, _ = read_training_set(folder, recipe, 0, None, None, Progress())
    train_reid(taught, recipe, Checkpoint(tmp_path, {}), Progress(), judge=lambda student: {"rank1": 0.1, "map": 0.0})
    # Equal is no worse than the best, so the best moves on; only falling short counts.
    assert len(losses(tmp_path)) == 5
    worths = iter([0.5, 0.4, 0.3, 0.2])
    out = tmp_path / "falling"
    for _ in range(2):
        # The same command again finds it finished, and adds nothing.
        train_reid(taught, recipe, Checkpoint(out, {}), Progress(), judge=lambda student: {"map": next(worths)})
        assert len(losses(out)) == 3


class Teacher:
    """Tells people by their mean colour."""

    name, dimension, backend, digest = "colours", 3, "colours", "colours"

    def embed(self, crops: list[np.ndarray]) -> np.ndarray:
        seen = np.array([c.mean((0, 1)) for c in crops], np.float32) - 110
        return seen / np.linalg.norm(seen, axis=1, keepdims=True)


def test_a_teacher_is_listened_to(folder: Path, tmp_path: Path, recipe: ReidRecipe) -> None:
    recipe = replace(recipe, metric=0.0, identity=0.0, alike=1.0, towards=1.0, unlabelled=6, epochs=6)
    taught, _ = read_training_set(folder, recipe, 4, Teacher(), folder, Progress())  # type: ignore[arg-type]
    assert taught.targets.shape == (48 + 72, 3) and len(taught.unlabelled) == 72
    train_reid(taught, recipe, Checkpoint(tmp_path, {}), Progress())
    rows = Checkpoint(tmp_path, {}).curves.rows
    assert rows[-1]["towards_loss"] < 0.5 * rows[0]["towards_loss"]
    assert "identity_loss" not in rows[0] and "triplet_loss" not in rows[0]


def test_a_teacher_speaks_of_copies_and_of_nothing_else(folder: Path, tmp_path: Path, recipe: ReidRecipe) -> None:
    recipe = replace(recipe, metric=0.0, identity=0.0, alike=1.0, towards=1.0, unlabelled=24, epochs=6)
    taught, _ = read_training_set(folder, recipe, 4, Teacher(), folder, Progress(), copies=2)  # type: ignore[arg-type]
    assert len(taught.unlabelled) == len(taught.targets) == 2 * (48 + 72) and taught.first_target == 48
    train_reid(taught, recipe, Checkpoint(tmp_path, {}), Progress())
    rows = Checkpoint(tmp_path, {}).curves.rows
    assert rows[-1]["towards_loss"] < 0.7 * rows[0]["towards_loss"]


@pytest.mark.parametrize(
    "wrong",
    [{"backbone": "vgg"}, {"loss": "hinge"}, {"optimizer": "lion"}, {"people": 1}, {"pictures": 1}, {"epochs": 0}],
)
def test_a_recipe_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        replace(RECIPE, **wrong)
