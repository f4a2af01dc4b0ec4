"""Amounts and phrases as users read them, the same in the app, on the command line and in what is handed out."""

from __future__ import annotations

import re
import unicodedata

CANDIDATES = "Matches are candidates until a person confirms them."
"""What a result never goes without."""
_UNITS = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def format_bytes(count: float) -> str:
    """So many bytes.

    >>> in_words(0), in_words(999), in_words(2_999_036), in_words(5.3e9), in_words(2 * 10**12)
    ('0 B', '999 B', '3.0 MB', '5.3 GB', '2.0 TB')
    """
    for unit, power in _UNITS:
        if count >= power:
            return f"{count / power:.1f} {unit}"
    return f"{count:.0f} B"


def duration(seconds: float) -> str:
    """A length of time.

    >>> duration(6.4), duration(83), duration(7322)
    ('6 s', '1 min 23 s', '2 h 2 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


_RESERVED = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))}


def safe_name(text: str) -> str:
    """`text` with everything but letters, digits, `-`, `_` and `.` replaced, never empty, hidden or reserved.

    >>> safe_name("Gate 3/left"), safe_name("..."), safe_name("con")
    ('Gate_3_left', 'camera', 'con_')
    """
    name = re.sub(r"[^\w.-]+", "_", text).strip("._ ")[:80] or "camera"
    return f"{name}_" if name.lower().split(".")[0] in _RESERVED else name


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
