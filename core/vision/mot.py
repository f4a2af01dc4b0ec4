"""MOT text files, read and written: the rows in which trackers, benchmarks and annotation tools exchange boxes.

    frame, id, x, y, width, height [, conf [, class [, visibility]]]         (benchmarks from 2016 on)
    frame, id, x, y, width, height, conf, world x, world y, world z          (2015, and results: ten columns)

Frames count from 1 in the files and from 0 everywhere else; only this module shifts them. A row that cannot be read is
an error that names its line; what the boxes show is not judged."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import TruthError
from core.base.limits import MOT_BYTES, MOT_ROWS, require_at_most, require_bytes
from core.base.types import Detections, Ints, Table, Tracks
from core.machine.paths import write_atomically

Doubles = NDArray[np.float64]

NO_CLASS = -1
_SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")
_REMEDY = "Each line is frame,id,x,y,width,height[,conf[,class[,visibility]]], frames from 1, pixels."
_BLOCK = 10_000  # rows formatted at a time, so that memory does not grow with the length
_MAX_LINE = 1_000  # characters
_SHORTER = "Cut it into parts."
_MAX_EXACT = 2**53  # above it a float cannot represent every whole number


@dataclass(frozen=True, eq=False)
class MotRows(Table):
    """The rows of a file in their order. `frame` counts from 0, `xyxy` (n, 4) is in pixels, in double precision.

    Missing columns have defaults: `conf` 1, `cls` -1 (no class: everyone counts), `visibility` 1.
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
    """Tracks as rows, to be scored without writing a file."""
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
    """Write `tracks` as result rows, atomically. An empty file means that nobody was found."""
    write_atomically(path, (_result_lines(tracks[at : at + _BLOCK]) for at in range(0, len(tracks), _BLOCK)))


def write_truth(path: Path, parts: Iterable[MotRows]) -> None:
    """Write ground truth in the layout of benchmarks, part after part, atomically."""
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
    """The rows of `path`. Numbers are separated by commas, semicolons or white space; blank lines are skipped."""
    rows = array("d")
    for number, line in enumerate(_lines(path), 1):
        require_at_most(number, MOT_ROWS, f"{path.name} has {{}} rows", TruthError, _SHORTER)
        if not line.strip():
            continue
        try:
            rows.extend(_row(line))
        except ValueError as fault:
            raise TruthError(f"{path.name}, line {number}: {fault}", _REMEDY) from fault
    table = np.frombuffer(rows, np.float64).reshape(-1, 9)
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
    """A file of public detections, ordered by frame, with scores as in the file (those of some detectors exceed 1)."""
    rows = read_mot(path)
    rows = rows[np.argsort(rows.frame, kind="stable")]
    return Detections(rows.frame, rows.xyxy.astype(np.float32), rows.conf.astype(np.float32))


def _row(line: str) -> tuple[float, ...]:
    """The nine numbers of one line, defaults filled in; `ValueError` says what is wrong with it."""
    cells = _SEPARATOR.split(line.strip().rstrip(",;").rstrip())
    if not 6 <= len(cells) <= 10:
        raise ValueError(f"{len(cells)} columns, expected 6 to 10")
    numbers = [_number(cell) for cell in cells]
    # Ten columns are the 2015 layout, whose last three are world coordinates, not class and visibility.
    columns = numbers[:7] if len(numbers) == 10 else numbers
    row = (*columns, *(1.0, float(NO_CLASS), 1.0)[len(columns) - 6 :])
    if not all(row[column].is_integer() and abs(row[column]) <= _MAX_EXACT for column in (0, 1, 7)):
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


def _lines(path: Path) -> Iterator[str]:
    """The lines, each cut off after more characters than a row can have."""
    try:
        require_bytes(path.stat().st_size, MOT_BYTES, path.name, TruthError, _SHORTER)
        with path.open(encoding="utf-8-sig") as file:
            yield from iter(lambda: file.readline(_MAX_LINE), "")
    except UnicodeDecodeError as fault:
        raise TruthError(f"{path.name} is not a text file", _REMEDY) from fault
    except OSError as fault:
        raise TruthError(
            f"{path} cannot be read ({fault.strerror})", "Check the name and that you may open it."
        ) from fault
