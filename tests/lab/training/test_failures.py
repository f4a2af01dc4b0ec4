"""What a detector gets wrong is what its picture shows, and nothing that it got right."""

from __future__ import annotations

import numpy as np
import pytest

from core.base.types import Image
from core.lab.training import TILES_PER_KIND, Failures

PICTURE: Image = np.full((200, 200, 3), 90, np.uint8)
PAPER = Failures().sheet()


def sheet(truth: list[list[float]], found: list[list[float]], score: list[float]) -> Image:
    failures = Failures()
    boxes = np.array(found, np.float32).reshape(-1, 4)
    failures.add(PICTURE, np.array(truth, np.float64).reshape(-1, 4), boxes, np.array(score, np.float32))
    return failures.sheet()


def tiles(page: Image) -> list[int]:
    """How many squares each of the two rows shows."""
    grey = (np.abs(page.astype(int) - 90) < 3).all(axis=2)
    rows = grey[40 + 10, :], grey[40 + 210 + 10, :]
    return [int((np.diff(row.astype(int)) == 1).sum()) for row in rows]


@pytest.mark.parametrize(
    ("truth", "found", "score", "shown"),
    [
        ([[50, 20, 90, 180]], [[50, 20, 90, 180]], [0.9], [0, 0]),
        ([[50, 20, 90, 180]], [], [], [1, 0]),
        ([[50, 20, 90, 180]], [[50, 20, 90, 180]], [0.1], [1, 0]),  # too weak to count
        ([], [[50, 20, 90, 180]], [0.9], [0, 1]),
        ([[50, 20, 90, 180]], [[50, 20, 90, 90]], [0.9], [1, 0]),  # half of somebody is badly found, not a mistake
    ],
)
def test_what_is_shown(
    truth: list[list[float]], found: list[list[float]], score: list[float], shown: list[int]
) -> None:
    assert tiles(sheet(truth, found, score)) == shown


def test_the_tallest_are_kept_in_order_whatever_came_first() -> None:
    high = np.random.default_rng(0).permutation(np.arange(20, 20 + 4 * TILES_PER_KIND, 4)).tolist()
    truth = [[10.0, 5.0, 30.0, 5.0 + tall] for tall in high]
    gravest = [[10.0, 5.0, 30.0, 5.0 + tall] for tall in sorted(high, reverse=True)[:TILES_PER_KIND]]
    assert np.array_equal(sheet(truth, [], []), sheet(gravest, [], []))
    assert not np.array_equal(sheet(truth, [], []), PAPER)
