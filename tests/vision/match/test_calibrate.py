"""What is said about errors is true of runs whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from core.vision.match import (
    LEVELS,
    MIN_IMPOSTOR_PAIRS,
    TARGET_FALSE_SHARE,
    TOGETHER,
    Calibration,
    MergeTree,
    calibrate,
    cosine_similarity,
    grow_merge_tree,
    match,
    reasons,
)
from core.vision.models import EmbedderPrior
from tests.vision.match.making import run

KNOWN = EmbedderPrior(impostor_mean=0.0, impostor_spread=0.13, threshold=0.55)


def calibrated(seed: int, **settings: float) -> tuple[Calibration, MergeTree, np.ndarray]:
    """The calibration, the tree, and which pairs are one person."""
    tracklets, who = run(seed, **settings)  # type: ignore[arg-type]
    similarity, why = cosine_similarity(tracklets), reasons(tracklets)
    tree = grow_merge_tree(similarity, why, np.arange(len(who)))
    return calibrate(similarity, why, tree, KNOWN), tree, np.equal.outer(who, who)


def wrong_of_shown(tree: MergeTree, same: np.ndarray, level: float) -> tuple[int, int]:
    """How many of the pairs joined at a level are two people, and how many are joined."""
    label = tree.cut(level)
    shown = np.triu(np.equal.outer(label, label), 1)
    return int((shown & ~same).sum()), int(shown.sum())


@pytest.mark.parametrize("noise", [pytest.param(noise, marks=pytest.mark.slow) for noise in (0.5, 0.9, 1.3)])
def test_the_true_share_lies_in_the_interval_as_often_as_promised(noise: float) -> None:
    inside = []
    for seed in range(40):
        found, tree, same = calibrated(seed, noise=noise)
        wrong, shown = wrong_of_shown(tree, same, found.threshold)
        share, low, high = found.at(found.threshold)
        assert low <= share <= high
        # A share of so few links is a draw itself: it may miss the interval by one link.
        inside.append(low - 1 / max(shown, 1) <= wrong / max(shown, 1) <= high + 1 / max(shown, 1))
    assert np.mean(inside) >= 0.85


@pytest.mark.parametrize("noise", [pytest.param(noise, marks=pytest.mark.slow) for noise in (0.5, 0.9, 1.3)])
def test_it_does_not_promise_too_much_at_any_threshold(noise: float) -> None:
    """Far down the tree it expects more errors than there are: means of many pairs spread less than single pairs."""
    bold = []
    for seed in range(40):
        found, tree, same = calibrated(seed, noise=noise)
        for level in (0.15, 0.2, 0.3, 0.4):
            wrong, shown = wrong_of_shown(tree, same, level)
            bold.append(wrong / max(shown, 1) > found.at(level)[2] + 1 / max(shown, 1))
    assert np.mean(bold) <= 0.05


@pytest.mark.slow
def test_the_suggested_threshold_keeps_what_it_promises() -> None:
    wrong, shown = 0, 0
    for seed in range(40):
        found, tree, same = calibrated(seed, noise=0.7)
        assert found.enough and found.at(found.threshold)[0] <= TARGET_FALSE_SHARE + 1e-9
        here = wrong_of_shown(tree, same, found.threshold)
        wrong, shown = wrong + here[0], shown + here[1]
    assert shown > 500
    assert wrong / shown <= 1.5 * TARGET_FALSE_SHARE


def test_a_higher_threshold_is_never_expected_to_show_a_larger_false_share() -> None:
    found, _, _ = calibrated(1, noise=1.0)
    assert (np.diff(found.share) <= 1e-12).all()
    assert found.share[0] > 0.5 and found.share[-1] < 0.01 and len(found.share) == len(LEVELS)


def test_without_strangers_it_says_so_and_uses_what_is_known() -> None:
    similarity, free = np.array([[1, 0.6], [0.6, 1]], np.float32), np.zeros((2, 2), np.uint8)
    found = calibrate(similarity, free, grow_merge_tree(similarity, free, np.arange(2)), KNOWN)
    assert (found.pairs, found.enough, found.threshold) == (0, False, KNOWN.threshold)
    assert "too little evidence (0 known-different pairs)" in found.description


def test_one_pair_more_is_enough() -> None:
    for pairs in (MIN_IMPOSTOR_PAIRS - 1, MIN_IMPOSTOR_PAIRS):
        why = np.zeros((2 * pairs, 2 * pairs), np.uint8)
        for k in range(pairs):
            why[2 * k, 2 * k + 1] = why[2 * k + 1, 2 * k] = TOGETHER
        similarity = np.full(why.shape, 0.1, np.float32)
        found = calibrate(similarity, why, grow_merge_tree(similarity, why, np.arange(len(why))), KNOWN)
        assert (found.pairs, found.enough) == (pairs, pairs >= MIN_IMPOSTOR_PAIRS)


def test_the_same_run_says_the_same() -> None:
    one, again = calibrated(5)[0], calibrated(5)[0]
    assert np.array_equal(one.low, again.low) and one.description == again.description


def test_strangers_who_look_more_alike_lift_the_threshold() -> None:
    """In uniforms: all looks share a part."""
    tracklets, _ = run(2, noise=0.5)
    uniform = tracklets.vector + 0.1
    uniform /= np.linalg.norm(uniform, axis=1, keepdims=True)
    plain, alike = (match(replace(tracklets, vector=v), KNOWN).threshold for v in (tracklets.vector, uniform))
    assert alike > plain + 0.1


@pytest.mark.parametrize("seed", [0, 3])
def test_the_threshold_is_a_plain_number(seed: int) -> None:
    """It goes into addresses, where `np.float64(0.5)` is none."""
    assert type(calibrated(seed, noise=0.7)[0].threshold) is float
