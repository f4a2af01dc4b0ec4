"""The film for the browser: its times, its turn, its shape, and that half a film never shows."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from core.base.errors import StoreError
from core.base.settings import VideoSettings
from core.base.types import Clip
from core.vision.video import display_size, make_proxy, plan, probe, read, still
from tests.vision.video.making import drawn, shown_number, spoil, turn, write_clip

UNEVEN = [0, 1, 2, 5, 6, 7, 8, 14, 15, 30]


def film_of(clip: Clip, folder: Path) -> Path:
    target = folder / "film.mp4"
    make_proxy(clip, target)
    return target


def numbers(path: Path) -> list[int]:
    clip = probe(path)
    return [shown_number(picture.bgr) for picture in read(clip, plan(clip, VideoSettings(fps=0)))]


def test_each_frame_keeps_its_time(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "uneven.mp4", UNEVEN)
    clip = probe(source)
    film = probe(film_of(clip, tmp_path))
    assert np.abs(film.times - clip.times).max() < 1e-4
    assert film.start_seconds == 0
    assert numbers(Path(film.path)) == list(range(len(UNEVEN)))


def test_a_clip_that_begins_late_becomes_a_film_that_begins_at_once(tmp_path: Path) -> None:
    clip = probe(write_clip(tmp_path / "late.mkv", [250, 251, 253]))
    assert clip.start_seconds == pytest.approx(10)
    film = probe(film_of(clip, tmp_path))
    assert film.start_seconds == 0
    assert film.times == pytest.approx([0, 0.04, 0.12], abs=1e-4)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_the_turn_is_in_the_pictures(tmp_path: Path, degrees: int) -> None:
    clip = probe(turn(write_clip(tmp_path / "turned.mp4", range(6)), degrees))
    film = probe(film_of(clip, tmp_path))
    assert (film.width, film.height, film.rotation) == (clip.width, clip.height, 0)
    upright = [picture.bgr for picture in read(clip, plan(clip, VideoSettings(fps=0)))]
    played = [picture.bgr for picture in read(film, plan(film, VideoSettings(fps=0)))]
    for ours, theirs in zip(upright, played, strict=True):
        assert np.abs(ours.astype(int) - theirs).mean() < 8


def test_it_is_what_browsers_play(tmp_path: Path) -> None:
    path = film_of(probe(write_clip(tmp_path / "a.mkv", range(80), codec="mpeg4")), tmp_path)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        packets = [packet for packet in film.demux(stream) if packet.size]
        assert [packet.pts for packet in packets] == [packet.dts for packet in packets]
        assert sum(packet.is_keyframe for packet in packets) >= 2


def test_a_folder_of_pictures_becomes_a_film(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(5):
        cv2.imwrite(str(pictures / f"{number}.png"), drawn(number))
    path = film_of(probe(pictures), tmp_path)
    assert numbers(path) == list(range(5))
    assert probe(path).times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=1e-4)


def test_lost_first_frames_do_not_shift_the_rest(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "hurt.mkv", range(12), options={"g": "4", "bf": "0"})
    clip = probe(spoil(source, [0, 1, 2, 3]))
    film = probe(film_of(clip, tmp_path))
    assert film.times[0] == 0
    assert set(np.round(film.times[1:], 3)) <= set(np.round(clip.times, 3))


SIZES = {(1280, 720): (960, 540), (480, 361): (480, 360), (961, 3): (960, 2), (64, 64): (64, 64), (3, 1): (2, 2)}


@pytest.mark.parametrize(("source", "shown"), SIZES.items())
def test_sizes(source: tuple[int, int], shown: tuple[int, int]) -> None:
    assert display_size(*source) == shown


def test_a_still_is_a_jpeg_of_the_frame_asked_for(tmp_path: Path) -> None:
    clip = probe(write_clip(tmp_path / "a.mp4", range(20)))
    picture = cv2.imdecode(np.frombuffer(still(clip, 13, 128), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert shown_number(np.asarray(picture, np.uint8)) == 13


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    clip = probe(write_clip(tmp_path / "a.mp4", range(10)))
    make_proxy(clip, tmp_path / "film.mp4", lambda done, total: told.append((done, total)))
    assert told == [(done, 10) for done in range(1, 11)]


def test_an_interrupted_film_leaves_nothing(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def tell(done: int, total: int) -> None:
        if done == 5:
            raise Stop

    clip = probe(write_clip(tmp_path / "a.mp4", range(10)))
    with pytest.raises(Stop):
        make_proxy(clip, tmp_path / "films" / "a.mp4", tell)
    assert list((tmp_path / "films").iterdir()) == []


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    clip = probe(write_clip(tmp_path / "a.mp4", range(3)))
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        make_proxy(clip, tmp_path / "file" / "a.mp4")


REAL = ["clips/mall_portrait_60fps.mp4", "room_hall/cam2.mp4", "hard/tiny_64x64_10frames.mp4"]


@pytest.mark.shared
@pytest.mark.parametrize(
    "name", ["clips/mall_portrait_60fps.mp4", "room_hall/cam2.mp4", "hard/tiny_64x64_10frames.mp4"]
)
def test_real_clips_keep_their_times(shared: Path, tmp_path: Path, name: str) -> None:
    clip = probe(shared / "data" / name)
    film = probe(film_of(clip, tmp_path))
    assert np.abs(film.times - clip.times).max() < 1e-4
