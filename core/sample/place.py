"""Where this machine keeps its copy of the sample, so that it is drawn once and is one click away from then on."""

from __future__ import annotations

from pathlib import Path

from core.folders import cache_dir
from core.sample.settings import VERSION


def sample_folder() -> Path:
    """The folder of the usual sample; a newer renderer draws into another one."""
    return cache_dir() / "sample" / f"plaza-{VERSION}"


def sample_clips(folder: Path) -> list[Path]:
    """The films in `folder`, by camera; none unless all of it is there (truth.json is written last)."""
    return sorted(folder.glob("cam*.mp4")) if (folder / "truth.json").is_file() else []
