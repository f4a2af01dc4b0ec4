"""Clips by themselves: `probe CLIP...` describes them, `film CLIP --to FILE` converts one to a film for browsers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.base.errors import ClipError, SightlineError
from core.base.progress import Progress
from core.base.text import format_duration
from core.base.types import Clip
from core.cli.progress import listener
from core.vision.video import clip_notes, make_proxy, measure, preview_frames, probe


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("clips", nargs="+", type=Path, metavar="CLIP", help="video file or folder of pictures")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    failed = 0
    for path in options.clips:
        try:
            sys.stdout.write(describe(probe(path)) + "\n")
        except SightlineError as fault:
            failed += 1
            sys.stderr.write(f"{path}: {fault}\n")
    return 0 if not failed else 2 if failed == len(options.clips) else 1


def describe(clip: Clip) -> str:
    turned = f", turned by {clip.rotation}°" if clip.rotation else ""
    head = (
        f"{clip.path}: {clip.width} x {clip.height}{turned}, "
        f"{clip.frames} frames in {format_duration(clip.duration_seconds)}, {clip.fps:.4g} a second, "
        f"{clip.codec} in {clip.container}, digest {clip.digest}"
    )
    notes = clip_notes(clip, [measure(glimpse.bgr) for glimpse in preview_frames(clip)])
    return "\n".join([head, *(f"  note: {note.message} {note.remedy}" for note in notes)])


def add_film_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("clip", type=Path, metavar="CLIP", help="video file or folder of pictures")
    p.add_argument("--to", type=Path, required=True, metavar="FILE", help="where the film goes (.mp4)")
    p.add_argument("--digest", metavar="DIGEST", help="refuse a clip that has another digest than this")
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    p.set_defaults(run=run_film)


def run_film(options: argparse.Namespace) -> int:
    clip, progress = probe(options.clip), Progress(listener(options.progress))
    if options.digest and clip.digest != options.digest:
        raise ClipError(f"{options.clip.name} has changed", "Add it to the case again.")
    progress.camera(options.clip.stem, 1, 1)
    progress.begin("film", clip.frames)
    make_proxy(clip, options.to, lambda done, total: progress.at(done))
    sys.stdout.write(f"{options.to}\n")
    return 0
