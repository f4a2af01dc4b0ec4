"""Many words made one statement, in which the latest counts.

Whoever was joined stays joined until a later word tells two of them apart: then those two sides part, and nobody else.
Whoever was told apart stays so until a later word joins them, directly or through others that were joined.

What somebody has said about who is who: actions, in order, of which the last can be taken back.

The nouns, and their file. What is said is kept as it was said; `said` makes one statement of it, in which the latest
word counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol

from core.base.errors import StoreError
from core.machine.paths import write_atomically
from core.runs import CUT, DIFFERENT, SAME, Link, Name

TrackKey = tuple[str, int]
"""Camera and track."""
Named = Name
Pair = frozenset[TrackKey]


class TrackDecisions(Protocol):
    """What an action says, as far as it counts here."""

    @property
    def links(self) -> tuple[Link, ...]: ...
    @property
    def names(self) -> tuple[Named, ...]: ...
    @property
    def unsure(self) -> tuple[tuple[TrackKey, TrackKey], ...]: ...
    @property
    def moved(self) -> tuple[tuple[str, int, int], ...]: ...


@dataclass(frozen=True)
class DecisionState:
    """`joined` are groups of two or more, none of whom are `apart`; everything in the order in which it was said."""

    cuts: tuple[Link, ...] = ()
    joined: tuple[frozenset[TrackKey], ...] = ()
    apart: tuple[Pair, ...] = ()
    unsure: tuple[Pair, ...] = ()
    names: tuple[Named, ...] = ()

    @property
    def links(self) -> tuple[Link, ...]:
        cut = {link["camera"] for link in self.cuts}
        same = (link_of(one, other, SAME) for group in self.joined for one, other in _spanned(group, cut))
        different = (link_of(min(pair), max(pair), DIFFERENT) for pair in self.apart)
        return (*self.cuts, *same, *different)

    def group(self, sight: TrackKey) -> frozenset[TrackKey]:
        """All that are joined with `sight`, and itself."""
        return next((group for group in self.joined if sight in group), frozenset([sight]))


def link_of(one: TrackKey, other: TrackKey, decision: str) -> Link:
    """
    >>> ",".join(link_of(("gate", 3), ("hall", 5), "same").values())
    'gate,3,hall,5,same'
    """
    (camera, track), (other_camera, other_track) = one, other
    ends = {"camera": camera, "track": str(track), "other_camera": other_camera, "other_track": str(other_track)}
    return {**ends, "decision": decision}


def ends(link: Link) -> tuple[TrackKey, TrackKey]:
    """The two tracks that `link_of` made it of."""
    return (link["camera"], int(link["track"])), (link["other_camera"], int(link["other_track"]))


def reduce_actions(actions: Iterable[TrackDecisions]) -> DecisionState:
    said = DecisionState()
    for action in actions:
        said = _after(_moved(said, action.moved), action)
    return said


def _after(said: DecisionState, action: TrackDecisions) -> DecisionState:
    """What one more action makes of it."""
    told = {decision: list(_pairs(action.links, decision)) for decision in (SAME, DIFFERENT)}
    joined = _told_apart(said.joined, told[DIFFERENT])
    for pair in told[SAME]:
        joined = _together(joined, pair)
    group = {sight: number for number, one in enumerate(joined) for sight in one}
    pairs = dict.fromkeys((*said.apart, *told[DIFFERENT]))
    apart = tuple(pair for pair in pairs if len({group.get(sight, sight) for sight in pair}) == 2)
    decided = {*told[SAME], *told[DIFFERENT]}
    open_ones = {frozenset(pair): None for pair in action.unsure}
    unsure = tuple(pair for pair in said.unsure if pair not in decided and pair not in open_ones)
    names = {name[:2]: name for name in said.names} | {name[:2]: name for name in action.names}
    return DecisionState(
        cuts=(*said.cuts, *(link for link in action.links if link["decision"] == CUT)),
        joined=joined,
        apart=apart,
        unsure=(*unsure, *open_ones),
        names=tuple(name for name in names.values() if any(name[2:])),
    )


def _pairs(links: Iterable[Link], decision: str) -> Iterator[Pair]:
    for link in links:
        if link["decision"] == decision:
            yield frozenset(ends(link))


def _told_apart(joined: tuple[frozenset[TrackKey], ...], pairs: Iterable[Pair]) -> tuple[frozenset[TrackKey], ...]:
    """Groups without those pairs: who is told apart from the same ones stays together."""
    against: dict[TrackKey, set[TrackKey]] = {}
    for pair in pairs:
        for sight in pair:
            against.setdefault(sight, set()).update(pair - {sight})
    left = []
    for group in joined:
        parts: dict[frozenset[TrackKey], set[TrackKey]] = {}
        for sight in group:
            parts.setdefault(group & against.get(sight, set()), set()).add(sight)
        left += [frozenset(part) for part in parts.values() if len(part) > 1]
    return tuple(left)


def _together(joined: tuple[frozenset[TrackKey], ...], pair: Pair) -> tuple[frozenset[TrackKey], ...]:
    touched = [group for group in joined if group & pair]
    if any(pair <= group for group in touched):
        return joined
    return (*(group for group in joined if not group & pair), pair.union(*touched))


def _spanned(group: frozenset[TrackKey], cut: set[str]) -> Iterator[tuple[TrackKey, TrackKey]]:
    """Pairs that join a group: all with the first. In cameras where a track is cut each two, for what lies on either
    side of a cut is taken for two people unless these very two are joined."""
    first, *rest = sorted(group)
    yield from ((first, sight) for sight in rest)
    yield from ((one, other) for one, other in combinations(rest, 2) if one[0] == other[0] and one[0] in cut)


def _moved(said: DecisionState, moved: Iterable[tuple[str, int, int]]) -> DecisionState:
    """The same of the same parts of tracks, by the numbers that they have now."""
    now: Mapping[TrackKey, TrackKey] = {(camera, before): (camera, after) for camera, before, after in moved}
    if not now:
        return said

    def all_of(sights: frozenset[TrackKey]) -> frozenset[TrackKey]:
        return frozenset(now.get(sight, sight) for sight in sights)

    return DecisionState(
        cuts=said.cuts,
        joined=tuple(map(all_of, said.joined)),
        apart=tuple(map(all_of, said.apart)),
        unsure=tuple(map(all_of, said.unsure)),
        names=tuple(Name(*now.get(name[:2], name[:2]), *name[2:]) for name in said.names),
    )


FORMAT = 1


@dataclass(frozen=True)
class Action:
    """`words` tell what was done ("joined P003 and P007"). `links` say it of tracks, as a file of links would, and
    `names` hold each track that bears a name or a note now, empty where it was taken away.

    `moved` holds the numbers of parts of cut tracks that are others since: camera, number before, number now.
    """

    kind: str
    words: str
    time: float
    links: tuple[Link, ...] = ()
    names: tuple[Named, ...] = ()
    unsure: tuple[tuple[TrackKey, TrackKey], ...] = ()
    moved: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True)
class Waiting:
    """What was said of the tracks of the run `run`, cut at `cuts`, and cannot be said of the run that is shown; `why`
    is empty where it holds there by itself. It is kept for a later run."""

    run: str
    cuts: tuple[Link, ...]
    action: Action
    why: str


@dataclass(frozen=True)
class Review:
    """`done` in the order in which it was done; `undone` the other way round: its last can be done again first.

    `run` is the run whose tracks are meant, where they were carried to it; empty as long as they were not.
    """

    done: tuple[Action, ...] = ()
    undone: tuple[Action, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    run: str = ""

    def act(self, action: Action) -> Review:
        """With one more action; what was taken back before is gone."""
        return replace(self, done=(*self.done, action), undone=())

    def undo(self) -> Review:
        """Without the last action, if there is any."""
        return replace(self, done=self.done[:-1], undone=(*self.undone, self.done[-1])) if self.done else self

    def redo(self) -> Review:
        """With the action again that was taken back last, if any was."""
        return replace(self, done=(*self.done, self.undone[-1]), undone=self.undone[:-1]) if self.undone else self

    @cached_property
    def said(self) -> DecisionState:
        return reduce_actions(self.done)

    @property
    def links(self) -> tuple[Link, ...]:
        """All that holds now of tracks, as a file of links would say it."""
        return self.said.links

    @property
    def names(self) -> tuple[Named, ...]:
        """Camera, track, name and note of every track that bears one."""
        return self.said.names


def load_review(path: Path) -> Review:
    """The review in a file; an empty one where there is no such file yet."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise StoreError(f"{path} is of another version of the program", "Update Sightline.")
        done, undone = (tuple(_action(one) for one in content[part]) for part in ("done", "undone"))
        waiting = (
            Waiting(str(one["run"]), tuple(map(_link, one["cuts"])), _action(one["action"]), str(one["why"]))
            for one in content.get("waiting", ())
        )
        return Review(done, undone, tuple(waiting), str(content.get("run", "")))
    except FileNotFoundError:
        return Review()
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise StoreError(
            f"what was decided cannot be read ({path}: {fault})", "Restore the case from a back-up."
        ) from fault


def save_review(path: Path, review: Review) -> None:
    """Whole, or not at all."""
    write_atomically(path, json.dumps({"format": FORMAT, **asdict(review)}, indent=1, ensure_ascii=False).encode())


def _action(content: Mapping[str, Any]) -> Action:
    return Action(
        kind=str(content["kind"]),
        words=str(content["words"]),
        time=float(content["time"]),
        links=tuple(map(_link, content["links"])),
        names=tuple(
            Named(str(camera), int(track), str(name), str(note)) for camera, track, name, note in content["names"]
        ),
        unsure=tuple((_sight(one), _sight(other)) for one, other in content["unsure"]),
        moved=tuple((str(camera), int(before), int(now)) for camera, before, now in content["moved"]),
    )


def _link(content: Any) -> Link:
    return {str(name): str(text) for name, text in dict(content).items()}


def _sight(content: Any) -> TrackKey:
    camera, track = content
    return str(camera), int(track)
