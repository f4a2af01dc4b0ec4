"""Reading what a training learns from, and evaluating embedders on crops of named people.

`read_training_set` reads folders of crops, holds people out, and asks a teacher for distillation targets. A student
learns most from the teacher's vector of the very picture that it sees (Beyer and others, 2022). With copies, crops are
therefore augmented once, more strongly than in training, and the teacher embeds these copies.

`evaluate_embedder` ranks the crops of a folder by an embedder; `save_plots` shows where it fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.types import IMAGE_SUFFIXES, Floats, Image
from core.lab.evaluate import Ranking, rank, rank_within
from core.lab.training.batches import Augmentation, augment
from core.lab.training.data import (
    Crops,
    TrainingSet,
    check_answerable,
    hold_out,
    join_crops,
    load_pictures,
    query_mask,
    read_crops,
    read_picture,
    read_query_and_gallery,
    resized,
)
from core.lab.training.network import Student, embed_with
from core.lab.training.plots import count_pairs, plot_features, plot_rankings, plot_similarities, save_picture
from core.lab.training.reid import ReidRecipe
from core.vision.embed import Embedder

TEACHER_SIZE = (256, 128)
"""Height and width of the copies that a teacher embeds: most need this size, and no student has a larger one."""
SWAP, LEGS, BLEND = 0.25, 0.25, 0.1
"""Probabilities that a copy has its colours swapped, gets the legs of another, or is blended with another."""
COPY_AUGMENTATION = Augmentation(light=35, contrast=0.35, colour=0.2, blur=0.15, coarse=0.25, erase=0.15)
WORST_QUERIES = 8
PLOT_HEIGHT, PLOT_WIDTH = 128, 64
_BATCH = 256


class Teacher(Protocol):
    """What gives crops vectors to learn from: an embedder, or several joined."""

    dimension: int

    def embed(self, crops: Sequence[Image]) -> Floats: ...


class JoinedEmbedder:
    """Several embedders as one teacher: the vector of a crop is all of theirs in a row, so that the similarity of two
    crops is the mean of the similarities that they give."""

    def __init__(self, embedders: Sequence[Embedder]) -> None:
        self._embedders = embedders
        self.dimension = sum(embedder.dimension for embedder in embedders)

    def embed(self, crops: Sequence[Image]) -> Floats:
        vectors = [embedder.embed(crops) for embedder in self._embedders]
        return np.concatenate(vectors, axis=1) / np.float32(np.sqrt(len(vectors)))


@dataclass(frozen=True, eq=False)
class HoldoutEvaluation:
    """Crops of the held-out people and their pictures at the size of the network; called, it evaluates a network."""

    crops: Crops
    pictures: Image

    def __call__(self, student: Student) -> dict[str, float]:
        """`rank1` and `map` of the network, 0 to 1, by the protocol of Market-1501."""
        found = rank_within(
            embed_with(student, self.pictures), self.crops.person, self.crops.camera, query_mask(self.crops)
        )
        return {"rank1": found.cmc[1], "map": found.map}


def read_training_set(
    folder: Path,
    recipe: ReidRecipe,
    people_held_out: int,
    teacher: Teacher | None,
    unlabelled: Path | None,
    progress: Progress,
    copies: int = 0,
    extra: Sequence[Path] = (),
) -> tuple[TrainingSet, HoldoutEvaluation | None]:
    """The crops below `folder` without the last `people_held_out` people, and the evaluation on these (None without).

    The crops below each folder of `extra` are added; their people are different ones. The `teacher` gives targets for
    all crops and those below `unlabelled`; with `copies`, for so many augmented copies of each instead.
    """
    train, held_out = hold_out(read_crops(folder), people_held_out)
    train = join_crops(train, [read_crops(path) for path in extra])
    if len(train.people) < 2:
        raise SettingsError("there are fewer than 2 people to train on", "Add people, or hold out fewer.")
    if len(held_out):
        check_answerable(held_out)
    unlabelled_crops = read_unlabelled(unlabelled) if unlabelled is not None else train[:0]
    size = (recipe.height, recipe.width)
    plain_unlabelled = unlabelled_crops[:0] if copies else unlabelled_crops
    progress.begin("read", len(train) + len(held_out) + len(plain_unlabelled))
    pictures = load_pictures(train, *size, progress.at)
    unnamed_pictures = load_pictures(plain_unlabelled, *size, _offset_progress(len(train), progress))
    evaluation = None
    if len(held_out):
        evaluation = HoldoutEvaluation(
            held_out, load_pictures(held_out, *size, _offset_progress(len(train) + len(plain_unlabelled), progress))
        )
    targets = np.empty((0, 0), np.float32)
    if teacher is not None:
        paths = np.concatenate([train.path, unlabelled_crops.path])
        if copies:
            augmented, targets = make_copies(paths, copies, size, teacher, recipe.seed, progress)
            return TrainingSet(train, pictures, targets, augmented, augmented=True), evaluation
        targets = embed_paths(paths, teacher, progress)
    return TrainingSet(train, pictures, targets, unnamed_pictures), evaluation


def make_copies(
    paths: NDArray[np.object_],
    times: int,
    size: tuple[int, int],
    teacher: Teacher,
    seed: int,
    progress: Progress,
) -> tuple[Image, Floats]:
    """`times` augmented copies of each picture at `size` (height, width), and the teacher's vectors, (n * times, d)."""
    if times < 1:
        raise SettingsError("there must be at least 1 copy of a crop", "Give 1 or more.")
    rng = np.random.default_rng((seed, 3))
    rows_of_copies = np.concatenate([rng.permutation(len(paths)) for _ in range(times)])
    copies = np.empty((len(rows_of_copies), *size, 3), np.uint8)
    targets = [np.empty((0, teacher.dimension), np.float32)]
    progress.begin("views", len(rows_of_copies))
    for at in range(0, len(rows_of_copies), _BATCH):
        rows = rows_of_copies[at : at + _BATCH]
        augmented = _mix_and_augment(
            np.stack([resized(read_picture(path), *TEACHER_SIZE) for path in paths[rows]]), rng
        )
        targets.append(teacher.embed(list(augmented)))
        for out, copy in zip(copies[at : at + _BATCH], augmented, strict=True):
            out[:] = resized(copy, *size)
        progress.at(at + len(rows))
    return copies, np.concatenate(targets)


def _mix_and_augment(pictures: Image, rng: np.random.Generator) -> Image:
    """Augmented pictures (n, height, width, 3). Each may get the legs of the previous one or be blended with it."""
    n, height = len(pictures), pictures.shape[1]
    chance, cut, shine = rng.random((3, n, 1, 1, 1))
    previous = np.roll(pictures, 1, axis=0)
    below = np.arange(height).reshape(1, height, 1, 1) >= (0.4 + 0.3 * cut) * height
    mixed = np.where((chance < LEGS) & below, previous, pictures)
    blended = (chance >= LEGS) & (chance < LEGS + BLEND)
    share = np.where(blended, 0.2 + 0.3 * shine, 0).astype(np.float32)
    mixed = np.rint(mixed * (1 - share) + previous * share).astype(np.uint8)
    for row in np.flatnonzero(rng.random(n) < SWAP):
        mixed[row] = mixed[row][..., rng.permutation(3)]
    return augment(mixed, COPY_AUGMENTATION, rng)


def read_unlabelled(folder: Path) -> Crops:
    """All pictures below `folder`, without names: they count as distractors."""
    paths = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")]
    if not paths:
        raise SettingsError(f"{folder} has no pictures", "Check the path of the folder.")
    names = np.empty(len(paths), object)
    names[:] = paths
    return Crops(names, np.zeros(len(paths), np.int64), np.ones(len(paths), np.int64))


def embed_paths(paths: NDArray[np.object_], embedder: Teacher, progress: Progress) -> Floats:
    """The vectors (n, d) of pictures on disk, unchanged."""
    progress.begin("embed", len(paths))
    rows = [np.empty((0, embedder.dimension), np.float32)]
    for at in range(0, len(paths), _BATCH):
        rows.append(embedder.embed([read_picture(path) for path in paths[at : at + _BATCH]]))
        progress.at(min(at + _BATCH, len(paths)))
    return np.concatenate(rows)


def _offset_progress(first: int, progress: Progress) -> Callable[[int], None]:
    return lambda done: progress.at(first + done)


@dataclass(frozen=True, eq=False)
class EmbedderEvaluation:
    """The ranking of crops by an embedder, with their vectors (n, d) and which of them are queries (n,)."""

    ranking: Ranking
    crops: Crops
    vectors: Floats
    is_query: np.ndarray[tuple[int], np.dtype[np.bool_]]


def evaluate_embedder(folder: Path, embedder: Embedder, people_held_out: int, progress: Progress) -> EmbedderEvaluation:
    """Rank the crops below `folder`, of its last `people_held_out` people (0: of all). Queries as in `query_mask`."""
    crops = read_crops(folder)
    crops = hold_out(crops, people_held_out)[1] if people_held_out else crops
    check_answerable(crops)
    is_query = query_mask(crops)
    vectors = embed_paths(crops.path, embedder, progress)
    return EmbedderEvaluation(rank_within(vectors, crops.person, crops.camera, is_query), crops, vectors, is_query)


def evaluate_query_gallery(queries: Path, gallery: Path, embedder: Embedder, progress: Progress) -> Ranking:
    """Rank the crops below `gallery` for those below `queries`; each folder is a camera where names give none."""
    query_crops, gallery_crops = read_query_and_gallery(queries, gallery)
    cameras = np.union1d(query_crops.camera, gallery_crops.camera)
    gallery_camera = gallery_crops.camera + (1 if len(cameras) == 1 else 0)
    query_vectors = embed_paths(query_crops.path, embedder, progress)
    gallery_vectors = embed_paths(gallery_crops.path, embedder, progress)
    return rank(
        query_vectors, query_crops.person, query_crops.camera, gallery_vectors, gallery_crops.person, gallery_camera
    )


def save_plots(evaluation: EmbedderEvaluation, folder: Path) -> list[Path]:
    """PNG files in `folder`: the ranked lists of the worst queries, the similarities, and the map of the vectors."""
    person, camera = evaluation.crops.person, evaluation.crops.camera
    queries = np.flatnonzero(evaluation.is_query)
    worst = queries[evaluation.ranking.worst(WORST_QUERIES)]
    pictures = load_pictures(evaluation.crops, PLOT_HEIGHT, PLOT_WIDTH)
    plots = {
        "worst.png": plot_rankings(
            pictures, evaluation.vectors, person, camera, ~evaluation.is_query, [int(row) for row in worst]
        ),
        "distances.png": plot_similarities(count_pairs(evaluation.vectors, person, camera)),
        "map.png": plot_features(evaluation.vectors, person, camera),
    }
    for name, picture in plots.items():
        save_picture(folder / name, picture)
    return [folder / name for name in plots]
