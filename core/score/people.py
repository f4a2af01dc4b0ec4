"""How well people are found again, over all cameras: one long recording, links between tracklets, and queries.

IDF1 and HOTA are those of all cameras as one recording, with people for ids. MOTA and what it counts go from frame to
frame, and the last frame of one camera has nothing to do with the first of the next: they are added up over cameras.
So no figure depends on which camera comes first.
"""

from __future__ import annotations

import functools
import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import TruthError
from core.mot import Doubles
from core.score.clear import NOBODY, clear
from core.score.hota import hota
from core.score.identity import identity
from core.score.joined import Joined, Names, Persons, Recorded, join
from core.score.links import Links, lies_on, links
from core.score.overlap import overlap
from core.score.ranking import Ranking, rank_across
from core.score.scores import Scores, aligned, cell, table
from core.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class Likeness:
    """How alike tracklets are, greater is more: `similarity` (n, n), whose rows and columns `camera` and `track` name.

    Only pairs of two cameras are read; their similarities are finite.
    """

    similarity: Floats | Doubles
    camera: Names
    track: Ints

    def __post_init__(self) -> None:
        count = len(self.track)
        shapes = self.similarity.shape, self.camera.shape, self.track.shape
        if shapes != ((count, count), (count,), (count,)):
            raise ValueError(f"expected similarity (n, n), camera (n,) and track (n,), got {shapes}")
        if self.similarity.dtype.kind not in "iuf" or self.track.dtype.kind not in "iu":
            raise ValueError(f"expected numbers, got {self.similarity.dtype} and track {self.track.dtype}")
        if not (np.isfinite(self.similarity) | (self.camera[:, None] == self.camera)).all():
            raise ValueError("similarity: expected finite numbers between cameras")


@dataclass(frozen=True, eq=False)
class PeopleScores:
    """One result. `people` and `people_true` count who is in it and in the truth; `tracklets` those that are judged.

    `strangers` are the tracklets that are nobody. `ranking` is None where no similarities are known.
    """

    boxes: Scores
    across: Links
    every: Links
    people: int
    people_true: int
    tracklets: int
    strangers: int
    ranking: Ranking | None

    def as_dict(self) -> dict[str, Any]:
        """Every figure, for JSON: shares from 0 to 1, counts as whole numbers."""
        said: dict[str, Any] = {
            "boxes": self.boxes.as_dict(),
            "links": {"across": self.across.figures(), "all": self.every.figures()},
            "people": {"result": self.people, "truth": self.people_true},
            "tracklets": {"judged": self.tracklets, "nobody": self.strangers},
        }
        if self.ranking:
            said["queries"] = {"queries": self.ranking.queries, **self.ranking.figures()}
        return said


def score_people(
    cameras: Sequence[Recorded], persons: Persons, likeness: Likeness | None = None, visible: float = 0.0
) -> PeopleScores:
    """Scores of a result: `persons` says whom it takes each track for; `visible` is read as `overlap` reads it."""
    joined = join(cameras, persons)
    clip = overlap(joined.truth, joined.result, 1.0, visible)
    judged, person = clip.result_ids, joined.person[clip.result_ids]
    true = lies_on(clip)
    camera = np.unique(joined.camera[judged], return_inverse=True)[1]
    who = np.full(len(joined.track), NOBODY)
    who[judged] = true
    return PeopleScores(
        _boxes(joined, visible),
        *links(camera, person, true),
        people=len(np.unique(person)),
        people_true=len(clip.truth_ids),
        tracklets=len(judged),
        strangers=int((true == NOBODY).sum()),
        ranking=None if likeness is None else _ranked(joined, who, likeness),
    )


def _boxes(joined: Joined, visible: float) -> Scores:
    whole = overlap(joined.truth, joined.as_people, 1.0, visible)
    counts = [clear(overlap(truth, result, 1.0, visible)) for truth, result in joined.by_camera()]
    return Scores(functools.reduce(operator.add, counts), identity(whole), hota(whole))


def _ranked(joined: Joined, true: Ints, likeness: Likeness) -> Ranking:
    """Queries across cameras; tracklets of cameras without truth are junk."""
    people = (true + (true != NOBODY)).tolist()  # from 1: 0 would be a distractor's number
    who = dict(zip(_names(joined), people, strict=True))
    known, asked = set(joined.camera.tolist()), _names(likeness)
    for (camera, track), times in Counter(asked).items():
        if times > 1 or (camera in known and (camera, track) not in who):
            raise TruthError(
                f"similarity.npz names track {track} of camera {camera} twice, or there is no such track",
                "It belongs to other tracks; let the run find the people again.",
            )
    return rank_across(likeness.similarity, likeness.camera, [who.get(name, NOBODY) for name in asked])


def _names(tracklets: Joined | Likeness) -> list[tuple[str, int]]:
    return list(zip(tracklets.camera.tolist(), tracklets.track.tolist(), strict=True))


def people_table(scores: PeopleScores) -> str:
    """A few plain text tables, shares in per cent."""
    said = {"across cameras": scores.across, "all": scores.every}
    pairs = [
        (name, *(cell(one.figures()[column]) for column in ("precision", "recall", "shown", "right", "true")))
        for name, one in said.items()
    ]
    return "\n".join(
        [
            table({"all cameras": scores.boxes}),
            "",
            aligned([("links", "precision", "recall", "shown", "right", "true"), *pairs]),
            "",
            f"people      {scores.people} in the result, {scores.people_true} in the truth",
            f"tracklets   {scores.tracklets}, of which {scores.strangers} on nobody",
            f"queries     {_asked(scores.ranking)}",
        ]
    )


def _asked(ranking: Ranking | None) -> str:
    if ranking is None:
        return "no rank-1 and mAP: the run has no similarity.npz"
    return "  ".join([f"{ranking.queries}", *(f"{name} {cell(share)} %" for name, share in ranking.figures().items())])
