"""Paths of heads through a film, on made-up candidates: what is bridged, what is left out, and how sure it is."""

import numpy as np
import pytest

from core.base.types import Floats
from core.export.head_paths import FOLLOWED_SECONDS, FollowedHeads, follow_heads, rows_to_look_at
from core.vision.heads import FoundHeads

FILM = np.arange(51) * 0.04
LOOKED = FILM[::2]
LEAST = 0.4
HEAD = np.array([100, 50, 112, 64], np.float32)


def found(*heads: tuple[Floats, float]) -> FoundHeads:
    return FoundHeads(np.array([box for box, _ in heads]).reshape(-1, 4), np.array([score for _, score in heads]))


def moved(seconds: float, speed: float = 50.0) -> Floats:
    return HEAD + np.float32(speed * seconds) * np.array([1, 0, 1, 0], np.float32)


def walk(speed: float = 50.0, score: float = 0.9) -> list[FoundHeads]:
    """A head in each picture that is looked at."""
    return [found((moved(seconds, speed), score)) for seconds in LOOKED]


def follow(heads: list[FoundHeads]) -> FollowedHeads:
    return follow_heads(LOOKED, heads, FILM, LEAST)


def at(followed: FollowedHeads, row: int) -> FollowedHeads:
    return followed[followed.row == row]


def test_a_head_is_followed_through_pictures_that_are_not_looked_at() -> None:
    followed = follow(walk())
    assert followed.row.tolist() == list(range(len(FILM)))
    np.testing.assert_allclose(followed.xyxy, [moved(seconds) for seconds in FILM], atol=0.5)
    assert (followed.score > 0.85).all()


def test_a_head_that_is_missed_for_a_moment_is_covered_on_its_way() -> None:
    heads = walk()
    heads[10] = heads[11] = heads[12] = found()
    followed = follow(heads)
    for row in (20, 22, 23):
        np.testing.assert_allclose(at(followed, row).xyxy, [moved(FILM[row])], atol=1)


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_seen_for_a_moment_only_is_no_head(count: int) -> None:
    heads = walk()
    elsewhere = np.array([400, 50, 412, 64], np.float32)
    for row in range(10, 10 + count):
        heads[row] = FoundHeads.concatenate([heads[row], found((elsewhere, 0.9))])
    assert (follow(heads).xyxy[:, 0] < 300).all()


def test_many_weak_sightings_are_a_head() -> None:
    assert len(follow(walk(score=0.45))) == len(FILM) and not len(follow(walk(score=0.35)))


def test_a_head_that_is_sure_before_and_after_is_sure_between() -> None:
    heads = walk()
    heads[6:20] = walk(score=0.1)[6:20]
    assert (follow(heads).score > 0.5).all()


def test_the_box_of_a_path_is_more_exact_than_what_is_found() -> None:
    noise = np.random.default_rng(0).normal(0, 1.5, (len(LOOKED), 4)).astype(np.float32)
    heads = [found((moved(seconds) + off, 0.9)) for seconds, off in zip(LOOKED, noise, strict=True)]
    followed = follow(heads)
    error = followed.xyxy - np.array([moved(seconds) for seconds in FILM])
    assert error.std() < 0.7 * noise.std()


def test_a_head_is_followed_before_it_is_found_and_after() -> None:
    heads = [of if 0.8 <= seconds <= 1.2 else found() for of, seconds in zip(walk(), LOOKED, strict=True)]
    followed = follow(heads)
    first, last = FILM[followed.row[[0, -1]]]
    assert first == pytest.approx(0.8 - FOLLOWED_SECONDS, abs=0.041)
    assert last == pytest.approx(1.2 + FOLLOWED_SECONDS, abs=0.041)
    np.testing.assert_allclose(followed.xyxy, [moved(FILM[row]) for row in followed.row], atol=1.5)


def test_two_heads_that_meet_are_both_covered() -> None:
    """The one behind is hidden for a moment."""
    heads = []
    for row, seconds in enumerate(LOOKED):
        both = [(moved(seconds, 60), 0.9), (moved(2 - seconds, 60), 0.8)]
        heads.append(found(*both[: 1 if 11 <= row <= 13 else 2]))
    followed = follow(heads)
    for row, seconds in enumerate(FILM.tolist()):
        here = at(followed, row).xyxy
        for box in (moved(seconds, 60), moved(2 - seconds, 60)):
            assert np.abs(here - box).max(axis=1).min() < 3


def test_pictures_to_look_at_are_not_more_than_are_needed() -> None:
    assert rows_to_look_at(FILM).tolist() == list(range(0, 51, 2))
    assert rows_to_look_at(np.arange(10) / 30).tolist() == [0, 3, 6, 9]
    assert rows_to_look_at(np.arange(4) / 10).tolist() == [0, 1, 2, 3]
    assert rows_to_look_at(np.array([0, 5.0, 9.0])).tolist() == [0, 1, 2]


def test_where_nothing_is_found_nothing_is_followed() -> None:
    assert not len(follow([found()] * len(LOOKED))) and not len(follow_heads(FILM[:0], [], FILM, LEAST))
