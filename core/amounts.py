"""Amounts in words, alike wherever they are said."""

from __future__ import annotations

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
