"""Times as people write them, and back: seconds of a clip, and moments on a clock."""

from __future__ import annotations

import re
from datetime import datetime

from core.errors import SettingsError

_CLOCK = re.compile(r"([+-]?)(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d*)?|[.,]\d+)\s*s?")


def seconds_of(text: str) -> float:
    """
    >>> seconds_of("83.5"), seconds_of("1:23,5"), seconds_of("1:02:03"), seconds_of("-4 s")
    (83.5, 83.5, 3723.0, -4.0)
    """
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise SettingsError(f"'{text.strip()}' is not a time", "Enter seconds (83.5) or minutes and seconds (1:23.5).")
    sign, hours, minutes, seconds = found.groups()
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", "."))
    return -total if sign == "-" else total


def as_text(seconds: float) -> str:
    """To the millisecond, with minutes where there are any.

    >>> as_text(0), as_text(7.25), as_text(83.5), as_text(3723), as_text(-90)
    ('0', '7.25', '1:23.5', '1:02:03', '-1:30')
    """
    millis = round(abs(seconds) * 1000)
    minutes, rest = divmod(millis, 60_000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest / 1000:.3f}".rstrip("0").rstrip(".")
    sign = "-" if seconds < 0 and millis else ""
    if not hours and not minutes:
        return sign + tail
    tail = tail if rest >= 10_000 else f"0{tail}"
    return f"{sign}{hours}:{minutes:02d}:{tail}" if hours else f"{sign}{minutes}:{tail}"


def moment_of(text: str) -> str:
    """A date and time as ISO text; empty for an empty one. Clocks are those of one place: no time zones.

    >>> moment_of("2026-05-31 14:05:00"), moment_of(" ")
    ('2026-05-31T14:05:00', '')
    """
    if not text.strip():
        return ""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as fault:
        raise SettingsError(f"'{text.strip()}' is not a date and time", "Enter it like 2026-05-31 14:05:00.") from fault
    if moment.tzinfo is not None:
        raise SettingsError(
            f"'{text.strip()}' names a time zone", "Enter local time without a zone: 2026-05-31 14:05:00."
        )
    return moment.isoformat()
