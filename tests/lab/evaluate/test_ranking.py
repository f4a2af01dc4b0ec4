"""The protocol by hand, against a plain reading of it in loops, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.types import Floats, Ints
from core.lab.evaluate import Ranking, nearest, rank, rank_within, ranking

ASKED = (5, 1)  # the query of the scenes: person 5, seen by camera 1


def scene(*gallery: tuple[int, int, float]) -> Ranking:
    """One query; rows of the gallery are (person, camera, similarity)."""
    person, camera, similar = np.array(gallery, float).reshape(-1, 3).T
    query = np.ones((1, 1), np.float32)
    vectors = similar[:, None].astype(np.float32)
    return rank(query, *np.array([ASKED]).T, vectors, person.astype(int), camera.astype(int), (1, 2, 3))


RIGHT, OTHER = (5, 2), (6, 2)
SCENES = [
    # (what is shown, gallery, queries counted, cmc at 1, 2, 3, mAP)
    ("one right row on top", [(*RIGHT, 0.9), (*OTHER, 0.5)], 1, (1, 1, 1), 1),
    ("one right row in second place", [(*RIGHT, 0.5), (*OTHER, 0.9)], 1, (0, 1, 1), 1 / 2),
    ("right rows in places 1 and 3", [(*RIGHT, 0.9), (*OTHER, 0.5), (*RIGHT, 0.1)], 1, (1, 1, 1), (1 + 2 / 3) / 2),
    ("same person, same camera: left out, neither right nor wrong", [(5, 1, 0.9), (*RIGHT, 0.5)], 1, (1, 1, 1), 1),
    ("only the same camera has the person: not counted", [(5, 1, 0.9), (*OTHER, 0.5)], 0, (0, 0, 0), 0),
    ("another person in the query's camera stays and is wrong", [(6, 1, 0.9), (*RIGHT, 0.5)], 1, (0, 1, 1), 1 / 2),
    ("junk takes no place", [(-1, 2, 0.9), (-1, 1, 0.8), (*RIGHT, 0.5)], 1, (1, 1, 1), 1),
    ("a distractor takes one", [(0, 2, 0.9), (*RIGHT, 0.5)], 1, (0, 1, 1), 1 / 2),
    ("a tie goes to the row that stands first: the right one", [(*RIGHT, 0.5), (*OTHER, 0.5)], 1, (1, 1, 1), 1),
    ("a tie goes to the row that stands first: the wrong one", [(*OTHER, 0.5), (*RIGHT, 0.5)], 1, (0, 1, 1), 1 / 2),
    ("a left-out row in a tie takes no place", [(5, 1, 0.5), (*RIGHT, 0.5)], 1, (1, 1, 1), 1),
    ("behind rank 3 no rank sees it", [(*OTHER, 0.9)] * 3 + [(*RIGHT, 0.5)], 1, (0, 0, 0), 1 / 4),
    ("nobody there", [], 0, (0, 0, 0), 0),
]


@pytest.mark.parametrize(("gallery", "queries", "cmc", "mean"), [s[1:] for s in SCENES], ids=[s[0] for s in SCENES])
def test_scenes(gallery: list[tuple[int, int, float]], queries: int, cmc: tuple[float, ...], mean: float) -> None:
    found = scene(*gallery)
    assert found.queries == queries
    assert tuple(found.cmc.values()) == cmc
    assert found.map == pytest.approx(mean)
    assert np.isnan(found.precision).tolist() == [not queries]


def test_a_distractor_or_junk_that_asks_is_not_counted() -> None:
    ones = np.ones((2, 1), np.float32)
    assert rank(ones, [0, -1], [1, 1], ones, [0, -1], [2, 2]).queries == 0  # type: ignore[arg-type]


def in_loops(
    queries: tuple[Floats, Ints, Ints], gallery: tuple[Floats, Ints, Ints], ranks: tuple[int, ...]
) -> tuple[int, dict[int, float], float]:
    """The protocol as it is read aloud."""
    firsts, means = [], []
    for vector, person, camera in zip(*queries, strict=True):
        rows = [
            (-float(v @ vector), place, p == person and person > 0)
            for place, (v, p, c) in enumerate(zip(*gallery, strict=True))
            if p != -1 and not (p == person and c == camera)
        ]
        hits = [place for place, row in enumerate(sorted(rows), 1) if row[2]]
        if hits:
            firsts.append(hits[0])
            means.append(sum(n / place for n, place in enumerate(hits, 1)) / len(hits))
    count = max(1, len(firsts))
    return len(firsts), {k: sum(f <= k for f in firsts) / count for k in ranks}, sum(means) / count


def drawn(seed: int, rows: int, people: int) -> tuple[Floats, Ints, Ints]:
    """Whole-numbered vectors: products are exact, and many are equal."""
    random = np.random.default_rng(seed)
    vectors = random.integers(-2, 3, (rows, 3)).astype(np.float32)
    return vectors, random.integers(-1, people, rows), random.integers(1, 4, rows)


@pytest.mark.parametrize("block", [1, 50, 1 << 23])
@given(seed=st.integers(0, 2**32), sizes=st.tuples(st.integers(0, 20), st.integers(0, 40)), people=st.integers(0, 8))
def test_as_in_loops(block: int, seed: int, sizes: tuple[int, int], people: int) -> None:
    queries, gallery = drawn(seed, sizes[0], people), drawn(seed + 1, sizes[1], people)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "_BLOCK", block)
        found = rank(*queries, *gallery, ranks=(1, 3, 50))
    counted, cmc, mean = in_loops(queries, gallery, (1, 3, 50))
    assert found.queries == counted
    assert found.cmc == pytest.approx(cmc)
    assert found.map == pytest.approx(mean)


@given(seed=st.integers(0, 2**32))
def test_what_must_not_matter(seed: int) -> None:
    """Scaling all similarities, renaming people and cameras, and the order of the queries change nothing."""
    queries, gallery = drawn(seed, 12, 5), drawn(seed + 1, 30, 5)
    found = rank(*queries, *gallery)
    renamed = [(v * 4, np.where(p > 0, p * 10, p), 9 - c) for v, p, c in (queries, gallery)]
    again = rank(*(column[::-1] for column in renamed[0]), *renamed[1])
    assert again.queries == found.queries and again.cmc == found.cmc
    np.testing.assert_array_equal(again.precision[::-1], found.precision)


@given(seed=st.integers(0, 2**32))
def test_more_places_never_answer_fewer(seed: int) -> None:
    shares = list(rank(*drawn(seed, 12, 5), *drawn(seed + 1, 30, 5), ranks=range(1, 31)).cmc.values())
    assert shares == sorted(shares)
    assert shares[-1] in (0, 1)  # all 30 rows hold every answer


def test_within_one_set_the_rest_is_the_gallery() -> None:
    vectors, person, camera = drawn(3, 60, 6)
    asks = np.arange(60) % 4 == 0
    found = rank_within(vectors, person, camera, asks)
    parts = [column[chosen] for chosen in (asks, ~asks) for column in (vectors, person, camera)]
    expected = rank(*parts)
    assert found.queries > 0 and found.figures() == expected.figures()
    assert set(found.figures()) == {"rank1", "rank5", "rank10", "map"}


def test_nearest_and_ranking_tell_the_same_story() -> None:
    """The places of the right rows among `nearest` give the average precision that `rank_within` took."""
    vectors, person, camera = drawn(5, 60, 6)
    asks = np.arange(60) % 4 == 0
    found = rank_within(vectors, person, camera, asks)
    for row, query in enumerate(np.flatnonzero(asks)):
        rows = nearest(vectors, person, camera, int(query), ~asks, top=60)
        hits = np.flatnonzero((person[rows] == person[query]) & (person[query] > 0)) + 1
        if len(hits):
            assert found.precision[row] == pytest.approx(np.mean(np.arange(1, len(hits) + 1) / hits))
        else:
            assert np.isnan(found.precision[row])
    assert len(nearest(vectors, person, camera, 0, ~asks, top=7)) == 7


def test_worst_first_and_only_what_counted() -> None:
    ranking_ = Ranking(3, {1: 0.5}, 0.5, np.array([0.9, np.nan, 0.1, 0.5]))
    assert ranking_.worst(2).tolist() == [2, 3]
    assert ranking_.worst(9).tolist() == [2, 3, 0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ranks": (0,)}, "ranks"),
        ({"ranks": ()}, "ranks"),
        ({"query_person": np.zeros(3, int)}, "expected vectors"),
        ({"gallery_vectors": np.ones((2, 5))}, "differ in length"),
        ({"gallery_vectors": np.full((2, 2), np.nan)}, "finite"),
    ],
)
def test_misuse_is_named(change: dict[str, object], words: str) -> None:
    two = np.ones(2, int)
    good = {f"{side}_{name}": two for side in ("query", "gallery") for name in ("person", "camera")}
    vectors = {f"{side}_vectors": np.ones((2, 2)) for side in ("query", "gallery")}
    with pytest.raises(ValueError, match=words):
        rank(**{**good, **vectors, **change})  # type: ignore[arg-type]


def test_a_mask_of_another_length_is_misuse() -> None:
    with pytest.raises(ValueError, match="is_query"):
        rank_within(np.ones((2, 2), np.float32), np.ones(2, int), np.ones(2, int), np.ones(3, bool))
