"""What a teacher is shown: copies of crops in other light and colours, turned, coarse, one's coat over another's legs.

A student learns most from a teacher who speaks of the very picture that the student sees (Beyer and others, 2022): so
copies are changed once, the teacher looks at them, and the student sees them as they are.

From folders to what a training learns from and is judged by. The only module of the lab that opens an embedder.

How good an embedder is on crops with names on them: figures, and pictures of where it fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.types import PICTURES, Floats, Image
from core.lab.evaluate import Ranking, rank, rank_within
from core.lab.training.batches import Augmentation, augment
from core.lab.training.data import (
    Crops,
    check_answerable,
    join_crops,
    load_pictures,
    query_mask,
    read_crops,
    read_picture,
    read_query_and_gallery,
    resized,
    hold_out,
)
from core.lab.training.network import Student
from core.lab.training.plots import plot_similarities, plot_features, plot_rankings, save_picture, count_pairs
from core.lab.training.reid import TrainingSet, ReidRecipe, embed_with
from core.vision.embed import Embedder

TEACHER_SIZE = (256, 128)  # what a teacher looks at: most want this size, and a student's is no larger
VIEWS_AT_ONCE = 256


SWAP, LEGS, BLEND = 0.25, 0.25, 0.1
"""Chances that a copy has its colours swapped, wears another's legs, or that another shines through it."""
CHANGES = Augmentation(light=35, contrast=0.35, colour=0.2, blur=0.15, coarse=0.25, erase=0.15)


def make_copies(
    paths: NDArray[np.object_], times: int, size: tuple[int, int], teacher: Embedder, seed: int, progress: Progress
) -> tuple[Image, Floats]:
    """`times` copies of each picture at (height, width), and what the teacher says about each, (n * times, d)."""
    if times < 1:
        raise SettingsError("a crop is copied once at least", "Give 1 or more.")
    rng = np.random.default_rng((seed, 3))
    order = np.concatenate([rng.permutation(len(paths)) for _ in range(times)])
    made = np.empty((len(order), *size, 3), np.uint8)
    said = [np.empty((0, teacher.dimension), np.float32)]
    progress.begin("views", len(order))
    for at in range(0, len(order), VIEWS_AT_ONCE):
        rows = order[at : at + VIEWS_AT_ONCE]
        copies = _mix_and_augment(np.stack([resized(read_picture(path), *TEACHER_SIZE) for path in paths[rows]]), rng)
        said.append(teacher.embed(list(copies)))
        for out, copy in zip(made[at : at + VIEWS_AT_ONCE], copies, strict=True):
            out[:] = resized(copy, *size)
        progress.at(at + len(rows))
    return made, np.concatenate(said)


def _mix_and_augment(pictures: Image, rng: np.random.Generator) -> Image:
    """Each picture may take legs, or a shine, from the one before it in the batch."""
    n, height = len(pictures), pictures.shape[1]
    chance, cut, shine = rng.random((3, n, 1, 1, 1))
    other = np.roll(pictures, 1, axis=0)
    below = np.arange(height).reshape(1, height, 1, 1) >= (0.4 + 0.3 * cut) * height
    mixed = np.where((chance < LEGS) & below, other, pictures)
    blended = (chance >= LEGS) & (chance < LEGS + BLEND)
    share = np.where(blended, 0.2 + 0.3 * shine, 0).astype(np.float32)
    mixed = np.rint(mixed * (1 - share) + other * share).astype(np.uint8)
    for row in np.flatnonzero(rng.random(n) < SWAP):
        mixed[row] = mixed[row][..., rng.permutation(3)]
    return augment(mixed, CHANGES, rng)


AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class HoldoutEvaluation:
    """People who are kept aside, their pictures at the network's size, and which of them ask."""

    crops: Crops
    pictures: Image

    def __call__(self, student: Student) -> dict[str, float]:
        """`rank1` and `map` of a network, 0 to 1, by the Market-1501 protocol."""
        found = rank_within(
            embed_with(student, self.pictures), self.crops.person, self.crops.camera, query_mask(self.crops)
        )
        return {"rank1": found.cmc[1], "map": found.map}


def read_training_set(
    folder: Path,
    recipe: ReidRecipe,
    aside: int,
    teacher: Embedder | None,
    unlabelled: Path | None,
    progress: Progress,
    copies: int = 0,
    also: Sequence[Path] = (),
) -> tuple[TrainingSet, HoldoutEvaluation | None]:
    """The pictures below `folder` without those of the last `aside` people, and the examination on these.

    The people below each of `also` are learned from as well, and are others.
    With `copies` the teacher speaks about so many changed copies of every crop, and about no crop itself.
    """
    train, held = hold_out(read_crops(folder), aside)
    train = join_crops(train, [read_crops(other) for other in also])
    if len(train.people) < 2:
        raise SettingsError("one person cannot be told from nobody", "Bring more people, or keep fewer aside.")
    if len(held):
        check_answerable(held)
    more = read_unlabelled(unlabelled) if unlabelled is not None else train[:0]
    size = (recipe.height, recipe.width)
    beside = more[:0] if copies else more
    progress.begin("read", len(train) + len(held) + len(beside))
    pictures = load_pictures(train, *size, progress.at)
    unnamed_pictures = load_pictures(beside, *size, _offset_progress(len(train), progress))
    examination = None
    if len(held):
        examination = HoldoutEvaluation(held, load_pictures(held, *size, _offset_progress(len(train) + len(beside), progress)))
    vectors = np.empty((0, 0), np.float32)
    if teacher is not None:
        paths = np.concatenate([train.path, more.path])
        if copies:
            changed, vectors = make_copies(paths, copies, size, teacher, recipe.seed, progress)
            return TrainingSet(train, pictures, vectors, changed, finished=True), examination
        vectors = embed_paths(paths, teacher, progress)
    return TrainingSet(train, pictures, vectors, unnamed_pictures), examination


def read_unlabelled(folder: Path) -> Crops:
    """Pictures of people whose names nobody knows: all below `folder`."""
    paths = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in PICTURES and not p.name.startswith(".")]
    if not paths:
        raise SettingsError(f"{folder} holds no pictures", "Check the name of the folder.")
    names = np.empty(len(paths), object)
    names[:] = paths
    return Crops(names, np.zeros(len(paths), np.int64), np.ones(len(paths), np.int64))


def embed_paths(paths: NDArray[np.object_], embedder: Embedder, progress: Progress) -> Floats:
    """What the embedder makes of each picture as it lies on disk, (n, d)."""
    progress.begin("embed", len(paths))
    rows = [np.empty((0, embedder.dimension), np.float32)]
    for at in range(0, len(paths), AT_ONCE):
        rows.append(embedder.embed([read_picture(path) for path in paths[at : at + AT_ONCE]]))
        progress.at(min(at + AT_ONCE, len(paths)))
    return np.concatenate(rows)


def _offset_progress(first: int, progress: Progress) -> Callable[[int], None]:
    return lambda done: progress.at(first + done)


WORST_QUERIES = 8
HEIGHT, WIDTH = 128, 64


@dataclass(frozen=True, eq=False)
class EmbedderEvaluation:
    ranking: Ranking
    crops: Crops
    vectors: Floats
    asks: np.ndarray[tuple[int], np.dtype[np.bool_]]


def evaluate_embedder(folder: Path, embedder: Embedder, aside: int, progress: Progress) -> EmbedderEvaluation:
    """The crops of `folder` (of its last `aside` people; 0: of all): each person's first in each camera asks."""
    crops = read_crops(folder)
    crops = hold_out(crops, aside)[1] if aside else crops
    check_answerable(crops)
    asks = query_mask(crops)
    vectors = embed_paths(crops.path, embedder, progress)
    return EmbedderEvaluation(rank_within(vectors, crops.person, crops.camera, asks), crops, vectors, asks)


def evaluate_query_gallery(asking: Path, gallery: Path, embedder: Embedder, progress: Progress) -> Ranking:
    """Crops of one folder ask, those of the other answer; each is a camera of its own where names tell none apart."""
    asked, answers = read_query_and_gallery(asking, gallery)
    cameras = np.union1d(asked.camera, answers.camera)
    other = answers.camera + (1 if len(cameras) == 1 else 0)
    first = embed_paths(asked.path, embedder, progress)
    then = embed_paths(answers.path, embedder, progress)
    return rank(first, asked.person, asked.camera, then, answers.person, other)


def save_plots(found: EmbedderEvaluation, folder: Path) -> list[Path]:
    """The worst queries' lists, the distances and the map of the features, as PNG files in `folder`."""
    person, camera = found.crops.person, found.crops.camera
    asking = np.flatnonzero(found.asks)
    worst = asking[found.ranking.worst(WORST_QUERIES)]
    pictures = load_pictures(found.crops, HEIGHT, WIDTH)
    drawn = {
        "worst.png": plot_rankings(pictures, found.vectors, person, camera, ~found.asks, [int(row) for row in worst]),
        "distances.png": plot_similarities(count_pairs(found.vectors, person, camera)),
        "map.png": plot_features(found.vectors, person, camera),
    }
    for name, picture in drawn.items():
        save_picture(folder / name, picture)
    return [folder / name for name in drawn]
