"""A camera's recordings, one after the other, as one clip: recorders write a file each hour.

A list of recordings is a file of its own, and is opened wherever a clip is:

    {"recordings": [{"file": "gate-1400.mp4", "digest": "…", "starts": 0.0}, …]}

`starts` is the second at which a file begins after the first one; null where it follows the one before it at once. A
file that begins before the one before it ends gives up the pictures that both have. Files lie relative to the list.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from core.base.errors import ClipError, SettingsError
from core.base.limits import LIST_BYTES, read_bounded
from core.base.text import format_clock, parse_moment
from core.base.types import Clip, Recording, Seconds
from core.machine.paths import cache_dir, write_atomically

LIST_SUFFIX = ".recordings"
RECORDINGS = "recordings"
"""`Clip.container` of a clip that is made of several files."""
_DAMAGED = "Make the list again, from the recordings."
_GAP_SECONDS = 1.0
_AT_ONCE_SECONDS = 2.0
_DIGEST_BYTES = 16

_MOMENT_IN_NAME = re.compile(
    r"(?<!\d)(?P<day>(?:19|20)\d\d[-_.]?\d\d[-_.]?\d\d)[-_T. ]*"
    r"(?P<time>\d\d[-_.h]?\d\d(?:[-_.m]?\d\d)?)(?:\d{3})?(?!\d)"
)


@dataclass(frozen=True)
class ListedRecording:
    """An entry of a list. `starts` is None where the recording follows the one before it at once; `digest` may be empty
    in a list that was written by hand."""

    file: str
    digest: str
    starts: float | None = None
    name: str = ""

    @property
    def title(self) -> str:
        """The name of the file in results: the one that it had when it was added."""
        return self.name or Path(self.file).name


def is_list(path: Path) -> bool:
    return path.suffix == LIST_SUFFIX and path.is_file()


def list_text(recordings: Sequence[ListedRecording]) -> bytes:
    """The content of a list."""
    entries = [asdict(entry) for entry in recordings]
    return json.dumps({"recordings": entries}, indent=1, ensure_ascii=False).encode()


def read_list(path: Path) -> list[ListedRecording]:
    """The recordings of the list at `path`, with whole paths; `ClipError` where it is damaged."""
    try:
        entries = json.loads(read_bounded(path, LIST_BYTES, ClipError, _DAMAGED))["recordings"]
        listed = [
            ListedRecording(
                str(path.parent / str(entry["file"])),
                str(entry.get("digest", "")),
                None if entry.get("starts") is None else float(entry["starts"]),
                str(entry.get("name", "")),
            )
            for entry in entries
        ]
    except OSError as fault:
        raise ClipError(f"{path.name} cannot be read ({fault.strerror})", "Check that the file is there.") from fault
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as fault:
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


def _moment_text(match: re.Match[str]) -> str:
    day, time = (re.sub(r"\D", "", match[name]) for name in ("day", "time"))
    return f"{day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]}:{time[4:] or '00'}"


def split_name(stem: str) -> tuple[str, str]:
    """The name of a file without the times in it, and the first of these as local ISO text, empty if there is none.

    >>> split_name("ch3_main_20260101120000_20260101130000"), split_name("gate-2")
    (('ch3_main', '2026-01-01T12:00:00'), ('gate-2', ''))
    """
    match = _MOMENT_IN_NAME.search(stem)
    if match is None:
        return stem, ""
    with suppress(SettingsError):
        remainder = _MOMENT_IN_NAME.sub("", stem)
        return re.sub(r"[-_. ]{2,}", "_", remainder).strip("-_. "), parse_moment(_moment_text(match), "")
    return stem, ""


def starts_of(begins: Sequence[float | None], lengths: Sequence[float]) -> list[float | None]:
    """The second after the first file at which each one starts, None where it follows the one before it at once.

    `begins` are seconds on one clock, or None. Names have whole seconds, and recorders need some to begin a new file.

    >>> starts_of([100.0, 3700.0], [3599.2, 10.0]), starts_of([0, 3600], [60, 9]), starts_of([None, None], [5, 5])
    ([0.0, None], [0.0, 3600], [0.0, None])
    """
    starts: list[float | None] = [0.0]
    first, end = begins[0], lengths[0]
    for begin, length in zip(begins[1:], lengths[1:], strict=True):
        at = None if begin is None or first is None or abs(begin - first - end) <= _AT_ONCE_SECONDS else begin - first
        starts.append(at)
        end = (end if at is None else at) + length
    return starts


def keep_list(recordings: Sequence[ListedRecording]) -> Path:
    """Write a list of these recordings to the cache folder; returns where."""
    path = cache_dir() / "lists" / f"{list_digest(recordings)}{LIST_SUFFIX}"
    write_atomically(path, list_text(recordings))
    return path


def list_files(files: Sequence[Path], open_clip: Callable[[Path], Clip]) -> Path:
    """A list of these files in the order of the times in their names, or else as they are given; returns its path."""
    times = {file: split_name(file.stem)[1] for file in files}
    if all(times.values()):
        files = sorted(files, key=lambda file: times[file])
    clips = [open_clip(file) for file in files]
    begins = [_seconds_of(times[file]) if times[file] else None for file in files]
    starts = starts_of(begins, [clip.duration_seconds for clip in clips])
    entries = zip(files, clips, starts, strict=True)
    return keep_list([ListedRecording(str(file.resolve()), clip.digest, at) for file, clip, at in entries])


def _seconds_of(moment: str) -> float:
    """For differences only: the zone of the moment is not known."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
