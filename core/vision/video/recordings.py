"""A camera's recordings, one after the other, as one clip: recorders write a file each hour.

A list of recordings is a file of its own, and is opened wherever a clip is:

    {"recordings": [{"file": "gate-1400.mp4", "digest": "…", "starts": 0.0}, …]}

`starts` is the second at which a file begins after the first one; null where it follows the one before it at once. A
file that begins before the one before it ends gives up the pictures that both have. Files lie relative to the list.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.base.errors import ClipError
from core.base.text import format_clock
from core.base.types import Clip, Recording, Seconds

LIST_SUFFIX = ".recordings"
RECORDINGS = "recordings"
"""`Clip.container` of a clip that is made of several files."""
_DAMAGED = "Make the list again, from the recordings."
_GAP_SECONDS = 1.0
_MAX_LIST_BYTES = 16 << 20
_DIGEST_BYTES = 16


@dataclass(frozen=True)
class ListedRecording:
    """An entry of a list. `starts` is None where the recording follows the one before it at once; `digest` may be empty
    in a list that was written by hand."""

    file: str
    digest: str
    starts: float | None = None


def is_list(path: Path) -> bool:
    return path.suffix == LIST_SUFFIX and path.is_file()


def list_text(recordings: Sequence[ListedRecording]) -> bytes:
    """The content of a list."""
    entries = [{"file": entry.file, "digest": entry.digest, "starts": entry.starts} for entry in recordings]
    return json.dumps({"recordings": entries}, indent=1, ensure_ascii=False).encode()


def read_list(path: Path) -> list[ListedRecording]:
    """The recordings of the list at `path`, with whole paths; `ClipError` where it is damaged."""
    try:
        if path.stat().st_size > _MAX_LIST_BYTES:
            raise ValueError
        entries = json.loads(path.read_text(encoding="utf-8"))["recordings"]
        listed = [
            ListedRecording(
                str(path.parent / str(entry["file"])),
                str(entry.get("digest", "")),
                None if entry.get("starts") is None else float(entry["starts"]),
            )
            for entry in entries
        ]
    except OSError as fault:
        raise ClipError(f"{path.name} cannot be read ({fault.strerror})", "Check that the file is there.") from fault
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        raise ClipError(f"{path.name} is not a list of recordings that can be read", _DAMAGED) from fault
    if not listed or not all(np.isfinite(entry.starts or 0.0) for entry in listed):
        raise ClipError(f"{path.name} lists no recordings", _DAMAGED)
    if any(Path(entry.file).suffix == LIST_SUFFIX for entry in listed):
        raise ClipError(f"{path.name} lists other lists", "List recordings only.")
    return listed


def list_digest(recordings: Iterable[ListedRecording]) -> str:
    """The digest of a clip that is made of these recordings: of their contents, and of when each begins."""
    hasher = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for entry in recordings:
        starts = "" if entry.starts is None else f"{entry.starts:.3f}"
        hasher.update(f"{entry.digest}\0{starts}\0".encode())
    return hasher.hexdigest()


def join(path: Path, open_clip: Callable[[str], Clip]) -> Clip:
    """The clip of the list at `path`. `open_clip` probes a file."""
    listed = read_list(path)
    clips = [open_clip(entry.file) for entry in listed]
    for entry, clip in zip(listed, clips, strict=True):
        if clip.digest != (entry.digest or clip.digest):
            raise ClipError(f"{Path(clip.path).name} has changed since it was added", "Add the recording again.")
    first, used, times, warnings = clips[0], [Recording(clips[0], 0)], [clips[0].times], list(_warnings(clips[0]))
    # With the first, when each of the recordings begins if its list says so; otherwise it follows the one before it.
    base = listed[0].starts or 0.0
    for entry, clip in zip(listed[1:], clips[1:], strict=True):
        end = float(times[-1][-1])
        step = _usual_step(used[-1].clip)
        starts = end + step if entry.starts is None else entry.starts - base
        skipped = int(np.searchsorted(clip.times + starts, end + step / 2))
        name = Path(clip.path).name
        if skipped == clip.frames:
            warnings.append(f"{name} is left out: the recordings before it show all of its time.")
            continue
        laid_out = clip.times[skipped:] + starts
        if skipped:
            seconds = float(clip.times[skipped])
            warnings.append(f"The first {seconds:.1f} s of {name} are left out: the recording before it shows them.")
        elif laid_out[0] - end > max(_GAP_SECONDS, 2 * step):
            warnings.append(f"Nothing was recorded from {format_clock(end)} to {format_clock(float(laid_out[0]))}.")
        if (clip.width, clip.height) != (first.width, first.height):
            warnings.append(
                f"From {format_clock(float(laid_out[0]))} on, pictures are {clip.width} x {clip.height}; they are "
                f"scaled to {first.width} x {first.height} as before."
            )
        warnings += _warnings(clip)
        used.append(Recording(clip, used[-1].frame + used[-1].used, skipped))
        times.append(laid_out)
    return Clip(
        path=str(path),
        digest=list_digest(replace(entry, digest=clip.digest) for entry, clip in zip(listed, clips, strict=True)),
        width=first.width,
        height=first.height,
        times=np.concatenate(times),
        fps=first.fps,
        codec=first.codec,
        container=RECORDINGS,
        warnings=tuple(dict.fromkeys(warnings)),
        recordings=tuple(used),
    )


def _warnings(clip: Clip) -> Iterator[str]:
    for warning in clip.warnings:
        yield f"{warning} ({Path(clip.path).name})"


def _usual_step(clip: Clip) -> float:
    return float(np.median(np.diff(clip.times))) if clip.frames > 1 else 1 / (clip.fps or 1.0)


def own_range(
    clip: Clip, recording: Recording, start_seconds: float, end_seconds: float | None
) -> tuple[float, float | None] | None:
    """The part of a recording within a range of the clip, in the recording's own seconds; None if there is none.

    A recording that lies within the range as a whole has the range (0, None), as a clip of its own has.
    """
    own: Seconds = recording.clip.times[recording.skipped :]
    shift = float(clip.times[recording.frame]) - float(own[0])
    start, end = start_seconds - shift, None if end_seconds is None else end_seconds - shift
    if start > own[-1] or (end is not None and end <= own[0]):
        return None
    if start <= own[0]:
        start = float(own[0]) if recording.skipped else 0.0
    return round(start, 6), None if end is None or end > own[-1] else round(end, 6)
