"""Two hundred bad and odd files, made of a second of our own sample: the same ones each time, in half a minute."""

from __future__ import annotations

import io
import random
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np

from core.base.types import Image
from core.lab.synthetic import sample_clips, sample_folder
from tests.vision.video.making import blank_png, move_clock, turn, write_pngs, write_sound

Outcome = Literal["refused", "analysed", "either"]
WIDTH, HEIGHT, FRAMES = 160, 90, 24
QUIET = {"libx265": {"x265-params": "log-level=none"}, "libx264": {"preset": "ultrafast", "g": "8"}}
COUNT = 200


@dataclass(frozen=True)
class OddFile:
    """A file or folder called `name`, which `write` makes at a path, and what is expected to become of it."""

    name: str
    expected: Outcome
    write: Callable[[Path], object]
    is_folder: bool = False


@cache
def pictures() -> tuple[Image, ...]:
    """The first frames of the sample (rgb), reduced."""
    with av.open(str(sample_clips(sample_folder())[0])) as container:
        frames = (frame for frame, _ in zip(container.decode(video=0), range(FRAMES), strict=False))
        return tuple(frame.reformat(WIDTH, HEIGHT, "rgb24").to_ndarray() for frame in frames)


@cache
def clip(
    suffix: str = ".mp4",
    codec: str = "libx264",
    size: tuple[int, int] = (WIDTH, HEIGHT),
    rate: Fraction = Fraction(25),
    ticks: tuple[int, ...] = tuple(range(FRAMES)),
    pixels: str = "",
    muxer: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """The content of a clip that shows frame i of the sample at `ticks[i]` steps of its rate."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        _encode(path, codec, size, rate, ticks, pixels, dict(muxer))
        return path.read_bytes()


def _encode(
    path: Path,
    codec: str,
    size: tuple[int, int],
    rate: Fraction,
    ticks: Sequence[int],
    pixels: str,
    muxer: dict[str, str],
) -> None:
    with av.open(str(path), "w", options=muxer) as container:
        stream = container.add_stream(codec, rate=rate, options=QUIET.get(codec, {}))
        stream.width, stream.height = size
        stream.pix_fmt = pixels or {"mjpeg": "yuvj420p", "png": "rgb24", "ffv1": "bgr0"}.get(codec, "yuv420p")
        stream.codec_context.time_base = 1 / rate
        for number, tick in enumerate(ticks):
            picture = pictures()[number % FRAMES]
            if size != (WIDTH, HEIGHT):
                picture = np.asarray(cv2.resize(picture, size), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = tick, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def put(content: Callable[[], bytes], path: Path) -> None:
    path.write_bytes(content())


def _odd(name: str, expected: Outcome, content: Callable[[], bytes]) -> OddFile:
    return OddFile(name, expected, partial(put, content))


FASTSTART = (("movflags", "faststart"),)
CONTAINERS: dict[str, Callable[[], bytes]] = {
    ".mp4": partial(clip, muxer=FASTSTART),
    ".avi": partial(clip, ".avi"),
    ".ts": partial(clip, ".ts"),
    ".mkv": partial(clip, ".mkv"),
    ".flv": partial(clip, ".flv"),
    ".mpg": partial(clip, ".mpg", "mpeg2video"),
}


def truncated() -> Iterator[OddFile]:
    for suffix, content in CONTAINERS.items():
        for share in (1, 5, 20, 50, 80, 97)[: 5 if suffix in (".flv", ".mpg") else 6]:
            yield _odd(f"cut-{share}{suffix}", "either", partial(_cut, content, share))
    yield _odd("cut-before-its-index.mp4", "refused", partial(_cut, clip, 60))


def _cut(content: Callable[[], bytes], share: int) -> bytes:
    whole = content()
    return whole[: len(whole) * share // 100]


def flipped() -> Iterator[OddFile]:
    for suffix, content in CONTAINERS.items():
        for seed in range(5 if suffix in (".flv", ".mkv", ".mpg") else 6):
            yield _odd(f"flipped-{seed}{suffix}", "either", partial(_flip, content, seed))


def _flip(content: Callable[[], bytes], seed: int) -> bytes:
    """Of every second file, only bytes of the header are other ones."""
    whole, chance = bytearray(content()), random.Random(seed)
    for _ in range(3 * 4 ** (seed // 2)):
        at = chance.randrange(600 if seed % 2 else len(whole))
        whole[at] ^= 1 << chance.randrange(8)
    return bytes(whole)


def of_any_size_and_rate() -> Iterator[OddFile]:
    for size in ((1, 1), (2, 2), (3, 5), (319, 179), (16, 2000), (4000, 16)):
        yield _odd(f"size-{size[0]}x{size[1]}.mkv", "analysed", partial(clip, ".mkv", "ffv1", size))
    yield _odd("8k.mp4", "analysed", partial(clip, size=(7680, 4320), ticks=(0, 1)))
    larger = partial(blank_png, 8000, 6000)
    yield OddFile("larger-than-8k.mov", "refused", lambda path: write_pngs(path, [larger()], 8000, 6000))
    for rate in (Fraction(1, 10), Fraction(1), Fraction(240), Fraction(1000)):
        yield _odd(f"rate-{float(rate):g}.mkv", "analysed", partial(clip, ".mkv", rate=rate))
    yield _odd("rate-varies.mkv", "analysed", partial(clip, ".mkv", ticks=tuple(n * n for n in range(FRAMES))))
    yield _odd("rate-jumps.mp4", "analysed", partial(clip, ticks=(*range(12), *range(900_012, 900_024))))
    years = (*range(12), *range(25_000_000_000, 25_000_000_012))
    yield _odd("rate-jumps-by-years.mkv", "either", partial(clip, ".mkv", ticks=years))
    yield _odd("one-frame.mp4", "analysed", partial(clip, ticks=(0,)))
    yield _odd("begins-before-zero.mp4", "analysed", partial(clip, ticks=tuple(range(-9, 15))))


def of_any_codec() -> Iterator[OddFile]:
    for suffix, codec, pixels in (
        (".avi", "mpeg4", ""),
        (".avi", "msmpeg4v3", ""),
        (".avi", "mjpeg", ""),
        (".avi", "huffyuv", "yuv422p"),
        (".avi", "rawvideo", ""),
        (".mpg", "mpeg1video", ""),
        (".wmv", "wmv2", ""),
        (".flv", "flv1", ""),
        (".mov", "png", ""),
        (".mov", "prores_ks", "yuv422p10le"),
        (".mkv", "libx265", ""),
        (".mkv", "ffv1", ""),
        (".webm", "libvpx", ""),
        (".webm", "libvpx-vp9", ""),
        (".mp4", "libx264", "yuv444p"),
        (".h264", "libx264", ""),
        (".mjpeg", "mjpeg", ""),
    ):
        yield _odd(f"codec-{codec}{pixels}{suffix}", "analysed", partial(clip, suffix, codec, pixels=pixels))
    yield _odd("gif.mp4", "refused", partial(clip, ".gif", "gif", pixels="rgb8"))


def joined_and_turned() -> Iterator[OddFile]:
    for suffix, content in CONTAINERS.items():
        yield _odd(f"twice{suffix}", "analysed", lambda content=content: 2 * content())  # type: ignore[misc]
    small = partial(clip, ".ts", size=(80, 46))
    yield _odd("other-size-follows.ts", "analysed", lambda: clip(".ts") + small())
    yield _odd("other-size-follows.h264", "analysed", lambda: clip(".h264") + clip(".h264", size=(80, 46)))
    yield _odd("clock-set-back.ts", "analysed", lambda: move_clock(clip(".ts"), 90_000 * 3600) + clip(".ts"))
    yield _odd("clock-wraps.ts", "analysed", lambda: move_clock(clip(".ts"), (1 << 33) - 90_000))
    yield _odd("mp4-after-avi.avi", "analysed", lambda: clip(".avi") + clip())
    for degrees in (90, 180, 270):
        yield OddFile(f"turned-{degrees}.mp4", "analysed", partial(_turned, degrees))


def _turned(degrees: int, path: Path) -> None:
    path.write_bytes(clip())
    turn(path, degrees)


def damaged_streams() -> Iterator[OddFile]:
    def without(keep: Callable[[int], bool]) -> bytes:
        content = clip(".ts")
        return b"".join(content[at : at + 188] for at in range(0, len(content), 188) if keep(at // 188))

    yield _odd("lost-packets.ts", "either", lambda: without(lambda number: number % 7 != 3))
    yield _odd("no-tables.ts", "either", lambda: without(lambda number: number > 2))
    yield _odd("begins-anywhere.ts", "either", lambda: clip(".ts")[100:])
    yield _odd("packets-of-nothing.ts", "refused", lambda: (b"G\x1f\xff\x10" + bytes(184)) * 2000)

    def up_to_index() -> bytes:
        return clip(".avi")[: clip(".avi").rindex(b"idx1")]

    yield _odd("index-of-zeros.avi", "either", lambda: up_to_index() + b"idx1" + bytes(400))
    yield _odd("no-index.avi", "either", up_to_index)
    yield _odd("index-says-anything.avi", "either", lambda: up_to_index() + b"idx1" + b"\xff" * 400)
    yield _odd("size-says-anything.avi", "either", lambda: clip(".avi")[:4] + b"\xff" * 4 + clip(".avi")[8:])


SCRIPTS = {
    "ffconcat": "ffconcat version 1.0\nfile cut-50.mp4\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://evil.example/a.ts\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>',
    "asx": '<asx version="3.0"><entry><ref href="http://evil.example/a.wmv"/></entry></asx>',
    "smil": '<smil><body><video src="http://evil.example/a.mp4"/></body></smil>',
    "pls": "[playlist]\nFile1=http://evil.example/a.mp4\nNumberOfEntries=1\nVersion=2\n",
    "subtitles": "1\n00:00:01,000 --> 00:00:02,000\nhello\n",
}


def no_recordings() -> Iterator[OddFile]:
    for kind, text in SCRIPTS.items():
        yield _odd(f"{kind}.mp4", "refused", text.encode)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.mp4", bytes(1 << 20))
    jpeg, png = (cv2.imencode(suffix, pictures()[0])[1].tobytes() for suffix in (".jpg", ".png"))
    for name, content in {
        "empty.mp4": b"",
        "one-byte.avi": b"\0",
        "text.mkv": b"no recording at all\n" * 100,
        "page.mp4": b"<!DOCTYPE html><title>Sign in</title>",
        "pointer.mp4": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "zip.mp4": archive.getvalue(),
        "jpeg.mp4": jpeg,
        "png.mp4": png,
        "program.mp4": b"\x7fELF" + random.Random(0).randbytes(4000),
        "zeros.ts": bytes(1 << 20),
        "noise.mp4": random.Random(1).randbytes(1 << 16),
        "noise.ts": b"".join(b"G" + random.Random(n).randbytes(187) for n in range(500)),
        "boxes-in-boxes.mp4": _nested_boxes(2000),
        "box-larger-than-the-file.mp4": struct.pack(">I4s", 24, b"ftyp")
        + b"isom" * 4
        + struct.pack(">I4s", 1 << 31, b"moov"),
    }.items():
        # Motion JPEG is a kind of recording, of one picture here.
        yield _odd(name, "either" if name in ("jpeg.mp4", "noise.ts") else "refused", partial(bytes, content))
    yield OddFile("sound.mp4", "refused", _sound)


def _sound(path: Path) -> None:
    write_sound(path.with_suffix(".wav")).rename(path)


def _nested_boxes(depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = struct.pack(">I4s", len(content) + 8, b"moov") + content
    return struct.pack(">I4s", 24, b"ftyp") + b"isom" * 4 + content


def bombs() -> Iterator[OddFile]:
    huge = partial(blank_png, 16_000, 16_000)
    yield OddFile("bomb.mov", "refused", lambda path: write_pngs(path, [huge()], 16_000, 16_000))
    yield OddFile("hidden-bomb.mov", "refused", lambda path: write_pngs(path, [huge()], 64, 48))
    small = partial(blank_png, 64, 48)
    frames = partial(lambda: [small(), small(), huge(), small()])
    yield OddFile("later-bomb.mov", "either", lambda path: write_pngs(path, frames(), 64, 48))
    # Each count of a table of samples is as large as can be.
    for table, before in ((b"stsz", 8), (b"stts", 4)):
        yield _odd(f"counts-of-{table.decode()}.mp4", "either", partial(_with_largest, table, before))


def _with_largest(table: bytes, before: int) -> bytes:
    """The number that follows so many bytes after the table's name is the largest there is."""
    content = bytearray(clip())
    at = content.index(table) + 4 + before
    content[at : at + 4] = b"\x7f\xff\xff\xff"
    return bytes(content)


NAMES = (
    "Камера 3", "Κάμερα", "入口カメラ", "كاميرا", "מצלמה", "กล้อง", "카메라", "कैमरा", "e\u0301te\u0301", "🎥 door",
    "\u202egpj.exe", "a\u200bb", "-rf", "--out=x", "a b  c", "![x](https:evil.example:8443)",
    "<img src=x onerror=alert(1)>", "'; DROP TABLE clips;--", "$(touch x)", "`id`", "%2e%2e%2fetc", "%s%n%d",
    "img_%04d", "*", "?", '"quoted"', "back\\slash", "a\nb", "a\tb", "=cmd|' C calc'!A0", "@SUM(1)", "CON", "nul.txt",
    "..", "{{7*7}}", "x" * 200, ".hidden", "#1", "a&b", "~root",
)  # fmt: skip


def named() -> Iterator[OddFile]:
    """A good clip under any name: each a bit longer, so that none is the same recording as another."""
    for number, name in enumerate(NAMES):
        yield _odd(f"{name}.mp4", "either" if name == ".hidden" else "analysed", partial(_longer, number))


def _longer(number: int) -> bytes:
    return clip() + struct.pack(">I4s", 12 + number, b"free") + bytes(4 + number)


def folders() -> Iterator[OddFile]:
    def lay(path: Path, files: Sequence[bytes]) -> None:
        path.mkdir()
        for number, content in enumerate(files):
            (path / f"{number}.png").write_bytes(content)

    def picture(number: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
        return cv2.imencode(".png", cv2.resize(pictures()[number], size))[1].tobytes()

    def linked(path: Path) -> None:
        lay(path, [picture(0), picture(1)])
        outside = path.with_name(f"{path.name} beside")
        lay(outside, [picture(2)])
        (path / "2.png").symlink_to(outside / "0.png")

    def looped(path: Path) -> None:
        lay(path, [picture(0), picture(1)])
        (path / "2.png").symlink_to("2.png")

    good = [picture(number) for number in range(6)]
    for name, expected, files in (
        ("pictures", "analysed", good),
        ("pictures of two sizes", "either", [*good, picture(0, (64, 48))]),
        ("pictures, one damaged", "analysed", [*good[:3], b"no picture", *good[3:]]),
        ("pictures, one huge", "either", [*good[:2], blank_png(20_000, 20_000), *good[2:]]),
        ("nothing", "refused", []),
    ):
        yield OddFile(name, expected, partial(lay, files=files), is_folder=True)  # type: ignore[arg-type]
    yield OddFile("pictures, one linked from elsewhere", "refused", linked, is_folder=True)
    yield OddFile("pictures, one linked to itself", "refused", looped, is_folder=True)


def corpus() -> list[OddFile]:
    """All of them, each under a name of its own."""
    kinds = (truncated, flipped, of_any_size_and_rate, of_any_codec, joined_and_turned, damaged_streams)
    kinds += (no_recordings, bombs, named, folders)
    files = [file for kind in kinds for file in kind()]
    assert len({file.name for file in files}) == len(files)
    return files
