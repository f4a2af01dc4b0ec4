"""What the finder of heads adds to the rule of boxes, in films and in crops, and how far heads are widened.

Where the finder is sure, no more is covered than the heads and some space round them. Where it sees none although a
box is surely a person, the rule of `core.export.images` says what is covered, and the picture is in doubt.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from core.base.errors import WeightsError
from core.base.types import Bools, Floats, Image, Seconds
from core.export.head_paths import SURE_SECONDS, FollowedHeads
from core.machine.log import LOG
from core.vision.heads import HeadFinder, open_head_finder
from core.vision.models import SCALE_POINTS
from core.vision.track import iou_matrix

ANYWHERE, IN_BOX, IN_BOX_ALONE = 0.5, 0.4, 0.2
"""Score from which something is covered as a head: anywhere; where the head of a box may be, in a film; and the same in
a picture of which it is not known what was shortly before and after. Low, for an uncovered head is worse than a covered
bag."""
CERTAIN = 0.5
"""Score from which something is a head for sure."""
POSSIBLE, CONFIDENT = 0.1, 0.4
"""Confidence of a detector from which a box may be a person, and from which it is taken for a whole one."""
HIGH_CONFIDENCE = SCALE_POINTS[1]
"""Confidence of a box from which a head that is not found in it puts the picture in doubt; below, where the head may be
is covered all the same."""
TWIN_IOU = 0.8
"""IoU from which two boxes are looked into as one."""
WIDER, WIDER_IN_CROP = (0.1, 0.05), (0.15, 0.1)
"""How much is covered beyond each side of a head, as a share of its width and height: of one that is followed, and in a
crop."""


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
    return widened(heads.xyxy[heads.score >= IN_BOX_ALONE], WIDER_IN_CROP) if is_head.any() else None


def without_twins(xyxy: Floats) -> Floats:
    """The boxes (n, 4) without those that are nearly the same as one before: the box of a track is a detection too."""
    overlap = iou_matrix(xyxy, xyxy)
    chosen: list[int] = []
    for row in range(len(xyxy)):
        if not (overlap[row, chosen] >= TWIN_IOU).any():
            chosen.append(row)
    return xyxy[chosen]


def least_score(looked: Seconds) -> float:
    """From which score on a head in a box is covered, in pictures that were looked at at these times."""
    return IN_BOX if len(looked) > 1 and np.median(np.diff(looked)) <= SURE_SECONDS else IN_BOX_ALONE


def which_to_cover(heads: FollowedHeads, areas: Floats, box_score: Floats, least: float) -> Bools:
    """Which heads are covered, given the areas (n, 4) where heads of boxes may be, the scores of these boxes, and the
    least score of a head there."""
    is_in_box = _contains(areas[box_score >= POSSIBLE], heads.xyxy).any(axis=0)
    return np.asarray(heads.score >= np.where(is_in_box, least, ANYWHERE))


def widened(heads: Floats, share: tuple[float, float]) -> Floats:
    """Boxes of heads (n, 4) with what is covered round them: a share of their width, and one of their height."""
    spare = np.array(share, np.float32) * (heads[:, 2:] - heads[:, :2])
    return np.concatenate([heads[:, :2] - spare, heads[:, 2:] + spare], axis=1)


def holds_a_head(areas: Floats, heads: Floats) -> Bools:
    """In which of the areas (n, 4) the middle of a head (m, 4) lies."""
    return np.asarray(_contains(areas, heads).any(axis=1))


def _contains(areas: Floats, heads: Floats) -> Bools:
    middle = (heads[:, :2] + heads[:, 2:])[None] / 2
    return np.asarray(((middle >= areas[:, None, :2]) & (middle <= areas[:, None, 2:])).all(axis=2))
