"""The pictures of an export: crops are read when they are needed, their heads blurred, and made smaller for a page.

No network looks for faces. A head is expected at the top of a standing person's box; where a box says less (somebody
bent or lying, several people in one box, an edge of the picture), more of it is covered, up to all of it. Where a
camera stands still, the people who are seen in full say how tall somebody is at each place, so that a box that holds
too much or too little is noticed.

An area that is covered is averaged over a few coarse cells with soft edges, so that no face in it can be recognised.
A crop is read again for each use, so that only one is in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.base.errors import StoreError
from core.base.types import Bools, Floats, Image, Ints, Seconds, Table, Tracks
from core.export.found_heads import CONFIDENT, heads_of_crop
from core.machine.canvas import decode_picture, fit_image
from core.runs import Area, Crop
from core.vision.mot import Doubles
from core.vision.video import jpeg

ABOVE, BESIDE = 0.08, 0.03
"""A head may stick out of a box at the top and at the sides, by these shares of a person's height."""
DEPTH, DEEPER, HALF = 0.25, 0.35, 0.5
"""Share of a standing person's height that holds the head; the same of somebody whom others overlap, whose box is less
exact; and share of a box that says little. In 108 boxes of detectors, inspected by eye, the chin lies above 0.20 in
five of six and above 0.25 in all but four: an umbrella, a seat, much space above the head."""
CHIN = 0.75
"""The chin's height above the feet, as a share of a person's, seen from somewhat above."""
LEAST_WIDTH = 0.4
"""Share of the height that is covered from side to side, however narrow the box is."""
TALL, SQUAT, LYING = 3.6, 1.6, 1.1
"""Height by width: above the first a box may hold two people, below the second somebody bends or is seen in part, and
below the third they may lie, with the head at either end."""
USUAL = 2.4
"""Height by width of somebody who stands: of a box that an edge cuts, the width tells how tall the person is."""
TOO_TALL, DOUBTFULLY_TALL = 1.12, 1.3
"""From this many times the height of people there a box holds more than a person; from the second on it is in doubt."""
FEWEST, SPREAD = 100, 0.1
"""Boxes from which on heights are learned, and how far from their line half of them may lie, relative to a height."""
SLENDER = 2.8
"""Height by width above which half of a crop is covered, where it is not known how tall people are."""
OTHER_IOU, SAME_IOU = 0.1, 0.6
"""Between these, two boxes of a frame are two people; above, two boxes of one."""
EDGE = 0.005
"""Share of the picture's height that detectors stop short of its edges."""

CELLS = 3
"""Cells along the shorter side of a covered area: a head is two or three of them high."""
CELLS_OF_BODY = 2
"""The same where a whole person is covered."""
SOFT = 0.16
"""How far the edge fades out, relative to the shorter side of the area; all of it lies outside the area."""
_JPEG = b"\xff\xd8"
_REMEDY = "Run the analysis again, then export."


@dataclass(frozen=True, eq=False)
class PersonBoxes(Table):
    """Boxes in the pictures of a film, ordered by `row`, the picture. `track` is -1 for a box of the detector, `away`
    the seconds to the moment at which somebody was detected: 0, but for gaps of tracks and beyond their ends."""

    row: Ints
    track: Ints
    xyxy: Floats
    score: Floats
    away: Seconds

    def __post_init__(self) -> None:
        integers, boxes, reals = (np.int64, ()), (np.float32, (4,)), (np.float64, ())
        self._validate_columns(row=integers, track=integers, xyxy=boxes, score=(np.float32, ()), away=reals)


@dataclass(frozen=True)
class Heights:
    """How tall people look in a picture, by where their feet are: a line through those who are seen in full."""

    base: float
    slope: float

    def at(self, feet: Doubles) -> Doubles:
        """The heights in pixels of people whose feet are at `feet`, in pixels from the top."""
        return np.maximum(self.base + self.slope * feet, 0)


def learn_heights(tracks: Tracks, width: int, height: int) -> Heights | None:
    """The heights of people; None where boxes do not lie near one line, as those of a camera that moves."""
    x1, y1, x2, y2 = tracks.xyxy.T.astype(np.float64)
    high, edge = y2 - y1, 2 * EDGE * height
    shape = high / np.maximum(x2 - x1, 1)
    inside = (x1 > edge) & (y1 > edge) & (x2 < width - edge) & (y2 < height - edge)
    use = inside & (shape > SQUAT) & (shape < TALL) & (tracks.score >= CONFIDENT) & tracks.detected
    feet, high = y2[use], high[use]
    if len(feet) < FEWEST or np.ptp(feet) < 1:
        return None
    good = np.ones(len(feet), bool)
    for _ in range(5):
        slope, base = np.polyfit(feet[good], high[good], 1)
        error = np.abs(high - base - slope * feet) / np.maximum(high, 1)
        good = error <= max(2.5 * float(np.median(error)), 0.02)
    found = Heights(float(base), float(slope))
    return found if np.median(error) < SPREAD and found.at(feet).min() > 0 else None


def head_areas(boxes: PersonBoxes, width: int, height: int, heights: Heights | None = None) -> tuple[Floats, Bools]:
    """The area (n, 4) to cover for each of the `boxes` of one picture of `width` x `height` pixels, xyxy; and which
    boxes may hold more heads than one, or one elsewhere."""
    x1, y1, x2, y2 = boxes.xyxy.T.astype(np.float64)
    wide, high = np.maximum(x2 - x1, 1), np.maximum(y2 - y1, 1)
    shape, edge = high / wide, EDGE * height
    cut_above, cut_below = y1 <= edge, y2 >= height - edge
    expected = np.zeros(len(boxes)) if heights is None else heights.at(y2)
    measured = (expected > 0.25 * high) & ~cut_below
    # Somebody who is cut or hidden below the waist is taller than the box: the width says by how much.
    tall = np.where((shape < SQUAT) | cut_below, np.maximum(high, USUAL * np.minimum(wide, high)), high)
    tall = np.maximum(tall, np.minimum(expected, 3 * high))
    squat = (shape < SQUAT) & ~cut_below
    several = np.where(measured, high > TOO_TALL * expected, shape > TALL)
    depth = np.where(are_crowded(boxes), DEEPER, DEPTH) * tall
    depth = np.where(squat | several | cut_above | cut_below, np.maximum(depth, HALF * high), depth)
    depth = np.where(measured, np.maximum(depth, high - CHIN * expected), depth)
    depth = np.where(shape < LYING, high, np.minimum(depth, high))
    above = np.where(measured, np.maximum(ABOVE * tall, (1 + ABOVE) * expected - high), ABOVE * tall)
    half = np.maximum(wide / 2 + BESIDE * tall, LEAST_WIDTH / 2 * tall)
    middle = (x1 + x2) / 2
    areas = np.stack([middle - half, y1 - above, middle + half, y1 + depth], axis=1).astype(np.float32)
    unusual = np.where(measured, high > DOUBTFULLY_TALL * expected, (squat | (shape > TALL)) & ~cut_below)
    # Two people side by side make a wide box of the usual height: both heads are at its top.
    unusual |= measured & squat & (np.abs(high - expected) > 0.2 * expected)
    at_side = (x1 <= edge) | (x2 >= width - edge)
    return areas, np.asarray(unusual & ~at_side | cut_above)


def areas_of_picture(width: int, height: int, depth: float = DEEPER) -> Floats:
    """The area (1, 4) to cover in a crop of which no more is known than that it shows a person: at least that share of
    it. A picture can spare more than a film, for it is looked at for longer."""
    # In the middle of a larger picture, for the edges of a crop cut nobody.
    corner = np.array([width, height] * 2, np.float32)
    box = np.array([[width, height, 2 * width, 2 * height]])
    boxes = PersonBoxes(np.zeros(1), np.zeros(1), box, np.ones(1), np.zeros(1))  # type: ignore[arg-type]
    areas = head_areas(boxes, 3 * width, 3 * height)[0] - corner
    return np.asarray(np.maximum(areas, [[-np.inf, -np.inf, -np.inf, depth * height]]), np.float32)


def are_crowded(boxes: PersonBoxes) -> Bools:
    """Which boxes share a part with another person's: not nearly all, as two boxes of one person do."""
    overlap = iou(boxes.xyxy, boxes.xyxy)
    return np.asarray(((overlap > OTHER_IOU) & (overlap < SAME_IOU)).any(axis=1))


def iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of each box of `a` (n, 4) with each of `b` (m, 4); (n, m)."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    area_a, area_b = ((box[:, 2:] - box[:, :2]).prod(axis=1) for box in (a, b))
    return np.asarray(common / np.maximum(area_a[:, None] + area_b[None] - common, 1e-6), np.float32)


class CropPictures:
    """The pictures of crops, with their heads blurred if `blur`. The same picture may be asked for several times, for
    the report, a contact sheet and in full size: heads are looked for in it only once."""

    def __init__(self, blur: bool) -> None:
        self._blur, self._found = blur, dict[bytes, Floats | None]()

    def load(self, crop: Crop) -> Image:
        """The crop as BGR."""
        content, bgr = _read_crop(crop)
        if not self._blur:
            return bgr
        digest = hashlib.sha256(content).digest()
        if digest not in self._found:
            self._found[digest] = heads_of_crop(bgr)
        return _blur_areas(bgr, self._found[digest], crop.heads)

    def full_size_jpeg(self, crop: Crop) -> bytes:
        """The crop at full size: its own bytes, or a new JPEG with its heads blurred and no metadata."""
        return jpeg(self.load(crop), 92) if self._blur else _read_crop(crop)[0]


def full_size_jpeg(crop: Crop, blur: bool) -> bytes:
    """A crop at full size, as `CropPictures` makes it."""
    return CropPictures(blur).full_size_jpeg(crop)


def load_picture(crop: Crop, blur: bool) -> Image:
    """A crop as BGR, as `CropPictures` loads it."""
    return CropPictures(blur).load(crop)


def thumbnail_jpeg(bgr: Image, width: int, height: int) -> bytes:
    """A JPEG that fits into width x height pixels; a smaller picture keeps its size."""
    return jpeg(fit_image(bgr, width, height, grow=False), 82)


def blur_heads(bgr: Image, areas: Sequence[Area] = ()) -> Image:
    """A copy of a crop with the heads blurred that are found in it. Where none is sure to be one, these areas are;
    without any, those where the head of one person is expected."""
    return _blur_areas(bgr, heads_of_crop(bgr), areas)


def _blur_areas(bgr: Image, found: Floats | None, areas: Sequence[Area]) -> Image:
    if found is None:
        found = np.array(areas, np.float32).reshape(-1, 4) if areas else areas_of_picture(*bgr.shape[1::-1])
    picture = bgr.copy()
    cover(picture, found)
    return picture


def cover(picture: Image, areas: Floats, cells: int = CELLS) -> None:
    """Blur the areas (n, 4), in pixels of the picture, in place. What is outside of the picture is left out."""
    height, width = picture.shape[:2]
    for area in areas.astype(np.float64):
        left, top = np.clip(np.floor(area[:2]), 0, (width, height)).astype(int).tolist()
        right, bottom = np.clip(np.ceil(area[2:]), 0, (width, height)).astype(int).tolist()
        if right > left and bottom > top:
            _cover_box(picture, (left, top, right, bottom), cells)


def _cover_box(picture: Image, box: tuple[int, int, int, int], cells: int) -> None:
    """Blur one box that lies in the picture, and fade out round it."""
    import cv2

    left, top, right, bottom = box
    shorter = min(right - left, bottom - top)
    fade, cell = max(1.0, shorter * SOFT), max(2.0, shorter / cells)
    spare = int(np.ceil(fade))
    x0, y0 = max(0, left - spare), max(0, top - spare)
    window = picture[y0 : bottom + spare, x0 : right + spare]
    height, width = window.shape[:2]
    grid = (max(1, round(width / cell)), max(1, round(height / cell)))
    # Smooth between the middles of the cells: nothing finer than a cell is left.
    coarse = cv2.resize(window, grid, interpolation=cv2.INTER_AREA)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    across = _outside(width, left - x0, right - x0)
    down = _outside(height, top - y0, bottom - y0)
    share = _fade(np.maximum(across[None], down[:, None]) / fade)[..., None]
    window[:] = np.rint(window * (1 - share) + smooth * share)


def _outside(count: int, low: int, high: int) -> Doubles:
    """How far the middle of each of `count` pixels lies outside of `low` to `high`; 0 inside."""
    at = np.arange(count, dtype=np.float64) + 0.5
    return np.asarray(np.maximum(np.maximum(low - at, at - high), 0), np.float64)


def _fade(distance: Doubles) -> Doubles:
    """A smooth step from 1 at distance 0 down to 0 at distance 1."""
    t = 1 - np.clip(distance, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float64)


def _read_crop(crop: Crop) -> tuple[bytes, Image]:
    if isinstance(crop.jpeg, bytes):
        content = crop.jpeg
    else:
        try:
            content = crop.jpeg.read_bytes()
        except OSError as fault:
            raise StoreError(f"The picture {crop.jpeg} cannot be read ({fault.strerror})", _REMEDY) from fault
    what = f"The picture of frame {crop.frame}"
    if content[:2] != _JPEG or not len(bgr := decode_picture(content, what)):
        raise StoreError(f"{what} is damaged or no JPEG", _REMEDY)
    return content, bgr
