"""The gallery as tables: one row per sighting, ordered by person, start, camera and track, as CSV or as Parquet.

Times are seconds of the clip, three decimals, and empty cells where there was none; similarity has four and is an empty
cell for somebody alone. What the user typed is no formula in the CSV, where a spreadsheet would take it for one.

Who else each track may be, as a table: a row per track and other track, ordered by camera, track and place.

Times are seconds of the clip, three decimals, and empty cells where there was none; similarities have four."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from core.base.text import calm, one_line, person_name
from core.runs.gallery import Crop, Gallery, Lookalike, Sighting

_KINDS = {"track": pa.int64(), "start_s": pa.float64(), "end_s": pa.float64(), "similarity": pa.float64()}
PEOPLE_COLUMNS = ("camera", "track", "person", "start_s", "end_s", "similarity", "status")
SIGHTING_COLUMNS = (*PEOPLE_COLUMNS, "upper", "lower", "name", "note")
_TYPED = ("name", "note")


def people_csv(gallery: Gallery) -> str:
    """Who each track is: `camera,track,person,start_s,end_s,similarity,status`."""
    return _csv(gallery, PEOPLE_COLUMNS)


def sightings_csv(gallery: Gallery) -> str:
    """The same with the colours of the clothes, and with the person's name and note as the user typed them."""
    return _csv(gallery, SIGHTING_COLUMNS)


def read_sightings(text: str) -> list[Sighting]:
    """The sightings of `sightings_csv`, without their crops; `ValueError` or `KeyError` where it is no such table."""
    return [_sighting(row) for row in csv.DictReader(io.StringIO(text, newline=""))]


def read_people(text: str) -> list[Sighting]:
    """The sightings of `people_csv`, which has neither colours nor crops; fails as `read_sightings` does."""
    return [_sighting({**row, "upper": "", "lower": ""}) for row in csv.DictReader(io.StringIO(text, newline=""))]


def _sighting(row: Mapping[str, str]) -> Sighting:
    start, end, similarity = (float(row[name] or "nan") for name in ("start_s", "end_s", "similarity"))
    person = int(row["person"].removeprefix("P"))
    words = (row["status"], row["upper"], row["lower"])
    return Sighting(row["camera"], int(row["track"]), person, start, end, similarity, *words)


def sightings_parquet(gallery: Gallery) -> bytes:
    """The rows of `sightings_csv`, value for value."""
    cells = [_cells(sighting, gallery) for sighting in gallery.sightings]
    columns = {name: pa.array([c[name] for c in cells], _KINDS.get(name, pa.string())) for name in SIGHTING_COLUMNS}
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
    }


def _rounded(value: float, digits: int) -> float | None:
    """
    >>> _known(1.23456, 3), _known(math.nan, 3)
    (1.235, None)
    """
    return None if math.isnan(value) else round(float(value), digits)


def _csv(gallery: Gallery, columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for sighting in gallery.sightings:
        cells = _cells(sighting, gallery)
        writer.writerow([_format_cell(name, cells[name]) for name in columns])
    return text.getvalue()


def _format_cell(column: str, value: str | int | float | None) -> str:
    """
    >>> _written("start_s", 1.5), _written("similarity", 0.5), _written("similarity", None), _written("name", "=1")
    ('1.500', '0.5000', '', "'=1")
    """
    if column in _TYPED:
        return calm(str(value))
    if isinstance(value, float):
        return f"{value:.4f}" if column == "similarity" else f"{value:.3f}"
    return "" if value is None else str(value)


CANDIDATE_COLUMNS = (
    *("camera", "track", "person", "place", "other_camera", "other_track", "other_person", "similarity", "margin"),
    *("reason", "crop_frame", "crop_s", "other_crop_frame", "other_crop_s", "crop_similarity"),
)


def candidates_csv(lookalikes: Iterable[Lookalike]) -> str:
    """`margin` is an empty cell for somebody alone, `reason` one where nothing forbids that the two are one person."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CANDIDATE_COLUMNS)
    for one in sorted(lookalikes, key=lambda one: (one.camera, one.track, one.place)):
        writer.writerow(_lookalike_cells(one))
    return text.getvalue()


def _lookalike_cells(one: Lookalike) -> Iterator[str | int]:
    yield from (one.camera, one.track, person_name(one.person), one.place)
    yield from (one.other_camera, one.other_track, person_name(one.other_person))
    yield from (_format_number(one.similarity, 4), _format_number(one.margin, 4), one.reason)
    yield from (*_when(one.crop), *_when(one.other_crop), _format_number(one.crop_similarity, 4))


def _when(crop: Crop) -> tuple[int, str]:
    return crop.frame, _format_number(crop.seconds, 3)


def _format_number(value: float, digits: int) -> str:
    """
    >>> _written(0.5, 3), _written(math.nan, 3)
    ('0.500', '')
    """
    return "" if math.isnan(value) else f"{value:.{digits}f}"
