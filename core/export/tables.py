"""Names of the files in an export, and the table of similarities between people.

Only numbers and safe camera names become part of a file name; what users type never does.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from core.base.text import filename_clock, format_clock, person_name, spreadsheet_text
from core.runs import Crop, Sighting, people_similarity
from core.vision.match import Match


def time_label(crop: Crop) -> str:
    """The clip time of a crop, or the number of the picture where there was no clip.

    >>> time_label(Crop(83.9, 7, b"")), time_label(Crop(math.nan, 7, b""))
    ('0:01:23', 'picture 7')
    """
    return f"picture {crop.frame}" if math.isnan(crop.seconds) else format_clock(crop.seconds)


def crop_name(sighting: Sighting, crop: Crop) -> str:
    """
    >>> crop_name(Sighting("cam2", 17, 3, 80, 90), Crop(83.4, 2085, b""))
    'people/P003/cam2_00-01-23.4_t0017.jpg'
    >>> crop_name(Sighting("cam2", 17, 3, math.nan, math.nan), Crop(math.nan, 25, b""))
    'people/P003/cam2_p000025_t0017.jpg'
    """
    when = f"p{crop.frame:06d}" if math.isnan(crop.seconds) else filename_clock(crop.seconds)
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
    text = io.StringIO()
    text.write("# mean similarity of all pairs of tracks of two people, -1 to 1; empty for one track by itself\n")
    text.write(f"# people as they are at the threshold {match.threshold:.4f}\n")
    for name, value in about.items():
        text.write(f"# {name}: {json.dumps(value, ensure_ascii=False)}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("person", "name", *map(person_name, people.tolist())))
    for number, row in zip(people.tolist(), alike, strict=True):
        cells = ("" if np.isnan(value) else f"{value:.4f}" for value in row)
        writer.writerow((person_name(number), spreadsheet_text(names.get(number, "")), *cells))
    return text.getvalue()
