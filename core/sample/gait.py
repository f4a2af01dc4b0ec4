"""How a body moves: the turn of every bone from the distance walked, so that feet do not slide. Knows no shapes.

Angles in radians. A turn about x swings a hanging limb forward when it is positive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.sample.body import BONES, JOINTS
from core.sample.measures import TALL
from core.sample.people import Look
from core.sample.views import Reals

_PARENT = (-1, 0, 1, 1, 1, 3, 4, 0, 0, 7, 8, 9, 10)
_LEG = 0.88  # hip to ground, of a person of TALL metres
_SOLES = np.array([(0.085, -0.07, 0.0), (0.087, 0.17, 0.0), (-0.085, -0.07, 0.0), (-0.087, 0.17, 0.0)])


@dataclass(frozen=True)
class Moment:
    """Where a person is and what they do: place, heading, metres walked; pace and talk from 0 to 1."""

    x: float
    y: float
    heading: float
    walked: float
    pace: float
    talk: float
    seconds: float


def pose(look: Look, moment: Moment) -> Reals:
    """(BONES, 3, 4): from body coordinates at rest to the world, for each bone."""
    scale = look.height / TALL
    joints = JOINTS * scale
    turns = _turns(look, moment)
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
    return _placed(bones, moment)


def _placed(bones: Reals, moment: Moment) -> Reals:
    forward = np.array([np.cos(moment.heading), np.sin(moment.heading), 0])
    turn = np.stack([[forward[1], -forward[0], 0], forward, [0, 0, 1]], 1)
    placed: Reals = turn @ bones
    placed[:, :2, 3] += moment.x, moment.y
    return placed


def _turns(look: Look, moment: Moment) -> list[Reals]:
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
    thighs, shins, feet = zip(*(_leg(phase + np.pi * side, reach, pace) for side in (0, 1)), strict=True)
    return [*turns, *map(_x, thighs), *map(_x, shins), *map(_x, feet)]


def _leg(phase: float, reach: float, pace: float) -> tuple[float, float, float]:
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
