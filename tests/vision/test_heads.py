"""The finder of heads: what it sees of a picture, and that the weights that ship find drawn heads."""

import numpy as np
import pytest

from core.base.errors import WeightsError
from core.base.types import Floats, Image, Timeline
from core.lab.synthetic import SampleSettings, head_rows, sample_folder
from core.vision.heads import (
    GREY,
    STRIDE,
    WINDOW_PX,
    FoundHeads,
    HeadFinder,
    cut_window,
    open_head_finder,
    windows_around,
)
from core.vision.models import HEAD_FINDER, find
from core.vision.mot import read_mot
from core.vision.video import probe, read

FRAMES = np.arange(100, 340, 24)


def test_a_window_is_square_and_has_its_box_in_the_middle() -> None:
    windows = windows_around(np.array([[10, 20, 50, 100], [0, 0, 2, 1]], np.float32))
    assert windows[0].tolist() == [-20, 10, 100] and windows[1, 2] == 10  # not less than ten pixels


def test_beyond_the_edges_of_the_picture_a_window_is_grey() -> None:
    picture = np.full((100, 100, 3), 200, np.uint8)
    window = cut_window(picture, np.array([-48, -48, 96], np.float32))
    assert (window[: WINDOW_PX // 2] == GREY).all() and (window[WINDOW_PX // 2 :, WINDOW_PX // 2 :] == 200).all()
    assert (cut_window(picture, np.array([300, 0, 50], np.float32)) == GREY).all()


class OneCell(HeadFinder):
    """A network that sees one head in the middle of each window, of two by two cells."""

    def __init__(self) -> None: ...

    def _run(self, pictures: Image) -> Floats:
        cells = WINDOW_PX // STRIDE
        maps = np.zeros((len(pictures), 5, cells, cells), np.float32)
        maps[:, 0, cells // 2, cells // 2] = 0.8
        maps[:, 1:] = 1
        return maps


def test_what_a_cell_says_is_a_box_in_pixels_of_the_picture() -> None:
    found = OneCell().find(np.zeros((480, 640, 3), np.uint8), np.array([[100, 100, 120, 196]], np.float32))
    side = 96 * 1.25
    middle = np.floor(np.array([110 - side / 2, 148 - side / 2])) + side / 2 + side / 48
    np.testing.assert_allclose(found.xyxy[0], [*(middle - side / 24), *(middle + side / 24)], atol=0.1)


def test_a_head_in_several_windows_is_one_head() -> None:
    boxes = np.array([[100, 100, 120, 196], [101, 100, 121, 196], [300, 100, 320, 196]], np.float32)
    found = OneCell().find(np.zeros((480, 640, 3), np.uint8), boxes)
    assert isinstance(found, FoundHeads) and len(found) == 2
    assert len(OneCell().find(np.zeros((480, 640, 3), np.uint8), np.empty((0, 4), np.float32))) == 0


def test_a_detector_is_no_finder_of_heads() -> None:
    with pytest.raises(WeightsError, match="head finder"):
        HeadFinder(find("person-yolo11n", "detector"))
    assert find(HEAD_FINDER, "head finder").path.stat().st_size < 300_000


@pytest.mark.slow
def test_the_weights_that_ship_find_the_heads_of_the_sample() -> None:
    rows = read_mot(sample_folder() / "truth" / "cam1.txt")
    truth = head_rows(SampleSettings(), 0, FRAMES)
    whole = truth[truth.visible > 0.9]
    clip = probe(sample_folder() / "cam1.mp4")
    seen = 0
    with read(clip, Timeline(FRAMES, clip.times[FRAMES])) as pictures:
        for picture in pictures:
            people = rows.xyxy[(rows.frame == picture.frame) & (rows.visibility > 0.3)].astype(np.float32)
            found = open_head_finder().find(picture.bgr, people)
            sure = found.xyxy[found.score >= 0.3]
            for box in whole.xyxy[whole.frame == picture.frame]:
                middle = (box[:2] + box[2:]) / 2
                seen += bool(((sure[:, :2] <= middle) & (middle <= sure[:, 2:])).all(axis=1).any())
    assert len(whole) > 30 and seen >= 0.97 * len(whole)
