"""`models`: which models are known, which of them are here, and what this machine would run them on."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from core.device import choose, cuda_here
from core.weights import Status, listing


def add(commands: Any) -> None:
    p: argparse.ArgumentParser = commands.add_parser("models", help="list the models that are here and those missing")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    for status in listing():
        sys.stdout.write(describe(status) + "\n")
    here = "a CUDA device answers" if cuda_here() else "no CUDA device; networks run on OpenVINO"
    sys.stdout.write(f"\nThis machine: {here}. PyTorch models would run on '{choose('auto', pytorch_model=True)}'.\n")
    return 0


def describe(status: Status) -> str:
    model = status.model
    where = str(model.path) if status.state == "present" else f"put it at {model.path}"
    facts = "; ".join([f"licence {model.licence}", f"trained on {model.trained_on}", *model.figures])
    return f"{status.state:8} {model.kind:9} {model.name}\n         {where}\n         {facts}"
