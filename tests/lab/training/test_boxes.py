"""YOLO's layout, there and back, and a detector judged by it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.lab.training import format_labels, judge_detector, label_path, read_labels
from core.vision.detect import Boxes


def test_boxes_survive_the_file(tmp_path: Path) -> None:
    boxes = np.array([[10.0, 20, 50, 120], [0, 0, 200, 150]])
    (tmp_path / "a.txt").write_text(format_labels(boxes, 200, 150))
    assert read_labels(tmp_path / "a.txt", 200, 150) == pytest.approx(boxes, abs=1e-3)


def test_no_file_is_nobody_and_nonsense_is_refused(tmp_path: Path) -> None:
    assert read_labels(tmp_path / "none.txt", 10, 10).shape == (0, 4)
    (tmp_path / "bad.txt").write_text("0 a b c d\n")
    with pytest.raises(SettingsError, match="not a YOLO label"):
        read_labels(tmp_path / "bad.txt", 10, 10)
    (tmp_path / "car.txt").write_text("0 .5 .5 .1 .1\n2 .5 .5 .1 .1\n")
    with pytest.raises(SettingsError, match="other classes"):
        read_labels(tmp_path / "car.txt", 10, 10)
    (tmp_path / "polygon.txt").write_text("0 .1 .1 .2 .1 .2 .2\n")
    with pytest.raises(SettingsError, match="not a YOLO label"):
        read_labels(tmp_path / "polygon.txt", 10, 10)
    with pytest.raises(SettingsError, match="images"):
        label_path(tmp_path / "pictures" / "a.jpg")
    with pytest.raises(SettingsError, match="no pictures"):
        judge_detector(tmp_path / "images", Half(), Progress())


class Half:
    """Looks at half size and finds the bright rectangle, and a fainter one that is not there."""

    words = key = "half"

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        return width // 2, height // 2

    def detect(self, frames: Iterable[np.ndarray]) -> Iterator[Boxes]:
        for frame in frames:
            rows, columns = np.nonzero(frame[:, :, 0] > 128)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if len(rows) else [0, 0, 5, 5]
            yield Boxes(np.array([box, [0, 0, 9, 9]], np.float32), np.array([0.9, 0.3], np.float32))


def test_boxes_come_back_to_the_pictures_own_pixels(tmp_path: Path) -> None:
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    for number in range(3):
        picture = np.zeros((120, 160, 3), np.uint8)
        box = np.array([[20.0 + 10 * number, 30, 60 + 10 * number, 110]])
        picture[30:110, 20 + 10 * number : 60 + 10 * number] = 255
        cv2.imwrite(str(images / f"{number}.png"), picture)
        (labels / f"{number}.txt").write_text(format_labels(box, 160, 120))
    found = judge_detector(images, Half(), Progress())
    assert found == {"ap50": pytest.approx(1.0), "recall": 1.0, "pictures": 3.0, "boxes": 3.0}
