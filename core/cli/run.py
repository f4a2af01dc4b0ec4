"""`run CLIP CLIP... --out DIR`: from clips to people, camera by camera, and a zip that can be handed out."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from core.cli.progress import listener
from core.cli.track import add_flags, status_of, tracked
from core.errors import SettingsError
from core.match import Decisions, Match, match
from core.people import Evidence, collect, read_links, write_people
from core.pipeline import name_cameras
from core.progress import Progress
from core.results import record_of
from core.weights import Known, Model, find

UNKNOWN_MODEL = Known(strange=0.3, spread=0.25, threshold=0.7)
"""For embedders of which nothing was measured: careful, and said so."""


def add(commands: Any) -> None:
    p: argparse.ArgumentParser = commands.add_parser("run", help="find the same people in several clips")
    add_flags(p)
    add_matching(p)
    p.add_argument(
        "--offset",
        action="append",
        default=[],
        metavar="CAM=SECONDS",
        help="this camera's clip begins so many seconds after the others' (0)",
    )
    p.set_defaults(run=run)


def add_matching(p: argparse.ArgumentParser) -> None:
    """What decides who is who, and how it is handed out."""
    p.add_argument("--cos", type=float, metavar="C", help="least similarity of two tracks of one person (calibrated)")
    p.add_argument("--links", type=Path, metavar="FILE", help="CSV of what you have decided: see the README")
    p.add_argument("--no-blur", action="store_true", help="leave heads as they are in gallery.zip")


def run(options: argparse.Namespace) -> int:
    if options.features == "none":
        raise SettingsError("people are matched by their looks, and --features is none", "Leave it out, or use track.")
    # What a user can mistype is looked at before hours of work, not after.
    check_cos(options)
    offsets = _offsets(options.offset, [camera.name for camera in name_cameras(options.clips, options.name)])
    progress = Progress(listener(options.progress))
    results = tracked(options, progress, cropped=True)
    if status_of(results) < 2:
        evidence = collect(results, offsets, options.out)
        matched(evidence, options, find(options.features, "embedder"), progress)
    return status_of(results)


def check_cos(options: argparse.Namespace) -> None:
    if options.cos is not None and not -1 <= options.cos <= 1:
        raise SettingsError(f"--cos is {options.cos:g}", "A similarity lies between -1 and 1: try 0.6.")


def matched(evidence: Evidence, options: argparse.Namespace, model: Model, progress: Progress) -> Match:
    """Match, write what a run leaves, and say what came of it."""
    said = read_links(options.links, evidence) if options.links else Decisions()
    found = match(evidence.tracklets, model.known or UNKNOWN_MODEL, options.cos, said)
    about = {"run": record_of(options.out), "model_known": model.known is not None}
    when = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    gallery = write_people(evidence, found, options.out, about, not options.no_blur, progress, when)
    _say(found, len(gallery.by_person()), options)
    return found


def _say(found: Match, people: int, options: argparse.Namespace) -> None:
    chosen = "given" if options.cos is not None else "suggested"
    sys.stdout.write(f"{people} people among {len(found.tracklets)} tracks at similarity {found.threshold:.2f}")
    sys.stdout.write(f" ({chosen}); {found.calibration.words}\n{options.out / 'gallery.zip'}\n")


def _offsets(words: list[str], cameras: list[str]) -> dict[str, float]:
    found = {}
    for word in words:
        name, _, seconds = word.partition("=")
        if name not in cameras:
            raise SettingsError(f"--offset {word} names no camera of this run", f"Cameras: {', '.join(cameras)}.")
        try:
            found[name] = float(seconds)
        except ValueError as fault:
            raise SettingsError(f"--offset {word} is no camera and seconds", "Write --offset gate=-3.5.") from fault
    return found
