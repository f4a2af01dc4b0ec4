"""`retrack DIR`: shows what other tracking settings would change in a finished run; runs no network, writes nothing."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from core.base.errors import SettingsError
from core.base.settings import TrackSettings
from core.review.whatif import compare_runs, load_run, retrack_run

SETTINGS = ("conf", "iou", "track_cos", "n_init", "max_age")


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("done", type=Path, metavar="DIR", help="the folder of a run")
    p.add_argument("--conf", type=float, help="confidence threshold")
    p.add_argument("--iou", type=float, help="minimum IoU of a motion match")
    p.add_argument("--track-cos", type=float, help="similarity threshold within a track")
    p.add_argument("--n-init", type=int, help="minimum detections per track")
    p.add_argument("--max-age", type=float, help="maximum gap in a track, seconds")
    p.add_argument("--cos", type=float, metavar="C", help="similarity threshold of matching (suggested)")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    values = {name: value for name in SETTINGS if (value := getattr(options, name)) is not None}
    if not values:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in SETTINGS)
        raise SettingsError("no other setting was given", f"Give at least one of {flags}.")
    TrackSettings(**values)
    loaded_run = load_run(options.done)
    changes = compare_runs(loaded_run, retrack_run(loaded_run, replace(loaded_run.settings, **values)), options.cos)
    sys.stdout.write("".join(f"{camera.description}\n" for camera in changes.cameras) + f"{changes.description}\n")
    return 0
