"""Which track of a new run takes the place of each track of an old one, cuts and all: told by the boxes they share.

A clip is known by its content, so a camera that was renamed is the same one. A track hands over to the one that has
most of its boxes, and takes over from the one of which it has most: where one became two, the longer part is the heir.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.people import Link
from core.people.cutting import Moment, number_cuts, parted
from core.people.evidence import Cut
from core.results import record_of, tracks_of
from core.review.saying import Sight
from core.review.shared import Shared, same_boxes, shared
from core.types import Tracks

MOST = 0.5
"""So much of the shorter of two tracks must be shared, or they are not the same person's."""


@dataclass(frozen=True, eq=False)
class RunTracks:
    """The tracks of a run by camera, and which clip each camera saw."""

    tracks: Mapping[str, Tracks]
    digests: Mapping[str, str]

    def camera_of(self, camera: str, digest: str) -> str:
        """The camera that saw that clip; the one called `camera` where several did. Empty where none did."""
        saw = [name for name, its in self.digests.items() if its == digest]
        return camera if camera in saw else saw[0] if saw else ""

    def cut(self, moments: Iterable[Moment]) -> tuple[list[Cut], RunTracks]:
        """The cuts, and the tracks as they are after them."""
        cuts = number_cuts(moments, self.tracks, sorted(self.tracks))
        parts = {
            camera: parted(found, [one for one in cuts if one.camera == camera])
            for camera, found in self.tracks.items()
        }
        return cuts, RunTracks(parts, self.digests)

    def same_as(self, other: RunTracks) -> bool:
        """Whether both hold the same boxes under the same names."""
        return dict(self.digests) == dict(other.digests) and all(
            len(mine) == len(theirs)
            and np.array_equal(mine.track, theirs.track)
            and np.array_equal(mine.frame, theirs.frame)
            and np.array_equal(mine.xyxy, theirs.xyxy)
            for mine, theirs in ((self.tracks[name], other.tracks[name]) for name in self.tracks)
        )


def run_tracks(out: Path) -> RunTracks:
    """Those of the run in folder `out`."""
    there = {name: about for name, about in record_of(out)["cameras"].items() if "failed" not in about}
    tracks = {name: tracks_of(out, name) for name in there}
    return RunTracks(tracks, {name: str(about["digest"]) for name, about in there.items()})


@dataclass(frozen=True)
class Heirs:
    """`of` names the track that takes the place of each old one; `why_not` says of the others why none does.

    `chief` is, for each of the new ones, the old one with most of its boxes.
    """

    of: Mapping[Sight, Sight]
    chief: Mapping[Sight, Sight]
    why_not: Mapping[Sight, str]

    def of_one(self, sight: Sight) -> Sight | str:
        """Its heir, or why it has none."""
        camera, track = sight
        return self.of.get(sight) or self.why_not.get(sight, f"track {track} of {camera} is not in the run")

    def of_pair(self, one: Sight, other: Sight) -> tuple[Sight, Sight] | str:
        """The heirs of both, or why one has none."""
        new, its = self.of_one(one), self.of_one(other)
        return new if isinstance(new, str) else its if isinstance(its, str) else (new, its)


def heirs(old: RunTracks, new: RunTracks, joined: Iterable[frozenset[Sight]] = ()) -> Heirs:
    """Tracks that became one hand over where they are `joined`; else only the longest does."""
    group = {sight: number for number, sights in enumerate(joined) for sight in sights}
    of: dict[Sight, Sight] = {}
    chief: dict[Sight, Sight] = {}
    why_not: dict[Sight, str] = {}
    for camera, before in old.tracks.items():
        name = new.camera_of(camera, old.digests[camera])
        if not name:
            lost = f"the clip of camera {camera} is not in the run"
            why_not |= {(camera, number): lost for number in np.unique(before.track).tolist()}
            continue
        for one, other in _best(shared(before, new.tracks[name])):
            mine = camera, one
            first = chief.setdefault((name, other), mine)
            if first == mine or group.get(mine, -1) == group.get(first, -2):
                of[mine] = name, other
            else:
                why_not[mine] = f"track {one} of {camera} is one with track {first[1]} now"
    return Heirs(of, chief, why_not)


def _best(found: Shared) -> list[tuple[int, int]]:
    """Each old track and the new one that has most of its boxes, those that share most first."""
    order = np.lexsort((found.other, -found.boxes, found.one))
    best = found[order[np.flatnonzero(np.diff(found.one[order], prepend=-1))]]
    best = best[best.boxes >= MOST * np.minimum(best.of_one, best.of_other)]
    best = best[np.argsort(-best.boxes, kind="stable")]
    return list(zip(best.one.tolist(), best.other.tolist(), strict=True))


def moment_of(link: Link, old: RunTracks, new: RunTracks) -> Moment | str:
    """Where the cut falls in the new run: on the track that has most boxes of the old one, some on either side of it.

    Words, where it falls on none; empty ones where the run parts the two by itself.
    """
    camera, track, seconds = link["camera"], int(link["track"]), float(link["seconds"])
    name = new.camera_of(camera, old.digests.get(camera, "?"))
    if not name:
        return f"the clip of camera {camera} is not in the run"
    before, now = old.tracks[camera], new.tracks[name]
    whole = before[before.track == track]
    rows, others = same_boxes(whole, now)
    after = np.round(whole.seconds[rows], 3) >= round(seconds, 3)
    numbers, place, count = np.unique(now.track[others], return_inverse=True, return_counts=True)
    later = np.bincount(place[after], minlength=len(numbers))
    holds = (later > 0) & (later < count)
    if not len(numbers):
        return f"track {track} of {camera} is not in the run"
    if not holds.any():
        return ""
    return Moment(name, int(numbers[np.argmax(np.where(holds, count, 0))]), seconds)
