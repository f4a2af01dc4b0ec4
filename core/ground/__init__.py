"""The ground room: which cameras see the same ground at the same time, learned from the people who walk there.

No survey, no calibration: two views of one flat ground differ by a homography, and people whose looks agree trace it.
Owns walks (where feet were, and when), that search, and how far apart two tracklets stood. Refuses to open clips or to
decide who is who: `core.match` is told what was found.
"""

from __future__ import annotations

from core.ground.places import distances
from core.ground.search import Overlap, overlaps
from core.ground.swaps import swaps
from core.ground.walks import TICK_SECONDS, Walks, walks_of

__all__ = ["TICK_SECONDS", "Overlap", "Walks", "distances", "overlaps", "swaps", "walks_of"]
