"""What the finder of heads adds to the rule of boxes, in films and in crops; how heads are widened and remembered.

Where the finder is sure, no more is covered than the heads and some space round them. Where it sees none although a
box is surely a person, the rule of `core.export.images` says what is covered, and the picture is in doubt.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from core.base.errors import WeightsError
from core.base.types import Bools, Floats, Image
from core.machine.log import LOG
from core.vision.heads import FoundHeads, HeadFinder, open_head_finder
from core.vision.models import SCALE_POINTS

ANYWHERE, IN_BOX, IN_PERSON = 0.5, 0.18, 0.06
"""Score from which something is covered as a head: anywhere; where the head of a box may be; and the likeliest head of
a box that is surely a person. Low, for an uncovered head is worse than a covered bag: with higher ones less is covered,
and more heads are not."""
CERTAIN = 0.5
"""Score from which something is a head for sure."""
POSSIBLE, CONFIDENT = 0.1, 0.4
"""Confidence of a detector from which a box may be a person, and from which it is taken for a whole one."""
HIGH_CONFIDENCE = SCALE_POINTS[1]
"""Confidence of a box from which a head that is not found in it puts the picture in doubt; below, where the head may be
is covered all the same."""
KEPT_SECONDS = 0.4
"""How long a head that was sure and is no longer found is covered where it was."""
WIDER, UNSURE_WIDER = 0.2, 0.15
"""How much is covered beyond each side of a head, as a share of its size; and how much more the less sure it is."""


@lru_cache(maxsize=1)
def head_finder() -> HeadFinder | None:
    """The finder that comes with Sightline; None where its weights are missing, which the log says."""
    try:
        return open_head_finder()
    except WeightsError as fault:
        LOG.warning("%s Heads are covered by the rule of boxes alone: more than heads is covered.", fault)
        return None


def head_model() -> dict[str, str] | str:
    """The model by which heads are covered, for those who read an export; in words where there is none."""
    finder = head_finder()
    if finder is None:
        return "none was at hand: more than heads is covered"
    model = finder.model
    return {"name": model.name, "sha256": model.digest, "trained_on": model.trained_on}


def heads_of_crop(bgr: Image) -> Floats | None:
    """The areas (n, 4) to cover in a crop that shows a person; None where no head is sure."""
    finder = head_finder()
    if finder is None:
        return None
    height, width = bgr.shape[:2]
    heads = finder.find(bgr, np.array([[0, 0, width, height]], np.float32))
    middle = (heads.xyxy[:, :2] + heads.xyxy[:, 2:]) / 2
    inside = ((middle >= 0) & (middle <= (width, height))).all(axis=1)
    is_head = inside & (heads.score >= CERTAIN)
    return widened(heads[heads.score >= IN_BOX]) if is_head.any() else None


def which_to_cover(heads: FoundHeads, areas: Floats, box_score: Floats) -> Bools:
    """Which heads are covered, given the areas (n, 4) where heads of boxes may be, and the scores of these boxes: all
    that are likely, and of each person the likeliest one."""
    inside = _contains(areas, heads.xyxy)
    least = np.where(inside[box_score >= POSSIBLE].any(axis=0), IN_BOX, ANYWHERE)
    of_person = inside[box_score >= CONFIDENT] & (heads.score >= IN_PERSON)
    # The surest come first.
    best = of_person.argmax(axis=1)[of_person.any(axis=1)] if len(heads) else np.empty(0, np.int64)
    return np.asarray((heads.score >= least) | np.isin(np.arange(len(heads)), best))


def widened(heads: FoundHeads) -> Floats:
    """The heads with what is covered round each (n, 4)."""
    share = WIDER + UNSURE_WIDER * (1 - heads.score[:, None])
    spare = share * (heads.xyxy[:, 2:] - heads.xyxy[:, :2])
    return np.concatenate([heads.xyxy[:, :2] - spare, heads.xyxy[:, 2:] + spare], axis=1)


def holds_a_head(areas: Floats, heads: Floats) -> Bools:
    """In which of the areas (n, 4) the middle of a head (m, 4) lies."""
    return np.asarray(_contains(areas, heads).any(axis=1))


def _contains(areas: Floats, heads: Floats) -> Bools:
    middle = (heads[:, :2] + heads[:, 2:])[None] / 2
    return np.asarray(((middle >= areas[:, None, :2]) & (middle <= areas[:, None, 2:])).all(axis=2))


class RecentHeads:
    """The heads in the last pictures of a film: one that was sure and is not found for a moment is still covered."""

    def __init__(self) -> None:
        self._seconds = np.empty(0)
        self._heads = FoundHeads(np.empty((0, 4), np.float32), np.empty(0, np.float32))

    def keep(self, seconds: float, heads: FoundHeads) -> FoundHeads:
        """The heads of shortly before these `seconds` that are none of `heads`, which are remembered."""
        passed = seconds - self._seconds
        is_lost = (passed > 0) & (passed <= KEPT_SECONDS) & ~holds_a_head(widened(self._heads), heads.xyxy)
        lost, certain = self._heads[is_lost], heads[heads.score >= CERTAIN]
        self._seconds = np.concatenate([self._seconds[is_lost], np.full(len(certain), seconds)])
        self._heads = FoundHeads.concatenate([lost, certain])
        return lost
