"""Files in which recordings were joined, clocks are set back, or time is missing: every frame is looked at or named."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.settings import VideoSettings
from core.base.types import Clip
from core.vision.video import FrameDecoder, clip_notes, make_proxy, plan, preview_frames, probe, read, still
from core.vision.video.reading import lay_out, pictures
from tests.vision.video.making import move_clock, packet_places, shown_number, write_clip

GROUPS = {"g": "12"}
WITHOUT_B = {"g": "12", "bf": "0"}
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
HOUR = 3600 * 90_000
TWO = "Two recordings follow each other in this file (at 0:00:02); the second is laid after the first."
Made = tuple[Path, list[int], list[str]]


def part(folder: Path, name: str, first: int, at: int = 0, count: int = 50, **how: object) -> bytes:
    """The content of a recording of `count` frames that show the numbers from `first` on."""
    file = folder / f"{first}-{at}-{name}"
    return write_clip(file, range(at, at + count), first=first, **{"options": GROUPS} | how).read_bytes()  # type: ignore[arg-type]


def file_of(folder: Path, name: str, *contents: bytes) -> Path:
    (folder / name).write_bytes(b"".join(contents))
    return folder / name


def joined(name: str, **how: object) -> Callable[[Path], Made]:
    def make(folder: Path) -> Made:
        path = file_of(folder, name, part(folder, name, 0, **how), part(folder, name, 50, **how))
        return path, list(range(100)), [TWO]

    return make


def three_recordings(folder: Path) -> Made:
    path = file_of(folder, "a.ts", *(part(folder, "a.ts", first) for first in (0, 50, 100)))
    return (
        path,
        list(range(150)),
        ["3 recordings follow each other in this file (at 0:00:02, 0:00:04); each is laid after the last."],
    )


def late_then_early(folder: Path) -> Made:
    """FFmpeg takes a clock that goes back by more than a minute for one that has come to its end."""
    path = file_of(folder, "a.ts", move_clock(part(folder, "a.ts", 0), 5 * HOUR), part(folder, "a.ts", 50))
    return path, list(range(100)), [TWO]


def overlap(folder: Path) -> Made:
    path = file_of(folder, "a.ts", part(folder, "a.ts", 0), part(folder, "a.ts", 50, at=44))
    return path, list(range(100)), [TWO]


def clock_set_back(folder: Path) -> Made:
    """In the middle of a group of pictures: the second part cannot be decoded without the first."""
    whole = folder / "whole.ts"
    content = part(folder, whole.name, 0, count=100, options=WITHOUT_B)
    whole.write_bytes(content)
    place = packet_places(whole)[53]
    path = file_of(folder, "a.ts", content[:place], move_clock(content[place:], -27_000))
    return path, list(range(100)), [TWO]


def stray_timestamps(folder: Path) -> Made:
    whole = folder / "whole.ts"
    content = part(folder, whole.name, 0, count=100, options=WITHOUT_B)
    whole.write_bytes(content)
    places = packet_places(whole)
    for number, ticks in ((30, 500 * 90_000), (36, -90_000), (70, -40 * HOUR)):
        begin, end = places[number : number + 2]
        content = content[:begin] + move_clock(content[begin:end], ticks) + content[end:]
    return file_of(folder, "a.ts", content), list(range(100)), []


def end_of_the_clock(folder: Path) -> Made:
    path = file_of(folder, "a.ts", move_clock(part(folder, "a.ts", 0), (1 << 33) - 90_000))
    return path, list(range(50)), []


def hole(folder: Path) -> Made:
    path = file_of(folder, "a.ts", part(folder, "a.ts", 0), part(folder, "a.ts", 50, at=550))
    return path, list(range(100)), ["Nothing was recorded from 0:00:01 to 0:00:21."]


def other_size(folder: Path) -> Made:
    path = file_of(folder, "a.ts", part(folder, "a.ts", 0), part(folder, "a.ts", 50, scale=2))
    return (
        path,
        list(range(100)),
        [TWO, "From 0:00:02 on, pictures are 256 x 128; they are scaled to 128 x 64 as before."],
    )


def other_packets(folder: Path) -> Made:
    """As other recorders number them. One picture is lost where they meet, as FFmpeg keeps it back to the end."""
    second = part(folder, "a.ts", 50, options=WITHOUT_B, muxer={"mpegts_start_pid": "0x300"})
    path = file_of(folder, "a.ts", part(folder, "a.ts", 0, options=WITHOUT_B), second)
    return path, [*range(49), *range(50, 99), -1, -1], ["Two recordings follow each other in this file"]


def begins_within_a_group(folder: Path) -> Made:
    """Pictures before the first key frame of the second part refer to some that are not there."""
    content = part(folder, "a.ts", 50, options=WITHOUT_B)
    tail = content[packet_places(folder / "50-0-a.ts")[5] :]
    path = file_of(folder, "a.ts", part(folder, "a.ts", 0, options=WITHOUT_B), tail)
    return path, [*range(50), *[-1] * 7, *range(62, 100)], [TWO]


def other_codec(folder: Path) -> Made:
    hevc = {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=12"}}
    path = file_of(folder, "a.ts", part(folder, "a.ts", 0, options=WITHOUT_B), part(folder, "a.ts", 50, **hevc))
    return path, [*range(48), *[-1] * 50], [TWO[:45], "No picture can be decoded from 0:00:0"]


def other_programme(folder: Path) -> Made:
    numbers = {"mpegts_start_pid": "0x300", "mpegts_pmt_start_pid": "0x500", "mpegts_service_id": "7"}
    path = file_of(folder, "a.ts", part(folder, "a.ts", 0), part(folder, "a.ts", 50, muxer=numbers))
    return path, list(range(50)), ["Another recording may follow in this file: its last 50% is not read."]


def not_read_on(name: str) -> Callable[[Path], Made]:
    def make(folder: Path) -> Made:
        path = file_of(folder, name, part(folder, name, 0), part(folder, name, 50))
        return path, list(range(50)), ["Another recording follows in this file: it is not read."]

    return make


def fragmented(folder: Path) -> Made:
    path = file_of(folder, "a.mp4", *(part(folder, "a.mp4", first, muxer=FRAGMENTED) for first in (0, 50)))
    return path, [*range(50), *range(62, 100)], [TWO, "12 pictures are marked in the file as not to be shown: they"]


ODD: dict[str, Callable[[Path], Made]] = {
    "joined.ts": joined("a.ts"),
    "joined without B-frames": joined("a.ts", options=WITHOUT_B),
    "joined H.265": joined("a.ts", codec="libx265", options={"x265-params": "log-level=none:keyint=12"}),
    "joined.mpg": joined("a.mpg", codec="mpeg2video", options={"bf": "2", "g": "12"}),
    "joined.mkv": joined("a.mkv"),
    "joined Motion JPEG": joined("a.mkv", codec="mjpeg", options={}),
    "three": three_recordings,
    "late then early": late_then_early,
    "overlap": overlap,
    "clock set back": clock_set_back,
    "stray timestamps": stray_timestamps,
    "end of the clock": end_of_the_clock,
    "hole": hole,
    "other size": other_size,
    "other packet numbers": other_packets,
    "begins within a group": begins_within_a_group,
    "other codec": other_codec,
    "other programme": other_programme,
    "two in .mp4": not_read_on("a.mp4"),
    "two in .flv": not_read_on("a.flv"),
    "fragmented": fragmented,
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """The odd file of a kind, made once."""
    return cache(lambda kind: ODD[kind](tmp_path_factory.mktemp("odd")))


def pictures_of(clip: Clip, fps: float, first: int = 0) -> tuple[dict[int, int], int, int]:
    """Frames and the numbers they show; and how many frames were planned, and how many of them are missing."""
    timeline = plan(clip, VideoSettings(fps))
    with read(clip, timeline, first=first) as reader:
        shown = {picture.frame: shown_number(picture.bgr) for picture in reader}
    return shown, len(timeline) - first, len(reader.missing)


@pytest.mark.parametrize("kind", ODD)
def test_every_frame_is_looked_at_or_missing(odd: Callable[[str], Made], kind: str) -> None:
    path, numbers, words = odd(kind)
    clip = probe(path)
    assert clip.frames == len(numbers)
    assert (np.diff(clip.times) >= 0).all()
    readable = {frame: number for frame, number in enumerate(numbers) if number >= 0}
    for fps in (0, 10):
        shown, planned, missing = pictures_of(clip, fps)
        assert planned == len(shown) + missing
        wanted = readable.keys() & plan(clip, VideoSettings(fps)).frame.tolist()
        assert {frame: shown.get(frame) for frame in wanted} == {frame: readable[frame] for frame in wanted}
    for sentence in words:
        assert any(sentence in warning for warning in clip.warnings), clip.warnings
    assert len(clip.warnings) == len(words)
    assert all(note.remedy for note in clip_notes(clip, []))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ODD)
def test_reading_from_any_row_on_gives_the_same(odd: Callable[[str], Made], kind: str) -> None:
    clip = probe(odd(kind)[0])
    whole = pictures_of(clip, 0)[0]
    for first in (12, 49, 50, 75):
        if first < clip.frames:
            assert pictures_of(clip, 0, first)[0] == {
                frame: number for frame, number in whole.items() if frame >= first
            }


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_a_pause_among_reordered_frames_is_no_clock_set_back(tmp_path: Path, name: str) -> None:
    """A frame after the pause is stored before some that are shown before it."""
    ticks = [*range(43), *range(400, 430), *range(800, 827)]
    clip = probe(write_clip(tmp_path / name, ticks, options={"g": "200", "bf": "8", "b-adapt": "0"}))
    assert clip.times == pytest.approx(np.array(ticks) / 25) and not clip.parts
    assert pictures_of(clip, 0)[0] == {frame: frame for frame in range(100)}
    assert clip.warnings == ("Nothing was recorded from 0:00:01 to 0:00:16, from 0:00:17 to 0:00:32.",)


@pytest.mark.parametrize("seed", range(5))
def test_no_order_of_storing_is_taken_for_a_clock_set_back(seed: int) -> None:
    """Frames of any rate, up to 16 of them reordered, with times of decoding that are known, or guessed wrongly."""
    chance = np.random.default_rng(seed)
    times = np.cumsum(chance.choice([1, 2, 3, 40], 3000, p=[0.4, 0.4, 0.19, 0.01])) * 3600
    shown = np.concatenate([chance.permutation(times[at : at + 16]) for at in range(0, 3000, 16)])
    assert lay_out(shown, times, np.full(3000, 17), 90_000, 1 << 33)[0] is shown
    even = np.arange(3000)
    shown = np.concatenate([chance.permutation(even[at : at + 16]) for at in range(0, 3000, 16)])
    assert lay_out(shown, shown, np.full(3000, 17), 25)[0] is shown


def test_time_runs_on_at_the_usual_step(odd: Callable[[str], Made]) -> None:
    clip = probe(odd("joined.ts")[0])
    assert clip.fps == 25
    assert clip.times == pytest.approx(np.arange(100) / 25)
    assert probe(odd("hole")[0]).times[49:51] == pytest.approx([1.96, 21.92])


@pytest.mark.parametrize("kind", ["joined.ts", "three", "joined.mkv", "other size", "clock set back"])
def test_the_film_the_stills_and_the_previews_show_the_same_moments(
    odd: Callable[[str], Made], tmp_path: Path, kind: str
) -> None:
    """A box at a second lies on the frame of that second in the film for the browser."""
    clip = probe(odd(kind)[0])
    make_proxy(clip, tmp_path / "film.mp4")
    film = probe(tmp_path / "film.mp4")
    assert np.abs(film.times - clip.times).max() < 1e-4 and not film.parts
    shown = pictures_of(film, 0)[0]
    assert shown == {frame: frame for frame in range(clip.frames)}
    for preview in preview_frames(clip):
        assert preview.bgr.shape == (clip.height, clip.width, 3)
        assert abs(shown_number(preview.bgr) - 25 * preview.seconds) < 1
    for frame in (10, 55, 98):
        picture = cv2.imdecode(np.frombuffer(still(clip, frame), np.uint8), cv2.IMREAD_COLOR)
        assert shown_number(np.asarray(picture, np.uint8)) == frame


def test_the_middle_of_a_part_is_entered_without_decoding_what_comes_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_of(tmp_path, "a.ts", part(tmp_path, "a.ts", 0), part(tmp_path, "b.ts", 50, count=200))
    clip, fed, decode = probe(path), [], FrameDecoder.decode
    for limit in ("_SEARCHED_BYTES", "_TABLE_BYTES"):
        monkeypatch.setattr(f"core.vision.video.decoding.{limit}", 2000)
    monkeypatch.setattr(FrameDecoder, "decode", lambda self, packet: fed.append(packet) or decode(self, packet))
    timeline = plan(clip, VideoSettings(fps=0))
    shown = {picture.frame: shown_number(picture.bgr) for picture in pictures(clip, timeline, 220)}
    assert shown == {frame: frame for frame in range(220, 250)}
    assert len(fed) < 30 + 60 + 30
