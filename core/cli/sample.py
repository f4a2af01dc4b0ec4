"""`sample --out DIR`: sample footage to try everything on, with its truth."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.cli.progress import listener
from core.lab.synthetic import SampleSettings, sample_clips, sample_folder, write_sample


def add_arguments(p: argparse.ArgumentParser) -> None:
    usual = SampleSettings()
    p.add_argument(
        "--out", type=Path, metavar="DIR", help="where films and truth go (the app's own place, drawn only once)"
    )
    p.add_argument("--cameras", type=int, default=usual.cameras, help=f"how many cameras ({usual.cameras})")
    p.add_argument("--people", type=int, default=usual.people, help=f"how many people ({usual.people})")
    p.add_argument("--seconds", type=float, default=usual.seconds, help=f"length of each film ({usual.seconds:g})")
    p.add_argument("--seed", type=int, default=usual.seed, help=f"another number, another plaza ({usual.seed})")
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    settings = SampleSettings(options.cameras, options.people, options.seconds, options.seed)
    if options.out is None and settings != SampleSettings():
        raise SettingsError("the app's sample is always the usual one", "Give --out DIR for another.")
    out: Path = options.out or sample_folder()
    if options.out is None and sample_clips(out):
        sys.stdout.write(f"the sample is already in {out}\n")
        return 0
    progress = Progress(listener(options.progress))
    progress.camera("sample", 1, 1)
    begun = False

    def tell(done: int, total: int) -> None:
        nonlocal begun
        if not begun:
            progress.begin("draw", total)
            begun = True
        progress.at(done)

    write_sample(settings, out, tell)
    sys.stdout.write(f"{settings.cameras} films of {settings.seconds:g} s and their truth are in {out}\n")
    return 0
