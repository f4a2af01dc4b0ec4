"""What other settings would change, in numbers and words: tracks by the boxes that they share, and people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from core.base.memo import Memo
from core.base.types import Bools, Ints, Tracks
from core.machine.artifacts import digest_of
from core.review import Review, RunTracks, Shared, migrate_onto, shared
from core.review.whatif.retrack import Again, Held
from core.runs import CUT, Evidence, Link, CutPoint, foot_distances, cut, resolve_links, prior_for
from core.vision.match import match
from core.vision.models import Known

PeopleCounts = Memo[str, int]
"""How many people one run has, by threshold and links."""

MOST = 0.5
"""A track lies on another that shares more than this of its boxes."""


@dataclass(frozen=True)
class CameraChange:
    """Tracks of one camera: how many, in how many boxes, and which became several, one, or are on one side only.

    `split` and `joined` hold the number of the whole and those of its parts.
    """

    camera: str
    before: int
    after: int
    boxes_before: int
    boxes_after: int
    split: tuple[tuple[int, tuple[int, ...]], ...] = ()
    joined: tuple[tuple[int, tuple[int, ...]], ...] = ()
    appeared: tuple[int, ...] = ()
    vanished: tuple[int, ...] = ()
    alike: bool = False

    @property
    def words(self) -> str:
        """
        >>> CameraChange("gate", 7, 8, 90, 95, split=((3, (3, 8)),)).words
        'gate: 7 tracks become 8. Track 3 splits in 2; 5 boxes more'
        >>> CameraChange("gate", 7, 6, 90, 80, joined=((2, (2, 5)),)).words
        'gate: 7 tracks become 6. Tracks 2 and 5 become one; 10 boxes fewer'
        """
        if self.alike:
            return f"{self.camera}: nothing changes"
        head = _become(self.before, self.after) if self.before != self.after else _tracks(self.after)
        told = [f"track {whole} splits in {len(parts)}" for whole, parts in self.split]
        told += [f"tracks {_listed(parts)} become one" for _, parts in self.joined]
        if self.vanished:
            told.append(f"{_tracks(len(self.vanished))} no longer there ({_listed(self.vanished)})")
        if self.appeared:
            told.append(f"{_tracks(len(self.appeared))} new")
        more = self.boxes_after - self.boxes_before
        told += [f"{abs(more)} {'box' if abs(more) == 1 else 'boxes'} {'more' if more > 0 else 'fewer'}"] * bool(more)
        text = "; ".join(told) or "some boxes change their track"
        return f"{self.camera}: {head}. {text[0].upper()}{text[1:]}"


@dataclass(frozen=True)
class Changes:
    """`people_before` and `people_after` are there where people were told by their looks."""

    cameras: tuple[CameraChange, ...]
    people_before: int | None = None
    people_after: int | None = None

    @property
    def alike(self) -> bool:
        return all(camera.alike for camera in self.cameras)

    @property
    def words(self) -> str:
        """All in one sentence.

        >>> Changes((CameraChange("a", 7, 8, 9, 9), CameraChange("b", 5, 5, 9, 9)), 9, 10).words
        '12 tracks become 13, and 9 people become 10'
        """
        if self.alike:
            return "Nothing changes"
        before, after = (sum(getattr(c, name) for c in self.cameras) for name in ("before", "after"))
        tracks = _become(before, after) if before != after else f"still {_tracks(after)}"
        if self.people_before is None or self.people_after is None:
            return tracks
        people = _persons(self.people_before)
        same = self.people_before == self.people_after
        return f"{tracks}, and {f'still {people}' if same else f'{people} become {self.people_after}'}"


def compared(
    held: Held,
    now: Again,
    threshold: float | None = None,
    review: Review | None = None,
    people: PeopleCounts | None = None,
) -> Changes:
    """What is other `now`. People are matched at `threshold`, or at the one that is suggested for either, and by what
    of `review`, said of the run, still holds. `people` remembers how many the run has, for the next comparison."""
    cameras = tuple(changed(name, held.tracks[name], now.tracks[name]) for name in held.tracks)
    evidence = held.evidence
    if evidence is None or now.evidence is None:
        return Changes(cameras)
    said = review or Review()
    digests = {name: name for name in held.tracks}
    moved = migrate_onto(said, RunTracks(held.tracks, digests), RunTracks(now.tracks, digests), now.evidence)
    counts: PeopleCounts = Memo(1) if people is None else people
    asked = digest_of([threshold, said.links])
    before = counts.get(asked, lambda: _people(evidence, held.tracks, said.links, held.known, threshold))
    return Changes(cameras, before, _people(now.evidence, now.tracks, moved.links, held.known, threshold))


def _people(
    evidence: Evidence,
    tracks: Mapping[str, Tracks],
    links: tuple[Link, ...],
    known: Known | None,
    threshold: float | None,
) -> int:
    """How many there are, with all that the links say."""
    cuts = [link for link in links if link["decision"] == CUT]
    parts = cut(evidence, [CutPoint(one["camera"], int(one["track"]), float(one["seconds"])) for one in cuts], tracks)
    said = resolve_links(links, parts)
    found = match(parts.tracklets, prior_for(parts, known), threshold, said, None, foot_distances(parts))
    return len(np.unique(found.people().person))


def changed(name: str, before: Tracks, after: Tracks) -> CameraChange:
    """What is other between two results of the camera called `name`."""
    pairs = shared(before, after)
    old, new = np.unique(before.track), np.unique(after.track)
    goes_on = pairs[pairs.boxes > MOST * np.minimum(pairs.of_one, pairs.of_other)]
    return CameraChange(
        name,
        len(old),
        len(new),
        len(before),
        len(after),
        split=_whole(pairs.one, pairs.other, pairs.boxes > MOST * pairs.of_other),
        joined=_whole(pairs.other, pairs.one, pairs.boxes > MOST * pairs.of_one),
        appeared=_alone(new, goes_on.other),
        vanished=_alone(old, goes_on.one),
        alike=_alike(before, after, pairs),
    )


def _whole(whole: Ints, part: Ints, lies: Bools) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Tracks on which several others lie, with those."""
    numbers, count = np.unique(whole[lies], return_counts=True)
    return tuple((int(one), tuple(part[lies & (whole == one)].tolist())) for one in numbers[count > 1])


def _alone(tracks: Ints, named: Ints) -> tuple[int, ...]:
    """Tracks that are not among those named."""
    return tuple(np.setdiff1d(tracks, named).tolist())


def _alike(before: Tracks, after: Tracks, pairs: Shared) -> bool:
    """Whether both are the same boxes in the same tracks, whatever their numbers."""
    whole = (pairs.boxes == pairs.of_one) & (pairs.boxes == pairs.of_other)
    return len(before) == len(after) == int(pairs.boxes.sum()) and bool(whole.all())


def _tracks(number: int) -> str:
    return f"{number} track{'s' * (number != 1)}"


def _become(before: int, after: int) -> str:
    return f"{_tracks(before)} {'becomes' if before == 1 else 'become'} {after}"


def _persons(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"


def _listed(numbers: Iterable[int]) -> str:
    """
    >>> _listed([3]), _listed([3, 4, 5])
    ('3', '3, 4 and 5')
    """
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last
