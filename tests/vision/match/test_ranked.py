"""Who else a tracklet may be: as a plain loop would find it, and never what is forbidden as if it were possible."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.vision.match import FREE, TOGETHER, Match, match, rank_similar
from core.vision.match import matching as room
from core.vision.models import EmbedderPrior
from tests.vision.match.making import run, unit

KNOWN = EmbedderPrior(impostor_mean=0.3, impostor_spread=0.25, threshold=0.5)


def found(seed: int, cos: float = 0.5, **more: float) -> Match:
    return match(run(seed, **more)[0], KNOWN, cos)  # type: ignore[arg-type]


def by_hand(held: Match, row: int, best: int) -> list[int]:
    person = held.people().person
    others = [j for j in range(len(person)) if person[j] != person[row]]
    order = sorted(others, key=lambda j: (-held.similarity[row, j], j))
    first, later = order[:best], order[best:]
    free = [j for j in first if held.why[row, j] == FREE]
    return first + [j for j in later if held.why[row, j] == FREE][: best - len(free)]


@pytest.mark.slow
@settings(max_examples=40)
@given(st.integers(0, 60), st.sampled_from([-1.0, 0.3, 0.6, 1.0]), st.integers(1, 6))
def test_they_are_those_of_a_plain_loop(seed: int, cos: float, best: int) -> None:
    held = found(seed, cos, people=6, noise=0.9)
    rows = rank_similar(held.similarity, held.why, held.people(), best)
    for row in range(len(held.tracklets)):
        mine = rows[rows.row == row]
        assert mine.candidate.tolist() == by_hand(held, row, best)
        assert mine.place.tolist() == list(range(1, len(mine) + 1))
        np.testing.assert_array_equal(mine.similarity, held.similarity[row, mine.candidate])
        np.testing.assert_array_equal(mine.why, held.why[row, mine.candidate])
        np.testing.assert_array_equal(mine.margin, held.people().similarity[row] - mine.similarity)


def test_in_a_crowd_somebody_possible_is_found() -> None:
    """Ten who look alike stand beside each other; only the eleventh, in another camera and less like them, could be."""
    angle = np.radians([*range(10), 60])
    tracklets = run(0, people=11, cameras=1)[0]
    crowd = type(tracklets)(
        np.array([0] * 10 + [1]), tracklets.track, np.zeros(11), np.ones(11),
        unit(np.stack([np.cos(angle), np.sin(angle)], axis=1)),
    )  # fmt: skip
    held = match(crowd, KNOWN, 0.99)
    rows = rank_similar(held.similarity, held.why, held.people())
    mine = rows[rows.row == 0]
    assert mine.why.tolist() == [TOGETHER] * 5 + [FREE] and mine.candidate.tolist() == [1, 2, 3, 4, 5, 10]


def test_of_equals_the_lower_row_is_first() -> None:
    tracklets = run(0, people=8, cameras=1)[0]
    same = type(tracklets)(
        np.arange(8), tracklets.track, tracklets.start, tracklets.end, unit(np.ones((8, 4)))
    )  # fmt: skip
    held = match(same, KNOWN, 1.01)
    rows = rank_similar(held.similarity, held.why, held.people(), best=3)
    assert rows[rows.row == 5].candidate.tolist() == [0, 1, 2]


@pytest.mark.parametrize("people", [0, 1])
def test_nobody_has_no_rivals(people: int) -> None:
    held = found(0, people=people, cameras=1)
    assert len(rank_similar(held.similarity, held.why, held.people())) == 0


@given(st.integers(0, 300))
def test_the_two_crops_are_those_of_a_plain_loop_whoever_is_named_first(seed: int) -> None:
    rng = np.random.default_rng(seed)
    of = rng.permutation(np.concatenate([np.arange(5), rng.integers(0, 5, rng.integers(0, 20))]))
    vector = unit(rng.standard_normal((len(of), 6))).astype(np.float16)
    one, other = np.array([(i, j) for i in range(5) for j in range(5) if i != j]).T
    left, right, alike = room.most_similar_crops(one, other, of, vector)
    back = room.most_similar_crops(other, one, of, vector)
    assert (back[0] == right).all() and (back[1] == left).all() and (back[2] == alike).all()
    whole = vector.astype(np.float64)
    for i, j, a, b, value in zip(one, other, left, right, alike, strict=True):
        best = max(whole[x] @ whole[y] for x in np.flatnonzero(of == i) for y in np.flatnonzero(of == j))
        assert of[a] == i and of[b] == j
        assert value == pytest.approx(best, abs=1e-5) and whole[a] @ whole[b] == pytest.approx(best, abs=1e-5)


def test_crops_are_compared_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    of, vector = np.repeat(np.arange(9), 3), unit(rng.standard_normal((27, 8)))
    one, other = np.arange(9), np.roll(np.arange(9), 1)
    whole = room.most_similar_crops(one, other, of, vector)
    monkeypatch.setattr(room, "_BATCH_NUMBERS", 1)
    assert all((a == b).all() for a, b in zip(whole, room.most_similar_crops(one, other, of, vector), strict=True))


def test_a_tracklet_without_a_crop_is_misuse() -> None:
    with pytest.raises(ValueError, match="no crop"):
        room.most_similar_crops(np.array([0]), np.array([1]), np.array([0]), np.ones((1, 2)))


def test_two_thousand_are_ranked() -> None:
    """All of a large run; `python -m tests.bench speed` says how long it takes."""
    held = match(run(1, people=500, cameras=4, width=64)[0], KNOWN, 0.5)
    of = np.repeat(np.arange(2000), 8)
    vector = np.repeat(held.tracklets.vector, 8, axis=0).astype(np.float16)
    rows = rank_similar(held.similarity, held.why, held.people())
    alike, *_ = room.most_similar_crops(rows.row, rows.candidate, of, vector)
    assert len(rows) >= 10_000 and len(alike) == len(rows)
