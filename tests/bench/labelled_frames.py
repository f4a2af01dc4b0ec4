"""The frames of CCTV that docs/validation lists, with their labels, as a YOLO data set.

    python -m tests.bench.labelled_frames OUT
    python -m core evaluate detector OUT/images --weights NAME

The listing holds no picture: they are taken from the developers' footage (../shared).
"""

import csv
import itertools
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from core.base.types import Image
from tests.bench.checkout import ROOT, SHARED

LISTING = ROOT / "docs" / "validation" / "cctv_frames.csv"
PICTURES = "training/people_pictures.tar"
Box = tuple[float, float, float, float]


def read_listing(path: Path) -> dict[tuple[str, str], list[Box]]:
    """Boxes (left, top, width, height) in pixels by source and frame; frames without anybody have an empty list."""
    frames: dict[tuple[str, str], list[Box]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            boxes = frames.setdefault((row["source"], row["frame"]), [])
            if row["left"]:
                boxes.append((float(row["left"]), float(row["top"]), float(row["width"]), float(row["height"])))
    return frames


def write_dataset(listing: Path, footage: Path, out: Path) -> int:
    """Write images/ and labels/ below `out` and return the number of pictures."""
    frames = read_listing(listing)
    for folder in ("images", "labels"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for key, picture in itertools.chain(_pictures(frames, footage), _film_frames(frames, footage)):
        name = "_".join(key).replace("/", "_").replace(".", "_")
        cv2.imwrite(str(out / "images" / f"{name}.png"), picture)
        height, width = picture.shape[:2]
        lines = [
            f"0 {(left + w / 2) / width:.6f} {(top + h / 2) / height:.6f} {w / width:.6f} {h / height:.6f}\n"
            for left, top, w, h in frames[key]
        ]
        (out / "labels" / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
    return len(frames)


def _pictures(frames: dict[tuple[str, str], list[Box]], footage: Path) -> Iterator[tuple[tuple[str, str], Image]]:
    wanted = sorted(source for source, frame in frames if frame == "-")
    if not wanted:
        return
    with tarfile.open(footage / PICTURES) as archive:
        for source in wanted:
            member = archive.extractfile(f"people_pictures/images/{source}")
            assert member
            yield (source, "-"), np.asarray(cv2.imdecode(np.frombuffer(member.read(), np.uint8), cv2.IMREAD_COLOR))


def _film_frames(frames: dict[tuple[str, str], list[Box]], footage: Path) -> Iterator[tuple[tuple[str, str], Image]]:
    for source in sorted({source for source, frame in frames if frame != "-"}):
        wanted = {int(frame) for other, frame in frames if other == source}
        film = cv2.VideoCapture(str(footage / source))
        for number in range(max(wanted) + 1):
            is_read, picture = film.read()
            assert is_read, f"{source} has no frame {number}"
            if number in wanted:
                yield (source, str(number)), np.asarray(picture)
        film.release()


if __name__ == "__main__":
    print(write_dataset(LISTING, SHARED / "data", Path(sys.argv[1])), "pictures")
