"""Regions: polygons and boxes in the picture in which people count (include) or do not (exclude).

Points are fractions of the picture's width and height, so that regions hold at any size. A person's box is tested by
one point, feet or centre. Regions filter stored detections; nothing is detected again. They are saved as JSON; plain
lines of `x,y` are read as one polygon. A region without an area is an error.

With them go the trails of people who were deleted for good: where and when they were in the picture, and nothing of
what they looked like. Detections on a trail do not count either, so that no later run finds these people."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.base.errors import RegionError
from core.base.limits import REGION_BYTES, REGION_POINTS, REGIONS, read_bounded, require_at_most, require_bytes
from core.base.types import Bools, Floats, Seconds
from core.machine.paths import write_atomically

Point = tuple[float, float]
Doubles = NDArray[np.float64]

VERSION = 1
OUTSIDE = 0.1  # share of the picture by which a point may lie outside; it is moved to the edge
_MIN_AREA = 1e-9  # share of the picture: far below one pixel of any camera
_EDGE_DISTANCE = 1e-9  # share of the picture: up to here a point is on an edge
_TRAIL_UNITS = 10_000
_TRAIL_STEP_MS = 200
_TRAIL_GAP_SECONDS = 2.0
"""Between two boxes of a trail that are further apart in time, somebody else may have been there."""
_TRAIL_END_SECONDS = 0.5
"""By which a trail holds before its first box and after its last."""
_ON_TRAIL, _SURELY_ON_TRAIL = 0.5, 0.7
"""Overlap (IoU) with a trail."""
_MAX_IN_TRAIL = 1e10
_FORMAT = "sightline-regions"
_SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")
_CHOICES = {"kind": ("box", "polygon"), "mode": ("include", "exclude"), "anchor": ("foot", "centre")}
_MAX_CELLS = 1_000_000  # boxes times points that are tested at once
_FEWER = "Draw it with fewer points."
_PLAIN_FORMAT = "A plain region file has one x,y per line, in pixels of the clip."


@dataclass(frozen=True)
class Region:
    """One shape. `points` are (x, y) from 0 to 1: two opposite corners of a box, or at least three of a polygon.

    Points slightly outside are moved to the picture's edge, corners are ordered, and the repeated last point of a
    closed polygon is dropped. Where a polygon crosses itself, the even-odd rule decides what is inside.
    Field names are those of the JSON format.
    """

    kind: Literal["box", "polygon"]
    points: tuple[Point, ...]
    mode: Literal["include", "exclude"] = "include"
    name: str = ""

    def __post_init__(self) -> None:
        _check_choice("kind", self.kind)
        _check_choice("mode", self.mode)
        if not isinstance(self.name, str):
            raise RegionError(f"A region's name is {self.name!r}", "Give a text.")
        require_at_most(len(self.points), REGION_POINTS, "A region has {} points", RegionError, _FEWER)
        points = _checked_points(self.points)
        object.__setattr__(self, "points", _box_corners(points) if self.kind == "box" else _polygon_corners(points))

    @property
    def corners(self) -> Doubles:
        """The corners of the outline in order (n, 2)."""
        if self.kind == "polygon":
            return np.array(self.points, np.float64)
        (left, top), (right, bottom) = self.points
        return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)


@dataclass(frozen=True)
class Regions:
    """All regions of a clip, and the region test point: the feet (middle of a box's lower edge) or the box centre.

    `left_out` are trails, as `write_trail` makes them, of tracks that no run is to find again.
    """

    regions: tuple[Region, ...] = ()
    anchor: Literal["foot", "centre"] = "foot"
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_choice("anchor", self.anchor)
        object.__setattr__(self, "regions", tuple(self.regions))
        object.__setattr__(self, "left_out", tuple(self.left_out))
        for trail in self.left_out:
            _read_trail(trail)

    @property
    def is_empty(self) -> bool:
        """Whether every detection counts."""
        return not (self.regions or self.left_out)

    def shifted(self, seconds: float) -> Regions:
        """The same for a recording that begins so many seconds after the clip does."""
        return replace(self, left_out=tuple(_shift_trail(trail, -seconds) for trail in self.left_out))

    @property
    def digest(self) -> str:
        """SHA-256 of the JSON text, part of the keys of stored results."""
        return hashlib.sha256(to_json(self).encode()).hexdigest()


def inside(regions: Regions, xyxy: ArrayLike, width: int, height: int) -> Bools:
    """Which boxes `xyxy` (n, 4), in pixels of a `width` x `height` picture, count: (n,).

    Their test point lies in an include region, or there is none, and in no exclude region. An edge belongs to its
    region. A test point outside the picture is moved to the nearest point inside.
    """
    if width <= 0 or height <= 0:
        raise ValueError(f"inside: expected a picture with an area, got {width} x {height}")
    boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
    x = (boxes[:, 0] + boxes[:, 2]) / 2
    y = boxes[:, 3] if regions.anchor == "foot" else (boxes[:, 1] + boxes[:, 3]) / 2
    points = np.clip(np.stack([x / width, y / height], axis=1), 0, 1)
    included = [region.corners for region in regions.regions if region.mode == "include"]
    excluded = [region.corners for region in regions.regions if region.mode == "exclude"]
    counts = _within_any(included, points) if included else np.ones(len(points), np.bool_)
    return counts & ~_within_any(excluded, points)


def write_trail(seconds: Seconds, xyxy: Floats, width: int, height: int) -> str:
    """Where a track was and when, as text: milliseconds of the clip and four sides in ten-thousandths of the picture.

    >>> write_trail(np.array([1.5]), np.float32([[10, 20, 30, 60]]), 100, 100)
    '1500 1000 2000 3000 6000'
    """
    order = np.argsort(seconds, kind="stable")
    scale = _TRAIL_UNITS / np.array([width, height, width, height])
    moments, sides = np.rint(seconds[order] * 1000).astype(int), np.rint(xyxy[order] * scale).astype(int)
    rows, last = [], -_TRAIL_STEP_MS
    for number, moment in enumerate(moments.tolist()):
        if moment - last >= _TRAIL_STEP_MS or number == len(moments) - 1:
            rows.append(" ".join(map(str, (moment, *sides[number].tolist()))))
            last = moment
    return ";".join(rows)


def on_trails(regions: Regions, seconds: Seconds, xyxy: ArrayLike, width: int, height: int) -> Bools:
    """Which boxes (n, 4), in pixels, at these seconds of the clip (n,) are of somebody who was deleted for good: (n,).

    Of one moment, that is the box that overlaps the trail best, and any that all but covers it.
    """
    boxes, found = np.asarray(xyxy, np.float64).reshape(-1, 4), np.zeros(len(seconds), np.bool_)
    scale = np.array([width, height, width, height]) / _TRAIL_UNITS
    for trail in regions.left_out:
        rows = _read_trail(trail)
        near, place = _trail_at(rows, seconds)
        overlap = np.where(near, _iou(boxes, place * scale), 0.0)
        candidates = np.flatnonzero(overlap >= _ON_TRAIL)
        best: dict[float, int] = {}
        for row in candidates[np.argsort(overlap[candidates], kind="stable")].tolist():
            best[float(seconds[row])] = row
        found[list(best.values())] = True
        found |= overlap >= _SURELY_ON_TRAIL
    return found


def _trail_at(rows: Doubles, seconds: Seconds) -> tuple[Bools, Doubles]:
    """Whether a trail says something about these moments (n,), and where it was then (n, 4)."""
    times = rows[:, 0] / 1000
    after = np.clip(np.searchsorted(times, seconds), 1, max(len(times) - 1, 1)) if len(times) > 1 else None
    gap = 0.0 if after is None else times[after] - times[after - 1]
    near = (seconds >= times[0] - _TRAIL_END_SECONDS) & (seconds <= times[-1] + _TRAIL_END_SECONDS)
    place = np.stack([np.interp(seconds, times, rows[:, side]) for side in range(1, 5)], axis=1)
    return np.asarray(near & (gap <= _TRAIL_GAP_SECONDS), np.bool_), place


def _iou(a: Doubles, b: Doubles) -> Doubles:
    sides = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None)
    shared = sides.prod(axis=1)
    union = (a[:, 2:] - a[:, :2]).prod(axis=1) + (b[:, 2:] - b[:, :2]).prod(axis=1) - shared
    return np.asarray(shared / np.maximum(union, 1e-9))


def _read_trail(text: str) -> Doubles:
    """The rows of a trail (n, 5); a `RegionError` if the text is none."""
    try:
        rows = np.array([[int(cell) for cell in row.split()] for row in text.split(";")], np.float64)
    except (AttributeError, OverflowError, ValueError) as fault:
        raise RegionError("a trail cannot be read", "Save the regions again, or correct the file.") from fault
    if rows.ndim != 2 or rows.shape[1] != 5 or (np.diff(rows[:, 0]) < 0).any() or np.abs(rows).max() > _MAX_IN_TRAIL:
        raise RegionError("a trail has rows that are no boxes in order of time", "Save the regions again.")
    return rows


def _shift_trail(text: str, seconds: float) -> str:
    rows = _read_trail(text)
    rows[:, 0] += round(seconds * 1000)
    return ";".join(" ".join(map(str, row)) for row in rows.astype(int).tolist())


def to_json(regions: Regions) -> str:
    """JSON text, equal for equal regions."""
    content = {"format": _FORMAT, "version": VERSION, **asdict(regions)}
    if not regions.left_out:
        # Files and keys from before there were trails have none.
        del content["left_out"]
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str) -> Regions:
    """Regions from the text of `to_json`; a `RegionError` says what is wrong with any other text."""
    remedy = "Save the regions again, or correct the file."
    try:
        content = json.loads(text)
    except json.JSONDecodeError as fault:
        raise RegionError(f"line {fault.lineno}: no valid JSON ({fault.msg})", remedy) from fault
    except (RecursionError, ValueError) as fault:
        raise RegionError("this JSON cannot be read", remedy) from fault
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise RegionError(f'this JSON does not hold regions ("format" is not "{_FORMAT}")', remedy)
    if content.get("version") != VERSION:
        raise RegionError(f"version {content.get('version')!r} of the format is not supported", "Update Sightline.")
    items = content.get("regions")
    if not isinstance(items, list):
        raise RegionError('"regions" is not a list', remedy)
    require_at_most(len(items), REGIONS, "it has {} regions", RegionError, remedy)
    trails = content.get("left_out", [])
    if not isinstance(trails, list):
        raise RegionError('"left_out" is not a list', remedy)
    shapes = tuple(_region(number, item) for number, item in enumerate(items, 1))
    return Regions(shapes, content.get("anchor", "foot"), tuple(trails))


def load_regions(path: Path, width: int, height: int) -> Regions:
    """Regions from a file of JSON or of plain `x,y` lines; `width` and `height` are those of the clip in pixels."""
    try:
        content = read_bounded(path, REGION_BYTES, RegionError, _FEWER)
    except OSError as fault:
        raise RegionError(f"{path} cannot be read ({fault.strerror})", "Check the name.") from fault
    return read_regions(content, path.name, width, height)


def read_regions(content: bytes, name: str, width: int, height: int) -> Regions:
    """`load_regions` for the content of a file called `name`."""
    require_bytes(len(content), REGION_BYTES, name, RegionError, _FEWER)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise RegionError(f"{name} is not a text file", _PLAIN_FORMAT) from fault
    try:
        return from_json(text) if text.lstrip().startswith(("{", "[")) else _from_lines(text, width, height)
    except RegionError as fault:
        raise RegionError(f"{name}: {fault.message}", fault.remedy) from fault


def save_regions(path: Path, regions: Regions) -> None:
    """Write JSON, atomically."""
    write_atomically(path, to_json(regions).encode())


def _within_any(outlines: Sequence[Doubles], points: Doubles) -> Bools:
    is_inside = np.zeros(len(points), np.bool_)
    for corners in outlines:
        block = max(1, _MAX_CELLS // len(corners))
        for at in range(0, len(points), block):
            is_inside[at : at + block] |= _within(corners, points[at : at + block])
    return is_inside


def _within(corners: Doubles, points: Doubles) -> Bools:
    """Which points (n, 2) lie inside the outline of `corners` (m, 2), by the even-odd rule, or on it: (n,)."""
    edge = np.roll(corners, -1, axis=0) - corners
    offset = points[:, None, :] - corners  # (n, m, 2)
    along = np.clip((offset * edge).sum(2) / (edge * edge).sum(1), 0, 1)
    on_edge = (np.hypot(*np.moveaxis(offset - along[..., None] * edge, 2, 0)) <= _EDGE_DISTANCE).any(axis=1)
    # A ray to the right crosses an edge whose ends lie on either side of it.
    below = points[:, None, 1] >= corners[:, 1]
    spans = below != np.roll(below, -1, axis=1)
    slope = np.divide(edge[:, 0], edge[:, 1], out=np.zeros(len(edge)), where=edge[:, 1] != 0)
    crossed = spans & (offset[..., 0] < offset[..., 1] * slope)
    answer: Bools = on_edge | (crossed.sum(axis=1) % 2 == 1)
    return answer


def _check_choice(name: str, value: object) -> None:
    if value not in _CHOICES[name]:
        raise RegionError(f"{name} is {value!r}", f"Give {' or '.join(_CHOICES[name])}.")


def _checked_points(points: Sequence[Any]) -> list[Point]:
    """Points as floats from 0 to 1; a `RegionError` names the first that cannot be one."""
    checked = []
    for number, point in enumerate(points, 1):
        try:
            x, y = (float(value) for value in point)
        except (TypeError, ValueError, OverflowError) as fault:
            raise RegionError(f"Point {number} is {point!r}", "Give two numbers, x and y.") from fault
        if not (math.isfinite(x) and math.isfinite(y)):
            raise RegionError(f"Point {number} is ({x:g}, {y:g})", "Give finite numbers.")
        if not all(-OUTSIDE <= value <= 1 + OUTSIDE for value in (x, y)):
            raise RegionError(
                f"Point {number} lies far outside the picture: ({x:g}, {y:g}) of its width and height",
                "Check that the region was drawn on a clip of this size.",
            )
        checked.append((min(1.0, max(0.0, x)), min(1.0, max(0.0, y))))
    return checked


def _box_corners(points: list[Point]) -> tuple[Point, ...]:
    if len(points) != 2:
        raise RegionError(f"A box has {len(points)} points", "Give two opposite corners.")
    (left, right), (top, bottom) = (sorted(axis) for axis in zip(*points, strict=True))
    if (right - left) * (bottom - top) <= _MIN_AREA:
        raise RegionError("A box encloses nothing", "Drag from one corner to the opposite one.")
    return (left, top), (right, bottom)


def _polygon_corners(points: list[Point]) -> tuple[Point, ...]:
    distinct = [point for number, point in enumerate(points, 1) if point != points[number % len(points)]]
    if len(set(distinct)) < 3:
        raise RegionError(f"A polygon has {len(set(distinct))} different points", "Set three or more.")
    offset = np.array(distinct) - distinct[0]
    across = offset[:, None, 0] * offset[None, :, 1] - offset[:, None, 1] * offset[None, :, 0]
    if np.abs(across).max() <= _MIN_AREA:
        raise RegionError("A polygon encloses nothing: its points lie on one line", "Set a point beside the line.")
    return tuple(distinct)


def _region(number: int, item: Any) -> Region:
    keys = {"kind", "points", "mode", "name"}
    if not isinstance(item, dict) or not {"kind", "points"} <= set(item) <= keys:
        raise RegionError(
            f"region {number} is {item!r:.80}", "A region has kind and points, and may have mode and name."
        )
    if not isinstance(item["points"], list):
        raise RegionError(f"region {number}: points is {item['points']!r:.80}", "Give a list of [x, y].")
    try:
        return Region(**item)
    except RegionError as fault:
        raise RegionError(f"region {number}: {fault.message}", fault.remedy) from fault


def _from_lines(text: str, width: int, height: int) -> Regions:
    """One include polygon. Its numbers are pixels, or fractions if none is above 1."""
    require_at_most(text.count("\n"), REGION_POINTS, "it has {} lines", RegionError, _FEWER)
    points = [_line(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    fractions = all(value <= 1 for point in points for value in point)
    size = (1.0, 1.0) if fractions else (width, height)
    return Regions((Region("polygon", tuple((x / size[0], y / size[1]) for x, y in points)),))


def _line(number: int, line: str) -> Point:
    try:
        x, y = (float(cell) for cell in _SEPARATOR.split(line.strip()))
    except ValueError as fault:
        raise RegionError(f"line {number} is {line.strip()!r:.60}", _PLAIN_FORMAT) from fault
    if not (math.isfinite(x) and math.isfinite(y)):
        raise RegionError(f"line {number} is {line.strip()!r:.60}, no finite numbers", _PLAIN_FORMAT)
    return x, y
