"""What was said of the tracks of earlier runs, said again of those of a new one: action by action, each tried with
those before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.errors import SettingsError
from core.match import FREE, WORDS, reasons
from core.people import Evidence, Link
from core.people.cutting import Moment, cut, neighbours
from core.people.links import CUT, DIFFERENT, SAME
from core.people.views import apart
from core.review.heirs import Heirs, RunTracks, heirs, moment_of
from core.review.review import Action, Waiting
from core.review.saying import Named, Said, Sight, ends, fold, link_of


@dataclass(frozen=True)
class Told:
    """Actions in the numbers of a run whose tracks are cut at `cuts`."""

    run: str
    cuts: tuple[Link, ...]
    actions: tuple[Action, ...]


class Carrying:
    """One new run, and what can be said of it: filled action by action, each tried with those before it."""

    def __init__(self, new: RunTracks, evidence: Evidence, told: Sequence[tuple[Told, RunTracks | None]]) -> None:
        self.done: list[Action] = []
        self.waiting: list[Waiting] = []
        self._whole, self._evidence = new, evidence
        self._moments: list[Moment] = []
        self._by_itself: set[tuple[str, Moment]] = set()
        for each, old in told:
            self._cut(each, old)
        cuts, self._parts = new.cut(self._moments)
        self._evidence = cut(evidence, self._moments, new.tracks)
        self._row_of = self._evidence.row_of
        self._why = reasons(self._evidence.tracklets, apart=apart(self._evidence))
        if cuts:
            links = tuple(_cut_link(moment) for moment in sorted(self._moments))
            words = f"carried {len(cuts)} cut{'s' * (len(cuts) > 1)} over from the run before"
            when = min(action.time for each, _ in told for action in each.actions if _cuts(action))
            self.done.append(Action("carried", words, when, links))
        for each, old in told:
            self._carry(each, old)

    def _cut(self, told: Told, old: RunTracks | None) -> None:
        """Take over the cuts, as far as there is a track to cut that leaves a picture on both sides."""
        for action in told.actions:
            for link in _cuts(action):
                moment = _absent(told) if old is None else moment_of(link, old, self._whole)
                if isinstance(moment, tuple) and moment not in self._moments:
                    moment = self._tried(moment)
                if moment == "":
                    self._by_itself.add((told.run, _moment(link)))
                if isinstance(moment, str):
                    part = replace(action, links=(link,), names=(), unsure=())
                    self.waiting.append(Waiting(told.run, told.cuts, part, moment))

    def _tried(self, moment: Moment) -> str | Moment:
        try:
            cut(self._evidence, [*self._moments, moment], self._whole.tracks)
        except SettingsError as fault:
            return fault.message
        self._moments.append(moment)
        return moment

    def _carry(self, told: Told, old: RunTracks | None) -> None:
        """Take over all else, action by action."""
        if old is None:
            rest = [_without_cuts(action) for action in told.actions]
            self.waiting += [Waiting(told.run, told.cuts, one, _absent(told)) for one in rest if _says(one)]
            return
        cuts, parts = old.cut(_moment(link) for link in told.cuts if link["camera"] in old.tracks)
        said = fold(told.actions)
        place = heirs(parts, self._parts, said.joined)
        sides = {(one.camera, one.track, one.seconds): pair for one, pair in zip(cuts, neighbours(cuts), strict=True)}
        for action in told.actions:
            # Where the new run parts the two without a cut, somebody has to say that they are two.
            moments = [moment for moment in map(_moment, _cuts(action)) if (told.run, moment) in self._by_itself]
            pairs = [sides[moment] for moment in moments if moment in sides]
            two = tuple(link_of(*pair, DIFFERENT) for pair in pairs if pair[1] not in said.group(pair[0]))
            plain = _without_cuts(action)
            kept, left = self._again(replace(plain, links=(*two, *plain.links)), place, said)
            if _says(kept):
                self.done.append(kept)
            self.waiting += [Waiting(told.run, told.cuts, part, why) for why, part in left.items()]

    def _again(self, action: Action, place: Heirs, said: Said) -> tuple[Action, dict[str, Action]]:
        """The action as far as it can be said of the new run; the rest by the reason, in the old numbers."""
        kept = none = replace(action, links=(), names=(), unsure=())
        waits: dict[str, Action] = {}
        for link in action.links:
            new = place.of_pair(*ends(link))
            why = new if isinstance(new, str) else self._false(kept, link_of(*new, link["decision"]))
            if why is None and not isinstance(new, str):
                kept = replace(kept, links=(*kept.links, link_of(*new, link["decision"])))
            elif why is not None:
                part = waits.get(why, none)
                waits[why] = replace(part, links=(*part.links, link))
        for pair in action.unsure:
            new = place.of_pair(*pair)
            if isinstance(new, str):
                part = waits.get(new, none)
                waits[new] = replace(part, unsure=(*part.unsure, pair))
            elif new[0] != new[1]:
                kept = replace(kept, unsure=(*kept.unsure, new))
        names, left = _names_again(action, place, said)
        for why, named in left:
            part = waits.get(why, none)
            waits[why] = replace(part, names=(*part.names, named))
        return replace(kept, names=names), waits

    def _false(self, action: Action, link: Link) -> str | None:
        """Why the link cannot be, with all that was said before it; empty where it holds by itself."""
        one, other = ends(link)
        lost = [sight for sight in (one, other) if sight not in self._row_of]
        if lost:
            return f"track {lost[0][1]} of {lost[0][0]} has no picture in the run"
        if one == other:
            return "" if link["decision"] == SAME else f"both are track {one[1]} of {one[0]} now"
        if link["decision"] == DIFFERENT:
            return None
        return self._against([*self.done, replace(action, links=(*action.links, link))], one) or None

    def _against(self, actions: Iterable[Action], sight: Sight) -> str:
        """Why those whom the actions join with `sight` cannot be one person; empty where they can."""
        rows = [self._row_of[one] for one in fold(actions).group(sight)]
        why = self._why[np.ix_(rows, rows)]
        return "" if (why == FREE).all() else WORDS[int(why.max())]


def _names_again(action: Action, place: Heirs, said: Said) -> tuple[tuple[Named, ...], list[tuple[str, Named]]]:
    """The names that can be given again; of those that hold, the others with the reason."""
    held = {named[:2]: named for named in said.names}
    texts: dict[Sight, tuple[str, str]] = {}
    left = []
    for named in action.names:
        sight, new = named[:2], place.of_one(named[:2])
        chief = sight if isinstance(new, str) else place.chief[new]
        if not isinstance(new, str) and (chief == sight or chief not in held):
            # Of two tracks that became one, the one that bears the name of both may be either.
            name, note = texts.get(new, ("", ""))
            texts[new] = named[2] or name, named[3] or note
        elif held.get(sight) == named and (isinstance(new, str) or held[chief][2:] != named[2:]):
            left.append((new if isinstance(new, str) else "it is one with a track of another name now", named))
    return tuple(Named(*sight, *words) for sight, words in texts.items()), left


def _absent(told: Told) -> str:
    return f"the run {told.run[:8]} that it was said of is not here any more"


def _cuts(action: Action) -> list[Link]:
    return [link for link in action.links if link["decision"] == CUT]


def _cut_link(moment: Moment) -> Link:
    camera, track, seconds = moment
    return {"camera": camera, "track": str(track), "decision": CUT, "seconds": f"{seconds:.3f}"}


def _moment(link: Link) -> Moment:
    return Moment(link["camera"], int(link["track"]), float(link["seconds"]))


def _without_cuts(action: Action) -> Action:
    return replace(action, links=tuple(link for link in action.links if link["decision"] != CUT))


def _says(action: Action) -> bool:
    return bool(action.links or action.names or action.unsure)
