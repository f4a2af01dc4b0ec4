"""Plots of the lab, drawn by matplotlib: its look, and from a figure to a picture.

Colours are those that colour-blind people tell apart too, and marks differ in shape. Figures are made without pyplot,
which keeps a list of all of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from core.canvas import Colour
from core.folders import write_atomically
from core.types import Image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OTHERS: Colour = (205, 202, 200)
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
