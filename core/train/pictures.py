"""Pictures of what an embedder does: ranked lists, similarities of same and different people, a map of the vectors.

Owns what they show; arrays in, BGR out, on the paper and axes of `drawing`. Refuses to compute vectors or to rank:
`core.score` does. No colour speaks alone: wrong rows are crossed, cameras have shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from core.folders import write_atomically
from core.mot import Doubles
from core.score import nearest
from core.train.drawing import COLOURS, FAINT, INK, OTHERS, PAPER, RIGHT, SHAPES, WRONG, Canvas, Plot
from core.types import Bools, Floats, Image, Ints

_MOST_POINTS = 2_000
_FEW_POINTS = 400  # below, t-SNE is as fast without its tree, and waits for no other thread
_BLOCK = 1 << 22  # pairs looked at together: 100 MB


def save_picture(path: Path, bgr: Image) -> None:
    """A PNG file, whole or not at all."""
    write_atomically(path, cv2.imencode(".png", bgr)[1].tobytes())


def ranked_lists(
    pictures: Image, vectors: Floats, person: Ints, camera: Ints, gallery: Bools, queries: Sequence[int], top: int = 10
) -> Image:
    """A row for each of `queries` (row numbers): its picture, and the `top` rows of the gallery that stand first.

    `pictures` is (n, height, width, 3) uint8 BGR, `gallery` marks the rows that may be found. The figure below a
    picture is its cosine similarity, then its camera; below the query, person and camera.
    """
    high = 124
    wide = round(high * pictures.shape[2] / pictures.shape[1])
    across, down, left, above = wide + 14, high + 30, 14, 52
    sheet = Canvas(left + across * (top + 1) + 22, above + down * max(1, len(queries)))
    sheet.text("Query, and who stands first: green is the same person, red and crossed another", left, 28, size=14)
    for number, query in enumerate(queries):
        y = above + number * down
        sheet.paste(pictures[query], left, y, wide, high)
        sheet.text(f"{person[query]}  c{camera[query]}", left + wide / 2, y + high + 16, INK, 11, 0.5)
        for place, row in enumerate(nearest(vectors, person, camera, query, gallery, top)):
            x = left + 22 + across * (place + 1)
            _found(sheet, pictures[row], (x, y, wide, high), bool(person[row] == person[query]))
            words = f"{float(vectors[row] @ vectors[query]):.2f}  c{camera[row]}"
            sheet.text(words, x + wide / 2, y + high + 16, INK, 11, 0.5)
    return sheet.finished()


def _found(sheet: Canvas, picture: Image, place: tuple[int, int, int, int], right: bool) -> None:
    x, y, wide, high = place
    sheet.paste(picture, x, y, wide, high)
    sheet.frame(x, y, wide, high, RIGHT if right else WRONG, 3)
    if not right:
        sheet.area([x + wide - 16, x + wide, x + wide, x + wide - 16], [y, y, y + 16, y + 16], WRONG)
        for ends in ([y + 4, y + 12], [y + 12, y + 4]):
            sheet.line([x + wide - 12, x + wide - 4], ends, PAPER, 1.5)


@dataclass(frozen=True, eq=False)
class Spread:
    """Cosine similarities of pairs, counted in the bins between `edges`.

    `same` counts pairs of one person in two cameras, `different` pairs of two people. At the similarity `crossing`
    both curves (each of area 1) are equally high: the threshold with the fewest errors where both kinds are equally
    common. `missed` of the same lie below it, `mistaken` of the different above.
    """

    edges: Doubles
    same: Ints
    different: Ints
    crossing: float
    missed: float
    mistaken: float


def spread(vectors: Floats, person: Ints, camera: Ints, bins: int = 200) -> Spread:
    """All pairs of named people (numbers from 1), in blocks. `ValueError` if either kind of pair is missing."""
    named = person > 0
    vectors, person, camera = vectors[named], person[named], camera[named]
    counts = np.zeros((2, bins), np.int64)
    step = max(1, _BLOCK // max(1, len(person)))
    for at in range(0, len(person), step):
        rows, all_rows = np.arange(len(person))[at : at + step, None], np.arange(len(person))[None]
        alike, apart = person[rows] == person[None], camera[rows] != camera[None]
        place = np.clip((vectors[at : at + step] @ vectors.T + 1) * (bins / 2), 0, bins - 1).astype(np.int32)
        counts[0] += np.bincount(place[(all_rows > rows) & alike & apart], minlength=bins)
        counts[1] += np.bincount(place[(all_rows > rows) & ~alike], minlength=bins)
    if not counts.any(axis=1).all():
        raise ValueError("expected pairs of one person in two cameras, and pairs of two people")
    below = np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True)
    cut = int(np.argmax(below[1] - below[0]))
    edges = np.linspace(-1, 1, bins + 1)
    same, different = counts
    return Spread(edges, same, different, float(edges[cut + 1]), float(below[0, cut]), float(1 - below[1, cut]))


def distances(found: Spread) -> Image:
    """Two histograms, same person across cameras against different people, and where they cross."""
    kinds = (("same person, two cameras", found.same, COLOURS[0]), ("different people", found.different, COLOURS[1]))
    shares = [counts / counts.sum() / np.diff(found.edges) for _, counts, _ in kinds]
    used = np.flatnonzero(found.same + found.different)
    low, high = float(found.edges[used[0]]), float(found.edges[used[-1] + 1])
    names = ("cosine similarity", "pairs, each kind with area 1", "")
    plot = Plot("How similar are two pictures?", (low, high), (0, 1.08 * float(np.max(shares))), names)
    x = plot.at(np.clip(np.repeat(found.edges, 2)[1:-1], low, high), "x")
    for share, (_, _, colour) in zip(shares, kinds, strict=True):
        steps = plot.at(np.repeat(share, 2), "y")
        plot.area([*x, x[-1], x[0]], [*steps, *plot.at([0, 0], "y")], colour, 0.35)
        plot.line(x, steps, colour, 1.2)
    plot.upright(found.crossing, f"{found.crossing:.2f}: {found.missed:.1%} missed, {found.mistaken:.1%} mistaken")
    plot.legend([(f"{name}: {int(counts.sum()):,} pairs", colour, 1) for name, counts, colour in kinds])
    return plot.finished()


def feature_map(
    vectors: Floats, person: Ints, camera: Ints, how: Literal["pca", "tsne"] = "pca", people: int = 10
) -> Image:
    """The vectors in two dimensions: the `people` with the most cameras and pictures in colour, the others grey.

    Of more than 2,000 rows an even choice is shown. The shape of a mark is its camera.
    """
    shown = _busiest(person, camera, min(people, len(COLOURS)))
    rows = _some(np.isin(person, shown))
    vectors, person, camera = vectors[rows], person[rows], camera[rows]
    flat = _principal(vectors) if how == "pca" else _neighbours(vectors)
    ranges = [(float(axis.min()), float(axis.max())) if len(axis) else (0.0, 1.0) for axis in flat.T]
    title = f"{len(rows):,} pictures by appearance ({'two principal components' if how == 'pca' else 't-SNE'})"
    plot = Plot(title, _padded(ranges[0]), _padded(ranges[1]))
    x, y = plot.at(flat[:, 0], "x"), plot.at(flat[:, 1], "y")
    colour_of = {int(p): COLOURS[i] for i, p in enumerate(shown)}
    cameras = [int(c) for c in np.unique(camera)]
    for row in np.argsort(np.isin(person, shown), kind="stable"):
        colour = colour_of.get(int(person[row]), OTHERS)
        plot.mark(x[row], y[row], colour, cameras.index(int(camera[row])), 2.6 if colour == OTHERS else 4.6)
    shapes = [(f"camera {c}", FAINT, i) for i, c in enumerate(cameras[: len(SHAPES)])]
    plot.legend([*((str(p), colour, 0) for p, colour in colour_of.items()), *shapes])
    return plot.finished()


def _busiest(person: Ints, camera: Ints, most: int) -> Ints:
    """The people seen by most cameras, then in most pictures."""
    people, counts = np.unique(person[person > 0], return_counts=True)
    cameras = np.array([len(np.unique(camera[person == p])) for p in people], np.int64)
    return np.asarray(people[np.lexsort((people, -counts, -cameras))[:most]], np.int64)


def _some(first: Bools) -> Ints:
    """At most 2,000 rows, those marked `first` before others, evenly chosen, in their order."""
    marked, others = np.flatnonzero(first)[:_MOST_POINTS], np.flatnonzero(~first)
    room = min(len(others), _MOST_POINTS - len(marked))
    return np.sort(np.concatenate([marked, others[np.linspace(0, len(others) - 1, room).astype(int)]]))


def _principal(vectors: Floats) -> Doubles:
    """The two directions in which the vectors differ most.

    >>> _principal(np.array([[0, 0, 1], [0, 2, 1], [0, 4, 1]], np.float32))[:, 0].round(6).tolist()
    [-2.0, 0.0, 2.0]
    """
    centred = np.asarray(vectors, np.float64) - (vectors.mean(axis=0) if len(vectors) else 0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    two = np.zeros((2, vectors.shape[1]))
    two[: len(axes[:2])] = axes[:2]
    two *= np.where(two.sum(axis=1, keepdims=True) < 0, -1, 1)  # an axis has no sign of its own
    return np.asarray(centred @ two.T, np.float64)


def _neighbours(vectors: Floats) -> Doubles:
    if len(vectors) < 5:
        return _principal(vectors)
    from sklearn.manifold import TSNE  # takes a second to import

    perplexity = min(30.0, (len(vectors) - 1) / 3)
    method = "exact" if len(vectors) < _FEW_POINTS else "barnes_hut"
    flat = TSNE(perplexity=perplexity, init="pca", random_state=0, max_iter=500, method=method).fit_transform(vectors)
    return np.asarray(flat, np.float64)


def _padded(limits: tuple[float, float]) -> tuple[float, float]:
    margin = 0.05 * (limits[1] - limits[0])
    return limits[0] - margin, limits[1] + margin
