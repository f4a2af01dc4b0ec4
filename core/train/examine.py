"""How good an embedder is on crops with names on them: figures, and pictures of where it fails."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.embed import Embedder
from core.progress import Progress
from core.score import Ranking, rank, rank_within
from core.train.data import Crops, check_answerable, load_pictures, queries, read_crops, read_two, split
from core.train.lesson import embed_paths
from core.train.pictures import distances, feature_map, ranked_lists, spread
from core.train.plots import save_picture
from core.types import Floats

WORST = 8
HEIGHT, WIDTH = 128, 64


@dataclass(frozen=True, eq=False)
class Examined:
    ranking: Ranking
    crops: Crops
    vectors: Floats
    asks: np.ndarray[tuple[int], np.dtype[np.bool_]]


def examine(folder: Path, embedder: Embedder, aside: int, progress: Progress) -> Examined:
    """The crops of `folder` (of its last `aside` people; 0: of all): each person's first in each camera asks."""
    crops = read_crops(folder)
    crops = split(crops, aside)[1] if aside else crops
    check_answerable(crops)
    asks = queries(crops)
    vectors = embed_paths(crops.path, embedder, progress)
    return Examined(rank_within(vectors, crops.person, crops.camera, asks), crops, vectors, asks)


def examine_two(asking: Path, gallery: Path, embedder: Embedder, progress: Progress) -> Ranking:
    """Crops of one folder ask, those of the other answer; each is a camera of its own where names tell none apart."""
    asked, answers = read_two(asking, gallery)
    cameras = np.union1d(asked.camera, answers.camera)
    other = answers.camera + (1 if len(cameras) == 1 else 0)
    first = embed_paths(asked.path, embedder, progress)
    then = embed_paths(answers.path, embedder, progress)
    return rank(first, asked.person, asked.camera, then, answers.person, other)


def draw(found: Examined, folder: Path) -> list[Path]:
    """The worst queries' lists, the distances and the map of the features, as PNG files in `folder`."""
    person, camera = found.crops.person, found.crops.camera
    asking = np.flatnonzero(found.asks)
    worst = asking[found.ranking.worst(WORST)]
    pictures = load_pictures(found.crops, HEIGHT, WIDTH)
    drawn = {
        "worst.png": ranked_lists(pictures, found.vectors, person, camera, ~found.asks, [int(row) for row in worst]),
        "distances.png": distances(spread(found.vectors, person, camera)),
        "map.png": feature_map(found.vectors, person, camera),
    }
    for name, picture in drawn.items():
        save_picture(folder / name, picture)
    return [folder / name for name in drawn]
