"""What was fetched once and has no published digest: its SHA-256, kept in pins.json beside the file.

A pin proves that a file is still the one of that day, not that it was the right one then.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from core.errors import WeightsError
from core.folders import write_atomically

FILE = "pins.json"


@dataclass(frozen=True)
class Pin:
    """`since` is the day it was made, `url` where the file came from."""

    sha256: str
    since: str
    url: str

    def __post_init__(self) -> None:
        if len(self.sha256) != 64:
            raise ValueError(f"a SHA-256 has 64 digits, got '{self.sha256}'")


def pins(folder: Path) -> dict[str, Pin]:
    """The pins of `folder` by file name (relative to it, `/` between parts); empty where nothing was pinned."""
    path = folder / FILE
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): Pin(row["sha256"], row["since"], row["url"]) for name, row in rows.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise WeightsError(
            f"{path} cannot be read as a list of pins ({fault})", "Restore it, or remove it to pin anew."
        ) from fault


def add_pin(folder: Path, name: str, sha256: str, url: str) -> Pin:
    """Pin `name` as of today."""
    pin = Pin(sha256, time.strftime("%Y-%m-%d"), url)
    rows = {key: asdict(value) for key, value in {**pins(folder), name: pin}.items()}
    write_atomically(folder / FILE, json.dumps(rows, indent=1, sort_keys=True).encode())
    return pin
