"""`sample --out DIR`: draws sample footage of a plaza, with its ground truth."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.cli.progress import listener
from core.lab.synthetic import SampleSettings, sample_clips, sample_folder, write_sample


def add_arguments(p: argparse.ArgumentParser) -> None:
    defaults = SampleSettings()
    p.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where films and ground truth go (the folder of the app, drawn only once)",
    )
    p.add_argument("--cameras", type=int, default=defaults.cameras, help=f"number of cameras ({defaults.cameras})")
    p.add_argument("--people", type=int, default=defaults.people, help=f"number of people ({defaults.people})")
    p.add_argument(
        "--seconds", type=float, default=defaults.seconds, help=f"length of each film in seconds ({defaults.seconds:g})"
    )
    p.add_argument(
        "--seed", type=int, default=defaults.seed, help=f"number of the plaza; each looks different ({defaults.seed})"
    )
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    settings = SampleSettings(options.cameras, options.people, options.seconds, options.seed)
    if options.out is None and settings != SampleSettings():
        raise SettingsError("the app's sample always has the default settings", "Give --out DIR for another.")
    out: Path = options.out or sample_folder()
    if options.out is None and sample_clips(out):
        sys.stdout.write(f"the sample is already in {out}\n")
        return 0
    progress = Progress(listener(options.progress))
    progress.camera("sample", 1, 1)
    begun = False

    def show(done: int, total: int) -> None:
        nonlocal begun
        if not begun:
            progress.begin("draw", total)
            begun = True
        progress.at(done)

    write_sample(settings, out, show)
    sys.stdout.write(f"{settings.cameras} films of {settings.seconds:g} s and their ground truth are in {out}\n")
    return 0
