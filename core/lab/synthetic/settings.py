"""What can be asked of the sample footage, and what is fixed about it. Refuses what the plan could not keep.

Where this machine keeps its copy of the sample, so that it is drawn once and is one click away from then on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from core.base.errors import SettingsError, StoreError
from core.machine.paths import cache_dir, write_atomically

WIDTH, HEIGHT = 960, 540
VERSION = 2
"""Of the renderer: raised whenever the same settings give other pictures."""


@dataclass(frozen=True)
class SampleSettings:
    """How many cameras and people, for how long; the same settings always give the same footage."""

    cameras: int = 3
    people: int = 8
    seconds: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        _check_range("cameras", self.cameras, 2, 6)
        _check_range("people", self.people, 7, 24)
        _check_range("seconds", self.seconds, 12, 600)
        _check_range("seed", self.seed, 0, 2**31 - 1)


def _check_range(name: str, value: float, low: int, high: int) -> None:
    if not low <= value <= high:
        raise SettingsError(f"{name} is {value:g}, outside {low} to {high}", f"Give a value from {low} to {high}.")


TRUTH_RECORD = "truth.json"


def sample_folder() -> Path:
    """The folder of the usual sample; a newer renderer draws into another one."""
    return cache_dir() / "sample" / f"plaza-{VERSION}"


def sample_clips(folder: Path) -> list[Path]:
    """The films in `folder`, by camera; none unless all that truth.json names are there."""
    try:
        about = json.loads((folder / TRUTH_RECORD).read_text(encoding="utf-8"))
        clips = [folder / f"{camera}.mp4" for camera in about["cameras"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return clips if all(clip.is_file() for clip in clips) else []


def clear_folder(folder: Path) -> None:
    """Clear an earlier sample out of `folder`, and mark it as ours; `SettingsError` where films of others lie in it."""
    films = sorted(folder.glob("cam*.mp4"))
    if films and not (folder / TRUTH_RECORD).is_file():
        raise SettingsError(f"{films[0]} is already there, and no sample of ours", "Choose an empty folder.")
    try:
        (folder / "truth").mkdir(parents=True, exist_ok=True)
        # Without cameras: whole only when it is written again at the end.
        write_atomically(folder / TRUTH_RECORD, b"{}")
        for old in (*films, *(folder / "truth").glob("cam*.txt")):
            old.unlink()
    except OSError as fault:
        raise StoreError(f"{folder} cannot be written ({fault.strerror})", "Choose another folder.") from fault
