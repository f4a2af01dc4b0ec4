"""Decisions about the tracks of earlier runs, applied to those of a new one: action by action, each checked against
those before it.

Cuts come first, for they decide how parts of tracks are numbered. A decision is applied, already true there, or
rejected with a reason; what is not applied waits.

A review of one run migrated to another, which numbers its tracks anew.

A decision that finds no track there, or cannot be true there, is not lost: it waits in the review, and a later run may
bring it back. Migrated cuts stand at the beginning, for they decide how parts of tracks are numbered; all else stays in
its order. What had been undone stays undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.base.errors import SettingsError, StoreError
from core.review.history import Action, Named, Review, DecisionState, TrackKey, Waiting, ends, reduce_actions, link_of
from core.review.track_mapping import (
    AlreadyTrue,
    Applied,
    Rejected,
    RunTracks,
    TrackMapping,
    map_tracks,
    place_cut,
    run_tracks,
)
from core.runs import CUT, DIFFERENT, TRACKLETS_FILE, SAME, Evidence, Link, CutPoint, foot_distances, cut, load_evidence, adjacent_parts
from core.vision.match import FREE, REASON_TEXTS, Reasons, reasons


@dataclass(frozen=True)
class RunDecisions:
    """Actions in the numbers of a run whose tracks are cut at `cuts`; no `tracks` where that run is deleted."""

    run: str
    cuts: tuple[Link, ...]
    actions: tuple[Action, ...]
    tracks: RunTracks | None

    @property
    def deleted(self) -> str:
        """Why nothing of a run without tracks can be applied."""
        return f"the run {self.run[:8]} that it was said of is not here any more"

    def waiting(self, action: Action, why: str) -> Waiting:
        return Waiting(self.run, self.cuts, action, why)


@dataclass(frozen=True)
class Migration:
    """The actions that hold of the new run, and the decisions that wait."""

    done: tuple[Action, ...]
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True)
class _Cuts:
    """Where cuts fall in the new run, which of each old run it makes by itself, and those that wait."""

    moments: tuple[CutPoint, ...]
    already: frozenset[tuple[str, CutPoint]]
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, eq=False)
class _Target:
    """The new run after the cuts: its tracks, their rows, and why two rows cannot be one person."""

    tracks: RunTracks
    row_of: Mapping[TrackKey, int]
    why: Reasons


def apply_decisions(new: RunTracks, evidence: Evidence, decisions: Sequence[RunDecisions]) -> Migration:
    """What of `decisions` holds of the run `new`, of which `evidence` is known, in order."""
    placed = _place_cuts(new, evidence, decisions)
    done = _cut_action(placed.moments, decisions)
    waiting = list(placed.waiting)
    target = _target(new, evidence, placed.moments)
    for run in decisions:
        applied, left = _apply_run(run, target, placed.already, done)
        done, waiting = [*done, *applied], [*waiting, *left]
    return Migration(tuple(done), tuple(waiting))


def _place_cuts(new: RunTracks, evidence: Evidence, decisions: Sequence[RunDecisions]) -> _Cuts:
    """The cuts, as far as there is a track to cut that leaves a picture on both sides."""
    moments: list[CutPoint] = []
    already: set[tuple[str, CutPoint]] = set()
    waiting = []
    every = [(run, action, link) for run in decisions for action in run.actions for link in _cuts(action)]
    for run, action, link in every:
        place = Rejected(run.deleted) if run.tracks is None else place_cut(link, run.tracks, new)
        if isinstance(place, Applied):
            if place.value in moments:
                continue
            place = _try_cut(place.value, moments, new, evidence)
        if isinstance(place, Applied):
            moments.append(place.value)
            continue
        if isinstance(place, AlreadyTrue):
            already.add((run.run, _moment(link)))
        part = replace(action, links=(link,), names=(), unsure=())
        waiting.append(run.waiting(part, _reason(place)))
    return _Cuts(tuple(moments), frozenset(already), tuple(waiting))


def _try_cut(
    moment: CutPoint, moments: Sequence[CutPoint], new: RunTracks, evidence: Evidence
) -> Applied[CutPoint] | Rejected:
    """One more cut beside those at `moments`."""
    try:
        cut(evidence, [*moments, moment], new.tracks)
    except SettingsError as fault:
        return Rejected(fault.message)
    return Applied(moment)


def _cut_action(moments: Sequence[CutPoint], decisions: Sequence[RunDecisions]) -> list[Action]:
    """One action that makes all cuts; none where there is no cut."""
    if not moments:
        return []
    links = tuple(_cut_link(moment) for moment in sorted(moments))
    words = f"carried {len(moments)} cut{'s' * (len(moments) > 1)} over from the run before"
    time = min(action.time for run in decisions for action in run.actions if _cuts(action))
    return [Action("carried", words, time, links)]


def _target(new: RunTracks, evidence: Evidence, moments: Sequence[CutPoint]) -> _Target:
    parts = cut(evidence, moments, new.tracks)
    return _Target(new.cut(moments)[1], parts.row_of, reasons(parts.tracklets, apart=foot_distances(parts)))


def _apply_run(
    run: RunDecisions, target: _Target, already: frozenset[tuple[str, CutPoint]], done: Sequence[Action]
) -> tuple[list[Action], list[Waiting]]:
    """What was decided of one run besides cuts: the actions that hold after those `done`, and what waits."""
    if run.tracks is None:
        plain = map(_without_cuts, run.actions)
        return [], [run.waiting(action, run.deleted) for action in plain if _decides(action)]
    cuts, parts = run.tracks.cut(_moment(link) for link in run.cuts if link["camera"] in run.tracks.tracks)
    said = reduce_actions(run.actions)
    mapping = map_tracks(parts, target.tracks, said.joined)
    sides = {(each.camera, each.track, each.seconds): pair for each, pair in zip(cuts, adjacent_parts(cuts), strict=True)}
    applied: list[Action] = []
    waiting: list[Waiting] = []
    for action in run.actions:
        # Where the new run separates the two without a cut, somebody has to say that they are two.
        moments = [moment for moment in map(_moment, _cuts(action)) if (run.run, moment) in already]
        pairs = [sides[moment] for moment in moments if moment in sides]
        two = tuple(link_of(*pair, DIFFERENT) for pair in pairs if pair[1] not in said.group(pair[0]))
        plain_action = _without_cuts(action)
        whole = replace(plain_action, links=(*two, *plain_action.links))
        holds, left = _apply_action(whole, mapping, said, target, [*done, *applied])
        if _decides(holds):
            applied.append(holds)
        waiting += [run.waiting(part, reason) for reason, part in left.items()]
    return applied, waiting


def _apply_action(
    action: Action, mapping: TrackMapping, said: DecisionState, target: _Target, done: Sequence[Action]
) -> tuple[Action, dict[str, Action]]:
    """The action as far as it holds of the new run; the rest by the reason, in the old numbers."""
    holds = nothing = replace(action, links=(), names=(), unsure=())
    waits: dict[str, Action] = {}
    for link in action.links:
        result = _apply_link(link, mapping, target, [*done, holds])
        if isinstance(result, Applied):
            holds = replace(holds, links=(*holds.links, result.value))
        else:
            part = waits.get(_reason(result), nothing)
            waits[_reason(result)] = replace(part, links=(*part.links, link))
    for pair in action.unsure:
        new = mapping.targets_of(*pair)
        if isinstance(new, Rejected):
            part = waits.get(new.reason, nothing)
            waits[new.reason] = replace(part, unsure=(*part.unsure, pair))
        elif new.value[0] != new.value[1]:
            holds = replace(holds, unsure=(*holds.unsure, new.value))
    names, left = _apply_names(action, mapping, said)
    for named, rejected in left:
        part = waits.get(rejected.reason, nothing)
        waits[rejected.reason] = replace(part, names=(*part.names, named))
    return replace(holds, names=names), waits


def _apply_link(
    link: Link, mapping: TrackMapping, target: _Target, done: Sequence[Action]
) -> Applied[Link] | AlreadyTrue | Rejected:
    """The link between the new tracks, if it can be true with all that was `done` before it."""
    pair = mapping.targets_of(*ends(link))
    if isinstance(pair, Rejected):
        return pair
    (a, b), decision = pair.value, link["decision"]
    new = link_of(a, b, decision)
    absent = [sight for sight in (a, b) if sight not in target.row_of]
    if absent:
        return Rejected(f"track {absent[0][1]} of {absent[0][0]} has no picture in the run")
    if a == b:
        return AlreadyTrue() if decision == SAME else Rejected(f"both are track {a[1]} of {a[0]} now")
    if decision == DIFFERENT:
        return Applied(new)
    *before, last = done
    return _contradiction([*before, replace(last, links=(*last.links, new))], a, target) or Applied(new)


def _contradiction(actions: Iterable[Action], sight: TrackKey, target: _Target) -> Rejected | None:
    """Why those whom the actions join with `sight` cannot be one person, if they cannot."""
    rows = [target.row_of[joined] for joined in reduce_actions(actions).group(sight)]
    why = target.why[np.ix_(rows, rows)]
    return None if (why == FREE).all() else Rejected(REASON_TEXTS[int(why.max())])


def _apply_names(
    action: Action, mapping: TrackMapping, said: DecisionState
) -> tuple[tuple[Named, ...], list[tuple[Named, Rejected]]]:
    """The names that can be given to the new tracks; of those still in force, the others with the reason."""
    in_force = {named[:2]: named for named in said.names}
    texts: dict[TrackKey, tuple[str, str]] = {}
    left = []
    for named in action.names:
        sight, new = named[:2], mapping.target_of(named[:2])
        if isinstance(new, Rejected):
            if in_force.get(sight) == named:
                left.append((named, new))
            continue
        source = mapping.dominant_source[new.value]
        if source == sight or source not in in_force:
            # Of two tracks that became one, the one that bears the name of both may be either.
            name, note = texts.get(new.value, ("", ""))
            texts[new.value] = named[2] or name, named[3] or note
        elif in_force.get(sight) == named and in_force[source][2:] != named[2:]:
            left.append((named, Rejected("it is one with a track of another name now")))
    return tuple(Named(*sight, *words) for sight, words in texts.items()), left


def _reason(result: AlreadyTrue | Rejected) -> str:
    """As a review keeps it: empty where the run says so by itself."""
    return result.reason if isinstance(result, Rejected) else ""


def _cuts(action: Action) -> list[Link]:
    return [link for link in action.links if link["decision"] == CUT]


def _cut_link(moment: CutPoint) -> Link:
    camera, track, seconds = moment
    return {"camera": camera, "track": str(track), "decision": CUT, "seconds": f"{seconds:.3f}"}


def _moment(link: Link) -> CutPoint:
    return CutPoint(link["camera"], int(link["track"]), float(link["seconds"]))


def _without_cuts(action: Action) -> Action:
    return replace(action, links=tuple(link for link in action.links if link["decision"] != CUT))


def _decides(action: Action) -> bool:
    return bool(action.links or action.names or action.unsure)


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
    if not (new_out / TRACKLETS_FILE).is_file():
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
    now: dict[TrackKey, TrackKey] = {}
    later = []
    for action in reversed(done):
        later.append(_renamed(action, now))
        moved = {(camera, before): (camera, after) for camera, before, after in action.moved}
        now = {**now, **{before: now.get(after, after) for before, after in moved.items()}}
    return tuple(reversed(later))


def _renamed(action: Action, now: Mapping[TrackKey, TrackKey]) -> Action:
    """Without `moved`; cuts name tracks as the run does, and stay."""

    def of(sight: TrackKey) -> TrackKey:
        return now.get(sight, sight)

    return replace(
        action,
        links=tuple(link if link["decision"] == CUT else _linked(link, of) for link in action.links),
        names=tuple(Named(*of(named[:2]), *named[2:]) for named in action.names),
        unsure=tuple((of(one), of(other)) for one, other in action.unsure),
        moved=(),
    )


def _linked(link: Link, of: Callable[[TrackKey], TrackKey]) -> Link:
    one, other = ends(link)
    return link_of(of(one), of(other), link["decision"])
