"""Amounts, durations, clock times, counts and names as users read them: in the app, on the command line and in exports.

A format that one screen or one file alone uses stays beside it; what two of them need is here."""

from __future__ import annotations

import re
import unicodedata

CANDIDATES = "Matches are candidates until somebody confirms them."
"""Stands on everything that names people."""

_BYTE_UNITS = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
_RESERVED_FILE_NAMES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))}
_FORMULA_SIGNS = ("=", "+", "-", "@")
_FLOAT_ERROR = 1e-6  # 83.4 seconds are 833.999... tenths


def format_bytes(count: float) -> str:
    """
    >>> format_bytes(0), format_bytes(999), format_bytes(2_999_036), format_bytes(5.3e9), format_bytes(2 * 10**12)
    ('0 B', '999 B', '3.0 MB', '5.3 GB', '2.0 TB')
    """
    for unit, power in _BYTE_UNITS:
        if count >= power:
            return f"{count / power:.1f} {unit}"
    return f"{count:.0f} B"


def format_count(number: int, singular: str, plural: str) -> str:
    """
    >>> format_count(1, "person", "people"), format_count(0, "person", "people"), format_count(1200, "track", "tracks")
    ('1 person', '0 people', '1,200 tracks')
    """
    return f"{number:,} {singular if number == 1 else plural}"


def format_ordinal(number: int) -> str:
    """
    >>> [format_ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 22, 101, 112)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '22nd', '101st', '112th']
    """
    last = 0 if number % 100 in (11, 12, 13) else number % 10
    return str(number) + {1: "st", 2: "nd", 3: "rd"}.get(last, "th")


def person_name(person: int) -> str:
    """
    >>> person_name(3), person_name(12345)
    ('P003', 'P12345')
    """
    return f"P{person:03d}"


def format_duration(seconds: float) -> str:
    """
    >>> format_duration(6.4), format_duration(83), format_duration(7322)
    ('6 s', '1 min 23 s', '2 h 2 min')
    """
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60} s"
    return f"{total // 3600} h {total % 3600 // 60} min"


def format_clock(seconds: float) -> str:
    """Clip time, h:mm:ss; a second counts once it has begun, as in a video player.

    >>> format_clock(83.9), format_clock(36_000)
    ('0:01:23', '10:00:00')
    """
    minutes, second = divmod(int(seconds + _FLOAT_ERROR), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"


def filename_clock(seconds: float) -> str:
    """Clip time for a file's name, hours-minutes-seconds.tenths.

    >>> filename_clock(83.4), filename_clock(59.99)
    ('00-01-23.4', '00-00-59.9')
    """
    minutes, tenths = divmod(int(seconds * 10 + _FLOAT_ERROR), 600)
    return f"{minutes // 60:02d}-{minutes % 60:02d}-{tenths // 10:02d}.{tenths % 10}"


def safe_name(text: str) -> str:
    """A name for a file or camera: what is not a letter, digit, `-`, `_` or `.` is replaced. Never empty, hidden or
    reserved by Windows.

    >>> safe_name("Gate 3/left"), safe_name("..."), safe_name("con")
    ('Gate_3_left', 'camera', 'con_')
    """
    name = re.sub(r"[^\w.-]+", "_", text).strip("._ ")[:80] or "camera"
    return f"{name}_" if name.lower().split(".")[0] in _RESERVED_FILE_NAMES else name


def one_line(text: str) -> str:
    """`text` on one line: control characters become spaces, lone surrogates the replacement character.

    >>> one_line("a\\n b\\x00\\ud800")
    'a b \ufffd'
    """
    clean = (
        "\ufffd" if unicodedata.category(c) == "Cs" else " " if unicodedata.category(c) == "Cc" else c for c in text
    )
    return " ".join("".join(clean).split())


def spreadsheet_text(text: str) -> str:
    """`text` on one line as a cell that no spreadsheet takes for a formula.

    >>> spreadsheet_text("=HYPERLINK(1)"), spreadsheet_text("Anna"), spreadsheet_text(" -1")
    ("'=HYPERLINK(1)", 'Anna', "'-1")
    """
    clean = one_line(text)
    return f"'{clean}" if clean.startswith(_FORMULA_SIGNS) else clean
