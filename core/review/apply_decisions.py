"""Applying decisions about the tracks of earlier runs to the tracks of a new run.

Cuts come first, because they determine how parts of tracks are numbered. Everything else follows action by action, each
checked against the ones before it. A decision is applied, already true in the new run, or rejected with a reason. What
is not applied becomes a pending action.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.base.errors import SettingsError
from core.review.history import Action, DecisionState, PendingAction, reduce_actions, track_of_name
from core.review.track_mapping import AlreadyTrue, Applied, Rejected, RunTracks, TrackMapping, map_cut, map_tracks
from core.runs import DIFFERENT, SAME, CutPoint, Evidence, Link, Name, TrackKey, adjacent_parts, cut, foot_distances
from core.vision.match import REASON_TEXTS, REJECTED, Reasons, reasons, refuses_joining


@dataclass(frozen=True)
class Migration:
    """The actions that hold in the new run, and the decisions that are pending."""

    done: tuple[Action, ...]
    pending: tuple[PendingAction, ...]


@dataclass(frozen=True)
class RunDecisions:
    """Actions in the track numbers of `run`, cut at `cuts`; `tracks` is None if nothing knows its tracks any more.

    `digest` is that of the tracks, empty in decisions of 0.1.0.
    """

    run: str
    cuts: tuple[Link, ...]
    actions: tuple[Action, ...]
    tracks: RunTracks | None
    digest: str = ""

    @property
    def source(self) -> str:
        """Which tracks the decisions are about: a run that is repeated can have others."""
        return self.digest or self.run

    @property
    def deleted(self) -> str:
        """Why nothing can be applied if the run was deleted."""
        return f"the run {self.run[:8]} that this decision was made in was deleted"

    def pending(self, action: Action, reason: str) -> PendingAction:
        return PendingAction(self.run, self.cuts, action, reason, self.digest)


@dataclass(frozen=True)
class _MappedCuts:
    """Where to cut the new run, the cuts (by source) that it makes by itself, and the cuts that are pending."""

    points: tuple[CutPoint, ...]
    already_true: frozenset[tuple[str, CutPoint]]
    pending: tuple[PendingAction, ...]


@dataclass(frozen=True, eq=False)
class _Target:
    """The new run after its cuts: the tracks, their rows, and why two rows cannot be one person."""

    tracks: RunTracks
    row_of: Mapping[tuple[str, int], int]
    why: Reasons


def apply_decisions(new: RunTracks, evidence: Evidence, decisions: Sequence[RunDecisions]) -> Migration:
    """As much of `decisions`, in order, as holds for the run with the tracks `new` and this `evidence`."""
    cuts = _map_cuts(new, evidence, decisions)
    done = _cut_actions(cuts.points, decisions)
    pending = list(cuts.pending)
    parts = cut(evidence, cuts.points, new.tracks)
    why = reasons(parts.tracklets, foot_distance=foot_distances(parts), presence=parts.presence)
    target = _Target(new.cut(cuts.points)[1], parts.row_of, why)
    for run in decisions:
        applied, left = _apply_run(run, target, cuts.already_true, done)
        done, pending = [*done, *applied], [*pending, *left]
    return Migration(tuple(done), tuple(pending))


def _map_cuts(new: RunTracks, evidence: Evidence, decisions: Sequence[RunDecisions]) -> _MappedCuts:
    """The cuts for which the new run has a track with pictures on both sides."""
    points: list[CutPoint] = []
    already_true: set[tuple[str, CutPoint]] = set()
    pending = []
    all_cuts = [(run, action, link) for run in decisions for action in run.actions for link in _cuts(action)]
    for run, action, link in all_cuts:
        result = Rejected(run.deleted) if run.tracks is None else map_cut(link, run.tracks, new)
        if isinstance(result, Applied):
            if result.value in points:
                continue
            result = _try_cut(result.value, points, new, evidence)
        if isinstance(result, Applied):
            points.append(result.value)
            continue
        if isinstance(result, AlreadyTrue):
            already_true.add((run.source, link.cut_point))
        part = replace(action, links=(link,), names=(), unsure=())
        pending.append(run.pending(part, _reason(result)))
    return _MappedCuts(tuple(points), frozenset(already_true), tuple(pending))


def _try_cut(
    point: CutPoint, points: Sequence[CutPoint], new: RunTracks, evidence: Evidence
) -> Applied[CutPoint] | Rejected:
    """Whether the new run can be cut at `point` in addition to `points`."""
    try:
        cut(evidence, [*points, point], new.tracks)
    except SettingsError as fault:
        return Rejected(fault.message)
    return Applied(point)


def _cut_actions(points: Sequence[CutPoint], decisions: Sequence[RunDecisions]) -> list[Action]:
    """One action with all cuts, if there are any."""
    if not points:
        return []
    links = tuple(Link.cut(point) for point in sorted(points))
    description = f"Transferred {len(points)} cut{'s' * (len(points) > 1)} from the previous run"
    time = min(action.time for run in decisions for action in run.actions if _cuts(action))
    return [Action("carried", description, time, links)]


def _apply_run(
    run: RunDecisions, target: _Target, already_true: frozenset[tuple[str, CutPoint]], done: Sequence[Action]
) -> tuple[list[Action], list[PendingAction]]:
    """The decisions about one run except its cuts: the actions that hold after those `done`, and the pending ones."""
    if run.tracks is None:
        actions = map(_without_cuts, run.actions)
        return [], [run.pending(action, run.deleted) for action in actions if _decides(action)]
    cuts, parts = run.tracks.cut(link.cut_point for link in run.cuts if link.first.camera in run.tracks.tracks)
    state = reduce_actions(run.actions)
    mapping = map_tracks(parts, target.tracks, state.joined)
    sides = {
        CutPoint(each.camera, each.track, each.seconds): adjacent
        for each, adjacent in zip(cuts, adjacent_parts(cuts), strict=True)
    }
    applied: list[Action] = []
    pending: list[PendingAction] = []
    for number, action in enumerate(run.actions):
        # Where the new run separates the parts without a cut, a link has to say that they are different people.
        points = [link.cut_point for link in _cuts(action) if (run.source, link.cut_point) in already_true]
        pairs = [tuple(TrackKey(*key) for key in sides[point]) for point in points if point in sides]
        separating = tuple(Link(a, DIFFERENT, b) for a, b in pairs if b not in state.group(a))
        plain = _without_cuts(action)
        holds, rejected = _apply_action(
            replace(plain, links=(*separating, *plain.links)), mapping, state, target, [*done, *applied]
        )
        holds = _join_remaining(run.actions[: number + 1], holds, mapping, target, [*done, *applied])
        if _decides(holds):
            applied.append(holds)
        pending += [run.pending(part, reason) for reason, part in rejected.items()]
    return applied, pending


def _apply_action(
    action: Action, mapping: TrackMapping, state: DecisionState, target: _Target, done: Sequence[Action]
) -> tuple[Action, dict[str, Action]]:
    """The part of the action that holds in the new run, and the remaining parts, in old numbers, by their reason."""
    holds = empty = replace(action, links=(), names=(), unsure=())
    rejected: dict[str, Action] = {}
    for link in action.links:
        result = _apply_link(link, mapping, target, [*done, holds])
        if isinstance(result, Applied):
            holds = replace(holds, links=(*holds.links, result.value))
        else:
            part = rejected.get(_reason(result), empty)
            rejected[_reason(result)] = replace(part, links=(*part.links, link))
    for pair in action.unsure:
        targets = mapping.targets_of(*pair)
        if isinstance(targets, Rejected):
            part = rejected.get(targets.reason, empty)
            rejected[targets.reason] = replace(part, unsure=(*part.unsure, pair))
        elif targets.value[0] != targets.value[1]:
            holds = replace(holds, unsure=(*holds.unsure, targets.value))
    names, rejected_names = _apply_names(action, mapping, state)
    for name, result in rejected_names:
        part = rejected.get(result.reason, empty)
        rejected[result.reason] = replace(part, names=(*part.names, name))
    return replace(holds, names=names), rejected


def _apply_link(
    link: Link, mapping: TrackMapping, target: _Target, done: Sequence[Action]
) -> Applied[Link] | AlreadyTrue | Rejected:
    """The link between the new tracks, if it can hold after the actions `done`."""
    targets = [mapping.target_of(key) for key in link.tracks]
    keys = [found.value for found in targets if isinstance(found, Applied)]
    if len(keys) < len(targets):
        return next(found for found in targets if isinstance(found, Rejected))
    new_link, decision = link.about(*keys), link.decision
    absent = [key for key in keys if key not in target.row_of]
    if absent:
        return Rejected(f"track {absent[0].track} of {absent[0].camera} has no picture in this run")
    if link.is_mark:
        return Applied(new_link)
    a, b = keys
    if a == b:
        return AlreadyTrue() if decision == SAME else Rejected(f"both are track {a.track} of {a.camera} in this run")
    if decision == DIFFERENT:
        return Applied(new_link)
    return _contradiction(_with_link(done, new_link), a, target) or Applied(new_link)


def _join_remaining(
    actions: Sequence[Action], holds: Action, mapping: TrackMapping, target: _Target, done: Sequence[Action]
) -> Action:
    """The action `holds` that also joins those who were joined through a track that the new run does not have.

    `actions` are those of the old run, up to the one of which `holds` is what holds.
    """
    state = reduce_actions(actions)
    for group in dict.fromkeys(state.group(link.first) for link in actions[-1].links if link.decision == SAME):
        found = [mapping.target_of(key) for key in sorted(group)]
        present = [each.value for each in found if isinstance(each, Applied) and each.value in target.row_of]
        for key in present[1:]:
            joining = _with_link([*done, holds], Link(present[0], SAME, key))
            is_joined = key in reduce_actions([*done, holds]).group(present[0])
            if not is_joined and _contradiction(joining, key, target) is None:
                holds = joining[-1]
    return holds


def _with_link(actions: Sequence[Action], link: Link) -> list[Action]:
    """The actions with one more link in the last of them."""
    *before, last = actions
    return [*before, replace(last, links=(*last.links, link))]


def _contradiction(actions: Sequence[Action], key: TrackKey, target: _Target) -> Rejected | None:
    """Why the tracks that the actions join with `key` cannot be one person, if they cannot.

    A decision that was pending comes after newer ones, and does not join whom these have separated.
    """
    group = reduce_actions(actions).group(key)
    newer = [action for action in actions if action.time > actions[-1].time]
    if any(pair <= group for pair in reduce_actions(newer).separated):
        return Rejected(REASON_TEXTS[REJECTED])
    rows = [target.row_of[joined] for joined in group]
    why = target.why[np.ix_(rows, rows)]
    refused = why[refuses_joining(why)]
    return Rejected(REASON_TEXTS[int(refused.max())]) if len(refused) else None


def _apply_names(
    action: Action, mapping: TrackMapping, state: DecisionState
) -> tuple[tuple[Name, ...], list[tuple[Name, Rejected]]]:
    """The names for new tracks, and the names in force for which there is no new track, with the reason."""
    in_force = {track_of_name(name): name for name in state.names}
    texts: dict[TrackKey, tuple[str, str]] = {}
    rejected = []
    for old_name in action.names:
        key = track_of_name(old_name)
        target = mapping.target_of(key)
        if isinstance(target, Rejected):
            if in_force.get(key) == old_name:
                rejected.append((old_name, target))
            continue
        source = mapping.dominant_source[target.value]
        if source == key or source not in in_force:
            # Two tracks became one, and either may be the one that has the name of both.
            name, note = texts.get(target.value, ("", ""))
            texts[target.value] = old_name.name or name, old_name.note or note
        elif in_force.get(key) == old_name and in_force[source][2:] != old_name[2:]:
            rejected.append((old_name, Rejected("its track is part of a track with another name in this run")))
    return tuple(Name(*key, *text) for key, text in texts.items()), rejected


def _reason(result: AlreadyTrue | Rejected) -> str:
    """The reason of a pending action: empty if the run does by itself what was decided."""
    return result.reason if isinstance(result, Rejected) else ""


def _cuts(action: Action) -> list[Link]:
    return [link for link in action.links if link.is_cut]


def _without_cuts(action: Action) -> Action:
    return replace(action, links=tuple(link for link in action.links if not link.is_cut))


def _decides(action: Action) -> bool:
    return bool(action.links or action.names or action.unsure)
