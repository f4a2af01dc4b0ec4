"""How many of the boxes that runs have found in a clip count with its regions, and where people stood."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from core.cases import CaseClip
from core.errors import StoreError
from core.pipeline import boxes_artifact, boxes_of
from core.regions import Regions, inside
from core.store import Store
from core.types import Clip, Floats

MOST_DOTS = 1500  # more hide the picture


def found_boxes(clip: CaseClip, film: Clip, conf: float) -> Floats | None:
    """Boxes (n, 4) in pixels, as the last run through the clip found them; nothing where none has."""
    artifact = boxes_artifact(Store(), clip.digest)
    if artifact is None:
        return None
    try:
        return _boxes(str(artifact.folder), conf, clip.start_seconds, clip.end_seconds, film, artifact)
    except StoreError:
        # Damaged: it has been removed, and the next run finds the boxes again.
        return None


@st.cache_data(max_entries=16, show_spinner=False)
def _boxes(folder: str, conf: float, start: float, end: float | None, _film: Clip, _artifact: Any) -> Floats:
    return boxes_of(_artifact, _film, conf, start, end)


def counted(regions: Regions, boxes: Floats | None, film: Clip) -> dict[str, Any]:
    """The count in words, and the points that decide, as shares of the picture, each with whether it counts."""
    if boxes is None:
        return {"count": "After a run, the number of boxes that count is shown here.", "dots": None}
    counts = inside(regions, boxes, film.width, film.height)
    share = f" ({counts.mean():.0%})" if len(boxes) else ""
    words = f"{counts.sum():,} of {len(boxes):,} boxes from the last run count{share}"
    rows = np.arange(0, len(boxes), -(-len(boxes) // MOST_DOTS) or 1)
    if len(rows) < len(boxes):
        words += f"; {len(rows):,} are drawn as dots"
    x = boxes[rows, ::2].mean(axis=1) / film.width
    y = (boxes[rows, 3] if regions.anchor == "foot" else boxes[rows, 1::2].mean(axis=1)) / film.height
    places = np.clip(np.stack([x, y], axis=1), 0, 1).astype(np.float64).round(4)
    return {
        "count": f"{words}.",
        "dots": {"places": places.tolist(), "counts": "".join(counts[rows].astype(int).astype(str))},
    }
