"""Who cannot be one person, who must be, and the words for it."""

import numpy as np
import pytest

from core.base.types import Tracklets
from core.vision.match import FREE, REJECTED, TOGETHER, TOO_SOON, Contradiction, must_link_groups, reasons
from tests.vision.match.making import unit


def seen(*rows: tuple[int, float, float]) -> Tracklets:
    """Tracklets from (camera, start, end)."""
    camera, start, end = (np.array(column) for column in zip(*rows, strict=True))
    return Tracklets(camera, np.arange(len(rows)), start, end, unit(np.ones((len(rows), 2))))


@pytest.mark.parametrize(
    ("one", "other", "travel", "reason"),
    [
        ((0, 0, 5), (0, 4, 9), 0, TOGETHER),
        ((0, 0, 5), (0, 5, 9), 0, TOGETHER),  # in the same frame
        ((0, 0, 5), (0, 5.1, 9), 0, FREE),  # left and came back
        ((0, 0, 5), (1, 4, 9), 0, FREE),  # views may overlap
        ((0, 0, 5), (1, 4, 9), 2, TOO_SOON),
        ((0, 0, 5), (1, 6.9, 9), 2, TOO_SOON),
        ((0, 0, 5), (1, 7, 9), 2, FREE),
        ((1, 7, 9), (0, 0, 5), 2, FREE),
        ((0, 0, 5), (0, 6, 9), 2, FREE),  # within one camera nobody travels
    ],
)
def test_reasons(one: tuple[int, float, float], other: tuple[int, float, float], travel: float, reason: int) -> None:
    ways = np.array([[0.0, travel], [travel, 0.0]])
    found = reasons(seen(one, other), ways)
    assert found.tolist() == [[FREE, reason], [reason, FREE]]


def test_what_the_user_rejected_comes_after_what_cannot_be() -> None:
    found = reasons(seen((0, 0, 5), (0, 4, 9), (1, 0, 9)), None, [(0, 1), (2, 0)])
    assert found[0, 1] == found[1, 0] == TOGETHER
    assert found[0, 2] == found[2, 0] == REJECTED
    assert found[1, 2] == FREE


def test_those_joined_are_one_bundle() -> None:
    why = np.zeros((5, 5), np.uint8)
    assert len(set(must_link_groups(5, [(0, 3), (3, 1)], why)[[0, 1, 3]].tolist())) == 1
    assert len(set(must_link_groups(5, [(0, 3), (3, 1)], why).tolist())) == 3
    assert len(set(must_link_groups(5, [], why).tolist())) == 5


def test_a_contradiction_is_refused_and_explained() -> None:
    """Joined through a third one: 0 with 1, 1 with 2, but 0 and 2 were in the picture together."""
    tracklets = seen((0, 0, 5), (1, 0, 5), (0, 4, 9))
    why = reasons(tracklets)
    with pytest.raises(Contradiction, match="at the same time") as fault:
        must_link_groups(3, [(0, 1), (1, 2)], why)
    assert fault.value.pair == (0, 2)
    with pytest.raises(Contradiction, match="you said"):
        must_link_groups(3, [(0, 1)], reasons(tracklets, None, [(0, 1)]))
