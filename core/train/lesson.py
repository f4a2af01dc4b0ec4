"""From folders to what a training learns from and is judged by. The only module of the lab that opens an embedder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.embed import Embedder
from core.errors import SettingsError
from core.progress import Progress
from core.score import rank_within
from core.train.data import (
    Crops,
    check_answerable,
    joined,
    load_pictures,
    queries,
    read_crops,
    read_picture,
    split,
)
from core.train.reid import Lesson, ReidRecipe, embed_with
from core.train.student import Student
from core.train.views import views
from core.types import PICTURES, Floats, Image

AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Examination:
    """People who are kept aside, their pictures at the network's size, and which of them ask."""

    crops: Crops
    pictures: Image

    def __call__(self, student: Student) -> dict[str, float]:
        """`rank1` and `map` of a network, 0 to 1, by the Market-1501 protocol."""
        found = rank_within(
            embed_with(student, self.pictures), self.crops.person, self.crops.camera, queries(self.crops)
        )
        return {"rank1": found.cmc[1], "map": found.map}


def lesson(
    folder: Path,
    recipe: ReidRecipe,
    aside: int,
    teacher: Embedder | None,
    unlabelled: Path | None,
    progress: Progress,
    copies: int = 0,
    also: Sequence[Path] = (),
) -> tuple[Lesson, Examination | None]:
    """The pictures below `folder` without those of the last `aside` people, and the examination on these.

    The people below each of `also` are learned from as well, and are others.
    With `copies` the teacher speaks about so many changed copies of every crop, and about no crop itself.
    """
    train, held = split(read_crops(folder), aside)
    train = joined(train, [read_crops(other) for other in also])
    if len(train.people) < 2:
        raise SettingsError("one person cannot be told from nobody", "Bring more people, or keep fewer aside.")
    if len(held):
        check_answerable(held)
    more = unnamed(unlabelled) if unlabelled is not None else train[:0]
    size = (recipe.height, recipe.width)
    beside = more[:0] if copies else more
    progress.begin("read", len(train) + len(held) + len(beside))
    pictures = load_pictures(train, *size, progress.at)
    unnamed_pictures = load_pictures(beside, *size, _from(len(train), progress))
    examination = None
    if len(held):
        examination = Examination(held, load_pictures(held, *size, _from(len(train) + len(beside), progress)))
    vectors = np.empty((0, 0), np.float32)
    if teacher is not None:
        paths = np.concatenate([train.path, more.path])
        if copies:
            changed, vectors = views(paths, copies, size, teacher, recipe.seed, progress)
            return Lesson(train, pictures, vectors, changed, finished=True), examination
        vectors = embed_paths(paths, teacher, progress)
    return Lesson(train, pictures, vectors, unnamed_pictures), examination


def unnamed(folder: Path) -> Crops:
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


def _from(first: int, progress: Progress) -> Callable[[int], None]:
    return lambda done: progress.at(first + done)
