"""MOT text, in and out: the plain rows in which trackers, benchmarks and annotation tools exchange boxes.

    frame, id, x, y, width, height [, conf [, class [, visibility]]]         (benchmarks from 2016 on)
    frame, id, x, y, width, height, conf, world x, world y, world z          (2015, and results: ten columns)

Frames count from 1 in the text and from 0 everywhere in here; the shift is made in this room and nowhere else.
It refuses rows that mean nothing and says which line; it does not judge what the boxes show."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import TruthError
from core.base.types import Detections, Ints, Table, Tracks
from core.machine.paths import write_atomically

Doubles = NDArray[np.float64]

NO_CLASS = -1
_SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")
_REMEDY = "Each line is frame,id,x,y,width,height[,conf[,class[,visibility]]], frames from 1, pixels."
_BLOCK = 10_000  # rows turned to text at a time, so that an hour takes no more memory than a minute
_BIGGEST = 2**53  # above it a float no longer tells whole numbers apart


@dataclass(frozen=True, eq=False)
class MotRows(Table):
    """The rows of a file in its own order. `frame` counts from 0, `xyxy` is in the file's pixels, double precision.

    What a file leaves out reads as: `conf` 1, `cls` -1 (no class: everyone counts), `visibility` 1.
    """

    frame: Ints
    id: Ints
    xyxy: Doubles
    conf: Doubles
    cls: Ints
    visibility: Doubles

    def __post_init__(self) -> None:
        self._validate_columns(
            frame=(np.int64, ()),
            id=(np.int64, ()),
            xyxy=(np.float64, (4,)),
            conf=(np.float64, ()),
            cls=(np.int64, ()),
            visibility=(np.float64, ()),
        )


def rows_of(tracks: Tracks) -> MotRows:
    """Tracks as rows that can be scored without going through a file."""
    count = len(tracks)
    return MotRows(
        frame=tracks.frame,
        id=tracks.track,
        xyxy=tracks.xyxy.astype(np.float64),
        conf=tracks.score.astype(np.float64),
        cls=np.full(count, NO_CLASS),
        visibility=np.ones(count),
    )


def write_tracks(path: Path, tracks: Tracks) -> None:
    """Write `tracks` as result rows: whole, or not at all. An empty file means that nobody was seen."""
    write_atomically(path, (_result_lines(tracks[at : at + _BLOCK]) for at in range(0, len(tracks), _BLOCK)))


def write_truth(path: Path, parts: Iterable[MotRows]) -> None:
    """Truth in the layout of benchmarks, one part after the other: whole, or not at all."""
    write_atomically(path, map(_truth_lines, parts))


def _truth_lines(rows: MotRows) -> bytes:
    sizes = rows.xyxy[:, 2:] - rows.xyxy[:, :2]
    lines = (
        f"{frame + 1},{who},{x:g},{y:g},{width:g},{height:g},{conf:g},{kind},{visible:.3f}\n"
        for frame, who, (x, y, _, _), (width, height), conf, kind, visible in zip(
            rows.frame, rows.id, rows.xyxy, sizes, rows.conf, rows.cls, rows.visibility, strict=True
        )
    )
    return "".join(lines).encode()


def _result_lines(tracks: Tracks) -> bytes:
    rows = rows_of(tracks)
    sizes = rows.xyxy[:, 2:] - rows.xyxy[:, :2]
    lines = (
        f"{frame + 1},{who},{x:.2f},{y:.2f},{width:.2f},{height:.2f},{conf:.4f},-1,-1,-1\n"
        for frame, who, (x, y, _, _), (width, height), conf in zip(
            rows.frame.tolist(), rows.id.tolist(), rows.xyxy.tolist(), sizes.tolist(), rows.conf.tolist(), strict=True
        )
    )
    return "".join(lines).encode()


def read_mot(path: Path) -> MotRows:
    """The rows of `path`; commas, semicolons or white space between the numbers, blank lines skipped."""
    rows = []
    for number, line in enumerate(_read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            rows.append(_row(line))
        except ValueError as fault:
            raise TruthError(f"{path.name}, line {number}: {fault}", _REMEDY) from fault
    table = np.array(rows, np.float64).reshape(-1, 9)
    left_top, size = table[:, 2:4], table[:, 4:6]
    return MotRows(
        frame=table[:, 0].astype(np.int64) - 1,
        id=table[:, 1].astype(np.int64),
        xyxy=np.concatenate([left_top, left_top + size], axis=1),
        conf=table[:, 6],
        cls=table[:, 7].astype(np.int64),
        visibility=table[:, 8],
    )


def read_detections(path: Path) -> Detections:
    """A file of public detections, ordered by frame; scores are as the file states them (some detectors pass 1)."""
    rows = read_mot(path)
    rows = rows[np.argsort(rows.frame, kind="stable")]
    return Detections(rows.frame, rows.xyxy.astype(np.float32), rows.conf.astype(np.float32))


def _row(line: str) -> tuple[float, ...]:
    """The nine numbers of one line, what is missing filled in; `ValueError` says what is wrong with it."""
    cells = _SEPARATOR.split(line.strip().rstrip(",;").rstrip())
    if not 6 <= len(cells) <= 10:
        raise ValueError(f"{len(cells)} columns, expected 6 to 10")
    numbers = [_number(cell) for cell in cells]
    # A tenth column marks the 2015 layout, whose last three are a place in the world and no class.
    known = numbers[:7] if len(numbers) == 10 else numbers
    row = (*known, *(1.0, float(NO_CLASS), 1.0)[len(known) - 6 :])
    if not all(row[column].is_integer() and abs(row[column]) <= _BIGGEST for column in (0, 1, 7)):
        raise ValueError("frame, id and class must be whole numbers")
    if row[0] < 1:
        raise ValueError(f"frame is {row[0]:g}, but frames count from 1")
    if row[4] < 0 or row[5] < 0:
        raise ValueError(f"the box has a negative size ({row[4]:g} x {row[5]:g})")
    return row


def _number(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise ValueError(f"{cell!r} is not a number") from None
    if not np.isfinite(value):
        raise ValueError(f"{cell!r} is not a finite number")
    return value


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as fault:
        raise TruthError(f"{path.name} is not a text file", _REMEDY) from fault
    except OSError as fault:
        raise TruthError(
            f"{path} cannot be read ({fault.strerror})", "Check the name and that you may open it."
        ) from fault
