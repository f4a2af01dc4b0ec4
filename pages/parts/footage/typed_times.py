"""Times as users type them into the fields of a clip, and as the fields show them."""

from __future__ import annotations

import re
from datetime import datetime

from core.base.errors import SettingsError

_TIME = re.compile(r"([+-]?)(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d*)?|[.,]\d+)\s*s?")


def parse_seconds(text: str) -> float:
    """Seconds of a typed time; `SettingsError` where the text is no time.

    >>> parse_seconds("83.5"), parse_seconds("1:23,5"), parse_seconds("1:02:03"), parse_seconds("-4 s")
    (83.5, 83.5, 3723.0, -4.0)
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise SettingsError(f"'{text.strip()}' is not a time", "Enter seconds (83.5) or minutes and seconds (1:23.5).")
    sign, hours, minutes, seconds = match.groups()
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", "."))
    return -total if sign == "-" else total


def format_time(seconds: float) -> str:
    """To the millisecond, with minutes where there are any.

    >>> format_time(0), format_time(7.25), format_time(83.5), format_time(3723), format_time(-90)
    ('0', '7.25', '1:23.5', '1:02:03', '-1:30')
    """
    milliseconds = round(abs(seconds) * 1000)
    minutes, below_minute = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{below_minute / 1000:.3f}".rstrip("0").rstrip(".")
    sign = "-" if seconds < 0 and milliseconds else ""
    if not hours and not minutes:
        return sign + tail
    tail = tail if below_minute >= 10_000 else f"0{tail}"
    return f"{sign}{hours}:{minutes:02d}:{tail}" if hours else f"{sign}{minutes}:{tail}"


def parse_date_time(text: str) -> str:
    """A date and time as ISO text; empty for empty text. All clocks are local time, so time zones are refused.

    >>> parse_date_time("2026-05-31 14:05:00"), parse_date_time(" ")
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
