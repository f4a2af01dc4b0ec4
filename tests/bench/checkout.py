"""A checkout of the program, worked through its command line alone: so an older one can be measured as well."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Figure = float | str
Figures = dict[str, Figure]
"""What was measured, by name: `pets/shipped/IDF1`. Text where only being equal counts."""

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"


class Failed(Exception):
    """A command that a measurement needs did not succeed."""


@dataclass(frozen=True)
class Checkout:
    """The program in `folder`, with a cache of its own below `room`, where its results lie too."""

    folder: Path
    room: Path

    @property
    def store(self) -> Path:
        """Where its runs store what networks say."""
        return self.room / "cache" / "stages"

    def core(self, *words: str | Path, may_fail: bool = False) -> str:
        """What `python -m core WORDS` prints."""
        environment = {**os.environ, "SIGHTLINE_CACHE": str(self.room / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "core", *map(str, words)]
        ran = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        if ran.returncode and not may_fail:
            raise Failed(f"{' '.join(command)} in {self.folder}: status {ran.returncode}\n{ran.stderr[-2000:]}")
        return ran.stdout

    def json(self, *words: str | Path) -> dict[str, Any]:
        return dict(json.loads(self.core(*words, "--json")))

    def out(self, name: str) -> Path:
        """A folder for results, empty."""
        folder = self.room / "out" / name
        shutil.rmtree(folder, ignore_errors=True)
        return folder


def record_of(out: Path) -> dict[str, Any]:
    """`run.json` of a run."""
    return dict(json.loads((out / "run.json").read_text(encoding="utf-8")))


def flat(content: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Figure]]:
    """Every number and text in a nested answer, by its path.

    >>> dict(flat({"people": {"truth": 8}, "IDF1": 0.9}, "plaza0/"))
    {'plaza0/people/truth': 8, 'plaza0/IDF1': 0.9}
    """
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}/")
        elif isinstance(value, int | float | str):
            yield prefix + name, value
