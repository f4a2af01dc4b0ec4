"""`gallery DIR`: who is who in a run that is done, at another threshold or with other decisions; no network is run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.cli.progress import listener
from core.cli.run import add_matching, check_cos, matched
from core.errors import SettingsError
from core.people import load_evidence
from core.progress import Progress
from core.results import record_of
from core.weights import find


def add(commands: Any) -> None:
    p: argparse.ArgumentParser = commands.add_parser("gallery", help="decide again who is who in a run that is done")
    p.add_argument("out", type=Path, metavar="DIR", help="the folder of a run")
    add_matching(p)
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    check_cos(options)
    evidence, record = load_evidence(options.out), record_of(options.out)
    model = record["models"]["embedder"]
    if not isinstance(model, dict):
        raise SettingsError(f"the run in {options.out} matched on motion alone", "Run it again with an embedder.")
    matched(evidence, options, find(model["name"], "embedder"), Progress(listener(options.progress)))
    return 0
