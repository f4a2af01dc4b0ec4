"""What was said of the tracks of one run, said of those of another; a new run numbers its tracks anew.

What finds no track there, or cannot be true there, is not lost: it waits in the review, and a later run may bring it
back. Cuts that are carried stand at the beginning, for they decide how parts of tracks are numbered; all else stays in
its order. What had been taken back stays taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from core.errors import StoreError
from core.people import Evidence, Link, load_evidence
from core.people.evidence import FILE
from core.people.links import CUT
from core.review.heirs import RunTracks, run_tracks
from core.review.placing import Carrying, Told
from core.review.review import Action, Review, Waiting
from core.review.saying import Named, Sight, ends, link_of


def carried(review: Review, old_out: Path, new_out: Path) -> tuple[Review, tuple[str, ...]]:
    """`review` of the run in `old_out` as it holds for the one in `new_out`, and in words what has to wait."""
    new, key = run_tracks(new_out), _key(new_out)
    if review.run == key:
        return review, ()
    told = [Told(_key(old_out), review.said.cuts, _in_last_numbers(review.done))] if review.done else []
    told += [Told(one.run, one.cuts, (one.action,)) for one in review.waiting]
    before = {each.run: _tracks_of(each.run, old_out, new_out, new) for each in told}
    if not review.waiting and all(old is not None and old.same_as(new) for old in before.values()):
        return replace(review, run=key), ()
    if not (new_out / FILE).is_file():
        words = "the new run matched on motion alone"
        waits = [Waiting(each.run, each.cuts, action, words) for each in told for action in each.actions]
        return _with(Review(run=key), waits)
    found = Carrying(new, load_evidence(new_out), [(each, before[each.run]) for each in told])
    return _with(Review(tuple(found.done), run=key), found.waiting)


def carried_onto(review: Review, old: RunTracks, new: RunTracks, evidence: Evidence) -> Review:
    """What of `review` holds of tracks that are not on disk; `evidence` is theirs. Nothing waits."""
    told = Told("", review.said.cuts, _in_last_numbers(review.done))
    return Review(tuple(Carrying(new, evidence, [(told, old)]).done))


def why_waiting(review: Review) -> tuple[str, ...]:
    """What waits, in words; what holds by itself is told to nobody."""
    return tuple(dict.fromkeys(_sentence(one) for one in review.waiting if one.why))


def _with(review: Review, waits: Sequence[Waiting]) -> tuple[Review, tuple[str, ...]]:
    found = replace(review, waiting=tuple(waits))
    return found, why_waiting(found)


def _key(out: Path) -> str:
    """What the run is called: its folder lies in one of that name."""
    return out.absolute().parent.name


def _tracks_of(run: str, old_out: Path, new_out: Path, new: RunTracks) -> RunTracks | None:
    """The tracks of a run beside the new one; none where they are not there any more."""
    if run == _key(new_out):
        return new
    try:
        return run_tracks(old_out if run == _key(old_out) else new_out.parent.parent / run / new_out.name)
    except StoreError:
        return None


def _sentence(one: Waiting) -> str:
    """
    >>> _sentence(Waiting("a", (), Action("cut", "Cut track 3", 0), "track 3 of gate is not in the run"))
    'Cut track 3: track 3 of gate is not in the run'
    """
    return f"{one.action.words[:1].upper()}{one.action.words[1:]}: {one.why}"


def _in_last_numbers(done: Sequence[Action]) -> tuple[Action, ...]:
    """The actions as they would be said today: parts of cut tracks have the numbers that they have now."""
    now: dict[Sight, Sight] = {}
    later = []
    for action in reversed(done):
        later.append(_renamed(action, now))
        moved = {(camera, before): (camera, after) for camera, before, after in action.moved}
        now = {**now, **{before: now.get(after, after) for before, after in moved.items()}}
    return tuple(reversed(later))


def _renamed(action: Action, now: Mapping[Sight, Sight]) -> Action:
    """Without `moved`; cuts name tracks as the run does, and stay."""

    def of(sight: Sight) -> Sight:
        return now.get(sight, sight)

    return replace(
        action,
        links=tuple(link if link["decision"] == CUT else _linked(link, of) for link in action.links),
        names=tuple(Named(*of(named[:2]), *named[2:]) for named in action.names),
        unsure=tuple((of(one), of(other)) for one, other in action.unsure),
        moved=(),
    )


def _linked(link: Link, of: Callable[[Sight], Sight]) -> Link:
    one, other = ends(link)
    return link_of(of(one), of(other), link["decision"])
