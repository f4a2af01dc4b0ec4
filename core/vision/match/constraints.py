"""Which two tracklets cannot, and which must, be one person, and why.

Owns the reasons: a matrix with one small number per pair, so that a screen can say why two were kept apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from core.base.errors import SettingsError
from core.base.types import Floats, Ints, Seconds, Tracklets

Reasons = NDArray[np.uint8]

FREE, TOGETHER, TOO_SOON, REJECTED, ELSEWHERE = range(5)
REASON_TEXTS = {
    FREE: "nothing forbids it",
    TOGETHER: "both were in the picture of one camera at the same time",
    TOO_SOON: "there was no time to go from one camera to the other",
    REJECTED: "you said that they are two people",
    ELSEWHERE: "two cameras saw them at different places at the same moment",
}

IMPOSTOR_REASONS = TOGETHER, ELSEWHERE
"""Reasons by which a pair is surely two people, whatever the user or the clocks say."""
FAR = 1.0
"""Body heights between the feet of two, on ground that two cameras see, from which they stood at different places."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Decisions:
    """What the user has said, as pairs of rows of the tracklets."""

    same: tuple[Pair, ...] = ()
    different: tuple[Pair, ...] = ()


def reasons(
    tracklets: Tracklets,
    travel: Seconds | None = None,
    different: Iterable[Pair] = (),
    foot_distance: Floats | None = None,
) -> Reasons:
    """Why each pair cannot be one person, (n, n), `FREE` where nothing forbids it.

    `travel` (cameras, cameras) holds the fewest seconds from one camera to another; 0 where views overlap. `apart`
    (n, n) is how many body heights two were from each other at one moment; NaN where nobody knows.
    """
    n = len(tracklets)
    why = np.zeros((n, n), np.uint8)
    for camera in np.unique(tracklets.camera):
        rows = np.flatnonzero(tracklets.camera == camera)
        why[np.ix_(rows, rows)] = np.where(_apart(tracklets, rows, rows) <= 0, TOGETHER, FREE)
    if travel is not None:
        _add_travel(why, tracklets, travel)
    if foot_distance is not None:
        why[(why == FREE) & (np.nan_to_num(foot_distance, nan=0) > FAR)] = ELSEWHERE
    for one, other in different:
        if why[one, other] == FREE:
            why[one, other] = why[other, one] = REJECTED
    np.fill_diagonal(why, FREE)
    return why


def _apart(tracklets: Tracklets, one: Ints, other: Ints) -> Seconds:
    """Seconds between the end of the earlier and the start of the later of each pair; below 0 where they overlap."""
    start = np.maximum(tracklets.start[one][:, None], tracklets.start[other][None])
    end = np.minimum(tracklets.end[one][:, None], tracklets.end[other][None])
    return np.asarray(start - end)


def _add_travel(why: Reasons, tracklets: Tracklets, travel: Seconds) -> None:
    cameras = np.unique(tracklets.camera)
    for a in cameras:
        for b in cameras[cameras > a]:
            least = max(float(travel[a, b]), 0.0)
            if least:
                one, other = (np.flatnonzero(tracklets.camera == c) for c in (a, b))
                soon = np.where(_apart(tracklets, one, other) < least, TOO_SOON, FREE).astype(np.uint8)
                why[np.ix_(one, other)], why[np.ix_(other, one)] = soon, soon.T


def must_link_groups(count: int, same: Iterable[Pair], why: Reasons) -> Ints:
    """A number per tracklet, 0 to k - 1, alike for those that the user joined; refused where that cannot be."""
    pairs = np.array(list(same), np.int64).reshape(-1, 2)
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    bundle: Ints = np.asarray(connected_components(links, directed=False)[1], np.int64)
    for number in np.unique(bundle[pairs[:, 0]]) if len(pairs) else ():
        rows = np.flatnonzero(bundle == number)
        wrong = np.argwhere(why[np.ix_(rows, rows)] != FREE)
        if len(wrong):
            raise _contradiction(int(rows[wrong[0, 0]]), int(rows[wrong[0, 1]]), why)
    return bundle


class Contradiction(SettingsError):
    """The user joined two, directly or through others, that cannot be one person. `pair` holds their rows."""

    def __init__(self, pair: Pair, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.pair = pair


def _contradiction(one: int, other: int, why: Reasons) -> Contradiction:
    message = f"two tracks that you joined cannot be one person: {REASON_TEXTS[int(why[one, other])]}"
    return Contradiction((one, other), message, "Take one of the links back.")
