"""Folders of this machine that clips may be opened from: all below one root, and nothing else.

Refuses every path that leads out of the root, through links or dots, and to judge whether a file is a video.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from core.errors import ClipError
from core.folders import cache_dir
from core.types import PICTURES

VIDEOS = frozenset(
    {".3gp", ".asf", ".avi", ".dav", ".flv", ".h264", ".h265", ".hevc", ".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv"}
    | {".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob", ".webm", ".wmv"}
)
MOST = 5_000
_PEEK = 200


@dataclass(frozen=True)
class Folder:
    """What one folder holds: clips (video files and folders of pictures), and folders to go on to."""

    path: Path
    clips: tuple[Path, ...]
    folders: tuple[Path, ...]


def footage_root() -> Path:
    """The folder below which footage may be opened."""
    chosen = os.environ.get("SIGHTLINE_FOOTAGE")
    return (Path(chosen).expanduser() if chosen else Path.home()).resolve()


def inside(text: str, root: Path) -> Path:
    """The folder that `text` names (absolute, or seen from the root), resolved; `ClipError` if it is not below it."""
    try:
        folder = (root / Path(text.strip().strip('"')).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as fault:
        raise ClipError(f"'{text}' is no folder's name", "Give the path of a folder.") from fault
    if not folder.is_relative_to(root):
        raise ClipError(
            f"{folder} lies outside {root}",
            "Choose a folder inside it, or start the program with SIGHTLINE_FOOTAGE set to the folder of your footage.",
        )
    if not folder.is_dir():
        raise ClipError(f"there is no folder {folder}", "Check the spelling, or go there step by step.")
    return folder


def permitted(path: str) -> bool:
    """Whether a clip may be opened at all: it lies below the root, or is an upload or our sample."""
    try:
        clip = Path(path).resolve()
    except (OSError, RuntimeError, ValueError):
        return False
    return any(clip.is_relative_to(place) for place in (footage_root(), *map(_own, ("uploads", "sample"))))


def _own(name: str) -> Path:
    return (cache_dir() / name).resolve()


def look_into(folder: Path, root: Path) -> Folder:
    """The clips and folders directly in `folder`, by name. Hidden ones, and links out of the root, are left out."""
    clips: list[Path] = []
    folders: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for _, entry in zip(range(MOST), entries, strict=False):
                path = Path(entry.path)
                if entry.name.startswith(".") or not path.resolve().is_relative_to(root):
                    continue
                if entry.is_dir():
                    (clips if _holds_pictures(path) else folders).append(path)
                elif path.suffix.lower() in VIDEOS:
                    clips.append(path)
    except OSError as fault:
        raise ClipError(f"{folder} cannot be listed ({fault.strerror})", "Check that you may open it.") from fault
    return Folder(folder, tuple(sorted(clips, key=_by_name)), tuple(sorted(folders, key=_by_name)))


def _by_name(path: Path) -> tuple[str, str]:
    return path.name.casefold(), path.name


def _holds_pictures(folder: Path) -> bool:
    """Whether a folder is a clip in pictures: at least two, and no video beside them."""
    try:
        with os.scandir(folder) as entries:
            kinds = [Path(entry.name).suffix.lower() for _, entry in zip(range(_PEEK), entries, strict=False)]
    except OSError:
        return False
    return sum(kind in PICTURES for kind in kinds) >= 2 and not any(kind in VIDEOS for kind in kinds)
