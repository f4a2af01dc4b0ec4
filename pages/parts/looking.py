"""Looks at clips that are worth keeping: what a clip is, and one still of it. Faults are raised, never kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import SightlineError
from core.types import Clip
from core.video import probe
from core.video.proxy import still


@dataclass(frozen=True)
class Looked:
    """A picked clip: what it is, or why it cannot be used. `twin` names a clip picked before with the same content."""

    path: str
    clip: Clip | None = None
    fault: SightlineError | None = None
    twin: str = ""

    @property
    def usable(self) -> bool:
        return self.clip is not None and not self.twin


def clip_of(path: str) -> Clip:
    """The clip at `path`, probed once for as long as the file stays the same."""
    try:
        stat = Path(path).stat()
        stamp = (stat.st_size, stat.st_mtime_ns)
    except OSError:
        stamp = (0, 0)
    return _probed(path, stamp)


@st.cache_data(max_entries=200, show_spinner="Looking at the clip…")
def _probed(path: str, stamp: tuple[int, int]) -> Clip:
    return probe(path)


@st.cache_data(max_entries=200, show_spinner=False)
def still_of(digest: str, _clip: Clip) -> bytes:
    """The first picture of the clip as JPEG. `digest` is the clip's, and alone decides."""
    return still(_clip, width=480)


def look_at(paths: list[str]) -> list[Looked]:
    """Every path looked at, in order; none of them stops the others."""
    seen: dict[str, str] = {}
    looked = []
    for path in paths:
        try:
            clip = clip_of(path)
        except SightlineError as fault:
            looked.append(Looked(path, fault=fault))
            continue
        looked.append(Looked(path, clip, twin=seen.get(clip.digest, "")))
        seen.setdefault(clip.digest, Path(path).name)
    return looked
