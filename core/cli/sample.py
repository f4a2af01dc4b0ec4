"""`sample`: says where the sample lies that comes with the program, or draws another with `--out DIR`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.base.errors import SettingsError, StoreError
from core.base.progress import Progress
from core.cli.progress import listener
from core.lab.synthetic import SampleSettings, sample_clips, sample_folder, write_sample


def add_arguments(p: argparse.ArgumentParser) -> None:
    defaults = SampleSettings()
    p.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="draw films and ground truth into this folder; without it, where the sample of the program is",
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
    if options.out is None:
        return _locate(settings)
    progress = Progress(listener(options.progress))
    progress.camera("sample", 1, 1)
    begun = False

    def show(done: int, total: int) -> None:
        nonlocal begun
        if not begun:
            progress.begin("draw", total)
            begun = True
        progress.at(done)

    write_sample(settings, options.out, show)
    _describe(settings, options.out)
    return 0


def _locate(settings: SampleSettings) -> int:
    folder = sample_folder()
    if settings != SampleSettings():
        raise SettingsError("a sample with other settings has to be drawn", "Give --out DIR, the folder to draw it in.")
    if not sample_clips(folder):
        raise StoreError(f"the sample is not in {folder}", "Give --out DIR, the folder to draw it in.")
    _describe(settings, folder)
    return 0


def _describe(settings: SampleSettings, folder: Path) -> None:
    sys.stdout.write(f"{settings.cameras} films of {settings.seconds:g} s and their ground truth are in {folder}\n")
