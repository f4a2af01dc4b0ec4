"""What is said about errors is true of runs whose truth is known."""

import numpy as np
import pytest

from core.match.calibrate import FEW, LEVELS, WANTED, Calibration, Known, calibrate
from core.match.rules import FREE, TOGETHER, reasons
from core.match.similarity import cosines
from tests.match.making import run

KNOWN = Known(strange=0.0, spread=0.13, threshold=0.55)


def calibrated(seed: int, **settings: float) -> tuple[Calibration, np.ndarray, np.ndarray]:
    """The calibration, similarities of all pairs that could be one person, and whether they are."""
    tracklets, who = run(seed, **settings)  # type: ignore[arg-type]
    similarity, why = cosines(tracklets), reasons(tracklets)
    pairs = np.triu(why == FREE, 1)
    return calibrate(similarity, why, KNOWN), similarity[pairs], np.equal.outer(who, who)[pairs]


@pytest.mark.parametrize("noise", [0.5, 0.9, 1.3])
def test_the_true_share_lies_in_the_interval_as_often_as_promised(noise: float) -> None:
    inside = []
    for seed in range(40):
        found, similarity, right = calibrated(seed, noise=noise)
        for level in (0.2, 0.3):
            shown = similarity >= level
            share, low, high = found.at(level)
            assert low <= share <= high
            # A share of so few links is a draw itself: it may miss the interval by one link.
            inside.append(low - 1 / shown.sum() <= (shown & ~right).sum() / shown.sum() <= high + 1 / shown.sum())
    assert np.mean(inside) >= 0.85


def test_the_suggested_threshold_keeps_what_it_promises() -> None:
    wrong, shown = 0, 0
    for seed in range(40):
        found, similarity, right = calibrated(seed, noise=0.7)
        assert found.enough and found.at(found.threshold)[0] <= WANTED + 1e-9
        wrong += int((~right[similarity >= found.threshold]).sum())
        shown += int((similarity >= found.threshold).sum())
    assert shown > 500
    assert wrong / shown <= 1.5 * WANTED


def test_a_higher_threshold_is_never_expected_to_show_a_larger_false_share() -> None:
    found, _, _ = calibrated(1, noise=1.0)
    assert (np.diff(found.share) <= 1e-12).all()
    assert found.share[0] > 0.5 and found.share[-1] < 0.01 and len(found.share) == len(LEVELS)


def test_without_strangers_it_says_so_and_uses_what_is_known() -> None:
    similarity = np.array([[1, 0.6], [0.6, 1]], np.float32)
    found = calibrate(similarity, np.zeros((2, 2), np.uint8), KNOWN)
    assert (found.pairs, found.enough, found.threshold) == (0, False, KNOWN.threshold)
    assert "too little evidence (0 pairs" in found.words


def test_one_pair_more_is_enough() -> None:
    for pairs in (FEW - 1, FEW):
        why = np.zeros((2 * pairs, 2 * pairs), np.uint8)
        for k in range(pairs):
            why[2 * k, 2 * k + 1] = why[2 * k + 1, 2 * k] = TOGETHER
        found = calibrate(np.full(why.shape, 0.1, np.float32), why, KNOWN)
        assert (found.pairs, found.enough) == (pairs, pairs >= FEW)


def test_the_same_run_says_the_same() -> None:
    one, again = calibrated(5)[0], calibrated(5)[0]
    assert np.array_equal(one.low, again.low) and one.words == again.words


def test_strangers_who_look_more_alike_lift_the_threshold() -> None:
    """In uniforms: all looks share a part."""
    tracklets, _ = run(2, noise=0.5)
    plain = calibrate(cosines(tracklets), reasons(tracklets), KNOWN).threshold
    uniform = tracklets.vector + 0.1
    uniform /= np.linalg.norm(uniform, axis=1, keepdims=True)
    alike = calibrate(uniform @ uniform.T, reasons(tracklets), KNOWN).threshold
    assert alike > plain + 0.1
