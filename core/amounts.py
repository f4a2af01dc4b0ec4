"""Amounts and phrases as users read them, the same in the app, on the command line and in what is handed out."""

from __future__ import annotations

CANDIDATES = "Matches are candidates until a person confirms them."
"""What a result never goes without."""
_UNITS = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def in_words(count: float) -> str:
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
