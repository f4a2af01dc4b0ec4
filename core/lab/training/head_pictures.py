"""Pictures with people and their heads, to train the finder of heads: drawn ones, and real ones that a teacher labels.

The picture `images/x.jpg` belongs to `heads/x.txt`: a line per box in pixels, `kind x1 y1 x2 y2`. A `person` is a box
to look into, a `head` is to be found, an `unsure` area says nothing about heads: a head that is hardly seen, or a
person of whom the teacher sees no head. A picture with a line `strict` has no heads but these.

    python -m core.lab.training.head_pictures FOLDER --seeds 20-26 --detector person-yolo11n
    python -m core.lab.training.head_pictures FOLDER --images PICTURES --teacher FILE --detector person-yolo11n

The teacher knows key points of bodies (nose, eyes, ears, shoulders); a head is made of those that it is sure of.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from core.base.settings import DetectSettings
from core.base.types import Floats, Image
from core.lab.synthetic import SampleSettings, render_heads
from core.lab.training.boxes import QUALITY, labelled_pictures, training_seeds
from core.machine.offline import import_ultralytics
from core.machine.paths import write_atomically
from core.vision.detect import Detector, open_detector
from core.vision.models import find
from core.vision.video import jpeg

HARDLY = 0.25
"""Share of a head that has to be seen for it to be learned."""
CERTAIN, MAYBE = 0.5, 0.15
"""The teacher's confidence from which a key point or a person counts, and from which an area is no background."""
NOSE, EYES, EARS, SHOULDERS = 0, (1, 2), (3, 4), (5, 6)


@dataclass(frozen=True, eq=False)
class HeadPicture:
    """A picture (BGR) with boxes (n, 4) in pixels. With `is_strict`, whatever is no head here is background."""

    bgr: Image
    people: Floats
    heads: Floats
    unsure: Floats
    is_strict: bool

    def write(self, folder: Path, name: str) -> None:
        kinds = (("person", self.people), ("head", self.heads), ("unsure", self.unsure))
        text = "strict\n" * self.is_strict + "".join(_lines(kind, boxes) for kind, boxes in kinds)
        write_atomically(folder / "images" / f"{name}.jpg", jpeg(self.bgr, QUALITY))
        write_atomically(folder / "heads" / f"{name}.txt", text.encode())


def _lines(kind: str, boxes: Floats) -> str:
    return "".join(f"{kind} " + " ".join(f"{side:.1f}" for side in box) + "\n" for box in boxes.tolist())


def read_head_picture(path: Path) -> HeadPicture:
    """The picture of a file `heads/x.txt`."""
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    kinds: dict[str, list[list[float]]] = {kind: [] for kind in ("strict", "person", "head", "unsure")}
    for kind, *sides in rows:
        kinds[kind].append([float(side) for side in sides])
    people, heads, unsure = (np.array(kinds[kind], np.float32).reshape(-1, 4) for kind in ("person", "head", "unsure"))
    bgr = cv2.imread(str(path.parents[1] / "images" / f"{path.stem}.jpg"))
    return HeadPicture(np.asarray(bgr, np.uint8), people, heads, unsure, bool(kinds["strict"]))


def drawn_pictures(settings: SampleSettings, every: int) -> Iterator[tuple[str, HeadPicture]]:
    """Name and picture of every `every`-th frame of each camera of a drawn plaza."""
    for camera in range(settings.cameras):
        for shot, heads in render_heads(settings, camera, every):
            is_seen = heads.visible >= HARDLY
            people = shot.rows.xyxy[shot.rows.visibility > 0.05]
            picture = HeadPicture(
                shot.bgr,
                people.astype(np.float32),
                heads.xyxy[is_seen].astype(np.float32),
                heads.xyxy[~is_seen].astype(np.float32),
                is_strict=True,
            )
            yield f"plaza{settings.seed:04d}_cam{camera + 1}_{shot.frame:06d}", picture


def taught_pictures(images: Path, teacher: Path, leave_out: Sequence[str] = ()) -> Iterator[tuple[str, HeadPicture]]:
    """Name and picture of all real pictures with labels of people below `images`; those whose names begin with one of
    `leave_out` are for tests."""
    network = import_ultralytics().YOLO(str(teacher), task="pose")
    for path, bgr, labelled in labelled_pictures(images):
        if path.name.startswith(tuple(leave_out)):
            continue
        found = network.predict(bgr, imgsz=640, conf=MAYBE, verbose=False, device="cpu")[0]
        boxes = found.boxes.xyxy.numpy().astype(np.float32)
        points = found.keypoints.data.numpy().reshape(-1, 17, 3)
        if not len(points):
            boxes = np.empty((0, 4), np.float32)
        yield path.stem, _taught(bgr, np.asarray(labelled, np.float32), boxes, found.boxes.conf.numpy(), points)


def add_detections(folder: Path, detector: Detector) -> None:
    """Add the boxes that a detector stores of each picture to those that are looked into: exports look into them, and
    many of low confidence hold no head."""
    for path in sorted((folder / "heads").glob("*.txt")):
        picture = read_head_picture(path)
        height, width = picture.bgr.shape[:2]
        size = detector.frame_size(width, height)
        boxes = next(iter(detector.detect([np.asarray(cv2.resize(picture.bgr, size), np.uint8)]))).xyxy
        scaled = boxes * np.array([width / size[0], height / size[1]] * 2, np.float32)
        write_atomically(path, (path.read_text() + _lines("person", scaled)).encode())


def _taught(bgr: Image, labelled: Floats, boxes: Floats, score: Floats, points: Floats) -> HeadPicture:
    heads, people, unsure = [], [], []
    for box, confidence, body in zip(boxes, score, points, strict=True):
        head = head_of_points(body, box) if confidence >= CERTAIN else None
        if head is None:
            unsure.append(box)
        else:
            heads.append(head)
            people.append(box)
    # A labelled person whom the teacher does not see at all: the head may be anywhere in the box.
    unsure += [box for box in labelled if not any(_covers(box, found) for found in boxes)]
    return HeadPicture(bgr, _rows(people), _rows(heads), _rows(unsure), not len(labelled) and not len(boxes))


def _rows(boxes: list[Floats]) -> Floats:
    return np.array(boxes, np.float32).reshape(-1, 4)


def _covers(box: Floats, found: Floats) -> bool:
    low, high = np.maximum(box[:2], found[:2]), np.minimum(box[2:], found[2:])
    common = float(np.clip(high - low, 0, None).prod())
    return common > 0.5 * float((box[2:] - box[:2]).prod())


def head_of_points(body: Floats, box: Floats) -> Floats | None:
    """The box of a head from the key points (17, 3) of a body in `box`; None where too little of it is certain.

    Of an adult, the shoulders lie 0.8 of the head's height below its middle, the ears 0.6 of it apart, and the nose
    half of it before an ear that is seen from the side."""
    at, is_certain = body[:, :2], body[:, 2] >= CERTAIN
    face = [n for n in (NOSE, *EYES, *EARS) if is_certain[n]]
    ears = [n for n in EARS if is_certain[n]]
    if not ears and not (is_certain[NOSE] and is_certain[EYES[0]] and is_certain[EYES[1]]):
        return None
    middle = at[ears].mean(axis=0) if ears else at[face].mean(axis=0)
    if len(ears) == 1 and len(face) > 1:
        middle = 0.65 * middle + 0.35 * at[face].mean(axis=0)
    high = []
    if len(ears) == 2:
        high.append(1.65 * np.hypot(*(at[EARS[0]] - at[EARS[1]])))
    if ears and is_certain[NOSE]:
        high.append(1.75 * max(np.hypot(*(at[n] - at[NOSE])) for n in ears))
    if not ears:
        high.append(3.6 * np.hypot(*(at[EYES[0]] - at[EYES[1]])))
    if is_certain[SHOULDERS[0]] and is_certain[SHOULDERS[1]]:
        high.append(1.25 * np.hypot(*(middle - at[list(SHOULDERS)].mean(axis=0))))
        high.append(0.5 * np.hypot(*(at[SHOULDERS[0]] - at[SHOULDERS[1]])))
    if not high:
        return None
    tall = float(max(high))
    side = max(box[2] - box[0], box[3] - box[1])
    if not 0.07 * side < tall < 0.9 * side or tall < 5:
        return None
    half = np.array([0.48 * tall, 0.58 * tall])
    return np.concatenate([middle - half - (0, 0.02 * tall), middle + half - (0, 0.02 * tall)]).astype(np.float32)


def write_pictures(pictures: Iterable[tuple[str, HeadPicture]], folder: Path) -> int:
    """Write them all to `folder`; returns how many these are."""
    count = 0
    for name, picture in pictures:
        picture.write(folder, name)
        count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core.lab.training.head_pictures")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--seeds", type=training_seeds, default=range(0), help="of the plazas to draw: 20-26")
    parser.add_argument("--people", type=int, default=14)
    parser.add_argument("--seconds", type=float, default=24)
    parser.add_argument("--every", type=int, default=36, help="draw every N-th frame of each camera")
    parser.add_argument("--images", type=Path, help="the folder images/ of a YOLO data set")
    parser.add_argument("--teacher", type=Path, help="a YOLO network of poses (.pt)")
    parser.add_argument("--leave-out", nargs="*", default=(), help="first letters of the names of pictures for tests")
    parser.add_argument("--detector", help="look into the boxes of this detector as well")
    options = parser.parse_args()
    for seed in options.seeds:
        settings = SampleSettings(people=options.people, seconds=options.seconds, seed=seed)
        write_pictures(drawn_pictures(settings, options.every), options.folder)
    if options.images and options.teacher:
        write_pictures(taught_pictures(options.images, options.teacher, options.leave_out), options.folder)
    if options.detector:
        add_detections(options.folder, open_detector(find(options.detector, "detector"), DetectSettings()))


if __name__ == "__main__":
    main()
