"""The decoupled filter against the full 8 x 8 one of the paper, written out with matrices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.vision.track import kalman


def full_filter(measurements: np.ndarray, missed: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    """Mean (8,) and covariance (8, 8) after the measurements, by textbook matrix algebra."""
    h = measurements[0, 3]
    position, velocity = h / 20, h / 160
    mean = np.r_[measurements[0], np.zeros(4)]
    p, v = 2 * position, 10 * velocity
    cov = np.diag(np.square([p, p, 1e-2, p, v, v, 1e-5, v]))
    step = np.eye(8) + np.eye(8, k=4)
    see = np.eye(4, 8)
    for z, miss in zip(measurements[1:], missed, strict=True):
        p, v = mean[3] / 20, mean[3] / 160
        cov = step @ cov @ step.T + np.diag(np.square([p, p, 1e-2, p, v, v, 1e-5, v]))
        mean = step @ mean
        if miss:
            continue
        p = mean[3] / 20
        innovation = see @ cov @ see.T + np.diag(np.square([p, p, 1e-1, p]))
        gain = cov @ see.T @ np.linalg.inv(innovation)
        mean = mean + gain @ (z - see @ mean)
        cov = cov - gain @ innovation @ gain.T
    return mean, cov


@given(seed=st.integers(0, 10_000), length=st.integers(2, 12))
def test_equals_the_full_filter(seed: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    z = np.cumsum(rng.normal(0, 3, (length, 4)), axis=0) + np.array([200, 100, 0, 150])
    z[:, 2] = rng.uniform(0.3, 0.5, length)
    missed = (rng.random(length - 1) < 0.3).tolist()
    mean, cov = full_filter(z, missed)

    state = kalman.initiate(z[:1])
    for one, miss in zip(z[1:], missed, strict=True):
        state = kalman.predict(state)
        if not miss:
            state = kalman.update(state, one[None])

    np.testing.assert_allclose(state[0, kalman.VALUE], mean[:4], rtol=1e-9)
    np.testing.assert_allclose(state[0, kalman.SPEED], mean[4:], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(state[0, kalman.VAR], np.diag(cov)[:4], rtol=1e-7)
    np.testing.assert_allclose(state[0, kalman.COV], np.diag(cov, 4), rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(state[0, kalman.SPEED_VAR], np.diag(cov)[4:], rtol=1e-7)


def test_gate_is_the_mahalanobis_distance() -> None:
    z = np.array([[100.0, 50, 0.4, 80]])
    state = kalman.predict(kalman.initiate(z))
    other = z + np.array([6, -4, 0.05, 3])
    mean, cov = full_filter(np.vstack([z, z]), [True])
    p = mean[3] / 20
    innovation = cov[:4, :4] + np.diag(np.square([p, p, 1e-1, p]))
    offset = other[0] - mean[:4]
    assert kalman.gating_distance(state, other)[0, 0] == pytest.approx(offset @ np.linalg.inv(innovation) @ offset)


def test_boxes_and_measurements_are_inverse() -> None:
    xyxy = np.array([[10, 20, 50, 120], [0, 0, 3, 9]], np.float32)
    np.testing.assert_allclose(kalman.to_boxes(kalman.initiate(kalman.to_measurement(xyxy))), xyxy, rtol=1e-6)


def test_two_half_steps_move_as_far_as_one() -> None:
    state = kalman.update(kalman.predict(kalman.initiate(np.array([[0.0, 0, 0.4, 50]]))), np.array([[4.0, 2, 0.4, 50]]))
    once, twice = kalman.predict(state, 1.0), kalman.predict(kalman.predict(state, 0.5), 0.5)
    np.testing.assert_allclose(once[:, kalman.VALUE], twice[:, kalman.VALUE])
    np.testing.assert_allclose(once[:, kalman.SPEED_VAR], twice[:, kalman.SPEED_VAR], rtol=1e-6)
