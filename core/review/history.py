"""What a user has decided about who is who: the actions with undo and redo, what they add up to, and their file.

The history keeps every action as it was done. `reduce_actions` computes what holds now, and the latest action wins:

- Tracks that were joined stay joined until a later action separates two of them. Only these two sides part.
- Tracks that were separated stay separated until a later action joins them, directly or through other tracks.
- A track that was marked as a thing is one until a later action marks it as a person, or joins it with another.

The numbers of people are kept here too, for as long as the case lives: docs/decisions/0009-numbers-that-hold.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import NamedTuple, Protocol

from core.base.errors import StoreError
from core.machine.paths import write_atomically
from core.machine.records import Content, RecordFormat
from core.runs import DIFFERENT, IS_OBJECT, SAME, Link, Name, PersonNumber, TrackKey

_REMEMBERED_IDS = 500


Pair = frozenset[TrackKey]


class Renumbering(NamedTuple):
    """A part of a cut track whose number has changed, because a track before it was cut."""

    camera: str
    before: int
    after: int


class TrackDecisions(Protocol):
    """The part of an action that `reduce_actions` reads."""

    @property
    def links(self) -> tuple[Link, ...]: ...
    @property
    def names(self) -> tuple[Name, ...]: ...
    @property
    def unsure(self) -> tuple[tuple[TrackKey, TrackKey], ...]: ...
    @property
    def renumbered(self) -> tuple[Renumbering, ...]: ...
    @property
    def numbers(self) -> tuple[PersonNumber, ...]: ...


@dataclass(frozen=True)
class DecisionState:
    """What holds after a sequence of actions, in the order in which it was decided.

    `joined` are groups of two or more tracks that are one person. No pair in `separated` lies within such a group.
    `numbers` are those of people, each of them once. `marks` say of tracks that they show a person or a thing, once of
    each track.
    """

    cuts: tuple[Link, ...] = ()
    joined: tuple[frozenset[TrackKey], ...] = ()
    separated: tuple[Pair, ...] = ()
    unsure: tuple[Pair, ...] = ()
    names: tuple[Name, ...] = ()
    numbers: tuple[PersonNumber, ...] = ()
    marks: tuple[Link, ...] = ()

    @property
    def links(self) -> tuple[Link, ...]:
        """The same decisions as a file of links holds them; names and unsure pairs are not among them."""
        cut_cameras = {link.first.camera for link in self.cuts}
        same = (Link(a, SAME, b) for group in self.joined for a, b in _spanning_pairs(group, cut_cameras))
        different = (Link(min(pair), DIFFERENT, max(pair)) for pair in self.separated)
        return (*self.cuts, *same, *different, *self.marks)

    def group(self, key: TrackKey) -> frozenset[TrackKey]:
        """All tracks that are joined with `key`, including `key`."""
        return next((group for group in self.joined if key in group), frozenset([key]))


@dataclass(frozen=True)
class Action:
    """One step of a user, such as "Merged P003 and P007", and what it decides about tracks.

    `names` holds each track whose name or note changes, with empty text where it was removed. `renumbered` lists the
    parts of cut tracks that get another number. `numbers` are numbers of people that are new or belong to another track
    from here on, `people` the numbers of those whom the action made one person.
    """

    kind: str
    description: str
    time: float
    links: tuple[Link, ...] = ()
    names: tuple[Name, ...] = ()
    unsure: tuple[tuple[TrackKey, TrackKey], ...] = ()
    renumbered: tuple[Renumbering, ...] = ()
    numbers: tuple[PersonNumber, ...] = ()
    people: tuple[int, ...] = ()

    def touches(self, keys: Collection[TrackKey]) -> bool:
        """Whether the action is about one of these tracks."""
        of_links = [key for link in self.links for key in link.tracks]
        pairs = [key for pair in self.unsure for key in pair]
        return not set(keys).isdisjoint((*of_links, *pairs, *map(track_of_name, self.names)))


@dataclass(frozen=True)
class PendingAction:
    """A decision about the tracks of `run`, cut at `cuts`, that cannot be applied to the run shown now.

    It is kept for a later run. `reason` says why; it is empty if the run separates the tracks by itself. `tracks` is
    the digest of those tracks, empty in decisions of 0.1.0.
    """

    run: str
    cuts: tuple[Link, ...]
    action: Action
    reason: str
    tracks: str = ""


class AbsentNumber(NamedTuple):
    """A number of a person who is not in the run shown now; `tracks` is the digest of the tracks that it lies in."""

    tracks: str
    number: PersonNumber


@dataclass(frozen=True)
class Review:
    """The history of one case: `done` in order, and `undone`, of which the last can be redone first.

    `run` is the run whose tracks the actions name once they were migrated; empty before that. `tracks` is the digest of
    these tracks: a run that is repeated may have others. `numbers` are the numbers of people before all actions, and
    `absent` those of people who are not in this run. `highest` is the highest number that was ever given. `action_ids`
    are those of the last changes that browsers asked for, undo and redo included: what a browser sends again after a
    reload or a restart of the server is known by them.
    """

    done: tuple[Action, ...] = ()
    undone: tuple[Action, ...] = ()
    pending: tuple[PendingAction, ...] = ()
    run: str = ""
    tracks: str = ""
    numbers: tuple[PersonNumber, ...] = ()
    absent: tuple[AbsentNumber, ...] = ()
    highest: int = 0
    action_ids: tuple[str, ...] = ()

    def act(self, action: Action) -> Review:
        """The review with one more action; undone actions are dropped."""
        highest = max(self.highest, *(each.number for each in action.numbers), 0)
        return replace(self, done=(*self.done, action), undone=(), highest=highest)

    def with_numbers(self, numbers: Iterable[PersonNumber]) -> Review:
        """The review with more numbers of people."""
        new = tuple(numbers)
        highest = max(self.highest, *(each.number for each in new), 0)
        return replace(self, numbers=(*self.numbers, *new), highest=highest)

    def undo(self) -> Review:
        """The review without its last action, if it has any."""
        return replace(self, done=self.done[:-1], undone=(*self.undone, self.done[-1])) if self.done else self

    def redo(self) -> Review:
        """The review with the action that was undone last, if there is any."""
        return replace(self, done=(*self.done, self.undone[-1]), undone=self.undone[:-1]) if self.undone else self

    def with_action_id(self, action_id: str) -> Review:
        """The review after a change that a browser asked for under this id; empty where it gave none."""
        if not action_id:
            return self
        return replace(self, action_ids=(*self.action_ids, action_id)[-_REMEMBERED_IDS:])

    def has_carried_out(self, action_id: str) -> bool:
        """Whether a browser asked for one of the last changes under this id."""
        return bool(action_id) and action_id in self.action_ids

    @cached_property
    def state(self) -> DecisionState:
        """What holds after all actions that were done."""
        return reduce_actions(self.done, self.numbers)

    @property
    def sources(self) -> frozenset[str]:
        """The digests of all tracks that decisions and numbers are about."""
        return frozenset(
            {self.tracks, *(each.tracks for each in self.pending), *(each.tracks for each in self.absent)} - {""}
        )

    @property
    def merged(self) -> frozenset[int]:
        """The numbers of all people whom the user made one with another."""
        return frozenset(number for action in self.done for number in action.people)

    @property
    def links(self) -> tuple[Link, ...]:
        """The links that hold now, as a file of links contains them."""
        return self.state.links

    @property
    def names(self) -> tuple[Name, ...]:
        """The tracks that have a name or a note now."""
        return self.state.names


def track_of_name(name: Name) -> TrackKey:
    return TrackKey(name.camera, name.track)


def reduce_actions(actions: Iterable[TrackDecisions], numbers: Iterable[PersonNumber] = ()) -> DecisionState:
    """What holds after these actions, if people had these `numbers` before."""
    state = DecisionState(numbers=tuple(numbers))
    for action in actions:
        state = _apply(_renumber(state, action.renumbered), action)
    return state


def _apply(state: DecisionState, action: TrackDecisions) -> DecisionState:
    same = list(_pairs(action.links, SAME))
    different = list(_pairs(action.links, DIFFERENT))
    joined = _separate(state.joined, different)
    for pair in same:
        joined = _join(joined, pair)
    group_of = {key: number for number, group in enumerate(joined) for key in group}
    pairs = dict.fromkeys((*state.separated, *different))
    separated = tuple(pair for pair in pairs if len({group_of.get(key, key) for key in pair}) == 2)
    decided_pairs = {*same, *different}
    new_unsure = {frozenset(pair): None for pair in action.unsure}
    unsure = tuple(pair for pair in state.unsure if pair not in decided_pairs and pair not in new_unsure)
    names = {(camera, track): (name, note) for camera, track, name, note in (*state.names, *action.names)}
    return DecisionState(
        cuts=(*state.cuts, *(link for link in action.links if link.is_cut)),
        joined=joined,
        separated=separated,
        unsure=(*unsure, *new_unsure),
        names=tuple(Name(*key, *texts) for key, texts in names.items() if any(texts)),
        numbers=_replace_numbers(state.numbers, action.numbers),
        marks=_replace_marks(state.marks, action.links),
    )


def _replace_numbers(old: tuple[PersonNumber, ...], new: tuple[PersonNumber, ...]) -> tuple[PersonNumber, ...]:
    """Each number once, where it lies now."""
    return tuple({each.number: each for each in (*old, *new)}.values()) if new else old


def _replace_marks(marks: tuple[Link, ...], links: Sequence[Link]) -> tuple[Link, ...]:
    """The last mark of each track. Who is joined with another is no thing any more."""
    joined = {key for link in links if link.decision == SAME for key in link.pair}
    old = [mark for mark in marks if mark.decision != IS_OBJECT or mark.first not in joined]
    return tuple({mark.first: mark for mark in (*old, *(link for link in links if link.is_mark))}.values())


def _pairs(links: Iterable[Link], decision: str) -> Iterator[Pair]:
    for link in links:
        if link.decision == decision:
            yield frozenset(link.pair)


def _separate(joined: tuple[frozenset[TrackKey], ...], pairs: Iterable[Pair]) -> tuple[frozenset[TrackKey], ...]:
    """The groups after separating the pairs. Tracks that are separated from the same tracks stay together."""
    separated_from: dict[TrackKey, set[TrackKey]] = {}
    for pair in pairs:
        for key in pair:
            separated_from.setdefault(key, set()).update(pair - {key})
    groups: list[frozenset[TrackKey]] = []
    for group in joined:
        parts: dict[frozenset[TrackKey], set[TrackKey]] = {}
        for key in group:
            parts.setdefault(group & separated_from.get(key, set()), set()).add(key)
        groups += [frozenset(part) for part in parts.values() if len(part) > 1]
    return tuple(groups)


def _join(joined: tuple[frozenset[TrackKey], ...], pair: Pair) -> tuple[frozenset[TrackKey], ...]:
    touched = [group for group in joined if group & pair]
    if any(pair <= group for group in touched):
        return joined
    return (*(group for group in joined if not group & pair), pair.union(*touched))


def _spanning_pairs(group: frozenset[TrackKey], cut_cameras: set[str]) -> Iterator[tuple[TrackKey, TrackKey]]:
    """Pairs that join a group: the first track with each of the others.

    In cameras with a cut also all pairs, because the two sides of a cut are different people unless a link joins them.
    """
    first, *others = sorted(group)
    yield from ((first, key) for key in others)
    yield from ((a, b) for a, b in combinations(others, 2) if a.camera == b.camera and a.camera in cut_cameras)


def _renumber(state: DecisionState, changes: Iterable[Renumbering]) -> DecisionState:
    """The same decisions about the same parts of tracks, by their present numbers."""
    new_keys = {TrackKey(camera, before): TrackKey(camera, after) for camera, before, after in changes}
    if not new_keys:
        return state

    def rekey(keys: frozenset[TrackKey]) -> frozenset[TrackKey]:
        return frozenset(new_keys.get(key, key) for key in keys)

    keys = [track_of_name(name) for name in state.names]
    return DecisionState(
        cuts=state.cuts,
        joined=tuple(map(rekey, state.joined)),
        separated=tuple(map(rekey, state.separated)),
        unsure=tuple(map(rekey, state.unsure)),
        names=tuple(
            Name(*new_keys.get(key, key), name.name, name.note) for key, name in zip(keys, state.names, strict=True)
        ),
        numbers=state.numbers,
        marks=tuple(mark.about(new_keys.get(mark.first, mark.first)) for mark in state.marks),
    )


def load_review(path: Path) -> Review:
    """The review in a file; an empty review if there is no such file yet."""
    try:
        return RECORD.read(path)
    except FileNotFoundError:
        return Review()


def save_review(path: Path, review: Review) -> None:
    """Write the whole file or, if that fails, leave the old one as it was.

    `StoreError` if its folder is gone: a case that was deleted must not come back.
    """
    if not path.parent.is_dir():
        raise StoreError("this case no longer exists", "Open another case, or create one.")
    write_atomically(path, RECORD.to_json(review), flush=True)


def _from_version_1(content: Content) -> Content:
    """Links were texts by column, and some fields had other names. Files of 0.1.0 have no numbers of people."""
    return {
        **content,
        "done": list(map(_action_from_version_1, content["done"])),
        "undone": list(map(_action_from_version_1, content["undone"])),
        "pending": list(map(_pending_from_version_1, content.get("waiting", ()))),
    }


def _action_from_version_1(content: Content) -> Content:
    links = _links_from_version_1(content["links"])
    return {**content, "description": content["words"], "links": links, "renumbered": content["moved"]}


def _pending_from_version_1(content: Content) -> Content:
    cuts, action = _links_from_version_1(content["cuts"]), _action_from_version_1(content["action"])
    return {**content, "cuts": cuts, "action": action, "reason": content["why"]}


def _links_from_version_1(links: Iterable[Mapping[str, str]]) -> list[Content]:
    return [vars(Link.from_dict(cells)) for cells in links]


RECORD = RecordFormat(Review, "list of decisions", 2, {1: _from_version_1})
