"""`evaluate tracks`: MOTA, IDF1, HOTA and their parts, against truth."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from core.score import score_files, table


def add(commands: Any) -> None:
    p: argparse.ArgumentParser = commands.add_parser("evaluate", help="compare results with truth")
    kinds = p.add_subparsers(dest="kind", required=True, metavar="WHAT")
    tracks = kinds.add_parser("tracks", help="tracks in MOT text: one file, or a folder with one per camera")
    tracks.add_argument("--truth", type=Path, required=True, metavar="GT")
    tracks.add_argument("--result", type=Path, required=True, metavar="TRACKS")
    tracks.add_argument("--scale", type=float, default=1.0, help="truth pixels times this are result pixels (1)")
    tracks.add_argument("--json", action="store_true", help="print JSON instead of a table")
    tracks.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    scores = score_files(options.truth, options.result, options.scale)
    if options.json:
        sys.stdout.write(json.dumps({name: s.as_dict() for name, s in scores.items()}, indent=1) + "\n")
    else:
        sys.stdout.write(table(scores) + "\n")
    return 0
