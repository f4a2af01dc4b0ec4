"""Names of the files in an export, and the table of similarities between people.

Only numbers and safe camera names become part of a file name; what users type never does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.base.text import Clocks, csv_comment, csv_text, filename_clock, format_clock, one_line, person_name
from core.runs import Crop, Sighting, people_similarity
from core.vision.match import Match

_NO_CLOCKS = Clocks()


def time_label(crop: Crop, camera: str = "", clocks: Clocks = _NO_CLOCKS) -> str:
    """The time of day of a crop, its clip time where no clock is known, or the number of the picture where there was no
    clip.

    >>> time_label(Crop(83.9, 7, b"")), time_label(Crop(math.nan, 7, b""))
    ('0:01:23', 'picture 7')
    >>> time_label(Crop(83.9, 7, b""), "gate", Clocks.read({"gate": "2026-11-28T14:03:10"}, "UTC"))
    '14:04:33'
    """
    if math.isnan(crop.seconds):
        return f"picture {crop.frame}"
    return clocks.format(camera, crop.seconds) or format_clock(crop.seconds)


def describe_times(clocks: Clocks) -> str:
    """What the times in a report or on a sheet are, in a sentence.

    >>> describe_times(Clocks.read({"gate": "2026-11-28T14:03:10"}, "Europe/Berlin"))
    'Times are of 2026-11-28 in Europe/Berlin, or have their date.'
    """
    if not clocks:
        return "Times are clip times."
    return f"Times are of {clocks.day}{f' in {clocks.zone}' if clocks.zone else ''}, or have their date."


def crop_name(sighting: Sighting, crop: Crop, clocks: Clocks = _NO_CLOCKS) -> str:
    """
    >>> crop_name(Sighting("cam2", 17, 3, 80, 90), Crop(83.4, 2085, b""))
    'people/P003/cam2_00-01-23.4_t0017.jpg'
    >>> crop_name(Sighting("cam2", 17, 3, math.nan, math.nan), Crop(math.nan, 25, b""))
    'people/P003/cam2_p000025_t0017.jpg'
    >>> crop_name(Sighting("cam2", 17, 3, 0, 9), Crop(0.4, 9, b""), Clocks.read({"cam2": "2026-11-28T14:03:10"}, "UTC"))
    'people/P003/cam2_2026-11-28_14-03-10.4_t0017.jpg'
    """
    timed = "" if math.isnan(crop.seconds) else filename_clock(crop.seconds)
    when = clocks.filename(sighting.camera, crop.seconds) or timed or f"p{crop.frame:06d}"
    return f"people/{person_name(sighting.person)}/{sighting.camera}_{when}_t{sighting.track:04d}.jpg"


def sheet_name(number: int) -> str:
    """
    >>> sheet_name(1), sheet_name(2)
    ('contact_sheet.jpg', 'contact_sheet_2.jpg')
    """
    return f"contact_sheet_{number}.jpg" if number > 1 else "contact_sheet.jpg"


def similarity_csv(match: Match, names: Mapping[int, str], about: Mapping[str, Any]) -> str:
    """Mean similarity of each pair of people; lines that begin with # say how it was made. `names` are by person."""
    people, alike = people_similarity(match)
    comments = [
        "mean similarity of all pairs of tracks of two people, -1 to 1; empty for one track by itself",
        f"people as they are at the threshold {match.threshold:.4f}",
        *(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in about.items()),
    ]
    rows: list[Sequence[object]] = [("person", "name", *map(person_name, people.tolist()))]
    for number, row in zip(people.tolist(), alike, strict=True):
        cells = ("" if np.isnan(value) else f"{value:.4f}" for value in row)
        rows.append((person_name(number), one_line(names.get(number, "")), *cells))
    return "".join(map(csv_comment, comments)) + csv_text(rows)
