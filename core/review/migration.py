"""Migrating the decisions of a case to another run, which numbers its tracks anew.

Decisions and numbers go with the boxes of the tracks that they are about. Decisions that cannot be applied are kept in
the review as pending actions, and a later run may apply them. What was undone is kept only if both runs have the same
tracks.

`forget_tracks` leaves out what was decided about people who were deleted for good.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.base.errors import SightlineError, StoreError
from core.base.types import Tracks
from core.review.apply_decisions import Migration, RunDecisions, apply_decisions
from core.review.history import AbsentNumber, Action, Review, track_of_name
from core.review.number_migration import migrate_numbers
from core.review.track_mapping import MIN_SHARED, Rejected, RunTracks, StoredTracks, count_shared_boxes, load_run_tracks
from core.runs import (
    TRACKLETS_FILE,
    Evidence,
    Name,
    PersonNumber,
    TrackKey,
    apply_links,
    cut,
    load_evidence,
    new_numbers,
)


class MigratedReview(NamedTuple):
    """A review that holds for the new run, and a sentence for each decision that could not be applied."""

    review: Review
    unapplied: tuple[str, ...]


def migrate_decisions(
    review: Review, old_out: Path | None, new_out: Path, stored: StoredTracks | None = None
) -> MigratedReview:
    """The `review` of the run in `old_out` as it holds for the run in `new_out`.

    `old_out` is None if the case had no run. `stored` holds the tracks of earlier runs, and gets those of the new one.
    """
    new, key = load_run_tracks(new_out), _run_key(new_out)
    if review.run == key and review.tracks in ("", new.digest):
        return MigratedReview(replace(review, tracks=new.digest), ())
    sources = _Sources(old_out, new_out, new, stored)
    old = sources.tracks(review.run or (_run_key(old_out) if old_out else ""), review.tracks)
    evidence = load_evidence(new_out) if (new_out / TRACKLETS_FILE).is_file() else None
    has_same_tracks = old is not None and old.same_as(new)
    migrated = review if has_same_tracks and not review.pending else _apply(review, sources, new, evidence)
    given = review if review.state.numbers else review.with_numbers(sources.ranks(review))
    if has_same_tracks:
        numbers = given.numbers if migrated is review else given.state.numbers
        migrated = replace(migrated, numbers=numbers, absent=given.absent, highest=given.highest)
    else:
        migrated = _migrate_numbers(given, migrated, sources, old)
    if evidence is not None:
        parts = cut(evidence, [link.cut_point for link in migrated.state.cuts], new.tracks)
        migrated = migrated.with_numbers(new_numbers(migrated.state.numbers, parts, migrated.highest))
    migrated = replace(migrated, run=key, tracks=new.digest)
    if stored is not None:
        for tracks in (old, new):
            if tracks is not None:
                stored.save(tracks)
    return MigratedReview(migrated, describe_pending(migrated) if migrated.pending else ())


def _apply(review: Review, sources: _Sources, new: RunTracks, evidence: Evidence | None) -> Review:
    """The decisions that hold for the new run, and the pending ones; without `evidence`, nothing can be applied."""
    decisions = sources.decisions(review)
    if evidence is not None:
        migration = apply_decisions(new, evidence, decisions)
    else:
        reason = "the new run tracked people by motion alone"
        migration = Migration((), tuple(run.pending(action, reason) for run in decisions for action in run.actions))
    return Review(migration.done, pending=migration.pending, action_ids=review.action_ids)


def _migrate_numbers(before: Review, after: Review, sources: _Sources, old: RunTracks | None) -> Review:
    """The review `after` with the numbers that people had in the review `before`, which was about the tracks `old`."""
    digest_before = old.digest if old is not None else before.tracks
    present = [AbsentNumber(digest_before, number) for number in before.state.numbers]

    def tracks_of(digest: str) -> RunTracks | None:
        return old if digest == digest_before else sources.tracks("", digest)

    cuts = [link.cut_point for link in after.state.cuts]
    numbers, absent = migrate_numbers((*present, *before.absent), tracks_of, sources.new, cuts)
    return replace(after, numbers=numbers, absent=absent, highest=before.highest)


def migrate_onto(review: Review, old: RunTracks, new: RunTracks, evidence: Evidence) -> Review:
    """As much of `review` as holds for tracks in memory, with their `evidence`; only what does not is pending."""
    decisions = RunDecisions("", review.state.cuts, _in_final_numbers(review.done), old)
    migration = apply_decisions(new, evidence, [decisions])
    return Review(migration.done, pending=migration.pending)


def count_pending(review: Review) -> int:
    """How many decisions of the user could not be applied, wholly or in part."""
    return len({(each.action.time, each.action.description) for each in review.pending if each.reason})


def describe_pending(review: Review) -> tuple[str, ...]:
    """A sentence for each decision that could not be applied. What the run does by itself is left out.

    >>> from core.review.history import PendingAction
    >>> pending = PendingAction("a", (), Action("cut", "cut track 3", 0), "track 3 of gate is not in this run")
    >>> describe_pending(Review(pending=(pending,)))
    ('Cut track 3: track 3 of gate is not in this run',)
    """
    sentences = (f"{_capitalize(each.action.description)}: {each.reason}" for each in review.pending if each.reason)
    return tuple(dict.fromkeys(sentences))


@dataclass(frozen=True)
class _Sources:
    """Where the tracks are that decisions and numbers are about: stored in the case, or in the folder of their run."""

    old_out: Path | None
    new_out: Path
    new: RunTracks
    stored: StoredTracks | None

    def decisions(self, review: Review) -> list[RunDecisions]:
        """The actions done in the old run and the pending ones of any run, each with the tracks that they are about."""
        decisions = []
        if review.done:
            run = review.run or (_run_key(self.old_out) if self.old_out else "")
            decisions.append((run, review.tracks, review.state.cuts, _in_final_numbers(review.done)))
        decisions += [(each.run, each.tracks, each.cuts, (each.action,)) for each in review.pending]
        found = ((*about, self.tracks(*about[:2])) for about in decisions)
        return [
            RunDecisions(run, cuts, actions, tracks, tracks.digest if tracks else digest)
            for run, digest, cuts, actions, tracks in found
        ]

    def tracks(self, run: str, digest: str) -> RunTracks | None:
        """The tracks with the digest, or, without a digest, those of the run; None if they are nowhere."""
        if digest == self.new.digest:
            return self.new
        stored = self.stored.load(digest) if digest and self.stored is not None else None
        found = stored or self._load(run)
        return None if found is None or (digest and found.digest != digest) else found

    def _load(self, run: str) -> RunTracks | None:
        """The tracks of a run, which lies beside the new one."""
        is_old = self.old_out is not None and run in ("", _run_key(self.old_out))
        out = self.old_out if is_old else self.new_out.parent.parent / run / self.new_out.name if run else None
        try:
            return load_run_tracks(out) if out is not None else None
        except StoreError:
            return None

    def ranks(self, review: Review) -> tuple[PersonNumber, ...]:
        """The numbers that the old run showed by rank; none if it is gone, or has other tracks now."""
        tracks = self._load("")
        if self.old_out is None or tracks is None or review.tracks not in ("", tracks.digest):
            return ()
        try:
            return new_numbers((), apply_links(review.links, load_evidence(self.old_out), self.old_out))
        except SightlineError:
            return ()


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
    """The action about new keys, without changes of numbers. Cuts stay: they name tracks as the run numbers them."""

    def new_key(key: TrackKey) -> TrackKey:
        return key_of.get(key, key)

    return replace(
        action,
        links=tuple(link if link.is_cut else link.about(*map(new_key, link.tracks)) for link in action.links),
        names=tuple(Name(*new_key(track_of_name(name)), name.name, name.note) for name in action.names),
        unsure=tuple((new_key(a), new_key(b)) for a, b in action.unsure),
        renumbered=(),
        numbers=(),
    )


@dataclass(frozen=True)
class Forgotten:
    """The review that is left, and the actions that went, in whole or in part."""

    review: Review
    actions: tuple[Action, ...]


def forget_tracks(
    review: Review,
    old_out: Path,
    new_out: Path,
    stored: StoredTracks,
    keys: Collection[TrackKey],
    boxes: Mapping[str, Tracks],
) -> Forgotten:
    """The review of the run in `old_out` for the run in `new_out`, which lacks the tracks `keys` with these `boxes`.

    Decisions that were pending are left out if they are about tracks of earlier runs that have the same boxes, or of
    which nobody knows the boxes any more.
    """
    old = load_run_tracks(old_out)
    migrated, _ = migrate_decisions(review, old_out, new_out, stored)
    gone_of: dict[str, set[TrackKey] | None] = {old.digest: set(keys)}

    def gone(digest: str) -> set[TrackKey] | None:
        if digest not in gone_of:
            tracks = stored.load(digest)
            gone_of[digest] = None if tracks is None else _same_tracks(boxes, old.digests, tracks)
        return gone_of[digest]

    pending = tuple(
        each for each in migrated.pending if (found := gone(each.tracks)) is not None and not each.action.touches(found)
    )
    absent = tuple(
        each
        for each in migrated.absent
        if each.tracks != old.digest
        and (found := gone(each.tracks)) is not None
        and TrackKey(each.number.camera, each.number.track) not in found
    )
    left = replace(migrated, pending=pending, absent=absent, undone=(), action_ids=review.action_ids)
    went = tuple(action for action in (*review.done, *review.undone) if action.touches(keys))
    return Forgotten(left, went)


def _same_tracks(boxes: Mapping[str, Tracks], clips: Mapping[str, str], tracks: RunTracks) -> set[TrackKey]:
    """The tracks of another run that share most of their boxes with those that are gone."""
    found = set()
    for camera, gone in boxes.items():
        there = tracks.camera_of(camera, clips.get(camera, ""))
        name = camera if isinstance(there, Rejected) else there.value
        if name in tracks.tracks and len(gone):
            shared = count_shared_boxes(gone, tracks.tracks[name])
            is_same = shared.boxes >= MIN_SHARED * np.maximum(shared.boxes_of_shorter, 1)
            found |= {TrackKey(name, number) for number in shared.second[is_same].tolist()}
    return found
