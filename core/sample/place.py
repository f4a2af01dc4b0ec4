"""Where this machine keeps its copy of the sample, so that it is drawn once and is one click away from then on."""

from __future__ import annotations

import json
from pathlib import Path

from core.errors import SettingsError, StoreError
from core.folders import cache_dir, write_atomically
from core.sample.settings import VERSION

ABOUT = "truth.json"


def sample_folder() -> Path:
    """The folder of the usual sample; a newer renderer draws into another one."""
    return cache_dir() / "sample" / f"plaza-{VERSION}"


def sample_clips(folder: Path) -> list[Path]:
    """The films in `folder`, by camera; none unless all that truth.json names are there."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        clips = [folder / f"{camera}.mp4" for camera in about["cameras"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return clips if all(clip.is_file() for clip in clips) else []


def make_room(folder: Path) -> None:
    """Clear an earlier sample out of `folder`, and mark it as ours; `SettingsError` where films of others lie in it."""
    films = sorted(folder.glob("cam*.mp4"))
    if films and not (folder / ABOUT).is_file():
        raise SettingsError(f"{films[0]} is already there, and no sample of ours", "Choose an empty folder.")
    try:
        (folder / "truth").mkdir(parents=True, exist_ok=True)
        # Without cameras: whole only when it is written again at the end.
        write_atomically(folder / ABOUT, b"{}")
        for old in (*films, *(folder / "truth").glob("cam*.txt")):
            old.unlink()
    except OSError as fault:
        raise StoreError(f"{folder} cannot be written ({fault.strerror})", "Choose another folder.") from fault
