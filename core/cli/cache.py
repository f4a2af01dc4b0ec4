"""`cache`: lists what earlier runs have stored on disk, and removes it."""

from __future__ import annotations

import argparse
import re
import sys
import time

from core.base.errors import SettingsError
from core.base.text import format_bytes
from core.machine.artifacts import Store

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--trim", metavar="SIZE", help="remove the least recently used entries until this much is left: 5GB, 0"
    )
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    store = Store()
    if options.trim is not None:
        gone = store.trim(size(options.trim))
        sys.stdout.write(f"Removed {len(gone)} entries, {format_bytes(sum(e.size for e in gone))}.\n")
    entries = store.entries()
    for entry in entries:
        state = "whole  " if entry.complete else "partial"
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        sys.stdout.write(
            f"{format_bytes(entry.size):>9}  {used}  {state}  {entry.stage:7} {entry.clip}  {entry.made_by}\n"
        )
    sys.stdout.write(f"{len(entries)} entries, {format_bytes(sum(e.size for e in entries))}, in {store.root}\n")
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
