"""`film CLIP --to FILE`: converts a clip to a film that every browser plays, as the app shows it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.base.errors import ClipError
from core.base.progress import Progress
from core.cli.progress import listener
from core.vision.video import make_proxy, probe


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("clip", type=Path, metavar="CLIP", help="video file or folder of pictures")
    p.add_argument("--to", type=Path, required=True, metavar="FILE", help="where the film goes (.mp4)")
    p.add_argument("--digest", metavar="DIGEST", help="refuse a clip that has another digest than this")
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    clip, progress = probe(options.clip), Progress(listener(options.progress))
    if options.digest and clip.digest != options.digest:
        raise ClipError(f"{options.clip.name} has changed", "Add it to the case again.")
    progress.camera(options.clip.stem, 1, 1)
    progress.begin("film", clip.frames)
    make_proxy(clip, options.to, lambda done, total: progress.at(done))
    sys.stdout.write(f"{options.to}\n")
    return 0
