"""How a body moves: the turn of every bone from the distance walked, so that feet do not slide. Knows no shapes.

Angles in radians. A turn about x swings a hanging limb forward when it is positive.

Who is where, when: a path for every person, and the promises that the paths keep together.

A person's path is straight legs between stops, rounded at the corners, walked at their own speed. Knows no bodies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.lab.synthetic.body import BONES, JOINTS, TALL
from core.lab.synthetic.people import Person
from core.lab.synthetic.views import Reals

_PARENT = (-1, 0, 1, 1, 1, 3, 4, 0, 0, 7, 8, 9, 10)
_LEG = 0.88  # hip to ground, of a person of TALL metres
_SOLES = np.array([(0.085, -0.07, 0.0), (0.087, 0.17, 0.0), (-0.085, -0.07, 0.0), (-0.087, 0.17, 0.0)])


@dataclass(frozen=True)
class BodyState:
    """Where a person is and what they do: place, heading, metres walked; pace and talk from 0 to 1."""

    x: float
    y: float
    heading: float
    walked: float
    pace: float
    talk: float
    seconds: float


def pose(look: Person, moment: BodyState) -> Reals:
    """(BONES, 3, 4): from body coordinates at rest to the world, for each bone."""
    scale = look.height / TALL
    joints = JOINTS * scale
    turns = _bone_rotations(look, moment)
    bones = np.zeros((BONES, 3, 4))
    for bone, parent in enumerate(_PARENT):
        if parent < 0:
            bones[bone, :, :3], origin = turns[bone], joints[bone]
        else:
            bones[bone, :, :3] = bones[parent, :, :3] @ turns[bone]
            origin = bones[parent, :, :3] @ joints[bone] + bones[parent, :, 3]
        bones[bone, :, 3] = origin - bones[bone, :, :3] @ joints[bone]
    soles = _SOLES * scale
    lowest = min((bones[11, 2] @ [*p, 1]) if n < 2 else (bones[12, 2] @ [*p, 1]) for n, p in enumerate(soles))
    bones[:, 2, 3] -= lowest
    return _to_world(bones, moment)


def _to_world(bones: Reals, moment: BodyState) -> Reals:
    forward = np.array([np.cos(moment.heading), np.sin(moment.heading), 0])
    turn = np.stack([[forward[1], -forward[0], 0], forward, [0, 0, 1]], 1)
    placed: Reals = turn @ bones
    placed[:, :2, 3] += moment.x, moment.y
    return placed


def _bone_rotations(look: Person, moment: BodyState) -> list[Reals]:
    """The turn of each bone against its parent."""
    phase = 2 * np.pi * moment.walked / look.stride
    pace, still = moment.pace, 1 - moment.pace
    reach = np.arcsin(min(0.9, look.stride / (4 * _LEG * look.height / TALL))) * pace
    sway = np.sin(moment.seconds * 0.9 + look.texture % 7) * 0.03 * still
    turns = [_z(0.08 * pace * np.sin(phase)) @ _y(0.03 * pace * np.sin(phase) + sway)]
    turns.append(_x(-0.06 * pace - 0.01) @ _z(-0.16 * pace * np.sin(phase)) @ _y(-0.03 * pace * np.sin(phase) - sway))
    look_round = 0.25 * still * np.sin(moment.seconds * 0.5 + look.texture % 5)
    turns.append(
        _x(0.03 + 0.05 * moment.talk * np.sin(moment.seconds * 2.3)) @ _z(0.08 * pace * np.sin(phase) + look_round)
    )
    swings = [0.42 * look.arm_swing * pace * np.sin(phase + np.pi * side) for side in (0, 1)]
    gesture = moment.talk * max(0.0, float(np.sin(moment.seconds * 0.7 + look.texture % 11)))
    free = look.bag != "handbag"  # a hand that carries a bag does not talk
    for side, swing in enumerate(swings):
        raised = gesture * (0.5 * free if side == 0 else 0.15)
        turns.append(_x(-swing - 0.03 + raised) @ _y((0.07 if side == 0 else -0.07) * -1))
    for side, swing in enumerate(swings):
        wave = gesture * (1.2 + 0.3 * np.sin(moment.seconds * 5)) * (free if side == 0 else 0.5)
        turns.append(_x(0.16 + 0.45 * max(0.0, -swing) + 0.15 * pace + wave))
    thighs, shins, feet = zip(*(_leg_angles(phase + np.pi * side, reach, pace) for side in (0, 1)), strict=True)
    return [*turns, *map(_x, thighs), *map(_x, shins), *map(_x, feet)]


def _leg_angles(phase: float, reach: float, pace: float) -> tuple[float, float, float]:
    """Thigh, knee and ankle of one leg; it strikes the ground in front at phase pi / 2 and swings after 3 pi / 2."""
    thigh = reach * np.sin(phase) + 0.05 * pace
    swing = np.exp(-(((phase - 1.85 * np.pi + np.pi) % (2 * np.pi) - np.pi) ** 2) / 0.55)
    loading = np.exp(-(((phase - 0.8 * np.pi + np.pi) % (2 * np.pi) - np.pi) ** 2) / 0.3)
    knee = -(0.04 + pace * (0.82 * swing + 0.16 * loading))
    push = np.exp(-(((phase - 1.45 * np.pi + np.pi) % (2 * np.pi) - np.pi) ** 2) / 0.3)
    # The sole stays level but for the push-off and the strike.
    ankle = (
        -(thigh + knee) * (1 - 0.45 * pace * swing)
        - 0.45 * pace * push
        + 0.18 * pace * max(0.0, float(np.sin(phase))) ** 4
    )
    return float(thigh), float(knee), float(ankle)


def _x(angle: float) -> Reals:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _y(angle: float) -> Reals:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _z(angle: float) -> Reals:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


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
        return smooth(spread, 0.35)

    def at(self, seconds: float) -> BodyState:
        place = min(max(seconds / TICK, 0.0), len(self.xy) - 1.001)
        low = int(place)
        share = place - low

        def value(column: Reals) -> float:
            return float(column[low] * (1 - share) + column[low + 1] * share)

        pace = min(1.0, value(self._speed) / 0.9)
        x, y = value(self.xy[:, 0]), value(self.xy[:, 1])
        return BodyState(x, y, value(self._heading), value(self._walked), pace, value(self.talk), seconds)


def walk(look: Person, stops: list[Stop], seconds: float, head_start: float = 0.0) -> Walk:
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
    xy = np.stack([smooth(column, _ROUNDING) for column in xy.T], 1)
    return Walk(xy, smooth(talk, 0.5), facing)


def smooth(column: Reals, seconds: float) -> Reals:
    """A weighted mean over about `seconds`; the ends are continued."""
    reach = max(1, round(seconds / TICK))
    weights = np.hanning(2 * reach + 3)[1:-1]
    padded = np.concatenate([2 * column[0] - column[reach:0:-1], column, 2 * column[-1] - column[-2 : -reach - 2 : -1]])
    found: Reals = np.convolve(padded, weights / weights.sum(), "valid")
    return found
