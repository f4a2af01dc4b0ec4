"""Pictures come under the source's own numbers, from any row on; the process that decodes them is always free again."""

import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from core.base.errors import ClipError
from core.base.settings import VideoSettings
from core.base.types import Clip, Timeline
from core.vision.video import FrameDecoder, Reader, decoder, plan, probe, read, reading
from tests.vision.video.making import HEIGHT, WIDTH, drawn, shown_number, spoil, turn, write_clip

QUICK = {"cpu-used": "8", "deadline": "realtime"}
KINDS = {
    "b-frames.mp4": {"options": {"g": "12"}},
    "one-key-frame.mkv": {},
    "open-groups.ts": {"options": {"x264-params": "open-gop=1:keyint=12:log-level=0"}},
    "no-key-frames.mp4": {"options": {"x264-params": "intra-refresh=1:keyint=15:log-level=0"}},
    "fragmented.mp4": {"options": {"g": "10"}, "muxer": {"movflags": "frag_keyframe+empty_moov"}},
    "reordered.avi": {"options": {"g": "12"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"bf": "2", "g": "12"}},
    "vp8.webm": {"codec": "libvpx", "options": QUICK},
    "vp9.webm": {"codec": "libvpx-vp9", "options": QUICK | {"g": "20"}},
    "h265.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=12"}},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": {"bf": "2", "g": "12"}},
    "no-times.h264": {"options": {"g": "12"}},
}
REAL = [
    "clips/alley_night_osd_cam1.mp4",
    "clips/intel_one_by_one_10fps_139s.mp4",
    "clips/mall_portrait_60fps.mp4",
    "clips/man_walking_msmpeg4v2.avi",
    "clips/plaza_bw_topdown_720p_vp9.mkv",
    "clips/traffic_vfr_cars_only.mp4",
    "clips/woman_walking_1080p.mov",
    "hard/black_300frames.mkv",
    "hard/datamosh_corrupt.mp4",
    "hard/fragmented_with_boxes_drawn.mp4",
    "hard/tiny_64x64_10frames.mp4",
    "four_cams/cam1-source.webm",
    "pets_s2l1/view1.avi",
    "room_hall/cam1.mp4",
    "mot/MOT17-04-8frames.mp4",
]


@pytest.fixture(autouse=True)
def no_decoder_is_busy() -> Iterator[None]:
    yield
    assert busy_decoders() == 0


def busy_decoders() -> int:
    """The decoders that were started and wait for no question."""
    decoders = [child for child in psutil.Process().children() if decoder._COMMAND[-1] in child.cmdline()]
    return len(decoders) - len(decoder._POOL._idle)


def every_frame(clip: Clip) -> Timeline:
    return plan(clip, VideoSettings(fps=0))


def made(folder: Path, number: int = 60) -> Clip:
    return probe(write_clip(folder / "clip.mp4", range(number), options={"g": "12"}))


@pytest.mark.parametrize("name", KINDS)
def test_frames_show_their_number_from_any_row_on(tmp_path: Path, name: str) -> None:
    clip = probe(write_clip(tmp_path / name, range(60), **KINDS[name]))
    timeline = every_frame(clip)
    with read(clip, timeline) as reader:
        whole = list(reader)
    assert [(picture.row, picture.frame, shown_number(picture.bgr)) for picture in whole] == [
        (i, i, i) for i in range(60)
    ]
    assert [picture.seconds for picture in whole] == timeline.seconds.tolist()
    for first in (1, 11, 12, 13, 30, 59, 60):
        with read(clip, timeline, first=first) as reader:
            again = list(reader)
        assert [picture.row for picture in again] == list(range(first, 60))
        assert all(np.array_equal(a.bgr, b.bgr) for a, b in zip(again, whole[first:], strict=True))


def test_a_jump_spares_what_comes_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, fed, decode = made(tmp_path), [], FrameDecoder.decode
    monkeypatch.setattr(FrameDecoder, "decode", lambda self, packet: fed.append(packet) or decode(self, packet))
    shown = [shown_number(picture.bgr) for picture in reading.pictures(clip, every_frame(clip), 50)]
    assert shown == list(range(50, 60))
    assert len(fed) <= 60 - 48 + 1  # key frames are 12 apart; one more empties the decoder


def test_variable_rate_and_a_span(tmp_path: Path) -> None:
    ticks = (np.arange(60) ** 2).tolist()
    clip = probe(write_clip(tmp_path / "clip.mkv", ticks, Fraction(1, 1000), options={"g": "10"}))
    timeline = plan(clip, VideoSettings(fps=10, start_seconds=0.5, end_seconds=2.5))
    with read(clip, timeline) as reader:
        got = list(reader)
    assert [picture.frame for picture in got] == [shown_number(picture.bgr) for picture in got]
    assert [picture.frame for picture in got] == timeline.frame.tolist()
    assert [picture.seconds for picture in got] == pytest.approx([ticks[picture.frame] / 1000 for picture in got])


def test_frames_cut_off_by_an_edit_list_do_not_count(tmp_path: Path) -> None:
    clip = probe(write_clip(tmp_path / "clip.mp4", range(-7, 53), options={"bf": "0"}))
    with read(clip, every_frame(clip)) as reader:
        assert [(picture.frame, shown_number(picture.bgr)) for picture in reader] == [(i, i + 7) for i in range(53)]


@pytest.mark.shared
@pytest.mark.parametrize("name", REAL)
def test_real_clips_are_read_whole_and_alike_from_the_middle(
    shared: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    clip = probe(shared / "data" / name)
    every = max(1, clip.frames // 40)
    timeline = every_frame(clip)[::every]
    with read(clip, timeline) as reader:
        whole = [hash(picture.bgr.tobytes()) for picture in reader]
    assert reader.missing.tolist() == [] and len(whole) == len(timeline)
    for first in (len(timeline) // 3, len(timeline) * 4 // 5):
        with read(clip, timeline, first=first) as reader:
            assert [hash(picture.bgr.tobytes()) for picture in reader] == whole[first:]
    assert capfd.readouterr().err == ""


@pytest.mark.shared
@pytest.mark.oracle
@pytest.mark.parametrize("name", ["pets_s2l1/view1.avi", "clips/plaza_bw_topdown_720p_vp9.mkv"])
def test_opencv_sees_the_same_pictures(shared: Path, name: str) -> None:
    """The neighbour would do too, were it not for the margin: the same frame is far nearer than the next one."""
    clip = probe(shared / "data" / name)
    timeline = every_frame(clip)[:20]
    capture = cv2.VideoCapture(clip.path)
    theirs = [capture.read()[1].astype(int) for _ in range(len(timeline) + 1)]
    capture.release()
    with read(clip, timeline) as reader:
        for picture in reader:
            same, following = (np.abs(picture.bgr - theirs[picture.frame + i]).mean() for i in (0, 1))
            assert same < 1.5 and same < following


@pytest.mark.oracle
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_is_applied(tmp_path: Path, degrees: int) -> None:
    clip = probe(turn(write_clip(tmp_path / "clip.mp4", range(20)), degrees))
    capture = cv2.VideoCapture(clip.path)
    with read(clip, every_frame(clip)) as reader:
        for picture in reader:
            assert picture.bgr.shape == (clip.height, clip.width, 3)
            assert np.abs(picture.bgr - capture.read()[1].astype(int)).mean() < 3
    capture.release()
    half = (clip.width // 2, clip.height // 2)
    with read(clip, every_frame(clip), scale_to=half) as reader:
        assert {picture.bgr.shape for picture in reader} == {(half[1], half[0], 3)}


def test_scaling_is_what_detectors_were_trained_with(tmp_path: Path) -> None:
    clip = made(tmp_path, 10)
    size = (WIDTH * 5 // 8, HEIGHT * 5 // 8)
    with read(clip, every_frame(clip)) as full, read(clip, every_frame(clip), scale_to=size) as scaled:
        for large, small in zip(full, scaled, strict=True):
            assert np.array_equal(cv2.resize(large.bgr, size, interpolation=cv2.INTER_LINEAR), small.bgr)
            assert small.bgr.dtype == np.uint8 and small.bgr.flags.c_contiguous


@pytest.mark.parametrize("name", ["clip.mkv", "clip.avi"])
def test_damaged_frames_are_missing_and_the_others_keep_their_number(tmp_path: Path, name: str) -> None:
    clip = probe(spoil(write_clip(tmp_path / name, range(30), codec="mjpeg"), [7, 8, 20, 29]))
    with read(clip, every_frame(clip)[::2]) as reader:
        got = [(picture.row, shown_number(picture.bgr)) for picture in reader]
    assert got == [(row, 2 * row) for row in range(15) if row not in (4, 10)]
    assert reader.missing.tolist() == [4, 10]


def test_a_clip_that_breaks_off_after_the_probe(tmp_path: Path) -> None:
    clip = probe(write_clip(tmp_path / "clip.mp4", range(100), muxer={"movflags": "faststart"}))
    file = Path(clip.path)
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    with read(clip, every_frame(clip)) as reader:
        got = [picture.row for picture in reader]
    assert 0 < len(got) < 100
    assert sorted([*got, *reader.missing.tolist()]) == list(range(100))


def test_a_clip_that_is_gone(tmp_path: Path) -> None:
    clip = made(tmp_path)
    Path(clip.path).unlink()
    with read(clip, every_frame(clip)) as reader:
        with pytest.raises(ClipError, match="cannot be opened"):
            next(reader)
        with pytest.raises(StopIteration):
            next(reader)


def test_the_queue_is_bounded(tmp_path: Path) -> None:
    """Pictures that vanish while the decoder waits are missing: no more than the queue and one in hand were read."""
    for i in range(40):
        cv2.imwrite(str(tmp_path / f"{i}.png"), drawn(i))
    clip = probe(tmp_path)
    with read(clip, every_frame(clip), queue_size=3) as reader:
        next(reader)
        time.sleep(0.5)
        for file in tmp_path.glob("*.png"):
            file.unlink()
        got = []
        with pytest.raises(ClipError, match="cannot be read"):
            got.extend(picture.row for picture in reader)
            pytest.fail("the whole sequence had been read ahead")


def test_the_decoder_is_free_after_the_end(tmp_path: Path) -> None:
    clip = made(tmp_path)
    reader = read(clip, every_frame(clip))
    assert len(list(reader)) == 60
    assert busy_decoders() == 0


def test_the_decoder_is_free_after_a_break_without_with(tmp_path: Path) -> None:
    clip = made(tmp_path)
    for picture in read(clip, every_frame(clip), queue_size=1):
        if picture.row == 5:
            break
    assert busy_decoders() == 0


def test_the_decoder_is_free_after_an_error_of_the_consumer(tmp_path: Path) -> None:
    clip = made(tmp_path)
    with pytest.raises(ZeroDivisionError), read(clip, every_frame(clip), queue_size=1) as reader:
        for picture in reader:
            _ = 1 // (3 - picture.row)
    assert busy_decoders() == 0


def test_the_decoder_is_free_when_nothing_was_read(tmp_path: Path) -> None:
    clip = made(tmp_path)
    with read(clip, every_frame(clip), queue_size=1):
        pass
    reader = read(clip, every_frame(clip), queue_size=1)
    assert busy_decoders() == 1
    del reader
    assert busy_decoders() == 0


def test_closing_twice_and_reading_after_it(tmp_path: Path) -> None:
    clip = made(tmp_path)
    reader = read(clip, every_frame(clip))
    next(reader)
    reader.close()
    reader.close()
    assert list(reader) == []


@pytest.mark.parametrize(
    "wrong",
    [{"first": -1}, {"first": 61}, {"queue_size": 0}, {"scale_to": (0, 5)}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_misuse(tmp_path: Path, wrong: dict[str, object]) -> None:
    clip = made(tmp_path)
    with pytest.raises(ValueError, match="expected"):
        read(clip, every_frame(clip), **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected frames from 0 to 59"):
        read(clip, Timeline([60], [3.0]))  # type: ignore[arg-type]


def test_an_empty_timeline(tmp_path: Path) -> None:
    clip = made(tmp_path)
    reader: Reader = read(clip, every_frame(clip)[:0])
    assert list(reader) == [] and reader.missing.tolist() == []
