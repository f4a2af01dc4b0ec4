"""How much of anything that comes in from outside is taken, in one place. Each limit is far above what recorders,
people and this program make, and low enough that memory, time and disk stay bounded on a small computer.

A file above a limit is refused with a message that names the limit in words (`require_at_most`)."""

from __future__ import annotations

from pathlib import Path

from core.base.errors import SightlineError
from core.base.text import format_bytes

REGION_POINTS = 1_000
"""Of one region. Somebody who draws sets a few dozen; testing boxes takes time and memory by boxes times points."""
REGIONS = 200
"""Of one camera."""
REGION_BYTES = 4 << 20
"""Of a file of regions: all points that are taken need a tenth of it."""

PICTURE_PIXELS = 80_000_000
"""Of a photo, or of a picture in a folder of pictures: 240 MB once it is decoded. Large cameras make 60 million."""
FRAME_PIXELS = 40_000_000
"""Of a frame of a video: 8K is 35 million (8192 x 4320)."""
WAITING_BYTES = 200_000_000
"""Of the pictures of one clip that are decoded ahead: eight of 4K, two of 8K."""
CLIP_FRAMES = 20_000_000
"""Of one clip: nine days at 25 a second. Each takes 41 bytes while it is probed."""
CLIP_PICTURES = 1_000_000
"""Of a folder of pictures: more than a day at ten a second."""

BACKUP_ENTRIES = 200_000
"""Of a back-up: a run of some thousand people keeps a file for each of their crops."""
BACKUP_RATIO = 200
"""Bytes that a packed byte of a back-up may become. Back-ups are stored as they are; packed again, JSON becomes a tenth
to a fiftieth."""
BACKUP_SLACK_BYTES = 64 << 20
"""From which the ratio of a back-up is asked for: less does no harm."""
ENTRY_BYTES = 64 << 20
"""Of the case in a back-up, which is read as a whole."""

RECORD_BYTES = 256 << 20
"""Of a record (a JSON file): decisions on some thousand tracks take a few MB."""
LIST_BYTES = 16 << 20
"""Of a list of recordings."""
SETTINGS_BYTES = 1 << 20
"""Of a settings file, which somebody writes by hand."""

ARRAYS_BYTES = 4 << 30
"""Of the arrays in an .npz file: vectors of a million crops."""

MOT_BYTES = 512 << 20
"""Of a MOT text file."""
MOT_ROWS = 5_000_000
"""Of a MOT text file: 100 people in each frame of half an hour at 25 a second. A row takes 72 bytes."""
TABLE_BYTES = 256 << 20
"""Of a CSV file."""

CAMERAS = 500
"""Of a case."""

DECODER_BYTES = 2 << 30
"""Of memory that the process which decodes recordings may take."""
DECODER_THREAD_BYTES = 400_000_000
"""Of frames that the decoder's threads work at together: each has one of its own, and recordings of 8K need fewer."""
ANSWER_SECONDS = 60.0
"""Within which the decoder has to answer, if it does not have to read the whole file for that."""
SLOWEST_BYTES_PER_SECOND = 1_000_000
"""Within which it has to read a whole file besides: a tenth of what an old disk gives."""


def require_at_most(count: float, limit: int, what: str, kind: type[SightlineError], remedy: str) -> None:
    """An error of this `kind` where `count` is above the limit. `what` has the place of the count: "it has {} points".

    >>> from core.base.errors import StoreError
    >>> require_at_most(1_001, 1_000, "it has {} points", StoreError, "Set fewer.")
    Traceback (most recent call last):
    ...
    core.base.errors.StoreError: it has 1,001 points, and at most 1,000 are taken. Set fewer.
    """
    if count > limit:
        raise kind(f"{what.format(f'{count:,}')}, and at most {limit:,} are taken", remedy)


def require_bytes(size: int, limit: int, name: str, kind: type[SightlineError], remedy: str) -> None:
    """An error of this `kind` where a file of `size` bytes is above the limit."""
    if size > limit:
        message = f"{name} is too large ({format_bytes(size)}), and at most {format_bytes(limit)} are taken"
        raise kind(message, remedy)


def read_bounded(path: Path, limit: int, kind: type[SightlineError], remedy: str) -> bytes:
    """The content of a file, if it is within the limit; also where it grows meanwhile, or says nothing of its size."""
    with path.open("rb") as file:
        content = file.read(limit + 1)
    require_bytes(len(content), limit, path.name, kind, remedy)
    return content
