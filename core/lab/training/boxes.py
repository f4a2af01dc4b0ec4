"""Pictures with the boxes of people, in the layout of YOLO: reading and drawing them, and judging a detector.

The picture `images/x.jpg` belongs to `labels/x.txt`: a line per person, `class x y width height`, the centre and size
as shares of the picture. Synthetic training data are drawn plazas: pictures with boxes, and `crops/` of named people in
the layout of Market-1501, where the number of a person is made of the plaza's seed and the person. Plazas with seeds 0
to 9 are reserved for tests, so that no model is trained on what it is tested by."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.types import IMAGE_SUFFIXES, Floats, Image
from core.lab.evaluate import PictureDetections, average_precision, iou, recall_at
from core.lab.synthetic import RenderedFrame, SampleSettings, render_frames, scene_of
from core.lab.training.data import read_picture
from core.lab.training.plots import WRONG
from core.machine.canvas import FAINT, Canvas
from core.machine.paths import write_atomically
from core.vision.detect import Detector
from core.vision.mot import Doubles
from core.vision.video import jpeg

TRAINABLE = IMAGE_SUFFIXES - {".pgm", ".ppm"}
"""Fewer formats than elsewhere: Ultralytics, which trains on these folders, skips the others."""
MIN_SCORE, MATCH_IOU = 0.25, 0.5
"""Boxes count from this score on, and are matched to a person from this IoU on."""
TEST_SEEDS = range(10)
MIN_VISIBLE, MIN_HEIGHT = 0.4, 40
"""A crop shows a person who is visible by this share and this many pixels high; a label, a quarter of either."""
QUALITY = 92
TILES_PER_KIND = 8
_TILE = 150


def labelled_pictures(images: Path) -> Iterator[tuple[Path, Image, Doubles]]:
    """Path, picture (BGR) and true boxes (n, 4) in pixels of every picture below `images`, by path."""
    for path in sorted(p for p in images.rglob("*") if p.suffix.lower() in TRAINABLE):
        picture = read_picture(path)
        yield path, picture, read_labels(label_path(path), picture.shape[1], picture.shape[0])


def label_path(path: Path) -> Path:
    """
    >>> label_path(Path("set/images/val/a.jpg")).as_posix()
    'set/labels/val/a.txt'
    """
    parts = list(path.parts)
    places = [i for i, part in enumerate(parts[:-1]) if part == "images"]
    if not places:
        raise SettingsError(f"{path} is not below a folder `images`", "Name the folder images/ of a YOLO data set.")
    parts[places[-1]] = "labels"
    return Path(*parts).with_suffix(".txt")


def read_labels(path: Path, width: int, height: int) -> Doubles:
    """Boxes (n, 4) in pixels; a picture without a label file has nobody in it."""
    if not path.is_file():
        return np.empty((0, 4))
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    try:
        if any(len(row) != 5 for row in rows):
            raise ValueError
        if any(int(row[0]) for row in rows):
            raise SettingsError(
                f"{path} has other classes than 0", "Only people (class 0) count: remove the other lines."
            )
        table = np.array([[float(cell) for cell in row[1:]] for row in rows], np.float64).reshape(-1, 4)
    except ValueError as fault:
        raise SettingsError(
            f"{path} is not a YOLO label file", "Each line must be: class x y width height, as shares."
        ) from fault
    centre, side = table[:, :2], table[:, 2:]
    return np.concatenate([centre - side / 2, centre + side / 2], axis=1) * (width, height, width, height)


def format_labels(xyxy: Doubles, width: int, height: int) -> str:
    """The content of a label file for boxes (n, 4) in pixels."""
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2 / (width, height)
    side = (xyxy[:, 2:] - xyxy[:, :2]) / (width, height)
    return "".join(f"0 {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n" for (x, y), (w, h) in zip(centre, side, strict=True))


def judge_detector(
    images: Path, detector: Detector, progress: Progress, failures: Failures | None = None
) -> dict[str, float]:
    """`ap50`, `recall` (of boxes from a score of 0.25 on), and the numbers of `pictures` and true `boxes`.

    `failures` collects the mistakes.
    """
    detections = []
    pictures = sum(1 for path in images.rglob("*") if path.suffix.lower() in TRAINABLE) if images.is_dir() else 0
    if not pictures:
        raise SettingsError(f"{images} has no pictures", "Name the folder images/... of a YOLO data set.")
    progress.begin("detect", pictures)
    for number, (_, picture, truth) in enumerate(labelled_pictures(images), 1):
        height, width = picture.shape[:2]
        input_width, input_height = detector.frame_size(width, height)
        method = cv2.INTER_AREA if input_width < width else cv2.INTER_LINEAR
        boxes = next(
            iter(detector.detect([np.asarray(cv2.resize(picture, (input_width, input_height), interpolation=method))]))
        )
        scale = np.array((width / input_width, height / input_height) * 2, np.float32)
        detections.append(PictureDetections(truth, np.ones(len(truth), bool), boxes.xyxy * scale, boxes.score))
        if failures:
            failures.add(picture, truth, boxes.xyxy * scale, boxes.score)
        progress.at(number)
    people = sum(len(picture.truth) for picture in detections)
    sums = {"ap50": average_precision(detections), "recall": recall_at(detections, 0.25)}
    return {**sums, "pictures": float(pictures), "boxes": float(people)}


class Failures:
    """The gravest mistakes of a detector: the tallest people that it missed, and its most confident false detections.

    They are collected while pictures are judged, TILES_PER_KIND of each kind, each with its surroundings.
    """

    def __init__(self) -> None:
        self._missed: list[tuple[float, int, Image]] = []
        self._false: list[tuple[float, int, Image]] = []
        self._count = 0

    def add(self, picture: Image, truth: Doubles, xyxy: Floats, score: Floats) -> None:
        """A picture (BGR), its true boxes (n, 4), and detections (m, 4) with scores (m,), in pixels."""
        is_confident = score >= MIN_SCORE
        overlaps = iou(truth, np.asarray(xyxy[is_confident], np.float64))
        for box in truth[overlaps.max(axis=1, initial=0) < MATCH_IOU]:
            self._add_tile(self._missed, float(box[3] - box[1]), picture, box)
        # A box that overlaps a person a little is a bad detection of them; a false detection lies on nobody.
        on_nobody = overlaps.max(axis=0, initial=0) < MATCH_IOU / 5
        for box, confidence in zip(xyxy[is_confident][on_nobody], score[is_confident][on_nobody], strict=True):
            self._add_tile(self._false, float(confidence), picture, box)

    def _add_tile(
        self, tiles: list[tuple[float, int, Image]], weight: float, picture: Image, box: Doubles | Floats
    ) -> None:
        self._count += 1
        if len(tiles) == TILES_PER_KIND and weight <= tiles[0][0]:
            return
        tile = weight, -self._count, _context_tile(picture, np.asarray(box, np.float64))
        heapq.heappush(tiles, tile) if len(tiles) < TILES_PER_KIND else heapq.heapreplace(tiles, tile)

    def sheet(self) -> Image:
        across, down = _TILE + 12, _TILE + 34
        canvas = Canvas(14 + across * TILES_PER_KIND, 34 + 2 * (down + 26))
        rows = (
            ("Missed people, tallest first: height in pixels", self._missed, "{:.0f}"),
            ("False detections, most confident first: confidence", self._false, "{:.2f}"),
        )
        for number, (title, tiles, form) in enumerate(rows):
            y = 40 + number * (down + 26)
            canvas.text(title if tiles else f"{title.split(',')[0]}: none", 14, y - 12, 15)
            for place, (weight, _, tile) in enumerate(sorted(tiles, key=lambda tile: (-tile[0], -tile[1]))):
                x = 14 + place * across
                canvas.picture(tile, x, y, _TILE, _TILE)
                canvas.text(form.format(weight), x + _TILE / 2, y + _TILE + 17, 12, FAINT, align="middle")
        return canvas.as_image()


def _context_tile(picture: Image, box: Doubles) -> Image:
    """A square tile (side 2 * _TILE) of the box, marked, and its surroundings."""
    side = max(16.0, 1.4 * float((box[2:] - box[:2]).max()))
    scale = 2 * _TILE / side
    left, top = (box[:2] + box[2:]) / 2 - side / 2
    moved = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    tile = cv2.warpAffine(picture, moved, (2 * _TILE, 2 * _TILE), flags=cv2.INTER_LINEAR, borderValue=(200, 200, 200))
    x1, y1, x2, y2 = ((box - (left, top, left, top)) * scale).round().astype(int).tolist()
    return np.asarray(cv2.rectangle(tile, (x1, y1), (x2, y2), WRONG, 3), np.uint8)


def training_seeds(text: str) -> range:
    """
    >>> training_seeds("10-12")
    range(10, 13)
    """
    first, _, last = text.partition("-")
    if not first.isdigit() or not (last or first).isdigit() or int(last or first) < int(first):
        raise SettingsError(f"{text} is not a range of seeds", "Give the first and the last: 10-29.")
    seeds = range(int(first), int(last or first) + 1)
    if set(seeds) & set(TEST_SEEDS):
        raise SettingsError("seeds 0 to 9 are reserved for tests", "Give others, for example 10-29.")
    return seeds


def draw_training_data(
    out: Path, seeds: Sequence[int], settings: SampleSettings, every: int, progress: Progress
) -> int:
    """Draw every `every`-th frame of each camera of each seed's plaza; returns the number of crops."""
    if every < 1:
        raise SettingsError(f"--every is {every}", "Give 1 or more.")
    plazas = [SampleSettings(settings.cameras, settings.people, settings.seconds, seed) for seed in seeds]
    counts = [sum(-(-view.frame_count(plaza.seconds) // every) for view in scene_of(plaza).views) for plaza in plazas]
    progress.begin("draw", sum(counts))
    done = crop_count = 0
    for plaza in plazas:
        for camera in range(plaza.cameras):
            for shot in render_frames(plaza, camera, every):
                crop_count += _write_frame(out, plaza.seed, camera + 1, shot)
                done += 1
                progress.at(done)
    return crop_count


def _write_frame(out: Path, seed: int, camera: int, shot: RenderedFrame) -> int:
    """Write the picture, the label file and the crops of a frame; returns the number of crops."""
    name = f"plaza{seed:04d}_cam{camera}_{shot.frame:06d}"
    rows = shot.rows
    heights = rows.xyxy[:, 3] - rows.xyxy[:, 1]
    is_labelled = (rows.visibility >= MIN_VISIBLE / 4) & (heights >= MIN_HEIGHT / 4)
    height, width = shot.bgr.shape[:2]
    _write(out / "images" / "train" / f"{name}.jpg", shot.bgr)
    write_atomically(
        out / "labels" / "train" / f"{name}.txt", format_labels(rows.xyxy[is_labelled], width, height).encode()
    )
    is_crop = (rows.visibility >= MIN_VISIBLE) & (heights >= MIN_HEIGHT)
    for person, (left, top, right, bottom) in zip(
        rows.id[is_crop], rows.xyxy[is_crop].round().astype(int), strict=True
    ):
        crop = shot.bgr[max(top, 0) : bottom, max(left, 0) : right]
        _write(out / "crops" / f"{100 * seed + person:06d}_c{camera}s1_{shot.frame:06d}_00.jpg", crop)
    return int(is_crop.sum())


def _write(path: Path, bgr: Image) -> None:
    write_atomically(path, jpeg(bgr, QUALITY))
