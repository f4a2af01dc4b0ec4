"""`cache`: what earlier runs have left on disk, and how to be rid of it."""

from __future__ import annotations

import argparse
import re
import sys
import time
from typing import Any

from core.errors import SettingsError
from core.store import Store

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def add(commands: Any) -> None:
    p: argparse.ArgumentParser = commands.add_parser("cache", help="show or trim what earlier runs have kept")
    p.add_argument("--trim", metavar="SIZE", help="remove the least recently used until this much is left: 5GB, 0")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    store = Store()
    if options.trim is not None:
        gone = store.trim(size(options.trim))
        sys.stdout.write(f"Removed {len(gone)} entries, {words(sum(e.size for e in gone))}.\n")
    entries = store.entries()
    for entry in entries:
        state = "whole  " if entry.complete else "partial"
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        sys.stdout.write(f"{words(entry.size):>9}  {used}  {state}  {entry.stage:7} {entry.clip}  {entry.made_by}\n")
    sys.stdout.write(f"{len(entries)} entries, {words(sum(e.size for e in entries))}, in {store.root}\n")
    return 0


def size(text: str) -> int:
    """Bytes in a size as people write it.

    >>> size("5GB"), size("1.5 m"), size("0")
    (5000000000, 1500000, 0)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*", text.lower())
    if not found:
        raise SettingsError(f"'{text}' is no size", "Write a number and a unit: 500MB, 5GB, 0.")
    return int(float(found[1]) * UNITS[found[2]])


def words(count: int) -> str:
    """
    >>> words(999), words(5_400_000), words(2 * 10**12)
    ('999 B', '5.4 MB', '2.0 TB')
    """
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
