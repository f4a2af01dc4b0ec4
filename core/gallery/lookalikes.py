"""Who else each track may be, as a table: a row per track and other track, ordered by camera, track and place.

Times are seconds of the clip, three decimals, and empty cells where there was none; similarities have four.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator

from core.gallery.naming import person_name
from core.gallery.sightings import Crop, Lookalike

COLUMNS = (
    *("camera", "track", "person", "place", "other_camera", "other_track", "other_person", "similarity", "margin"),
    *("reason", "crop_frame", "crop_s", "other_crop_frame", "other_crop_s", "crop_similarity"),
)


def candidates_csv(lookalikes: Iterable[Lookalike]) -> str:
    """`margin` is an empty cell for somebody alone, `reason` one where nothing forbids that the two are one person."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in sorted(lookalikes, key=lambda one: (one.camera, one.track, one.place)):
        writer.writerow(_cells(one))
    return text.getvalue()


def _cells(one: Lookalike) -> Iterator[str | int]:
    yield from (one.camera, one.track, person_name(one.person), one.place)
    yield from (one.other_camera, one.other_track, person_name(one.other_person))
    yield from (_written(one.similarity, 4), _written(one.margin, 4), one.reason)
    yield from (*_when(one.crop), *_when(one.other_crop), _written(one.crop_similarity, 4))


def _when(crop: Crop) -> tuple[int, str]:
    return crop.frame, _written(crop.seconds, 3)


def _written(value: float, digits: int) -> str:
    """
    >>> _written(0.5, 3), _written(math.nan, 3)
    ('0.500', '')
    """
    return "" if math.isnan(value) else f"{value:.{digits}f}"
