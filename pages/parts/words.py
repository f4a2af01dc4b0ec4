"""Amounts in words, as the pages show them."""

from __future__ import annotations

from pathlib import Path

from core.amounts import duration, in_words
from core.types import Clip


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
    bulk = f" · {in_words(path.stat().st_size)}" if path.is_file() else ""
    rate = f"{clip.fps:.4g} frames/s" if clip.fps else "one frame"
    return f"{clip.width} × {clip.height}{turned} · {duration(clip.duration_seconds)} · {rate} · {clip.codec}{bulk}"
