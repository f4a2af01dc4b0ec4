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
    """Standard deviations as shares of the height; those of the aspect (`aspect`, `measured_aspect`) are absolute.

    position, velocity   how far place and speed wander in one time step
    measurement          how far a measured box is off
    """

    position: float = 1 / 20
    velocity: float = 1 / 160
    measurement: float = 1 / 20
    aspect: float = 1e-2
    measured_aspect: float = 1e-1

    def process_variance(self, height: NDArray[np.float64], steps: float) -> NDArray[np.float64]:
        """Variance (n, 2, 4) that `steps` time steps add to values and speeds."""
        share = steps * np.array([self.position, self.velocity])[:, None] ** 2 * _BY_HEIGHT
        fixed = steps * np.array([self.aspect, 1e-5])[:, None] ** 2 * _BY_ASPECT
        return np.asarray((height**2)[:, None, None] * share + fixed)

    def measurement_variance(self, height: NDArray[np.float64]) -> NDArray[np.float64]:
        """Variance (n, 4) of a measurement."""
        return np.asarray(
            (height**2)[:, None] * (self.measurement**2 * _BY_HEIGHT) + self.measured_aspect**2 * _BY_ASPECT
        )


_BY_HEIGHT, _BY_ASPECT = np.array([1.0, 1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0, 0.0])
"""Which of centre x, centre y, aspect and height have noise that grows with the height, and which has its own."""
_INITIAL = np.array([[4.0], [100.0]]) * _BY_HEIGHT + np.array([[1.0], [1.0]]) * _BY_ASPECT
"""How many times the variance of one step a new track has, of its values and of its speeds."""
PAPER_NOISE = Noise()
"""As the DeepSORT paper has it."""
TUNED_NOISE = Noise(measurement=1 / 14)
"""Best over PETS and MOT17 at 8 to 30 frames a second: boxes of today's detectors jitter more than they did."""


def to_measurement(xyxy: NDArray[np.floating]) -> NDArray[np.float64]:
    """Boxes (n, 4) as centre x, centre y, aspect, height."""
    box = xyxy.astype(np.float64)
    size = box[:, 2:] - box[:, :2]
    measurement = np.empty_like(box)
    measurement[:, :2] = box[:, :2] + size / 2
    measurement[:, 2] = size[:, 0] / size[:, 1]
    measurement[:, 3] = size[:, 1]
    return measurement


def to_boxes(state: State) -> NDArray[np.float64]:
    """The `xyxy` boxes (n, 4) that states stand for."""
    value = state[:, VALUE]
    half = np.empty((len(value), 2))
    half[:, 1] = value[:, 3] / 2
    half[:, 0] = half[:, 1] * value[:, 2]
    return np.concatenate([value[:, :2] - half, value[:, :2] + half], axis=1)


def initiate(measurement: NDArray[np.float64], noise: Noise = PAPER_NOISE) -> State:
    """States (n, 5, 4) of tracks seen once: speed unknown and taken as 0, with a wide variance."""
    state = np.zeros((len(measurement), 5, 4))
    state[:, VALUE] = measurement
    paper = Noise(aspect=noise.aspect)
    state[:, VAR::2] = paper.process_variance(measurement[:, 3], 1.0) * _INITIAL
    return state


def predict(state: State, steps: float = 1.0, noise: Noise = PAPER_NOISE) -> State:
    """States after `steps` time steps (of the length for which `noise` was measured)."""
    predicted = np.empty_like(state)
    predicted[:, SPEED] = state[:, SPEED]
    predicted[:, VALUE] = state[:, VALUE] + steps * state[:, SPEED]
    predicted[:, COV] = state[:, COV] + steps * state[:, SPEED_VAR]
    predicted[:, VAR] = state[:, VAR] + steps * (state[:, COV] + predicted[:, COV])
    predicted[:, SPEED_VAR] = state[:, SPEED_VAR]
    predicted[:, VAR::2] += noise.process_variance(state[:, VALUE, 3], steps)
    return predicted


def _innovation_variance(state: State, noise: Noise) -> NDArray[np.float64]:
    """Variance (n, 4) of what a measurement of each track would show."""
    return np.asarray(state[:, VAR] + noise.measurement_variance(state[:, VALUE, 3]))


def gating_distance(state: State, measurement: NDArray[np.float64], noise: Noise = PAPER_NOISE) -> NDArray[np.float64]:
    """Squared Mahalanobis distance (tracks, measurements)."""
    offset = measurement[None] - state[:, None, VALUE]
    return np.asarray((offset * offset / _innovation_variance(state, noise)[:, None]).sum(axis=2))


def update(state: State, measurement: NDArray[np.float64], noise: Noise = PAPER_NOISE) -> State:
    """States corrected by one measurement each."""
    variance = _innovation_variance(state, noise)
    gain = state[:, VAR : COV + 1] / variance[:, None]
    offset = measurement - state[:, VALUE]
    corrected = np.empty_like(state)
    corrected[:, VALUE:VAR] = state[:, VALUE:VAR] + gain * offset[:, None]
    corrected[:, VAR : COV + 1] = state[:, VAR : COV + 1] * (1 - gain[:, :1])
    corrected[:, SPEED_VAR] = state[:, SPEED_VAR] - gain[:, 1] * state[:, COV]
    return corrected
