"""Where people are expected next: the DeepSORT paper's constant-velocity Kalman filter, for all tracks at once.

Stateless: arrays in, arrays out. The paper's filter has an 8 x 8 covariance, but its noise is diagonal and each of
centre x, centre y, aspect (width / height) and height is observed by itself, so the matrix falls apart into four
independent pairs (value, speed). A state is therefore (n, 5, 4): for each of the four, the value, its speed, and the
variance of the value, their covariance, and the variance of the speed. Equal to the full filter to rounding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

State = NDArray[np.float64]
VALUE, SPEED, VAR, COV, SPEED_VAR = range(5)

CHI_SQUARE_95 = 9.4877
"""95 % of measurements of a track fall within this squared Mahalanobis distance (four degrees of freedom)."""


@dataclass(frozen=True)
class Noise:
    """Standard deviations as shares of the height; those of the aspect ratio are absolute (`shape`, `shape_seen`).

    position, velocity   how far place and speed wander in one time step
    seen                 how far a measured box is off
    """

    position: float = 1 / 20
    velocity: float = 1 / 160
    seen: float = 1 / 20
    shape: float = 1e-2
    shape_seen: float = 1e-1

    def motion(self, height: NDArray[np.float64], steps: float) -> NDArray[np.float64]:
        """Variance (n, 2, 4) that `steps` time steps add to values and speeds."""
        share = steps * np.array([self.position, self.velocity])[:, None] ** 2 * _BODY
        fixed = steps * np.array([self.shape, 1e-5])[:, None] ** 2 * _ASPECT
        return np.asarray((height**2)[:, None, None] * share + fixed)

    def sight(self, height: NDArray[np.float64]) -> NDArray[np.float64]:
        """Variance (n, 4) of a measurement."""
        return np.asarray((height**2)[:, None] * (self.seen**2 * _BODY) + self.shape_seen**2 * _ASPECT)


_BODY, _ASPECT = np.array([1.0, 1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0, 0.0])
_BORN = np.array([[4.0], [100.0]]) * _BODY + np.array([[1.0], [1.0]]) * _ASPECT
PAPER = Noise()
"""As the DeepSORT paper has it."""
MEASURED = Noise(seen=1 / 14)
"""Best over PETS and MOT17 at 8 to 30 frames a second: boxes of today's detectors jitter more than they did."""


def measured(xyxy: NDArray[np.floating]) -> NDArray[np.float64]:
    """Boxes (n, 4) as centre x, centre y, aspect, height."""
    box = xyxy.astype(np.float64)
    size = box[:, 2:] - box[:, :2]
    out = np.empty_like(box)
    out[:, :2] = box[:, :2] + size / 2
    out[:, 2] = size[:, 0] / size[:, 1]
    out[:, 3] = size[:, 1]
    return out


def boxes(state: State) -> NDArray[np.float64]:
    """The `xyxy` boxes (n, 4) that states stand for."""
    value = state[:, VALUE]
    half = np.empty((len(value), 2))
    half[:, 1] = value[:, 3] / 2
    half[:, 0] = half[:, 1] * value[:, 2]
    return np.concatenate([value[:, :2] - half, value[:, :2] + half], axis=1)


def born(measurement: NDArray[np.float64], noise: Noise = PAPER) -> State:
    """States (n, 5, 4) of tracks seen once: speed unknown and taken as 0, with a wide variance."""
    state = np.zeros((len(measurement), 5, 4))
    state[:, VALUE] = measurement
    paper = Noise(shape=noise.shape)
    state[:, VAR::2] = paper.motion(measurement[:, 3], 1.0) * _BORN
    return state


def predict(state: State, steps: float = 1.0, noise: Noise = PAPER) -> State:
    """States after `steps` time steps (of the length that `noise` speaks of)."""
    out = np.empty_like(state)
    out[:, SPEED] = state[:, SPEED]
    out[:, VALUE] = state[:, VALUE] + steps * state[:, SPEED]
    out[:, COV] = state[:, COV] + steps * state[:, SPEED_VAR]
    out[:, VAR] = state[:, VAR] + steps * (state[:, COV] + out[:, COV])
    out[:, SPEED_VAR] = state[:, SPEED_VAR]
    out[:, VAR::2] += noise.motion(state[:, VALUE, 3], steps)
    return out


def _innovation(state: State, noise: Noise) -> NDArray[np.float64]:
    """Variance (n, 4) of what a measurement of each track would show."""
    return np.asarray(state[:, VAR] + noise.sight(state[:, VALUE, 3]))


def gate(state: State, measurement: NDArray[np.float64], noise: Noise = PAPER) -> NDArray[np.float64]:
    """Squared Mahalanobis distance (tracks, measurements)."""
    offset = measurement[None] - state[:, None, VALUE]
    return np.asarray((offset * offset / _innovation(state, noise)[:, None]).sum(axis=2))


def update(state: State, measurement: NDArray[np.float64], noise: Noise = PAPER) -> State:
    """States corrected by one measurement each."""
    spread = _innovation(state, noise)
    gain = state[:, VAR : COV + 1] / spread[:, None]
    offset = measurement - state[:, VALUE]
    out = np.empty_like(state)
    out[:, VALUE:VAR] = state[:, VALUE:VAR] + gain * offset[:, None]
    out[:, VAR : COV + 1] = state[:, VAR : COV + 1] * (1 - gain[:, :1])
    out[:, SPEED_VAR] = state[:, SPEED_VAR] - gain[:, 1] * state[:, COV]
    return out
