"""Migrating the decisions of a case to another run, which numbers its tracks anew.

Decisions that cannot be applied are kept in the review as pending actions, and a later run may apply them. What was
undone is kept only if both runs have the same tracks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from core.base.errors import StoreError
from core.review.apply_decisions import Migration, RunDecisions, apply_decisions
from core.review.history import Action, Review, track_of_name
from core.review.track_mapping import RunTracks, load_run_tracks
from core.runs import TRACKLETS_FILE, Evidence, Link, Name, TrackKey, load_evidence


class MigratedReview(NamedTuple):
    """A review that holds for the new run, and a sentence for each decision that could not be applied."""

    review: Review
    unapplied: tuple[str, ...]


def migrate_decisions(review: Review, old_out: Path, new_out: Path) -> MigratedReview:
    """The `review` of the run in `old_out` as it holds for the run in `new_out`."""
    new, key = load_run_tracks(new_out), _run_key(new_out)
    if review.run == key:
        return MigratedReview(review, ())
    decisions = _decisions(review, old_out, new_out, new)
    if not review.pending and all(run.tracks is not None and run.tracks.same_as(new) for run in decisions):
        return MigratedReview(replace(review, run=key), ())
    if (new_out / TRACKLETS_FILE).is_file():
        migration = apply_decisions(new, load_evidence(new_out), decisions)
    else:
        reason = "the new run tracked people by motion alone"
        migration = Migration((), tuple(run.pending(action, reason) for run in decisions for action in run.actions))
    migrated = Review(migration.done, pending=migration.pending, run=key, action_ids=review.action_ids)
    return MigratedReview(migrated, describe_pending(migrated))


def migrate_onto(review: Review, old: RunTracks, new: RunTracks, evidence: Evidence) -> Review:
    """As much of `review` as holds for tracks in memory, with their `evidence`. Nothing is pending in the result."""
    decisions = RunDecisions("", review.state.cuts, _in_final_numbers(review.done), old)
    return Review(apply_decisions(new, evidence, [decisions]).done)


def describe_pending(review: Review) -> tuple[str, ...]:
    """A sentence for each decision that could not be applied. What the run does by itself is left out.

    >>> from core.review.history import PendingAction
    >>> pending = PendingAction("a", (), Action("cut", "cut track 3", 0), "track 3 of gate is not in this run")
    >>> describe_pending(Review(pending=(pending,)))
    ('Cut track 3: track 3 of gate is not in this run',)
    """
    sentences = (f"{_capitalize(each.action.description)}: {each.reason}" for each in review.pending if each.reason)
    return tuple(dict.fromkeys(sentences))


def _decisions(review: Review, old_out: Path, new_out: Path, new: RunTracks) -> list[RunDecisions]:
    """The actions done in the old run, and the pending ones of any run, each with the tracks that they are about."""
    loaded: dict[str, RunTracks | None] = {}

    def tracks(run: str) -> RunTracks | None:
        if run not in loaded:
            loaded[run] = _tracks_of_run(run, old_out, new_out, new)
        return loaded[run]

    old = _run_key(old_out)
    done = [RunDecisions(old, review.state.cuts, _in_final_numbers(review.done), tracks(old))] if review.done else []
    return done + [RunDecisions(each.run, each.cuts, (each.action,), tracks(each.run)) for each in review.pending]


def _tracks_of_run(run: str, old_out: Path, new_out: Path, new: RunTracks) -> RunTracks | None:
    """The tracks of a run that lies beside the new run; None if it was deleted."""
    if run == _run_key(new_out):
        return new
    try:
        return load_run_tracks(old_out if run == _run_key(old_out) else new_out.parent.parent / run / new_out.name)
    except StoreError:
        return None


def _run_key(out: Path) -> str:
    """The key of a run: the name of the folder that its output folder lies in."""
    return out.absolute().parent.name


def _capitalize(text: str) -> str:
    """Older descriptions begin with a small letter."""
    return f"{text[:1].upper()}{text[1:]}"


def _in_final_numbers(done: Sequence[Action]) -> tuple[Action, ...]:
    """The actions with the numbers that parts of cut tracks have after the last action."""
    final_key: dict[TrackKey, TrackKey] = {}
    renumbered = []
    for action in reversed(done):
        renumbered.append(_rekey(action, final_key))
        new_keys = {TrackKey(camera, before): TrackKey(camera, after) for camera, before, after in action.renumbered}
        final_key = {**final_key, **{before: final_key.get(after, after) for before, after in new_keys.items()}}
    return tuple(reversed(renumbered))


def _rekey(action: Action, key_of: Mapping[TrackKey, TrackKey]) -> Action:
    """The action about the new keys, without `renumbered`. Cuts stay: they name tracks as the run numbered them."""

    def new_key(key: TrackKey) -> TrackKey:
        return key_of.get(key, key)

    def rekey_link(link: Link) -> Link:
        a, b = link.pair
        return Link(new_key(a), link.decision, new_key(b))

    return replace(
        action,
        links=tuple(link if link.is_cut else rekey_link(link) for link in action.links),
        names=tuple(Name(*new_key(track_of_name(name)), name.name, name.note) for name in action.names),
        unsure=tuple((new_key(a), new_key(b)) for a, b in action.unsure),
        renumbered=(),
    )
