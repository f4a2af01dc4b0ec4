"""Plots of the lab, drawn by matplotlib: its look, and from a figure to a picture.

Colours are those that colour-blind people tell apart too, and marks differ in shape. Figures are made without pyplot,
which keeps a list of all of them.

Pictures of what an embedder does: ranked lists, similarities of same and different people, a map of the vectors.

Owns what they show; arrays in, BGR out. Refuses to compute vectors or to rank: `core.score` does. Colour is never the
only sign: wrong rows are crossed, cameras have marks of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from core.base.types import Bools, Floats, Image, Ints
from core.lab.evaluate import nearest
from core.machine.canvas import WHITE, Canvas, Colour
from core.machine.paths import write_atomically
from core.vision.appearance import project
from core.vision.mot import Doubles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GREY: Colour = (205, 202, 200)
RIGHT, WRONG = (96, 158, 0), (30, 60, 213)
COLOURS: tuple[Colour, ...] = (
    *((178, 114, 0), (0, 94, 213), (115, 158, 0), (167, 121, 204), (0, 159, 230), (180, 80, 110)),
    *((60, 60, 60), (233, 180, 86), (70, 130, 120), (90, 60, 160), (40, 100, 60), (50, 50, 190)),
)
MARKERS = ("o", "s", "^", "D", "v", "*")
WIDTH, HEIGHT, _DPI = 880, 560, 100


def chart(title: str, x: str = "", y: str = "", legend_lines: int = 1) -> tuple[Figure, Axes]:
    """An empty figure of WIDTH x HEIGHT pixels, with room for a legend below the title."""
    from matplotlib.figure import Figure  # takes a second to import

    figure = Figure((WIDTH / _DPI, HEIGHT / _DPI), dpi=_DPI)
    top = 0.9 - 0.045 * legend_lines
    axes = figure.add_axes((0.09, 0.11, 0.82, top - 0.11))
    axes.set_title(title, loc="left", y=1 + (0.94 - top) / (top - 0.11), fontsize=13)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(axis="y", color="#e4e6e8")
    axes.set_axisbelow(True)
    axes.locator_params(nbins=7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def legend(figure: Figure, columns: int, handles: list[object]) -> None:
    """Names with their colour and mark, between the title and the axes."""
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.08, 0.935),
        ncols=columns,
        frameon=False,
        fontsize=9,
        handletextpad=0.4,
        columnspacing=1.2,
    )


def rgb(colour: Colour) -> tuple[float, float, float]:
    """For matplotlib.

    >>> rgb((255, 0, 51))
    (0.2, 0.0, 1.0)
    """
    blue, green, red = (channel / 255 for channel in colour)
    return red, green, blue


def picture_of(figure: Figure) -> Image:
    """The figure as BGR."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    pixels, (width, height) = canvas.print_to_buffer()  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(np.frombuffer(pixels, np.uint8).reshape(height, width, 4)[:, :, 2::-1])


def save_picture(path: Path, bgr: Image) -> None:
    """A PNG file, whole or not at all."""
    write_atomically(path, cv2.imencode(".png", bgr)[1].tobytes())


_MOST_POINTS = 2_000
_BLOCK = 1 << 22  # pairs looked at together: 100 MB


def plot_rankings(
    pictures: Image, vectors: Floats, person: Ints, camera: Ints, gallery: Bools, queries: Sequence[int], top: int = 10
) -> Image:
    """A row for each of `queries` (row numbers): its picture, and the `top` rows of the gallery that stand first.

    `pictures` is (n, height, width, 3) uint8 BGR, `gallery` marks the rows that may be found. The figure below a
    picture is its cosine similarity, then its camera; below the query, person and camera.
    """
    height = 124
    width = round(height * pictures.shape[2] / pictures.shape[1])
    across, down, left, above = width + 20, height + 30, 14, 52
    canvas = Canvas(max(640, left + across * (top + 1) + 22), above + down * max(1, len(queries)))
    canvas.text("Query, and its best matches: green is the same person, red and crossed another", left, 28, 15)
    for number, query in enumerate(queries):
        y = above + number * down
        canvas.picture(pictures[query], left, y, width, height)
        canvas.text(f"{person[query]}  c{camera[query]}", left + width / 2, y + height + 17, align="middle")
        for place, row in enumerate(nearest(vectors, person, camera, query, gallery, top)):
            x = left + 22 + across * (place + 1)
            _match(canvas, pictures[row], (x, y, width, height), bool(person[row] == person[query]))
            label = f"{float(vectors[row] @ vectors[query]):.2f}  c{camera[row]}"
            canvas.text(label, x + width / 2, y + height + 17, align="middle")
    return canvas.finished()


def _match(canvas: Canvas, picture: Image, place: tuple[int, int, int, int], right: bool) -> None:
    x, y, width, height = place
    canvas.picture(picture, x, y, width, height)
    canvas.frame(x, y, width, height, RIGHT if right else WRONG, 3)
    if not right:
        left, far = x + width - 16, x + width
        canvas.box(left, y, 16, 16, WRONG)
        canvas.line((left + 4, y + 4), (far - 5, y + 11), WHITE, 2)
        canvas.line((left + 4, y + 11), (far - 5, y + 4), WHITE, 2)


@dataclass(frozen=True, eq=False)
class PairSimilarities:
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


def count_pairs(vectors: Floats, person: Ints, camera: Ints, bins: int = 200) -> PairSimilarities:
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
    return PairSimilarities(edges, same, different, float(edges[cut + 1]), float(below[0, cut]), float(1 - below[1, cut]))


def plot_similarities(found: PairSimilarities) -> Image:
    """Two histograms, same person across cameras against different people, and where they cross."""
    figure, axes = chart("How similar are two pictures?", "cosine similarity", "density of pairs (each area is 1)", 2)
    handles: list[object] = []
    kinds = (("same person, two cameras", found.same), ("different people", found.different))
    for (name, counts), colour in zip(kinds, COLOURS, strict=False):
        density = counts / counts.sum() / np.diff(found.edges)
        label = f"{name}: {int(counts.sum()):,} pairs"
        axes.stairs(density, found.edges, fill=True, color=rgb(colour), alpha=0.35)
        handles.append(axes.stairs(density, found.edges, color=rgb(colour), linewidth=1.5, label=label))
    used = np.flatnonzero(found.same + found.different)
    axes.set_xlim(float(found.edges[used[0]]), float(found.edges[used[-1] + 1]))
    axes.set_ylim(bottom=0)
    label = f"{found.crossing:.2f}: {found.missed:.1%} missed, {found.mistaken:.1%} mistaken"
    handles.append(axes.axvline(found.crossing, color="black", linestyle="--", linewidth=1, label=label))
    legend(figure, 2, handles)
    return picture_of(figure)


def plot_features(
    vectors: Floats, person: Ints, camera: Ints, how: Literal["pca", "tsne"] = "pca", people: int = 10
) -> Image:
    """The vectors in two dimensions: the `people` with the most cameras and pictures in colour, the others grey.

    Of more than 2,000 rows an even choice is shown. The mark of a point is its camera.
    """
    busiest = _most_seen(person, camera, min(people, len(COLOURS)))
    some = _sample_rows(np.isin(person, busiest))
    vectors, person, camera = vectors[some], person[some], camera[some]
    points, method = project(vectors, "t-SNE" if how == "tsne" else "principal components")
    figure, axes = chart(f"Map of the vectors ({method})", legend_lines=2)
    axes.set_aspect("equal", adjustable="datalim")
    axes.grid(False)
    axes.tick_params(labelbottom=False, labelleft=False, length=0)
    cameras, colours = np.unique(camera), dict(zip(busiest.tolist(), COLOURS, strict=False))
    groups = [(~np.isin(person, busiest), GREY, 20), *((person == p, c, 60) for p, c in colours.items())]
    for rows, colour, size in groups:
        for place, number in enumerate(cameras):
            x, y = points[rows & (camera == number)].T
            marker = MARKERS[place % len(MARKERS)]
            axes.scatter(x, y, s=size, color=rgb(colour), marker=marker, edgecolors="white", linewidths=0.4)
    handles: list[object] = [
        *(_legend_entry(axes, str(number), colour, "o") for number, colour in colours.items()),
        *(_legend_entry(axes, f"camera {c}", GREY, mark) for c, mark in zip(cameras.tolist(), MARKERS, strict=False)),
    ]
    legend(figure, 9, handles)
    return picture_of(figure)


def _legend_entry(axes: Axes, name: str, colour: Colour, marker: str) -> object:
    """What stands for a colour or a mark in the legend; it draws no point."""
    return axes.scatter([], [], s=40, color=rgb(colour), marker=marker, label=name)


def _most_seen(person: Ints, camera: Ints, most: int) -> Ints:
    """The people seen by most cameras, then in most pictures."""
    people, counts = np.unique(person[person > 0], return_counts=True)
    cameras = np.array([len(np.unique(camera[person == p])) for p in people], np.int64)
    return np.asarray(people[np.lexsort((people, -counts, -cameras))[:most]], np.int64)


def _sample_rows(first: Bools) -> Ints:
    """At most 2,000 rows, those marked `first` before others, evenly chosen, in their order."""
    marked, others = np.flatnonzero(first)[:_MOST_POINTS], np.flatnonzero(~first)
    room = min(len(others), _MOST_POINTS - len(marked))
    return np.sort(np.concatenate([marked, others[np.linspace(0, len(others) - 1, room).astype(int)]]))
