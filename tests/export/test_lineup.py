"""The sheet of a query: everybody is on it, heads are covered, and whoever is alike enough is framed."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.text import Clocks
from core.base.types import Image
from core.export import LineupRow, draw_lineup
from core.export.images import DEEPER
from core.runs import Candidate, Crop
from tests.export.making import jpeg, striped

GREEN = (115, 158, 0)


def candidate(person: int, enough: bool = False, seconds: float = 3.0) -> Candidate:
    return Candidate(person, 0.5, 0.6, enough, "cam1", person, Crop(seconds, 75, jpeg(person)))


def drawn(*candidates: Candidate, blur: bool = True, asked: int = 1) -> Image:
    one = LineupRow("person 1", striped(99), candidates)
    return draw_lineup([one] * asked, "Who looks like photo.jpg", 0.53, blur)


def framed(page: Image) -> int:
    return int((np.abs(page.astype(int) - GREEN).max(axis=2) < 30).sum())


def test_it_grows_with_people_and_lines() -> None:
    one, two = drawn(candidate(1)).shape, drawn(candidate(1), asked=2).shape
    lines = drawn(*map(candidate, range(1, 13))).shape
    assert one[1] == two[1] == lines[1] == 1200
    assert lines[0] - one[0] == two[0] - one[0] == 234


def test_whoever_is_alike_enough_is_framed() -> None:
    none, first, both = (framed(drawn(candidate(1, a), candidate(2, b))) for a, b in ((0, 0), (1, 0), (1, 1)))
    assert none == 0 and first > 500 and both == pytest.approx(2 * first, rel=0.02)


def test_heads_are_covered_unless_asked_otherwise() -> None:
    """Of the photo, at the left, and of the candidate."""
    covered, plain = (drawn(candidate(1), blur=blur) for blur in (True, False))
    for left in (28, 152):
        heads = [page[100 : 100 + int(168 * DEEPER), left + 10 : left + 70] for page in (plain, covered)]
        fine = [float((cv2.Laplacian(head, cv2.CV_64F) ** 2).mean()) for head in heads]
        assert fine[0] > 20 * fine[1]


def test_the_time_of_day_stands_below_a_candidate() -> None:
    clocks = Clocks.read({"cam1": "2026-11-28T14:03:10"}, "UTC")
    row = LineupRow("person 1", striped(99), [candidate(1, enough=True)])
    known, unknown, later = (
        draw_lineup([row], "Who looks like photo.jpg", 0.53, clocks=each)
        for each in (clocks, Clocks(), clocks.corrected({"cam1": -60.0}))
    )
    below = slice(76 + 24 + 168, None)
    assert known.shape == unknown.shape and not np.array_equal(known[below], unknown[below])
    assert np.array_equal(known[: below.start], later[: below.start]) and not np.array_equal(known, later)


def test_nobody_and_names_that_no_font_has(tmp_path: Path) -> None:
    page = draw_lineup([LineupRow("in the photo", striped(1), [])], "Who looks like 入口\ud800.jpg", 0.5)
    assert page.shape[0] == 76 + 234 + 28
    entry, exit, plain = (draw_lineup([], f"Who looks like {name}.jpg", 0.5)[:40] for name in ("入口", "出口", "Photo"))
    assert not np.array_equal(entry, exit) and not np.array_equal(entry, plain)
    assert drawn(candidate(1, seconds=math.nan)).any()
