"""Why a pair is or is not together: each reason there is, and the two crops that say most about it."""

import numpy as np
import pytest

from core.base.types import Tracklets
from core.runs import Evidence, explain_people, explain_tracks
from core.vision.match import TOGETHER, Decisions, Match, match
from core.vision.models import EmbedderPrior
from tests.review.making import made
from tests.vision.match.making import unit

KNOWN = EmbedderPrior(impostor_mean=0.3, impostor_spread=0.2, threshold=0.5)


def three(**rest: tuple[tuple[int, int], ...]) -> tuple[Evidence, Match]:
    """Rows 0 and 1 are 0.6 alike, 1 and 2 0.6, 0 and 2 less; each of another camera. Row 3 is like nobody, and in the
    picture together with row 0."""
    whole = made(3, 4, 4, 2, 10)
    vector = unit(np.array([[1, 0, 0], [0.6, 0.8, 0], [-0.1, 0.825, 0.556], [0, 0, -1]], np.float32))
    crops = whole.crops[whole.crops.row < 4]
    lookalike = unit(vector[crops.row] + 0.01 * np.arange(len(crops))[:, None])
    tracklets = Tracklets(
        np.array([0, 1, 2, 0]), np.array([1, 1, 1, 2]), np.array([0.0, 20, 40, 0]), np.array([5.0, 25, 45, 5]), vector
    )
    evidence = Evidence(
        whole.cameras,
        whole.offsets,
        tracklets,
        whole.colours,
        type(crops)(**{**vars(crops), "vector": lookalike.astype(np.float16)}),
        np.zeros((3, 3), np.float32),
    )
    return evidence, match(tracklets, KNOWN, 0.2, Decisions(**rest))


def said(one: int, other: int, **rest: tuple[tuple[int, int], ...]) -> tuple[bool, str]:
    evidence, found = three(**rest)
    pair = explain_tracks(evidence, found, one, other)
    return pair.is_same_person, pair.text


def test_every_reason_has_its_words() -> None:
    assert said(0, 1) == (True, "Together: their similarity is at or above the threshold, 0.200.")
    assert said(0, 2) == (
        True,
        "Together through other tracks of this person. These two alone are below the threshold, 0.200.",
    )
    assert said(0, 3) == (False, "Apart: both were in the picture of one camera at the same time.")
    assert said(1, 3) == (False, "Apart: their similarity is below the threshold, 0.200.")
    assert said(1, 1) == (True, "This is one and the same track.")


def test_what_the_user_said_comes_first() -> None:
    joined = ((0, 1), (1, 2))
    assert said(1, 0, same=joined) == (True, "Together: you said that they are one person.")
    assert said(0, 2, same=joined) == (True, "Together: you joined them, through other tracks.")
    assert said(0, 1, different=((0, 1),)) == (False, "Apart: you said that they are two people.")


def test_as_alike_as_the_threshold_and_yet_apart() -> None:
    """Row 2 may not join row 0, so it may not join 0 and 1 either, like row 1 though it is."""
    together, words = said(1, 2, same=((0, 1),), different=((0, 2),))
    assert not together
    assert words == (
        "Apart, although the similarity of these two tracks reaches the threshold. Their people: apart: in 1 of 2 "
        "pairs of tracks, you said that they are two people."
    )


def test_people_and_what_keeps_them_apart() -> None:
    evidence, found = three()
    person = found.people().person
    apart = explain_people(evidence, found, int(person[0]), int(person[3]))
    assert not apart.is_same_person and apart.text.startswith(
        "Apart: in 1 of 3 pairs of tracks, both were in the picture"
    )
    assert apart.text.endswith(f"{apart.similarity:.3f}, is below the threshold, 0.200.")
    assert apart.similarity == pytest.approx(float(found.similarity[[0, 1, 2], 3].mean()))
    own = explain_people(evidence, found, int(person[0]), int(person[0]))
    assert own.is_same_person and own.similarity == pytest.approx(float(found.similarity[[0, 0, 1], [1, 2, 2]].mean()))
    alone = explain_people(evidence, found, int(person[3]), int(person[3]))
    assert np.isnan(alone.similarity) and "one track only" in alone.text


def test_the_two_crops_are_the_most_alike_of_all() -> None:
    evidence = made(3, 4, 12, 3, 30)
    found = match(evidence.tracklets, KNOWN, 0.5)
    people = np.unique(found.people().person)
    pair = explain_people(evidence, found, int(people[0]), int(people[1]))
    crops, person = evidence.crops, found.people().person
    mine, theirs = (np.flatnonzero(person[crops.row] == number) for number in people[:2])
    alike = crops.vector[mine].astype(np.float32) @ crops.vector[theirs].astype(np.float32).T
    assert pair.crop_similarity == pytest.approx(float(alike.max()), abs=1e-5)
    assert pair.crops[0] in mine and pair.crops[1] in theirs
    assert (found.why == TOGETHER).any()
