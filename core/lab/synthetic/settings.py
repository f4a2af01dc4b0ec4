"""The settings of a sample, what is fixed about all samples, and the folder of the one that comes with the program."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from core.base.errors import SettingsError, StoreError
from core.machine.paths import write_atomically

WIDTH, HEIGHT = 960, 540
VERSION = 2
"""Version of the renderer, raised whenever the same settings give other pictures."""
TRUTH_RECORD = "truth.json"


@dataclass(frozen=True)
class SampleSettings:
    """How many cameras and people, for how many seconds; the same settings always give the same footage."""

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
        raise SettingsError(f"{name} is {value:g}, but must be {low} to {high}", f"Give a value from {low} to {high}.")


def sample_folder() -> Path:
    """The folder of the sample that comes with the program: that of the default settings. It is only read."""
    return Path(__file__).resolve().parents[3] / "sample"


def sample_clips(folder: Path) -> list[Path]:
    """The clips of the sample in `folder`, by camera; none unless all that truth.json names are there."""
    try:
        record = json.loads((folder / TRUTH_RECORD).read_text(encoding="utf-8"))
        clips = [folder / f"{camera}.mp4" for camera in record["cameras"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return clips if all(clip.is_file() for clip in clips) else []


def clear_folder(folder: Path) -> None:
    """Delete an earlier sample in `folder`, and mark the folder as a sample.

    `SettingsError` if it has other clips, or is the folder of the sample that comes with the program.
    """
    if folder.resolve() == sample_folder():
        raise SettingsError(f"{folder} holds the sample that comes with the program", "Choose another folder.")
    clips = sorted(folder.glob("cam*.mp4"))
    if clips and not (folder / TRUTH_RECORD).is_file():
        raise SettingsError(f"{clips[0]} exists already and is not part of a sample", "Choose an empty folder.")
    try:
        (folder / "truth").mkdir(parents=True, exist_ok=True)
        # It names no cameras yet, so the sample counts as incomplete until this file is written again at the end.
        write_atomically(folder / TRUTH_RECORD, b"{}")
        for earlier in (*clips, *(folder / "truth").glob("cam*.txt")):
            earlier.unlink()
    except OSError as fault:
        raise StoreError(f"{folder} cannot be written ({fault.strerror})", "Choose another folder.") from fault
