"""Looks at clips that are worth keeping: what a clip is. Faults are raised, never kept."""

from __future__ import annotations

import functools
from pathlib import Path

from core.types import Clip
from core.video import probe


def clip_of(path: str) -> Clip:
    """The clip at `path`, probed once for as long as the file stays the same."""
    try:
        stat = Path(path).stat()
        stamp = (stat.st_size, stat.st_mtime_ns)
    except OSError:
        stamp = (0, 0)
    return _probed(path, stamp)


@functools.lru_cache(maxsize=200)
def _probed(path: str, stamp: tuple[int, int]) -> Clip:
    """Not in Streamlit's own cache: routes, which are outside of any session, look at clips too."""
    return probe(path)
