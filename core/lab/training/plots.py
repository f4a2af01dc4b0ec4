"""Plots of the lab: ranked lists, similarities of the same and of different people, a map of vectors; and their style.

Colours can be told apart by colour-blind people, and are never the only sign: wrong rows are crossed out and cameras
have their own markers. Pictures are BGR. Figures are made without pyplot, which would keep all of them in memory."""

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
_MOST_POINTS = 2_000
_BLOCK = 1 << 22  # pairs computed at a time: 100 MB


def chart(title: str, x_label: str = "", y_label: str = "", legend_lines: int = 1) -> tuple[Figure, Axes]:
    """An empty figure of WIDTH x HEIGHT pixels, with room for `legend_lines` below the title."""
    from matplotlib.figure import Figure  # takes a second to import

    figure = Figure((WIDTH / _DPI, HEIGHT / _DPI), dpi=_DPI)
    top = 0.9 - 0.045 * legend_lines
    axes = figure.add_axes((0.09, 0.11, 0.82, top - 0.11))
    axes.set_title(title, loc="left", y=1 + (0.94 - top) / (top - 0.11), fontsize=13)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(axis="y", color="#e4e6e8")
    axes.set_axisbelow(True)
    axes.locator_params(nbins=7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def legend(figure: Figure, columns: int, handles: list[object]) -> None:
    """Add a legend between the title and the axes."""
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
    """A BGR colour, 0 to 255, as matplotlib takes it: RGB, 0 to 1.

    >>> rgb((255, 0, 51))
    (0.2, 0.0, 1.0)
    """
    blue, green, red = (channel / 255 for channel in colour)
    return red, green, blue


def picture_of(figure: Figure) -> Image:
    """The figure as a picture, (height, width, 3) uint8 BGR."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    pixels, (width, height) = canvas.print_to_buffer()  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(np.frombuffer(pixels, np.uint8).reshape(height, width, 4)[:, :, 2::-1])


def save_picture(path: Path, bgr: Image) -> None:
    """Write a PNG file atomically."""
    write_atomically(path, cv2.imencode(".png", bgr)[1].tobytes())


def plot_rankings(
    pictures: Image, vectors: Floats, person: Ints, camera: Ints, gallery: Bools, queries: Sequence[int], top: int = 10
) -> Image:
    """A line for each of `queries` (row numbers): its picture, and the `top` most similar rows of the gallery.

    `pictures` is (n, height, width, 3) uint8 BGR; `gallery` (n,) marks the rows of the gallery. Below a picture are its
    cosine similarity and camera, below the query its person and camera.
    """
    height = 124
    width = round(height * pictures.shape[2] / pictures.shape[1])
    across, down, left, above = width + 20, height + 30, 14, 52
    canvas = Canvas(max(640, left + across * (top + 1) + 22), above + down * max(1, len(queries)))
    canvas.text("Query and its best matches: green is the same person, red and crossed out another", left, 28, 15)
    for number, query in enumerate(queries):
        y = above + number * down
        canvas.picture(pictures[query], left, y, width, height)
        canvas.text(f"{person[query]}  c{camera[query]}", left + width / 2, y + height + 17, align="middle")
        for place, row in enumerate(nearest(vectors, person, camera, query, gallery, top)):
            x = left + 22 + across * (place + 1)
            _match(canvas, pictures[row], (x, y, width, height), bool(person[row] == person[query]))
            label = f"{float(vectors[row] @ vectors[query]):.2f}  c{camera[row]}"
            canvas.text(label, x + width / 2, y + height + 17, align="middle")
    return canvas.as_image()


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

    `same` counts pairs of the same person in two cameras, `different` pairs of two people. At the similarity `crossing`
    both curves (each of area 1) are equally high: the threshold with the fewest errors where both kinds are equally
    common. The share `missed` of the same pairs lies below it, the share `mistaken` of the different pairs above.
    """

    edges: Doubles
    same: Ints
    different: Ints
    crossing: float
    missed: float
    mistaken: float


def count_pairs(vectors: Floats, person: Ints, camera: Ints, bins: int = 200) -> PairSimilarities:
    """Count all pairs of named people (numbers from 1 on). `ValueError` if either kind of pair is missing."""
    named = person > 0
    vectors, person, camera = vectors[named], person[named], camera[named]
    counts = np.zeros((2, bins), np.int64)
    step = max(1, _BLOCK // max(1, len(person)))
    for at in range(0, len(person), step):
        rows, all_rows = np.arange(len(person))[at : at + step, None], np.arange(len(person))[None]
        same_person, other_camera = person[rows] == person[None], camera[rows] != camera[None]
        bin_of_pair = np.clip((vectors[at : at + step] @ vectors.T + 1) * (bins / 2), 0, bins - 1).astype(np.int32)
        counts[0] += np.bincount(bin_of_pair[(all_rows > rows) & same_person & other_camera], minlength=bins)
        counts[1] += np.bincount(bin_of_pair[(all_rows > rows) & ~same_person], minlength=bins)
    if not counts.any(axis=1).all():
        raise ValueError("expected pairs of the same person in two cameras, and pairs of two people")
    below = np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True)
    best = int(np.argmax(below[1] - below[0]))
    edges = np.linspace(-1, 1, bins + 1)
    same, different = counts
    return PairSimilarities(
        edges, same, different, float(edges[best + 1]), float(below[0, best]), float(1 - below[1, best])
    )


def plot_similarities(pairs: PairSimilarities) -> Image:
    """Histograms of pairs of the same person across cameras and of different people, and where they cross."""
    figure, axes = chart("How similar are two pictures?", "cosine similarity", "density of pairs (each area is 1)", 2)
    handles: list[object] = []
    kinds = (("same person, two cameras", pairs.same), ("different people", pairs.different))
    for (name, counts), colour in zip(kinds, COLOURS, strict=False):
        density = counts / counts.sum() / np.diff(pairs.edges)
        label = f"{name}: {int(counts.sum()):,} pairs"
        axes.stairs(density, pairs.edges, fill=True, color=rgb(colour), alpha=0.35)
        handles.append(axes.stairs(density, pairs.edges, color=rgb(colour), linewidth=1.5, label=label))
    used = np.flatnonzero(pairs.same + pairs.different)
    axes.set_xlim(float(pairs.edges[used[0]]), float(pairs.edges[used[-1] + 1]))
    axes.set_ylim(bottom=0)
    label = f"{pairs.crossing:.2f}: {pairs.missed:.1%} missed, {pairs.mistaken:.1%} mistaken"
    handles.append(axes.axvline(pairs.crossing, color="black", linestyle="--", linewidth=1, label=label))
    legend(figure, 2, handles)
    return picture_of(figure)


def plot_features(
    vectors: Floats, person: Ints, camera: Ints, method_name: Literal["pca", "tsne"] = "pca", people: int = 10
) -> Image:
    """The vectors in two dimensions: the `people` with the most cameras and pictures in colour, others in grey.

    Of more than 2,000 rows an even choice is shown. The marker of a point is its camera.
    """
    busiest = _most_seen(person, camera, min(people, len(COLOURS)))
    rows_shown = _sample_rows(np.isin(person, busiest))
    vectors, person, camera = vectors[rows_shown], person[rows_shown], camera[rows_shown]
    points, method = project(vectors, "t-SNE" if method_name == "tsne" else "principal components")
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
    """An entry of the legend, which draws no point."""
    return axes.scatter([], [], s=40, color=rgb(colour), marker=marker, label=name)


def _most_seen(person: Ints, camera: Ints, most: int) -> Ints:
    """The people seen by the most cameras, then in the most pictures."""
    people, counts = np.unique(person[person > 0], return_counts=True)
    cameras = np.array([len(np.unique(camera[person == p])) for p in people], np.int64)
    return np.asarray(people[np.lexsort((people, -counts, -cameras))[:most]], np.int64)


def _sample_rows(priority: Bools) -> Ints:
    """At most 2,000 rows, in order: first those marked by `priority` (n,), then others, evenly chosen."""
    preferred, others = np.flatnonzero(priority)[:_MOST_POINTS], np.flatnonzero(~priority)
    remaining = min(len(others), _MOST_POINTS - len(preferred))
    return np.sort(np.concatenate([preferred, others[np.linspace(0, len(others) - 1, remaining).astype(int)]]))
