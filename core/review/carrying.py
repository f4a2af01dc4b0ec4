"""A review of one run migrated to another, which numbers its tracks anew.

A decision that finds no track there, or cannot be true there, is not lost: it waits in the review, and a later run may
bring it back. Migrated cuts stand at the beginning, for they decide how parts of tracks are numbered; all else stays in
its order. What had been undone stays undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from core.errors import StoreError
from core.people import Evidence, Link, load_evidence
from core.people.evidence import FILE
from core.people.links import CUT
from core.review.heirs import RunTracks, run_tracks
from core.review.placing import Migration, RunDecisions, apply_decisions
from core.review.review import Action, Review, Waiting
from core.review.saying import Named, Sight, ends, link_of


class Migrated(NamedTuple):
    """A review as it holds for another run, and in words what has to wait."""

    review: Review
    unapplied: tuple[str, ...]


def migrate_decisions(review: Review, old_out: Path, new_out: Path) -> Migrated:
    """`review` of the run in `old_out` as it holds for the one in `new_out`."""
    new, key = run_tracks(new_out), _key(new_out)
    if review.run == key:
        return Migrated(review, ())
    decisions = _decisions(review, old_out, new_out, new)
    if not review.waiting and all(run.tracks is not None and run.tracks.same_as(new) for run in decisions):
        return Migrated(replace(review, run=key), ())
    if not (new_out / FILE).is_file():
        words = "the new run matched on motion alone"
        waiting = tuple(run.waiting(action, words) for run in decisions for action in run.actions)
        return _migrated(key, Migration((), waiting))
    return _migrated(key, apply_decisions(new, load_evidence(new_out), decisions))


def migrate_onto(review: Review, old: RunTracks, new: RunTracks, evidence: Evidence) -> Review:
    """What of `review` holds of tracks that are not on disk; `evidence` is theirs. Nothing waits."""
    decisions = RunDecisions("", review.said.cuts, _in_last_numbers(review.done), old)
    return Review(apply_decisions(new, evidence, [decisions]).done)


def _decisions(review: Review, old_out: Path, new_out: Path, new: RunTracks) -> list[RunDecisions]:
    """What was done of the old run, and what waits of any run, each with the tracks that it was said of."""
    found: dict[str, RunTracks | None] = {}

    def tracks(run: str) -> RunTracks | None:
        if run not in found:
            found[run] = _tracks_of(run, old_out, new_out, new)
        return found[run]

    old = _key(old_out)
    done = [RunDecisions(old, review.said.cuts, _in_last_numbers(review.done), tracks(old))] if review.done else []
    return done + [RunDecisions(each.run, each.cuts, (each.action,), tracks(each.run)) for each in review.waiting]


def why_waiting(review: Review) -> tuple[str, ...]:
    """What waits, in words; what the run says by itself is not among it."""
    return tuple(dict.fromkeys(_sentence(one) for one in review.waiting if one.why))


def _migrated(run: str, migration: Migration) -> Migrated:
    found = Review(migration.done, waiting=migration.waiting, run=run)
    return Migrated(found, why_waiting(found))


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
