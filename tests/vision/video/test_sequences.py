"""Folders and patterns of pictures as clips."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.errors import ClipError
from core.base.settings import VideoSettings
from core.base.types import IMAGE_SUFFIXES
from core.lab.training import read_crops
from core.runs import Camera, list_pictures
from core.vision.video import picture_files, plan, probe, read
from tests.vision.video.making import drawn, shown_number


def folder_of(folder: Path, number: int, name: str = "img_{}.png") -> Path:
    folder.mkdir(exist_ok=True)
    for i in range(number):
        cv2.imwrite(str(folder / name.format(i)), drawn(i))
    return folder


def numbers(path: Path) -> list[tuple[int, int]]:
    clip = probe(path)
    with read(clip, plan(clip, VideoSettings(0))) as reader:
        return [(picture.frame, shown_number(picture.bgr)) for picture in reader]


def test_a_folder_in_natural_order(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "pictures", 12)
    (folder / "notes.txt").write_text("no picture")
    (folder / "._img_3.png").write_bytes(b"left behind by a Mac")
    assert numbers(folder) == [(i, i) for i in range(12)]


@pytest.mark.parametrize("pattern", ["img_%04d.jpg", "img_*.jpg", "img_????.jpg"])
def test_patterns(tmp_path: Path, pattern: str) -> None:
    folder_of(tmp_path, 5, "img_{:04d}.jpg")
    folder_of(tmp_path, 2, "other_{}.jpg")
    assert numbers(tmp_path / pattern) == [(i, i) for i in range(5)]


def test_the_rate_is_the_one_given(tmp_path: Path) -> None:
    clip = probe(folder_of(tmp_path, 5), pictures_per_second=4)
    assert (clip.fps, clip.times.tolist()) == (4, [0, 0.25, 0.5, 0.75, 1.0])
    assert probe(tmp_path).fps == 10
    with pytest.raises(ValueError, match="more than 0"):
        probe(tmp_path, pictures_per_second=0)


def test_a_damaged_picture_keeps_its_number(tmp_path: Path) -> None:
    (folder_of(tmp_path, 6) / "img_2.png").write_bytes(b"")
    (tmp_path / "img_3.png").write_bytes(b"no picture at all")
    clip = probe(tmp_path)
    with read(clip, plan(clip, VideoSettings(0)), first=1) as reader:
        assert [picture.frame for picture in reader] == [1, 4, 5]
    assert reader.missing.tolist() == [2, 3]


def test_a_picture_of_another_size_is_named(tmp_path: Path) -> None:
    cv2.imwrite(str(folder_of(tmp_path, 6) / "img_3.png"), drawn(3)[:-1])
    clip = probe(tmp_path)
    with read(clip, plan(clip, VideoSettings(0))) as reader, pytest.raises(ClipError, match=r"img_3\.png is 128x63"):
        list(reader)


@pytest.mark.parametrize("path", ["", "img_%04d.png", "*.jpg"])
def test_no_pictures(tmp_path: Path, path: str) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"a video, not a picture")
    with pytest.raises(ClipError, match="holds no pictures"):
        probe(tmp_path / path)


def test_a_first_picture_that_does_not_decode(tmp_path: Path) -> None:
    (folder_of(tmp_path, 2) / "img_0.png").write_bytes(b"no picture at all")
    with pytest.raises(ClipError, match=r"img_0\.png is not a picture"):
        probe(tmp_path)


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_a_picture_of_any_kind_is_one_wherever_pictures_are_read(suffix: str, tmp_path: Path) -> None:
    """As a clip, as crops, and for training; .pgm, which older cameras write, among them."""
    camera = tmp_path / "camera"
    camera.mkdir()
    shape = (64, 32) if suffix == ".pgm" else (64, 32, 3)  # the one is grey by nature
    content = cv2.imencode(suffix, np.full(shape, 90, np.uint8))[1].tobytes()
    for number in (1, 2):
        (camera / f"0001_c1s1_00000{number}_00{suffix}").write_bytes(content)
    assert len(picture_files(camera)) == 2
    assert [file.path.suffix for file in list_pictures(Camera("camera", camera))] == [suffix] * 2
    assert len(read_crops(camera)) == 2
