"""`run --like gallery.zip`: what may stand beside it, what is not as it was then, and whether it came out the same."""

from __future__ import annotations

import argparse
import sys

from core.errors import SettingsError
from core.gallery import read_manifest
from core.people import ExportOptions
from core.runs import Manifest, Setup, again, differing
from core.weights import Kind

_BESIDE = {"command", "run", "clips", "out", "like", "device", "weights", "features", "fresh", "progress", "watch"}
_NAMED = 5


def setup_of(options: argparse.Namespace, then: Manifest) -> tuple[Setup, ExportOptions]:
    """The setup that the manifest holds, and how it was handed out; what is not as it was then is said."""
    more = [
        f"--{name.replace('_', '-')}" for name, value in vars(options).items() if name not in _BESIDE and given(value)
    ]
    if more:
        raise SettingsError(
            f"{', '.join(sorted(more))} cannot stand beside --like, which says all of that",
            "Leave out one or the other.",
        )
    files: dict[Kind, str] = {"detector": options.weights or "", "embedder": options.features or ""}
    found = again(then, options.clips, options.device, files)
    for words in found.differs:
        sys.stderr.write(f"sightline: not as it was, so the result may be another: {words}\n")
    return found.setup, found.export


def given(value: object) -> bool:
    """Whether a flag was given; 0 is something to say."""
    return value is not None and value is not False and value != []


def compare(options: argparse.Namespace, then: Manifest) -> int:
    """Say whether the new zip holds the same; the exit status, 1 where it does not."""
    now = read_manifest(options.out / "gallery.zip")
    names = differing(then, now)
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        sys.stderr.write(f"sightline: not the same as in {options.like}: {', '.join(names[:_NAMED])}{more}\n")
        return 1
    sys.stdout.write(f"all {len(now['entries'])} files are the same as in {options.like}\n")
    return 0
