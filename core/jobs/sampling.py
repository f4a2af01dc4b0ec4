"""The sample, drawn by a child process: a server must not draw in its own, and a page that goes away stops it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from core.errors import StoreError
from core.jobs.children import ROOT, environment
from core.sample import sample_clips, sample_folder

DRAW = (sys.executable, "-m", "core", "sample", "--progress", "json")


def sample_here(tell: Callable[[float, float | None], None], command: Sequence[str] = DRAW) -> list[Path]:
    """The sample's clips, drawn first where they are not there. `tell` hears the share done and the seconds left."""
    if clips := sample_clips(sample_folder()):
        return clips
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
        subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=errors, text=True
        ) as child,
    ):
        try:
            for line in child.stdout or ():
                if line.startswith("{"):
                    report = json.loads(line)
                    tell(report["done"] / max(report["total"], 1), report["left_seconds"])
            child.wait()
            errors.seek(0)
            said = errors.read()
        finally:
            # A page that is left raises through `tell`; nobody would look at the rest.
            if child.poll() is None:
                child.terminate()
    clips = sample_clips(sample_folder())
    if not clips:
        reason = said.strip().removeprefix("sightline: ") or f"exit status {child.returncode}"
        raise StoreError(f"the sample could not be drawn: {reason}", "Free some space, or set SIGHTLINE_CACHE.")
    return clips
