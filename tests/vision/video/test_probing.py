"""What a clip is said to be: counted, not believed; and what is said of files that are no clips."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from core.base.errors import ClipError
from core.vision.video import probe, yields_picture
from tests.vision.video.making import HEIGHT, WIDTH, spoil, turn, write_clip, write_sound

REAL = {
    # path: frames, rate, size as shown, codec, words of the warnings
    "clips/alley_night_osd_cam1.mp4": (320, 30, 1280, 720, "h264", []),
    "clips/intel_one_by_one_10fps_139s.mp4": (1394, 10, 768, 432, "h264", []),
    "clips/mall_portrait_60fps.mp4": (629, 59.947, 480, 864, "h264", []),
    "clips/man_walking_msmpeg4v2.avi": (233, 29.583, 640, 480, "msmpeg4v2", []),
    "clips/plaza_bw_topdown_720p_vp9.mkv": (341, 25, 1280, 720, "vp9", []),
    "clips/traffic_vfr_cars_only.mp4": (402, 13.385, 1056, 720, "h264", ["rate varies"]),
    "clips/woman_walking_1080p.mov": (156, 24, 1920, 1080, "h264", []),
    "hard/black_300frames.mkv": (300, 5, 1920, 1080, "h264", ["black"]),
    "hard/datamosh_corrupt.mp4": (42, 15, 278, 214, "h264", []),
    "hard/fragmented_with_boxes_drawn.mp4": (369, 60, 708, 326, "h264", []),
    "hard/tiny_64x64_10frames.mp4": (10, 5, 64, 64, "mpeg4", []),
    "pets_s2l1/view1.avi": (795, 10, 480, 360, "h264", []),
    "room_hall/cam1.mp4": (147, 29.922, 1280, 720, "h264", []),
    "mot/MOT17-04-8frames.mp4": (8, 3, 1920, 1080, "mpeg4", []),
}

HOPELESS = {
    "hard/zero_length.avi": "0 bytes",
    "hard/zero_length.mp4": "0 bytes",
    "hard/git_lfs_pointer_132B.mp4": "Git LFS pointer.*git lfs pull",
    "hard/html_page_named.avi": "web page",
    "hard/mp4_no_tracks_258B.mp4": "no tracks",
    "hard/avi_header_only_0frames.avi": "header but no frames",
    "clips/alley_roi.txt": "not a video",
}


@pytest.mark.shared
@pytest.mark.parametrize("name", REAL)
def test_real_clips(shared: Path, name: str) -> None:
    frames, fps, width, height, codec, warnings = REAL[name]
    clip = probe(shared / "data" / name)
    assert (clip.frames, clip.width, clip.height, clip.codec) == (frames, width, height, codec)
    assert clip.fps == pytest.approx(fps, abs=1e-3)
    assert clip.times[0] == 0 and (np.diff(clip.times) > 0).all()
    assert len(clip.warnings) == len(warnings)
    assert all(word in said for word, said in zip(warnings, clip.warnings, strict=True))


@pytest.mark.shared
@pytest.mark.parametrize("name", HOPELESS)
def test_real_files_that_are_no_clips(shared: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ClipError, match=HOPELESS[name]) as caught:
        probe(shared / "data" / name)
    assert caught.value.remedy
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "0 bytes"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><title>Sign in</title>", "web page"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "not a video that can be read"),
        (b"just some text\n" * 50, "not a video that can be read"),
    ],
)
def test_files_that_are_no_clips(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(ClipError, match=words) as caught:
        probe(tmp_path / "clip.mp4")
    assert caught.value.remedy


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="cannot be opened"):
        probe(tmp_path / "gone.mp4")


def test_sound_only(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="sound but no pictures"):
        probe(write_sound(tmp_path / "sound.wav"))


def test_nothing_that_decodes(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", range(5), codec="mjpeg")
    with pytest.raises(ClipError, match="none of its 5 frames"):
        probe(spoil(clip, range(5)))


def test_first_frames_that_do_not_decode(tmp_path: Path) -> None:
    clip = probe(spoil(write_clip(tmp_path / "clip.mkv", range(9), codec="mjpeg"), [0, 1]))
    assert clip.frames == 9
    assert clip.warnings == ("The first 2 frames cannot be decoded.",)


def test_a_clip_that_breaks_off(tmp_path: Path) -> None:
    file = write_clip(tmp_path / "clip.mp4", range(100), muxer={"movflags": "faststart"})
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    clip = probe(file)
    assert 1 < clip.frames < 100
    assert "header announces 100 frames" in clip.warnings[0]


def test_times_are_the_container_s(tmp_path: Path) -> None:
    ticks = [100, 120, 200, 210, 350, 360, 500]
    clip = probe(write_clip(tmp_path / "clip.mkv", ticks, Fraction(1, 1000)))
    assert clip.times == pytest.approx((np.array(ticks) - 100) / 1000)
    assert clip.start_seconds == pytest.approx(0.1)
    assert clip.fps == pytest.approx(6 / 0.4)
    assert "rate varies" in clip.warnings[0]


def test_a_gap_does_not_change_the_rate(tmp_path: Path) -> None:
    clip = probe(write_clip(tmp_path / "clip.mkv", [*range(40), *range(200, 240)]))
    assert clip.fps == pytest.approx(25, abs=0.01)
    assert clip.warnings == ("Nothing was recorded from 0:00:01 to 0:00:08.",)


def test_one_frame(tmp_path: Path) -> None:
    clip = probe(write_clip(tmp_path / "clip.mp4", [0]))
    assert (clip.frames, clip.fps, clip.times.tolist()) == (1, 0, [0])


@pytest.mark.oracle
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_size_is_that_of_the_picture_as_shown(tmp_path: Path, degrees: int) -> None:
    file = turn(write_clip(tmp_path / "clip.mp4", range(3)), degrees)
    clip = probe(file)
    capture = cv2.VideoCapture(str(file))
    assert (clip.height, clip.width) == capture.read()[1].shape[:2]
    capture.release()
    assert clip.rotation == degrees
    assert sorted([clip.width, clip.height]) == [HEIGHT, WIDTH]


@pytest.mark.parametrize(("codec", "first", "shown"), [("vp8", 0x10, True), ("vp8", 0x01, False), ("h264", 0, True)])
def test_hidden_vp8_frames_are_not_counted(codec: str, first: int, shown: bool) -> None:
    assert yields_picture(av.Packet(bytes([first, 0, 0])), codec) is shown
