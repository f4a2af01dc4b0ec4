"""Paths for everybody in a sample: drawn from the generator, checked, and drawn again where they break a promise.

Owns how candidates are drawn for each part that somebody plays, and that people keep apart. Refuses to say what is
promised (`promises` does) and how a path is walked (`walks` does). Where no path can be had, the caller plans anew.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise

import numpy as np

from core.sample.people import Look
from core.sample.promises import ALIKE, ALONE, LOOKED, RETURNER, TALKERS, clear, kept, seen_by
from core.sample.settings import SampleSettings
from core.sample.things import Plaza
from core.sample.views import Reals, View, views_of
from core.sample.walks import TICK, Stop, Walk, walk

ELBOW = 0.62  # metres between two people
_TRIES = 800  # of a path for one person
_EVERY = round(LOOKED / TICK)


class Planner:
    """Draws walks for `looks` before `views` from one generator, one after the other."""

    def __init__(
        self,
        settings: SampleSettings,
        views: list[View],
        plaza: Plaza,
        looks: list[Look],
        generator: np.random.Generator,
    ) -> None:
        self.settings, self.views, self.plaza, self.looks, self.generator = settings, views, plaza, looks, generator
        self.seconds = _moments(settings)
        self.done: list[Walk] = []

    @cached_property
    def cells(self) -> dict[str, list[Reals]]:
        """Free places: `shared` by two pictures or more, `private` to each camera, `hidden` from all, `near`."""
        x, y = np.meshgrid(np.arange(-15, 15.1, 0.5), np.arange(-15, 15.1, 0.5))
        xy = np.stack([x.ravel(), y.ravel()], 1)
        xy = xy[(np.hypot(*xy.T) < 15) & clear(self.plaza, xy, xy)]
        touched, whole, close = seen_by(self.views, xy, 1.8)
        free = ~close.any(0)
        alone = (touched.sum(0) == 1) & free
        return {
            "shared": [xy[(whole.sum(0) >= 2) & free & (np.hypot(*xy.T) < 9)]],
            "private": [xy[alone & here] for here in whole],
            "hidden": [xy[(touched.sum(0) == 0)]],
            "near": [xy[(np.hypot(*xy.T) < 9) & (whole.sum(0) >= 1) & free]],
        }

    def walks(self) -> list[Walk] | None:
        """A walk for everybody, or None where some promise could not be kept."""
        shared, hidden = self.cells["shared"][0], self.cells["hidden"][0]
        if len(shared) < 8 or not len(hidden) or sum(len(cells) > 3 for cells in self.cells["private"]) < 1:
            return None
        found: dict[int, Walk] = {}
        for who in (*ALONE, TALKERS[0], TALKERS[1], RETURNER, *ALIKE, *range(7, len(self.looks))):
            one = self._one(who)
            if one is None:
                return None
            found[who] = one
            self.done.append(one)
        return [found[who] for who in range(len(self.looks))]

    def _one(self, who: int) -> Walk | None:
        for _ in range(_TRIES):
            if who in ALONE:
                stops = self._alone(who)
            elif who in TALKERS:
                stops = self._talking(who)
            elif who == RETURNER:
                stops = self._returning()
            else:
                stops = self._roaming()
            if stops is None:
                continue
            one = walk(self.looks[who], stops, self.seconds, float(self.generator.uniform(0, 0.5)))
            if self._apart(one) and kept(who, one.xy[::_EVERY], self.looks[who].height, self.views, self.settings):
                return one
        return None

    def _apart(self, one: Walk) -> bool:
        """Whether a walk keeps clear of people and things."""
        xy = one.xy[::_EVERY]
        if not clear(self.plaza, xy[:-1], xy[1:]).all():
            return False
        return not any((np.hypot(*(xy - other.xy[::_EVERY]).T) < ELBOW).any() for other in self.done)

    def _pick(self, cells: Reals) -> Reals:
        found: Reals = cells[self.generator.integers(len(cells))] + self.generator.uniform(-0.2, 0.2, 2)
        return found

    def _on(self, stops: list[Stop], seconds: float = 0.0) -> list[Stop] | None:
        """`stops` and then onward over the plaza, until there is enough to walk for the rest of the film."""
        shared, near = self.cells["shared"][0], self.cells["near"][0]
        here, spent = np.array([stops[-1].x, stops[-1].y]), seconds
        while spent < self.seconds + 4:
            for _ in range(40):
                there = self._pick(shared if self.generator.random() < 0.6 else near)
                if np.hypot(*(there - here)) > 3.5 and clear(self.plaza, here[None], there[None])[0]:
                    break
            else:
                return None
            wait = float(self.generator.uniform(1.5, 3)) if self.generator.random() < 0.12 else 0.0
            stops = [*stops, _stop(there, wait)]
            spent += float(np.hypot(*(there - here))) / 1.5 + wait
            here = there
        return stops

    def _roaming(self) -> list[Stop] | None:
        cells = self.cells["near"] if self.generator.random() < 0.5 else self.cells["hidden"]
        return self._on([_stop(self._pick(cells[0]))])

    def _returning(self) -> list[Stop] | None:
        shared, gone = self.cells["shared"][0], self._pick(self.cells["hidden"][0])
        begin = min((self._pick(shared) for _ in range(12)), key=lambda place: float(np.hypot(*(place - gone))))
        if np.hypot(*(begin - gone)) > 0.6 * self.settings.seconds:
            return None
        return self._on([_stop(begin), _stop(gone, 1.2)])

    def _alone(self, who: int) -> list[Stop] | None:
        """To and fro where one camera sees; the two of them before different cameras where that can be."""
        rooms = [cells for cells in self.cells["private"] if len(cells) > 3]
        cells = (
            rooms[(who - ALONE[0]) % len(rooms)]
            if self.generator.random() < 0.8
            else rooms[self.generator.integers(len(rooms))]
        )
        ends = [self._pick(cells) for _ in range(3)]
        if self.generator.random() < 0.5:
            ends[0] = self._pick(self.cells["hidden"][0])
        if max(np.hypot(*(a - b)) for a, b in pairwise(ends)) < 1.5:
            return None
        order = [0, 1, 2]
        while len(order) < 3 + self.seconds / 1.5:
            order += [1, 2]
        waits = [float(self.generator.uniform(0.5, 4)) for _ in order]
        return [_stop(ends[n], wait) for n, wait in zip(order, waits, strict=True)]

    def _talking(self, who: int) -> list[Stop] | None:
        """To a place that two cameras share, there to stand before the other; then onward."""
        if who == TALKERS[0]:
            place, angle = self._pick(self.cells["shared"][0]), self.generator.uniform(0, 2 * np.pi)
            aside = 0.5 * np.array([np.cos(angle), np.sin(angle)])
            self._meeting = (place + aside, place - aside)
        mine, theirs = self._meeting if who == TALKERS[0] else self._meeting[::-1]
        begin = self._pick(self.cells["near"][0])
        away = float(np.hypot(*(begin - mine)))
        if not 1.5 < away < 0.3 * self.settings.seconds + 2:
            return None
        stay = 0.4 * self.settings.seconds
        begun = [_stop(begin), _stop(mine, stay, theirs)]
        return self._on(begun, away / 1.5 + stay)


def _stop(place: Reals, wait: float = 0.0, face: Reals | None = None) -> Stop:
    return Stop(float(place[0]), float(place[1]), wait, None if face is None else (float(face[0]), float(face[1])))


def _moments(settings: SampleSettings) -> float:
    """How long people walk: until the last camera's film has ended, seconds."""
    return settings.seconds + max(view.offset for view in views_of(settings))
