"""Who is where, when: a path for every person, and the promises that the paths keep together.

A person's path is straight legs between stops, rounded at the corners, walked at their own speed. Knows no bodies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.sample.gait import Moment
from core.sample.people import Look
from core.sample.views import Reals

TICK = 0.04  # seconds between the places that are kept
_ROUNDING = 0.45  # seconds over which corners, starts and stops are smoothed


@dataclass(frozen=True)
class Stop:
    """A place to walk to, `wait` seconds of standing there, turned to `face` while they last (None: as walked)."""

    x: float
    y: float
    wait: float = 0.0
    face: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Walk:
    """Places every TICK from moment 0 on: `xy` (n, 2), and `talk` (n,) 0 to 1; `facing` (n, 2), 0 where as walked."""

    xy: Reals
    talk: Reals
    facing: Reals

    @cached_property
    def _speed(self) -> Reals:
        found: Reals = np.linalg.norm(np.gradient(self.xy, TICK, axis=0), axis=1)
        return found

    @cached_property
    def _walked(self) -> Reals:
        found: Reals = np.cumsum(self._speed) * TICK
        return found

    @cached_property
    def _heading(self) -> Reals:
        """Radians, without jumps: along the way while walking, kept or turned to somebody while standing."""
        step = np.gradient(self.xy, axis=0)
        moving = self._speed > 0.25
        asked = np.abs(self.facing).sum(1) > 0
        way = np.where((~moving & asked)[:, None], self.facing, step)
        known = np.flatnonzero(moving | asked)
        angle = np.unwrap(np.arctan2(way[known, 1], way[known, 0])) if len(known) else np.zeros(1)
        spread = np.interp(np.arange(len(step)), known if len(known) else [0], angle)
        return smoothed(spread, 0.35)

    def at(self, seconds: float) -> Moment:
        place = min(max(seconds / TICK, 0.0), len(self.xy) - 1.001)
        low = int(place)
        share = place - low

        def value(column: Reals) -> float:
            return float(column[low] * (1 - share) + column[low + 1] * share)

        pace = min(1.0, value(self._speed) / 0.9)
        x, y = value(self.xy[:, 0]), value(self.xy[:, 1])
        return Moment(x, y, value(self._heading), value(self._walked), pace, value(self.talk), seconds)


def walk(look: Look, stops: list[Stop], seconds: float, head_start: float = 0.0) -> Walk:
    """The path through `stops`; at moment 0 the person is `head_start` seconds on their way."""
    times, places = [0.0], [(stops[0].x, stops[0].y)]
    spans: list[tuple[float, float, tuple[float, float]]] = []
    for stop in stops[1:]:
        x, y = places[-1]
        times.append(times[-1] + max(0.01, float(np.hypot(stop.x - x, stop.y - y)) / look.speed))
        places.append((stop.x, stop.y))
        if stop.wait:
            if stop.face is not None:
                spans.append((times[-1], times[-1] + stop.wait, (stop.face[0] - stop.x, stop.face[1] - stop.y)))
            times.append(times[-1] + stop.wait)
            places.append((stop.x, stop.y))
    ticks = np.arange(0, seconds + 2 * TICK, TICK) + head_start
    xy = np.stack([np.interp(ticks, times, column) for column in np.array(places).T], 1)
    talk, facing = np.zeros(len(ticks)), np.zeros((len(ticks), 2))
    for begin, end, way in spans:
        inside = (ticks >= begin) & (ticks <= end)
        talk[inside], facing[inside] = 1.0, way
    xy = np.stack([smoothed(column, _ROUNDING) for column in xy.T], 1)
    return Walk(xy, smoothed(talk, 0.5), facing)


def smoothed(column: Reals, seconds: float) -> Reals:
    """A weighted mean over about `seconds`; the ends are continued."""
    reach = max(1, round(seconds / TICK))
    weights = np.hanning(2 * reach + 3)[1:-1]
    padded = np.concatenate([2 * column[0] - column[reach:0:-1], column, 2 * column[-1] - column[-2 : -reach - 2 : -1]])
    found: Reals = np.convolve(padded, weights / weights.sum(), "valid")
    return found
