"""The tables of a run and of its gallery.

    tracks.parquet   the boxes of all cameras, with seconds and whether a box was detected or filled in
    frames.parquet   the analysed frames and their times
    people.csv       the sightings and whom they show; sightings.csv and .parquet in exports have more columns
    candidates.csv   the lookalikes of each track

Sightings have one row each, in order of person, start, camera and track, things last; lookalikes one row per pair of
tracks, in order of camera, track and place. Times are seconds of the clip with three decimals, similarities have four,
and an unknown value is an empty cell. Where the wall clocks of the cameras are known, ISO times with milliseconds stand
beside the seconds: local, and UTC if the time zone is known. Cells are written so that no spreadsheet reads one as a
formula.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.base.errors import StoreError
from core.base.text import Clocks, csv_cell, csv_text, one_line, person_name
from core.base.types import Ints, Seconds, Table, Timeline, Tracks
from core.machine.paths import write_atomically
from core.machine.records import DAMAGE
from core.runs.gallery import Crop, Gallery, Lookalike, Sighting

BLOCK = 20_000
"""Rows that are turned into Parquet at once, so that memory does not grow with the length of the clips."""
SCHEMA = pa.schema(
    [("camera", pa.string()), ("frame", pa.int64()), ("seconds", pa.float64()), ("track", pa.int64())]
    + [(side, pa.float32()) for side in ("x1", "y1", "x2", "y2")]
    + [("score", pa.float32()), ("seen", pa.bool_())]
)
_RUN_AGAIN = "Start the run again."
_DEFAULT_STEP = 0.1
_KINDS = {"track": pa.int64(), "start_s": pa.float64(), "end_s": pa.float64(), "similarity": pa.float64()}
PEOPLE_COLUMNS = ("camera", "track", "person", "start_s", "end_s", "similarity", "status")
SIGHTING_COLUMNS = (*PEOPLE_COLUMNS, "upper", "lower", "name", "note")
_NO_CLOCKS = Clocks()
_LOCAL, _UTC = ("start_local", "end_local"), ("start_utc", "end_utc")


def people_csv(gallery: Gallery) -> str:
    """The person of each track: `camera,track,person,start_s,end_s,similarity,status`."""
    return _csv(gallery, _with_clocks(gallery, PEOPLE_COLUMNS))


def sightings_csv(gallery: Gallery) -> str:
    """`people_csv` with the colours of the clothes and the user's name and note for the person."""
    return _csv(gallery, _with_clocks(gallery, SIGHTING_COLUMNS))


def _with_clocks(gallery: Gallery, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns with those of the wall clocks, if these are known, beside the seconds."""
    if not gallery.clocks:
        return columns
    place = columns.index("end_s") + 1
    return (*columns[:place], *_LOCAL, *(_UTC if gallery.clocks.zone else ()), *columns[place:])


def read_people(text: str) -> list[Sighting]:
    """The sightings in a table of `people_csv`, without colours and crops; `ValueError` or `KeyError` if it is none."""
    return [_sighting(row) for row in csv.DictReader(io.StringIO(text, newline=""))]


def _sighting(row: Mapping[str, str]) -> Sighting:
    start, end, similarity = (float(row[name] or "nan") for name in ("start_s", "end_s", "similarity"))
    person = int(row["person"].removeprefix("P"))
    camera = csv_cell(row["camera"])
    return Sighting(camera, int(row["track"]), person, start, end, similarity, row["status"], upper="", lower="")


def sightings_parquet(gallery: Gallery) -> bytes:
    """The rows of `sightings_csv`, value for value."""
    cells = [_cells(sighting, gallery) for sighting in gallery.sightings]
    names = _with_clocks(gallery, SIGHTING_COLUMNS)
    columns = {name: pa.array([c[name] for c in cells], _KINDS.get(name, pa.string())) for name in names}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def _cells(sighting: Sighting, gallery: Gallery) -> dict[str, str | int | float | None]:
    return {
        "camera": sighting.camera,
        "track": sighting.track,
        "person": person_name(sighting.person),
        "start_s": _rounded(sighting.start_seconds, 3),
        "end_s": _rounded(sighting.end_seconds, 3),
        "similarity": _rounded(sighting.similarity, 4),
        "status": sighting.status,
        "upper": sighting.upper,
        "lower": sighting.lower,
        "name": one_line(gallery.people.get(sighting.person, "")),
        "note": one_line(gallery.remarks.get(sighting.person, "")),
        **_clock_cells(sighting, gallery.clocks),
    }


def _clock_cells(sighting: Sighting, clocks: Clocks) -> dict[str, str]:
    return {
        f"{name}_{zone}": text
        for name, seconds in (("start", sighting.start_seconds), ("end", sighting.end_seconds))
        for zone, text in moment_cells(clocks, sighting.camera, seconds).items()
    }


def moment_cells(clocks: Clocks, camera: str, seconds: float) -> dict[str, str]:
    """A moment of a clip as ISO text with milliseconds: "local", and "utc" if the time zone is known.

    >>> moment_cells(Clocks.read({"gate": "2026-11-28T14:03:10"}, "Europe/Berlin"), "gate", 0.5)
    {'local': '2026-11-28T14:03:10.500+01:00', 'utc': '2026-11-28T13:03:10.500Z'}
    >>> moment_cells(Clocks.read({"gate": "2026-11-28T14:03:10"}, ""), "gate", math.nan)
    {'local': ''}
    >>> moment_cells(Clocks(), "gate", 0)
    {}
    """
    if not clocks:
        return {}
    moment = clocks.at(camera, seconds)
    cells = {"local": "" if moment is None else moment.isoformat(timespec="milliseconds")}
    if clocks.zone:
        aware = None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)
        cells["utc"] = "" if aware is None else f"{aware.isoformat(timespec='milliseconds')}Z"
    return cells


def _rounded(value: float, digits: int) -> float | None:
    """
    >>> _rounded(1.23456, 3), _rounded(math.nan, 3)
    (1.235, None)
    """
    return None if math.isnan(value) else round(float(value), digits)


def _csv(gallery: Gallery, columns: Sequence[str]) -> str:
    rows = (_cells(sighting, gallery) for sighting in gallery.sightings)
    return csv_text([columns, *([_format_cell(name, cells[name]) for name in columns] for cells in rows)])


def _format_cell(column: str, value: str | int | float | None) -> str:
    """
    >>> _format_cell("start_s", 1.5), _format_cell("similarity", 0.5), _format_cell("similarity", None)
    ('1.500', '0.5000', '')
    """
    if isinstance(value, float):
        return f"{value:.4f}" if column == "similarity" else f"{value:.3f}"
    return "" if value is None else str(value)


CANDIDATE_COLUMNS = (
    *("camera", "track", "person", "place", "other_camera", "other_track", "other_person", "similarity", "margin"),
    *("reason", "crop_frame", "crop_s", "other_crop_frame", "other_crop_s", "crop_similarity"),
)
_CROPS = ("crop", "other_crop")


def candidates_csv(lookalikes: Iterable[Lookalike], clocks: Clocks = _NO_CLOCKS) -> str:
    """The lookalikes. `margin` is empty for a person's only track, `reason` if the two can be one person."""
    zones = ("local", *(("utc",) if clocks.zone else ())) if clocks else ()
    place = CANDIDATE_COLUMNS.index("crop_similarity")
    moments = (f"{crop}_{zone}" for zone in zones for crop in _CROPS)
    columns = (*CANDIDATE_COLUMNS[:place], *moments, *CANDIDATE_COLUMNS[place:])
    rows: list[Sequence[object]] = [columns]
    for lookalike in sorted(lookalikes, key=lambda lookalike: (lookalike.camera, lookalike.track, lookalike.place)):
        cells = dict(zip(CANDIDATE_COLUMNS, _lookalike_cells(lookalike), strict=True))
        cells |= _crop_moment_cells(lookalike, clocks)
        rows.append([cells[name] for name in columns])
    return csv_text(rows)


def _crop_moment_cells(lookalike: Lookalike, clocks: Clocks) -> dict[str, str]:
    crops = (lookalike.camera, lookalike.crop), (lookalike.other_camera, lookalike.other_crop)
    return {
        f"{name}_{zone}": text
        for name, (camera, crop) in zip(_CROPS, crops, strict=True)
        for zone, text in moment_cells(clocks, camera, crop.seconds).items()
    }


def _lookalike_cells(lookalike: Lookalike) -> Iterator[str | int]:
    yield from (lookalike.camera, lookalike.track, person_name(lookalike.person), lookalike.place)
    yield from (lookalike.other_camera, lookalike.other_track, person_name(lookalike.other_person))
    yield from (_format_number(lookalike.similarity, 4), _format_number(lookalike.margin, 4), lookalike.reason)
    yield from (
        *_crop_cells(lookalike.crop),
        *_crop_cells(lookalike.other_crop),
        _format_number(lookalike.crop_similarity, 4),
    )


def _crop_cells(crop: Crop) -> tuple[int, str]:
    return crop.frame, _format_number(crop.seconds, 3)


def _format_number(value: float, digits: int) -> str:
    """
    >>> _format_number(0.5, 3), _format_number(math.nan, 3)
    ('0.500', '')
    """
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def write_parquet(out: Path, tracks: Mapping[str, Tracks]) -> None:
    """Write `tracks.parquet` below `out` with the tracks of each camera."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, SCHEMA, compression="zstd", use_dictionary=["camera"]) as writer:
        for name, found in tracks.items():
            for at in range(0, len(found), BLOCK):
                writer.write_table(_table(name, found[at : at + BLOCK]))
    write_atomically(out / "tracks.parquet", sink.getvalue().to_pybytes())


def _table(camera: str, tracks: Tracks) -> pa.Table:
    sides = tracks.xyxy.T
    columns = [tracks.frame, tracks.seconds, tracks.track, *sides, tracks.score, tracks.detected]
    return pa.Table.from_arrays([pa.repeat(camera, len(tracks)), *map(pa.array, columns)], schema=SCHEMA)


def write_frames(out: Path, timelines: Mapping[str, Timeline]) -> None:
    """Write `frames.parquet` below `out` with the analysed frames of each camera."""
    frames = [
        pa.table(
            {"camera": pa.repeat(name, len(each)), "frame": pa.array(each.frame), "seconds": pa.array(each.seconds)}
        )
        for name, each in timelines.items()
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.concat_tables(frames), sink, compression="zstd", use_dictionary=["camera"])
    write_atomically(out / "frames.parquet", sink.getvalue().to_pybytes())


def load_tracks(out: Path, camera: str) -> Tracks:
    """The tracks of one camera, from `tracks.parquet`; empty if nobody was detected."""
    with _explain_damage(out / "tracks.parquet"):
        return _to_tracks(_read_boxes(out, filters=[("camera", "=", camera)]))


def load_all_tracks(out: Path, cameras: Iterable[str]) -> dict[str, Tracks]:
    """The tracks of each camera. The file is read once: of hundreds of cameras that takes less than a second."""
    names = list(cameras)
    if not names:
        # Runs of crops have no boxes.
        return {}
    with _explain_damage(out / "tracks.parquet"):
        table = _read_boxes(out)
        return {name: _to_tracks(table.filter(pc.equal(table.column("camera"), name))) for name in names}


def _read_boxes(out: Path, **options: Any) -> pa.Table:
    path = out / "tracks.parquet"
    with _explain_damage(path):
        # Without filters a third of a second of imports can be spared.
        return pq.read_table(path, **options) if options else pq.ParquetFile(path).read()


@contextmanager
def _explain_damage(path: Path) -> Iterator[None]:
    """A file of tables that is damaged, or has other columns, is an error in words."""
    try:
        yield
    except StoreError:
        raise
    except (OSError, MemoryError, pa.ArrowException, *DAMAGE) as fault:
        raise StoreError(f"{path} cannot be read", _RUN_AGAIN) from fault


def _to_tracks(table: pa.Table) -> Tracks:
    columns = {name: table.column(name).to_numpy() for name in table.column_names if name != "camera"}
    xyxy = np.stack([columns[side] for side in ("x1", "y1", "x2", "y2")], axis=1)
    return Tracks(columns["frame"], columns["seconds"], columns["track"], xyxy, columns["score"], columns["seen"])


def analysed_frames(out: Path) -> dict[str, Ints]:
    """The analysed frames of each camera."""
    return {camera: timeline.frame for camera, timeline in load_timelines(out).items()}


def load_timelines(out: Path) -> dict[str, Timeline]:
    """The analysed frames of each camera and their times, from `frames.parquet`."""
    path = out / "frames.parquet"
    with _explain_damage(path):
        table = pq.ParquetFile(path).read()
        camera, frame, seconds = (table.column(name).to_numpy() for name in ("camera", "frame", "seconds"))
        rows = {str(name): camera == name for name in dict.fromkeys(camera.tolist())}
        return {name: Timeline(frame[selected], seconds[selected]) for name, selected in rows.items()}


@dataclass(frozen=True, eq=False)
class Spans(Table):
    """One row per track, by first appearance: first and last second, number of boxes, and how many were filled in."""

    track: Ints
    first_seconds: Seconds
    last_seconds: Seconds
    boxes: Ints
    filled: Ints

    def __post_init__(self) -> None:
        integers, seconds = (np.int64, ()), (np.float64, ())
        self._validate_columns(
            track=integers, first_seconds=seconds, last_seconds=seconds, boxes=integers, filled=integers
        )


def spans(tracks: Tracks) -> Spans:
    """First and last second of each track, with the number of its boxes."""
    ids, group = np.unique(tracks.track, return_inverse=True)
    first, last = np.full(len(ids), np.inf), np.full(len(ids), -np.inf)
    np.minimum.at(first, group, tracks.seconds)
    np.maximum.at(last, group, tracks.seconds)
    boxes = np.bincount(group, minlength=len(ids))
    filled = np.bincount(group[~tracks.detected], minlength=len(ids))
    return Spans(ids, first, last, boxes, filled)[np.lexsort((ids, first))]


def overlay(tracks: Tracks, width: int, height: int) -> bytes:
    """The boxes as JSON for a player: columns in the order of `tracks`, coordinates in whole pixels of the clip.

    `step` is the usual time between two analysed frames, for which a box is shown.
    """
    times = np.unique(tracks.seconds)
    step = float(np.median(np.diff(times))) if len(times) > 1 else _DEFAULT_STEP
    columns = {
        "seconds": np.round(tracks.seconds, 4).tolist(),
        "track": tracks.track.tolist(),
        "box": np.rint(tracks.xyxy).astype(int).tolist(),
        "seen": tracks.detected.astype(int).tolist(),
    }
    content = {"width": width, "height": height, "step": round(step, 4), **columns}
    return json.dumps(content, separators=(",", ":")).encode()
