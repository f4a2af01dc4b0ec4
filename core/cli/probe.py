"""`probe CLIP...`: describes clips before anything is run on them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.base.errors import SightlineError
from core.base.text import format_duration
from core.base.types import Clip
from core.vision.video import clip_notes, measure, preview_frames, probe


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
