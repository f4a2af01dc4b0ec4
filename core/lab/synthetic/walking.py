"""How people walk: the path of a person over time, and the pose of the body at a moment of it.

A path is straight legs between stops, rounded at the corners and walked at the person's speed. The rotation of every
bone follows from the distance walked, so that feet do not slide. Angles are in radians; a positive rotation about x
swings a hanging limb forward."""

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
TICK = 0.04  # seconds between the places of a path
_ROUNDING = 0.45  # seconds over which corners, starts and stops are smoothed


@dataclass(frozen=True)
class BodyState:
    """Where a person is and what they do: place and `distance` walked in metres, heading; pace and talk from 0 to 1."""

    x: float
    y: float
    heading: float
    distance: float
    pace: float
    talk: float
    seconds: float


@dataclass(frozen=True)
class Stop:
    """A place to walk to, and `wait` seconds of standing there, turned to the point `face` (None: as on arrival)."""

    x: float
    y: float
    wait: float = 0.0
    face: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Walk:
    """A path, every TICK from time 0 on: `xy` (n, 2), `talk` (n,) 0 to 1, `facing` (n, 2), 0 where nothing is faced."""

    xy: Reals
    talk: Reals
    facing: Reals

    @cached_property
    def _speed(self) -> Reals:
        found: Reals = np.linalg.norm(np.gradient(self.xy, TICK, axis=0), axis=1)
        return found

    @cached_property
    def _distance(self) -> Reals:
        found: Reals = np.cumsum(self._speed) * TICK
        return found

    @cached_property
    def _heading(self) -> Reals:
        """Radians, without jumps: the direction of walking; while standing, the last one or that of `facing`."""
        step = np.gradient(self.xy, axis=0)
        moving = self._speed > 0.25
        is_facing = np.abs(self.facing).sum(1) > 0
        direction = np.where((~moving & is_facing)[:, None], self.facing, step)
        defined = np.flatnonzero(moving | is_facing)
        angle = np.unwrap(np.arctan2(direction[defined, 1], direction[defined, 0])) if len(defined) else np.zeros(1)
        filled = np.interp(np.arange(len(step)), defined if len(defined) else [0], angle)
        return smooth(filled, 0.35)

    def at(self, seconds: float) -> BodyState:
        tick = min(max(seconds / TICK, 0.0), len(self.xy) - 1.001)
        low = int(tick)
        share = tick - low

        def value(column: Reals) -> float:
            return float(column[low] * (1 - share) + column[low + 1] * share)

        pace = min(1.0, value(self._speed) / 0.9)
        x, y = value(self.xy[:, 0]), value(self.xy[:, 1])
        return BodyState(x, y, value(self._heading), value(self._distance), pace, value(self.talk), seconds)


def walk(person: Person, stops: list[Stop], seconds: float, head_start: float = 0.0) -> Walk:
    """The path through `stops`; at time 0 the person has been on their way for `head_start` seconds."""
    times, places = [0.0], [(stops[0].x, stops[0].y)]
    spans: list[tuple[float, float, tuple[float, float]]] = []
    for stop in stops[1:]:
        x, y = places[-1]
        times.append(times[-1] + max(0.01, float(np.hypot(stop.x - x, stop.y - y)) / person.speed))
        places.append((stop.x, stop.y))
        if stop.wait:
            if stop.face is not None:
                spans.append((times[-1], times[-1] + stop.wait, (stop.face[0] - stop.x, stop.face[1] - stop.y)))
            times.append(times[-1] + stop.wait)
            places.append((stop.x, stop.y))
    ticks = np.arange(0, seconds + 2 * TICK, TICK) + head_start
    xy = np.stack([np.interp(ticks, times, column) for column in np.array(places).T], 1)
    talk, facing = np.zeros(len(ticks)), np.zeros((len(ticks), 2))
    for begin, end, direction in spans:
        inside = (ticks >= begin) & (ticks <= end)
        talk[inside], facing[inside] = 1.0, direction
    xy = np.stack([smooth(column, _ROUNDING) for column in xy.T], 1)
    return Walk(xy, smooth(talk, 0.5), facing)


def smooth(column: Reals, seconds: float) -> Reals:
    """A weighted mean over about `seconds`; beyond its ends the column is continued by point reflection."""
    reach = max(1, round(seconds / TICK))
    weights = np.hanning(2 * reach + 3)[1:-1]
    padded = np.concatenate([2 * column[0] - column[reach:0:-1], column, 2 * column[-1] - column[-2 : -reach - 2 : -1]])
    found: Reals = np.convolve(padded, weights / weights.sum(), "valid")
    return found


def pose(person: Person, state: BodyState) -> Reals:
    """(BONES, 3, 4): for each bone the transform from body coordinates at rest to the world."""
    scale = person.height / TALL
    joints = JOINTS * scale
    rotations = _bone_rotations(person, state)
    bones = np.zeros((BONES, 3, 4))
    for bone, parent in enumerate(_PARENT):
        if parent < 0:
            bones[bone, :, :3], origin = rotations[bone], joints[bone]
        else:
            bones[bone, :, :3] = bones[parent, :, :3] @ rotations[bone]
            origin = bones[parent, :, :3] @ joints[bone] + bones[parent, :, 3]
        bones[bone, :, 3] = origin - bones[bone, :, :3] @ joints[bone]
    soles = _SOLES * scale
    lowest = min((bones[11, 2] @ [*p, 1]) if n < 2 else (bones[12, 2] @ [*p, 1]) for n, p in enumerate(soles))
    bones[:, 2, 3] -= lowest
    return _to_world(bones, state)


def _to_world(bones: Reals, state: BodyState) -> Reals:
    forward = np.array([np.cos(state.heading), np.sin(state.heading), 0])
    turn = np.stack([[forward[1], -forward[0], 0], forward, [0, 0, 1]], 1)
    placed: Reals = turn @ bones
    placed[:, :2, 3] += state.x, state.y
    return placed


def _bone_rotations(person: Person, state: BodyState) -> list[Reals]:
    """The rotation of each bone against its parent, (3, 3) each."""
    phase = 2 * np.pi * state.distance / person.stride
    pace, still = state.pace, 1 - state.pace
    reach = np.arcsin(min(0.9, person.stride / (4 * _LEG * person.height / TALL))) * pace
    sway = np.sin(state.seconds * 0.9 + person.texture % 7) * 0.03 * still
    rotations = [_z(0.08 * pace * np.sin(phase)) @ _y(0.03 * pace * np.sin(phase) + sway)]
    rotations.append(
        _x(-0.06 * pace - 0.01) @ _z(-0.16 * pace * np.sin(phase)) @ _y(-0.03 * pace * np.sin(phase) - sway)
    )
    look_round = 0.25 * still * np.sin(state.seconds * 0.5 + person.texture % 5)
    rotations.append(
        _x(0.03 + 0.05 * state.talk * np.sin(state.seconds * 2.3)) @ _z(0.08 * pace * np.sin(phase) + look_round)
    )
    swings = [0.42 * person.arm_swing * pace * np.sin(phase + np.pi * side) for side in (0, 1)]
    gesture = state.talk * max(0.0, float(np.sin(state.seconds * 0.7 + person.texture % 11)))
    hand_is_free = person.bag != "handbag"  # a hand that carries a bag does not talk
    for side, swing in enumerate(swings):
        raised = gesture * (0.5 * hand_is_free if side == 0 else 0.15)
        rotations.append(_x(-swing - 0.03 + raised) @ _y((0.07 if side == 0 else -0.07) * -1))
    for side, swing in enumerate(swings):
        wave = gesture * (1.2 + 0.3 * np.sin(state.seconds * 5)) * (hand_is_free if side == 0 else 0.5)
        rotations.append(_x(0.16 + 0.45 * max(0.0, -swing) + 0.15 * pace + wave))
    thighs, shins, feet = zip(*(_leg_angles(phase + np.pi * side, reach, pace) for side in (0, 1)), strict=True)
    return [*rotations, *map(_x, thighs), *map(_x, shins), *map(_x, feet)]


def _leg_angles(phase: float, reach: float, pace: float) -> tuple[float, float, float]:
    """Angles of thigh, knee and ankle of a leg, which strikes the ground at phase pi / 2 and swings after 3 pi / 2."""
    thigh = reach * np.sin(phase) + 0.05 * pace
    swing = np.exp(-(((phase - 1.85 * np.pi + np.pi) % (2 * np.pi) - np.pi) ** 2) / 0.55)
    loading = np.exp(-(((phase - 0.8 * np.pi + np.pi) % (2 * np.pi) - np.pi) ** 2) / 0.3)
    knee = -(0.04 + pace * (0.82 * swing + 0.16 * loading))
    push = np.exp(-(((phase - 1.45 * np.pi + np.pi) % (2 * np.pi) - np.pi) ** 2) / 0.3)
    # The sole stays level except at push-off and strike.
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
