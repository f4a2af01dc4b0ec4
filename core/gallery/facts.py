"""How the gallery was made, as rows of words: whatever `Gallery.about` holds, for a reader who knows no JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST = 200
"""Rows of one topic in the report; the rest is in manifest.json."""


def topics(about: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each topic with its rows (name, value). Single facts come first, under "general".

    >>> list(topics({"models": {"detector": {"name": "a"}}, "seed": 1}))
    [('general', [('seed', '1')]), ('models', [('detector: name', 'a')])]
    """
    single = {name: value for name, value in about.items() if not _deep(value)}
    if single:
        yield "general", _cut(list(_rows(single)))
    for name, value in about.items():
        if name not in single:
            yield _spaced(name), _cut(list(_rows(value)))


def _deep(value: Any) -> bool:
    """Whether `value` takes more than one row."""
    if isinstance(value, list):
        return any(isinstance(item, (Mapping, list)) for item in value)
    return isinstance(value, Mapping) and bool(value)


def _rows(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and _deep(value):
        for key, inner in value.items():
            yield from _rows(inner, f"{name}: {_spaced(key)}" if name else _spaced(key))
    elif _deep(value):
        for number, item in enumerate(value, 1):
            yield from _rows(item, f"{name} {number}" if name else str(number))
    else:
        yield name, _words(value)


def _words(value: Any) -> str:
    """
    >>> _words(True), _words(None), _words([0.5, "a"]), _words({}), _words(2.0)
    ('yes', 'none', '0.5, a', 'none', '2')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ([], {}, ""):
        return "none"
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _cut(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    left = len(rows) - MOST
    return [*rows[:MOST], ("and more", f"{left:,} further rows in manifest.json")] if left > 0 else rows


def _spaced(key: str) -> str:
    return key.replace("_", " ")
