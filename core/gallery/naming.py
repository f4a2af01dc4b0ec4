"""What things are called: people, times, and the files in the zip. Only numbers and safe camera names make a name."""

from __future__ import annotations

import math
import unicodedata

from core.gallery.sightings import Crop, Sighting

_ROUNDING = 1e-6  # 83.4 seconds are 833.999... tenths
_FORMULA = ("=", "+", "-", "@")


def person_name(person: int) -> str:
    """
    >>> person_name(3), person_name(12345)
    ('P003', 'P12345')
    """
    return f"P{person:03d}"


def clock(seconds: float) -> str:
    """Clip time as a player shows it, h:mm:ss.

    >>> clock(83.9), clock(36_000)
    ('0:01:23', '10:00:00')
    """
    minutes, rest = divmod(int(seconds + _ROUNDING), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def stamp(seconds: float) -> str:
    """Clip time for a file's name, hours-minutes-seconds.tenths.

    >>> stamp(83.4), stamp(59.99)
    ('00-01-23.4', '00-00-59.9')
    """
    tenths = int(seconds * 10 + _ROUNDING)
    minutes, rest = divmod(tenths, 600)
    return f"{minutes // 60:02d}-{minutes % 60:02d}-{rest // 10:02d}.{rest % 10}"


def moment(crop: Crop) -> str:
    """Clip time, or which picture it is where there was no clip.

    >>> moment(Crop(83.9, 7, b"")), moment(Crop(math.nan, 7, b""))
    ('0:01:23', 'picture 7')
    """
    return f"picture {crop.frame}" if math.isnan(crop.seconds) else clock(crop.seconds)


def crop_name(sighting: Sighting, crop: Crop) -> str:
    """
    >>> crop_name(Sighting("cam2", 17, 3, 80, 90), Crop(83.4, 2085, b""))
    'people/P003/cam2_00-01-23.4_t0017.jpg'
    >>> crop_name(Sighting("cam2", 17, 3, math.nan, math.nan), Crop(math.nan, 25, b""))
    'people/P003/cam2_p000025_t0017.jpg'
    """
    when = f"p{crop.frame:06d}" if math.isnan(crop.seconds) else stamp(crop.seconds)
    return f"people/{person_name(sighting.person)}/{sighting.camera}_{when}_t{sighting.track:04d}.jpg"


def sheet_name(number: int) -> str:
    """
    >>> sheet_name(1), sheet_name(2)
    ('contact_sheet.jpg', 'contact_sheet_2.jpg')
    """
    return f"contact_sheet_{number}.jpg" if number > 1 else "contact_sheet.jpg"


def one_line(text: str) -> str:
    """Text from outside on one line: what breaks lines is a space, what cannot be written is a mark of its own.

    >>> one_line("a\\n b\\x00\\ud800")
    'a b \ufffd'
    """
    clean = (
        "\ufffd" if unicodedata.category(c) == "Cs" else " " if unicodedata.category(c) == "Cc" else c for c in text
    )
    return " ".join("".join(clean).split())


def calm(text: str) -> str:
    """Text from outside as a cell that no spreadsheet takes for a formula.

    >>> calm("=HYPERLINK(1)"), calm("Anna"), calm(" -1")
    ("'=HYPERLINK(1)", 'Anna', "'-1")
    """
    clean = one_line(text)
    return f"'{clean}" if clean.startswith(_FORMULA) else clean


def counted(number: int, one: str, many: str) -> str:
    """
    >>> counted(1, "person", "people"), counted(0, "person", "people")
    ('1 person', '0 people')
    """
    return f"{number:,} {one if number == 1 else many}"
