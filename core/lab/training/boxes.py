"""A picture of what a detector gets wrong: people it missed, and what it took for people, each in its surroundings.

Of each kind the gravest are kept while the pictures go by: the tallest missed, the surest mistaken.

Pictures with boxes of people around them, in YOLO's layout: read, and a detector judged by them.

`images/x.jpg` belongs to `labels/x.txt`: a line per person, `class x y width height`, centre and size as shares.

Pictures to learn from that show nobody: drawn plazas, as crops of named people and as pictures with boxes.

`crops/` is in Market-1501's layout (a person's number is made of plaza and person), `images/` and `labels/` in YOLO's.
Seeds 0 to 9 are for tests: `seeds_to_learn_from` refuses them, so that nobody learns what they are judged by."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.types import PICTURES, Floats, Image
from core.lab.evaluate import PictureDetections, average_precision, iou, recall_at
from core.lab.synthetic import SampleSettings, RenderedFrame, render_frames, scene_of
from core.lab.training.data import read_picture
from core.lab.training.plots import WRONG
from core.machine.canvas import FAINT, Canvas
from core.machine.paths import write_atomically
from core.vision.detect import Detector
from core.vision.images import jpeg
from core.vision.mot import Doubles

TILES_PER_KIND = 8
MIN_SCORE, MIN_IOU = 0.25, 0.5
"""Boxes from this score up count, and are of somebody from this overlap on."""
_TILE = 150


class Failures:
    def __init__(self) -> None:
        self._missed: list[tuple[float, int, Image]] = []
        self._taken: list[tuple[float, int, Image]] = []
        self._seen = 0

    def add(self, picture: Image, truth: Doubles, xyxy: Floats, score: Floats) -> None:
        """A picture (BGR) with where people are, and what was found, in its pixels."""
        sure = score >= MIN_SCORE
        alike = iou(truth, np.asarray(xyxy[sure], np.float64))
        for box in truth[alike.max(axis=1, initial=0) < MIN_IOU]:
            self._keep(self._missed, float(box[3] - box[1]), picture, box)
        # Whoever is a little beside somebody was found, if badly: only what lies on nobody was taken for a person.
        nobody = alike.max(axis=0, initial=0) < MIN_IOU / 5
        for box, sureness in zip(xyxy[sure][nobody], score[sure][nobody], strict=True):
            self._keep(self._taken, float(sureness), picture, box)

    def _keep(self, kept: list[tuple[float, int, Image]], weight: float, picture: Image, box: Doubles | Floats) -> None:
        self._seen += 1
        if len(kept) == TILES_PER_KIND and weight <= kept[0][0]:
            return
        one = weight, -self._seen, _context_tile(picture, np.asarray(box, np.float64))
        heapq.heappush(kept, one) if len(kept) < TILES_PER_KIND else heapq.heapreplace(kept, one)

    def sheet(self) -> Image:
        across, down = _TILE + 12, _TILE + 34
        canvas = Canvas(14 + across * TILES_PER_KIND, 34 + 2 * (down + 26))
        rows = (
            ("Missed, the tallest first: height in pixels", self._missed, "{:.0f}"),
            ("Mistaken for a person, the surest first: score", self._taken, "{:.2f}"),
        )
        for number, (title, tiles, form) in enumerate(rows):
            y = 40 + number * (down + 26)
            canvas.text(title if tiles else f"{title.split(',')[0]}: nothing", 14, y - 12, 15)
            for place, (weight, _, tile) in enumerate(sorted(tiles, key=lambda tile: (-tile[0], -tile[1]))):
                x = 14 + place * across
                canvas.picture(tile, x, y, _TILE, _TILE)
                canvas.text(form.format(weight), x + _TILE / 2, y + _TILE + 17, 12, FAINT, align="middle")
        return canvas.finished()


def _context_tile(picture: Image, box: Doubles) -> Image:
    """The box, marked, in a square of what is around it."""
    side = max(16.0, 1.4 * float((box[2:] - box[:2]).max()))
    scale = 2 * _TILE / side
    left, top = (box[:2] + box[2:]) / 2 - side / 2
    moved = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    tile = cv2.warpAffine(picture, moved, (2 * _TILE, 2 * _TILE), flags=cv2.INTER_LINEAR, borderValue=(200, 200, 200))
    x1, y1, x2, y2 = ((box - (left, top, left, top)) * scale).round().astype(int).tolist()
    return np.asarray(cv2.rectangle(tile, (x1, y1), (x2, y2), WRONG, 3), np.uint8)


TRAINABLE = PICTURES - {".pgm", ".ppm"}
"""Fewer kinds than elsewhere: Ultralytics, which learns from these folders, passes over the others."""


def labelled_pictures(images: Path) -> Iterator[tuple[Path, Image, Doubles]]:
    """Each picture below `images` (BGR) with its boxes (n, 4) in pixels, by name."""
    for path in sorted(p for p in images.rglob("*") if p.suffix.lower() in TRAINABLE):
        picture = read_picture(path)
        yield path, picture, read_labels(label_path(path), picture.shape[1], picture.shape[0])


def label_path(path: Path) -> Path:
    """
    >>> labels_of(Path("set/images/val/a.jpg")).as_posix()
    'set/labels/val/a.txt'
    """
    parts = list(path.parts)
    places = [i for i, part in enumerate(parts[:-1]) if part == "images"]
    if not places:
        raise SettingsError(f"{path} lies below no folder `images`", "Name the folder images/ of a YOLO data set.")
    parts[places[-1]] = "labels"
    return Path(*parts).with_suffix(".txt")


def read_labels(path: Path, width: int, height: int) -> Doubles:
    """(n, 4) boxes in pixels; a picture without a file has nobody in it."""
    if not path.is_file():
        return np.empty((0, 4))
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    try:
        if any(len(row) != 5 for row in rows):
            raise ValueError
        if any(int(row[0]) for row in rows):
            raise SettingsError(f"{path} names other classes than 0", "Only people count here: take the others out.")
        table = np.array([[float(cell) for cell in row[1:]] for row in rows], np.float64).reshape(-1, 4)
    except ValueError as fault:
        raise SettingsError(f"{path} is no YOLO label file", "Expected: class x y width height, as shares.") from fault
    centre, side = table[:, :2], table[:, 2:]
    return np.concatenate([centre - side / 2, centre + side / 2], axis=1) * (width, height, width, height)


def format_labels(xyxy: Doubles, width: int, height: int) -> str:
    """The lines of a label file."""
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2 / (width, height)
    side = (xyxy[:, 2:] - xyxy[:, :2]) / (width, height)
    return "".join(f"0 {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n" for (x, y), (w, h) in zip(centre, side, strict=True))


def judge_detector(
    images: Path, detector: Detector, progress: Progress, failures: Failures | None = None
) -> dict[str, float]:
    """`ap50`, `recall` (of boxes from 0.25 up), and how many `pictures` and `boxes` that was taken from.

    `failures` hears of everything that was found and was not.
    """
    found = []
    pictures = sum(1 for path in images.rglob("*") if path.suffix.lower() in TRAINABLE) if images.is_dir() else 0
    if not pictures:
        raise SettingsError(f"{images} holds no pictures", "Name the folder images/... of a YOLO data set.")
    progress.begin("detect", pictures)
    for number, (_, picture, truth) in enumerate(labelled_pictures(images), 1):
        height, width = picture.shape[:2]
        wide, high = detector.fit(width, height)
        method = cv2.INTER_AREA if wide < width else cv2.INTER_LINEAR
        boxes = next(iter(detector.detect([np.asarray(cv2.resize(picture, (wide, high), interpolation=method))])))
        scale = np.array((width / wide, height / high) * 2, np.float32)
        found.append(PictureDetections(truth, np.ones(len(truth), bool), boxes.xyxy * scale, boxes.score))
        if failures:
            failures.add(picture, truth, boxes.xyxy * scale, boxes.score)
        progress.at(number)
    people = sum(len(one.truth) for one in found)
    sums = {"ap50": average_precision(found), "recall": recall_at(found, 0.25)}
    return {**sums, "pictures": float(pictures), "boxes": float(people)}


TESTED = range(10)
VISIBLE, TALL = 0.4, 40
"""A person is a crop from this share in view and this many pixels of height; a box from a quarter of each."""
QUALITY = 92


def training_seeds(words: str) -> range:
    """
    >>> seeds_to_learn_from("10-12")
    range(10, 13)
    """
    first, _, last = words.partition("-")
    if not first.isdigit() or not (last or first).isdigit() or int(last or first) < int(first):
        raise SettingsError(f"{words} are no seeds", "Give a first and a last one: 10-29.")
    seeds = range(int(first), int(last or first) + 1)
    if set(seeds) & set(TESTED):
        raise SettingsError("seeds 0 to 9 are kept for tests", "Give others, for example 10-29.")
    return seeds


def draw_training_data(out: Path, seeds: Sequence[int], settings: SampleSettings, every: int, progress: Progress) -> int:
    """Every so many frames of each camera of each seed's plaza; how many crops there are."""
    if every < 1:
        raise SettingsError(f"every {every} frames means nothing", "Give 1 or more.")
    plazas = [SampleSettings(settings.cameras, settings.people, settings.seconds, seed) for seed in seeds]
    counts = [sum(-(-view.frames(one.seconds) // every) for view in scene_of(one).views) for one in plazas]
    progress.begin("draw", sum(counts))
    done = crops = 0
    for one in plazas:
        for camera in range(one.cameras):
            for shot in render_frames(one, camera, every):
                crops += _write_frame(out, one.seed, camera + 1, shot)
                done += 1
                progress.at(done)
    return crops


def _write_frame(out: Path, seed: int, camera: int, shot: RenderedFrame) -> int:
    """One frame's picture, label file and crops."""
    name = f"plaza{seed:04d}_cam{camera}_{shot.frame:06d}"
    rows = shot.rows
    tall = rows.xyxy[:, 3] - rows.xyxy[:, 1]
    boxed = (rows.visibility >= VISIBLE / 4) & (tall >= TALL / 4)
    height, width = shot.bgr.shape[:2]
    _write(out / "images" / "train" / f"{name}.jpg", shot.bgr)
    write_atomically(out / "labels" / "train" / f"{name}.txt", format_labels(rows.xyxy[boxed], width, height).encode())
    good = (rows.visibility >= VISIBLE) & (tall >= TALL)
    for person, (left, top, right, bottom) in zip(rows.id[good], rows.xyxy[good].round().astype(int), strict=True):
        crop = shot.bgr[max(top, 0) : bottom, max(left, 0) : right]
        _write(out / "crops" / f"{100 * seed + person:06d}_c{camera}s1_{shot.frame:06d}_00.jpg", crop)
    return int(good.sum())


def _write(path: Path, bgr: Image) -> None:
    write_atomically(path, jpeg(bgr, QUALITY))
