"""Drawn data sets: both layouts agree with each other, and what tests use is never drawn for training."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.lab.synthetic import SampleSettings
from core.lab.training import draw_training_data, labelled_pictures, read_crops, training_seeds

SMALL = SampleSettings(cameras=2, people=7, seconds=12)


@pytest.mark.slow
def test_crops_are_cut_from_the_boxes_of_the_pictures(tmp_path: Path) -> None:
    count = draw_training_data(tmp_path, [10, 11], SMALL, 150, Progress())
    crops = read_crops(tmp_path / "crops")
    assert len(crops) == count > 5 and set(crops.camera.tolist()) == {1, 2}
    assert set((crops.people // 100).tolist()) == {10, 11}
    pictures = {path.stem: (bgr, boxes) for path, bgr, boxes in labelled_pictures(tmp_path / "images")}
    for path, person, camera in zip(crops.path, crops.person, crops.camera, strict=True):
        bgr, boxes = pictures[f"plaza{person // 100:04d}_cam{camera}_{path.stem.split('_')[2]}"]
        crop = cv2.imread(str(path)).astype(float)
        cut = [bgr[t:b, max(left, 0) : r] for left, t, r, b in boxes.round().astype(int).clip(0)]
        same = [c for c in cut if c.shape == crop.shape and np.abs(c - crop).mean() < 8]
        assert same, path


@pytest.mark.parametrize("words", ["0", "8-12", "3-3", "12-11", "-4", "ten", ""])
def test_what_tests_use_is_refused(words: str) -> None:
    with pytest.raises(SettingsError):
        training_seeds(words)


def test_every_no_frame_means_nothing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        draw_training_data(tmp_path, [12], SMALL, 0, Progress())
