"""Where the heads are in drawn footage: the truth by which the covering of heads in films is measured.

It follows from the plan of the scene, so that it holds for every sample drawn by this version, and nothing of it is
stored. People are painted as the outlines of their parts, from far to near, which says how much of a head is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from core.base.types import Bools, Ints, Table
from core.lab.synthetic.body import HEAD
from core.lab.synthetic.figure import MIN_DEPTH, Figure
from core.lab.synthetic.film import CameraRenderer, RenderedFrame
from core.lab.synthetic.scene import scene_of
from core.lab.synthetic.settings import HEIGHT, WIDTH, SampleSettings
from core.lab.synthetic.views import Reals
from core.vision.mot import Doubles

_HANGING = "hair tail"
"""Long hair is on the same bone, but behind and below the head."""
_SUBPIXEL = 4  # bits of a pixel's fraction in which outlines are painted


@dataclass(frozen=True, eq=False)
class HeadRows(Table):
    """A row per person whose head is in the picture: the frame (from 0), the person's id (from 1), the box of what is
    seen of the head in pixels, and the share of the head that is seen, 0 to 1."""

    frame: Ints
    id: Ints
    xyxy: Doubles
    visible: Doubles

    def __post_init__(self) -> None:
        integers, reals = (np.int64, ()), (np.float64, ())
        self._validate_columns(frame=integers, id=integers, xyxy=(np.float64, (4,)), visible=reals)


def head_rows(settings: SampleSettings, camera: int, frames: Iterable[int] | None = None) -> HeadRows:
    """The heads that a camera (numbered from 0) sees in its `frames`, by default in all of them."""
    scene = scene_of(settings)
    renderer = CameraRenderer(scene, scene.views[camera])
    figures = [Figure(person) for person in scene.people]
    every_frame = range(renderer.view.frame_count(settings.seconds))
    found = [_heads_of_frame(renderer, figures, frame) for frame in (every_frame if frames is None else frames)]
    return HeadRows.concatenate([_table([]), *found])


def render_heads(settings: SampleSettings, camera: int, every: int) -> Iterator[tuple[RenderedFrame, HeadRows]]:
    """Every `every`-th frame of a camera with the heads in it, to learn from."""
    scene = scene_of(settings)
    renderer = CameraRenderer(scene, scene.views[camera])
    figures = [Figure(person) for person in scene.people]
    for frame in range(0, renderer.view.frame_count(settings.seconds), every):
        yield renderer.render(frame), _heads_of_frame(renderer, figures, frame)


def _heads_of_frame(renderer: CameraRenderer, figures: list[Figure], frame: int) -> HeadRows:
    view, seconds = renderer.view, renderer.view.offset + frame / renderer.view.fps
    people: list[tuple[float, int, Reals]] = []
    for number, (figure, walk) in enumerate(zip(figures, renderer.scene.walks, strict=True)):
        state = walk.at(seconds)
        middle = np.array([state.x, state.y, 0.9])
        if not renderer.may_be_visible(middle):
            continue
        screen = view.project(figure.body(state))
        if screen[..., 2].min() >= MIN_DEPTH:
            people.append((float(view.project(middle)[2]), number, screen))
    owner = np.zeros((HEIGHT, WIDTH), np.uint8)
    for depth, number, screen in sorted(people, key=lambda person: -person[0]):
        body = np.zeros((HEIGHT, WIDTH), np.uint8)
        for part in screen[..., :2]:
            _paint(body, part)
        owner[(body > 0) & (renderer.backdrop.depth >= depth)] = number + 1
    rows = [
        (frame, number + 1, *_visible_head(figures[number], screen, owner == number + 1))
        for _, number, screen in people
    ]
    return _table([row for row in rows if row[3] > 0])


def _visible_head(figure: Figure, screen: Reals, uncovered: Bools) -> tuple[tuple[int, int, int, int], float]:
    """The box of what is seen of a head, and its share of the whole head; 0 where nothing of it is seen."""
    of_head = [n for n, part in enumerate(figure.parts) if part.bone == HEAD and part.name != _HANGING]
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    area = _paint(mask, screen[of_head][..., :2])
    visible = (mask > 0) & uncovered
    rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
    if not len(rows):
        return (0, 0, 0, 0), 0.0
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return box, min(1.0, float(visible.sum() / max(area, 1.0)))


def _paint(mask: Reals, points: Reals) -> float:
    """Fill the outline of `points` (..., 2) in the mask; the area of the whole outline, in pixels."""
    outline = cv2.convexHull(np.rint(points.reshape(-1, 2) * 2**_SUBPIXEL).astype(np.int32))
    cv2.fillConvexPoly(mask, outline, 1, cv2.LINE_8, _SUBPIXEL)
    return float(cv2.contourArea(outline) / 4.0**_SUBPIXEL)


def _table(rows: list[tuple[int, int, tuple[int, int, int, int], float]]) -> HeadRows:
    return HeadRows(
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float64).reshape(-1, 4),
        np.array([row[3] for row in rows], np.float64),
    )
