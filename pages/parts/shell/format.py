"""Amounts in words, as the pages show them.

Times as people write them, and back: seconds of a clip, and moments on a clock.

One colour per person, in turn: Okabe and Ito's, told apart with any kind of colour vision, on light and dark."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from core.base.errors import SettingsError
from core.base.text import duration, format_bytes
from core.base.types import Clip


def clock(seconds: float) -> str:
    """
    >>> clock(7.26), clock(83), clock(7322)
    ('0:07.3', '1:23.0', '2:02:02.0')
    """
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest / 10:04.1f}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def count(number: int, noun: str) -> str:
    """
    >>> count(1, "track"), count(0, "track")
    ('1 track', '0 tracks')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def facts(clip: Clip) -> str:
    """Size, length, rate and codec of a clip in one line."""
    path = Path(clip.path)
    turned = f", turned {clip.rotation}°" if clip.rotation else ""
    bulk = f" · {format_bytes(path.stat().st_size)}" if path.is_file() else ""
    rate = f"{clip.fps:.4g} frames/s" if clip.fps else "one frame"
    return f"{clip.width} × {clip.height}{turned} · {duration(clip.duration_seconds)} · {rate} · {clip.codec}{bulk}"


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


PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
