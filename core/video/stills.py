"""Stills of any moment of a clip, kept on disk: whoever looks for a good one goes to and fro.

    <cache>/stills/<clip digest>/<frame>.jpg

Owns that folder and how many it holds of a clip.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np

from core.folders import cache_dir, write_atomically
from core.types import Clip
from core.video.proxy import still

WIDEST = 1600
MOST = 300  # of a clip; beyond it, those made first go


def still_at(clip: Clip, seconds: float) -> Path:
    """The picture shown at `seconds` of the clip, as a JPEG file; made unless it is there."""
    frame = int(np.searchsorted(clip.times, seconds + 1e-6, side="right")) - 1
    path = stills_folder(clip.digest) / f"{max(0, frame)}.jpg"
    if not path.is_file():
        write_atomically(path, still(clip, max(0, frame), min(WIDEST, clip.width)))
        _thin_out(path.parent)
    return path


def stills_folder(digest: str) -> Path:
    """Where the stills of a clip lie, for whoever deletes what is known of it."""
    return cache_dir() / "stills" / digest


def _thin_out(folder: Path) -> None:
    kept = [(path.stat().st_mtime_ns, path) for path in folder.glob("*.jpg")]
    for _, path in sorted(kept)[: max(0, len(kept) - MOST)]:
        # Another tab may have been quicker.
        with suppress(OSError):
            path.unlink()
