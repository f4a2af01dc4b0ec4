"""Tables that a user has written, of links or of names: read line by line, whatever program saved them."""

from __future__ import annotations

import csv
from pathlib import Path

from core.errors import SettingsError


def lines_of(path: Path, what: str, layout: str) -> list[dict[str, str]]:
    """The lines below the head, by column; a file that is no such table is refused with its `layout`."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise SettingsError(f"{path} cannot be read as {what} ({fault})", layout) from fault
