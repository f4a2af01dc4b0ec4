"""Small clips made on the spot. Every frame shows its own number in light and dark squares for a test to read."""

import struct
import zlib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from core.base.types import Image

WIDTH, HEIGHT, SQUARE = 128, 64, 32
BITS = (WIDTH // SQUARE) * (HEIGHT // SQUARE)
ROTATIONS = {
    0: (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000),
    90: (0, -0x10000, 0, 0x10000, 0, 0, 0, 0, 0x40000000),
    180: (-0x10000, 0, 0, 0, -0x10000, 0, 0, 0, 0x40000000),
    270: (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000),
}


def drawn(number: int) -> Image:
    """The frame `number` (below 256) as rgb, or bgr: it is grey."""
    bits = np.array([40 + 160 * (number >> bit & 1) for bit in range(BITS)], np.uint8)
    squares = bits.reshape(HEIGHT // SQUARE, WIDTH // SQUARE)
    return np.repeat(np.kron(squares, np.ones((SQUARE, SQUARE), np.uint8))[..., None], 3, 2)


def shown_number(bgr: Image) -> int:
    """The number that the frame `bgr` shows, at any size."""
    height, width = (size // n for size, n in zip(bgr.shape[:2], (HEIGHT // SQUARE, WIDTH // SQUARE), strict=True))
    centres = bgr[height // 2 :: height, width // 2 :: width, 1].ravel()[:BITS]
    return sum(1 << bit for bit, light in enumerate(centres) if light > 120)


def write_clip(
    path: Path,
    ticks: Iterable[int],
    tick: Fraction = Fraction(1, 25),
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
    first: int = 0,
    scale: int = 1,
) -> Path:
    """A clip whose frame i is shown at `ticks[i] * tick` seconds; `options` go to the encoder, `muxer` to the file.

    Frame i shows the number `first + i`, on a picture `scale` times as large as usual.
    """
    with av.open(str(path), "w", options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height = scale * WIDTH, scale * HEIGHT
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = stream.time_base = tick
        for number, at in enumerate(ticks, first):
            picture = np.kron(drawn(number), np.ones((scale, scale, 1), np.uint8))
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = at, tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turn(path: Path, degrees: int) -> Path:
    """Write a rotation into the track header of an MP4 file, as a camera held sideways does."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 44
    content[matrix : matrix + 36] = np.array(ROTATIONS[degrees], ">i4").tobytes()
    path.write_bytes(content)
    return path


def spoil(path: Path, packets: Sequence[int]) -> Path:
    """Overwrite the data of some packets (by their place in the file) with zeros."""
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    for number in packets:
        place, size = places[number]
        # Headers of the container's own block (at most 16 bytes) stay whole.
        content[place + 16 : place + size] = bytes(size - 16)
    path.write_bytes(content)
    return path


def write_sound(path: Path) -> Path:
    """An audio file: a tenth of a second of silence."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def packet_places(path: Path) -> list[int]:
    """The byte at which each packet of a video begins."""
    with av.open(str(path)) as container:
        return [packet.pos for packet in container.demux(video=0) if packet.size]


def move_clock(content: bytes, ticks: int) -> bytes:
    """A transport stream with its timestamps moved by so many ticks; after 2 ** 33 they begin at 0 again."""
    moved = bytearray(content)
    for packet in range(0, len(content), 188):
        payload = packet + 4 + (content[packet + 4] + 1 if content[packet + 3] & 0x20 else 0)
        if not content[packet + 1] & 0x40 or content[payload : payload + 3] != b"\0\0\1":
            continue
        if content[payload + 3] & 0xF0 == 0xE0:
            # Two bits say what follows: the time of showing (2), and that of decoding (3).
            for number in range(max(0, (content[payload + 7] >> 6) - 1)):
                _move_stamp(moved, payload + 9 + 5 * number, ticks)
    return bytes(moved)


def _move_stamp(content: bytearray, at: int, ticks: int) -> None:
    """Move the timestamp in the five bytes from `at` on: 3, 15 and 15 bits, with a bit that is set after each."""
    high, middle = content[at] >> 1 & 7, content[at + 1] << 7 | content[at + 2] >> 1
    low = content[at + 3] << 7 | content[at + 4] >> 1
    stamp = ((high << 30 | middle << 15 | low) + ticks) % (1 << 33)
    content[at] = content[at] & 0xF0 | stamp >> 30 << 1 | 1
    content[at + 1 : at + 3] = ((stamp >> 15 & 0x7FFF) << 1 | 1).to_bytes(2)
    content[at + 3 : at + 5] = ((stamp & 0x7FFF) << 1 | 1).to_bytes(2)


def blank_png(width: int, height: int) -> bytes:
    """A black PNG with one bit a pixel: a few bytes for any size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    row, packer = bytes(1 + (width + 7) // 8), zlib.compressobj(1)
    rows = max(1, (1 << 20) // len(row))
    packed = [packer.compress(row * min(rows, height - at)) for at in range(0, height, rows)]
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", b"".join([*packed, packer.flush()])) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def write_pngs(path: Path, pictures: Sequence[bytes], width: int, height: int) -> Path:
    """A clip whose frames are these PNG files; its header gives their size as `width` x `height`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "gray"
        for number, content in enumerate(pictures):
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = number
            packet.duration, packet.is_keyframe = 1, True
            container.mux(packet)
    return path
