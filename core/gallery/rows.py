"""The gallery as tables: one row per sighting, ordered by person, start, camera and track, as CSV or as Parquet.

Times are seconds of the clip, three decimals, and empty cells where there was none; similarity has four and is an empty
cell for somebody alone.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from core.gallery.naming import person_name
from core.gallery.sightings import Gallery, Sighting

_KINDS = {"track": pa.int64(), "start_s": pa.float64(), "end_s": pa.float64(), "similarity": pa.float64()}
PEOPLE = ("camera", "track", "person", "start_s", "end_s", "similarity", "status")
SIGHTINGS = (*PEOPLE, "upper", "lower")


def people_csv(gallery: Gallery) -> str:
    """Who each track is: `camera,track,person,start_s,end_s,similarity,status`."""
    return _csv(gallery, PEOPLE)


def sightings_csv(gallery: Gallery) -> str:
    """The same with the colours of the clothes."""
    return _csv(gallery, SIGHTINGS)


def read_sightings(text: str) -> list[Sighting]:
    """The sightings of `sightings_csv`, without their crops; `ValueError` or `KeyError` where it is no such table."""
    return [_sighting(row) for row in csv.DictReader(io.StringIO(text, newline=""))]


def _sighting(row: dict[str, str]) -> Sighting:
    start, end, similarity = (float(row[name] or "nan") for name in ("start_s", "end_s", "similarity"))
    person = int(row["person"].removeprefix("P"))
    words = (row["status"], row["upper"], row["lower"])
    return Sighting(row["camera"], int(row["track"]), person, start, end, similarity, *words)


def sightings_parquet(gallery: Gallery) -> bytes:
    """The rows of `sightings_csv`, value for value."""
    cells = [_cells(sighting) for sighting in gallery.sightings]
    columns = {name: pa.array([c[name] for c in cells], _KINDS.get(name, pa.string())) for name in SIGHTINGS}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def _cells(sighting: Sighting) -> dict[str, str | int | float | None]:
    return {
        "camera": sighting.camera,
        "track": sighting.track,
        "person": person_name(sighting.person),
        "start_s": _known(sighting.start_seconds, 3),
        "end_s": _known(sighting.end_seconds, 3),
        "similarity": _known(sighting.similarity, 4),
        "status": sighting.status,
        "upper": sighting.upper,
        "lower": sighting.lower,
    }


def _known(value: float, digits: int) -> float | None:
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
        cells = _cells(sighting)
        writer.writerow([_written(name, cells[name]) for name in columns])
    return text.getvalue()


def _written(column: str, value: str | int | float | None) -> str:
    """
    >>> _written("start_s", 1.5), _written("similarity", 0.5), _written("similarity", None)
    ('1.500', '0.5000', '')
    """
    if isinstance(value, float):
        return f"{value:.4f}" if column == "similarity" else f"{value:.3f}"
    return "" if value is None else str(value)
