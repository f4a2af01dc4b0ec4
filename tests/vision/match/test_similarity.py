"""Cosines of tracklets, and what their looks are without before."""

import numpy as np

from core.vision.match import CAMERA_PRIOR, OVERALL_PRIOR, camera_means, cosine_similarity, similarity, subtract_mean
from tests.vision.match.making import run


def test_cosines_are_what_a_loop_finds_and_the_same_both_ways(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    tracklets, _ = run(1)
    one_by_one = [[float(a.astype(float) @ b.astype(float)) for b in tracklets.vector] for a in tracklets.vector]
    for block in (1024, 7):
        monkeypatch.setattr(similarity, "BLOCK", block)
        found = cosine_similarity(tracklets)
        np.testing.assert_allclose(found, one_by_one, atol=1e-6)
        assert np.array_equal(found, found.T) and found.max() <= 1


def test_what_is_usual_is_what_a_loop_finds() -> None:
    rng = np.random.default_rng(0)
    camera = np.array([0, 0, 0, 2, 2])  # nobody was seen by camera 1
    looks = rng.standard_normal((5, 4)).astype(np.float32)
    overall = sum(looks) / (5 + OVERALL_PRIOR)
    for number, found in enumerate(camera_means(looks, camera, 3)):
        mine = [look for look, of in zip(looks, camera, strict=True) if of == number]
        np.testing.assert_allclose(found, (sum(mine) + CAMERA_PRIOR * overall) / (len(mine) + CAMERA_PRIOR), atol=1e-6)


def test_strangers_in_one_light_are_strangers_and_a_person_in_two_is_one() -> None:
    """Two rooms with a light of their own, by which people who share one are more alike than one person in both."""
    rng = np.random.default_rng(1)
    people, light = rng.standard_normal((30, 64)), 2 * rng.standard_normal((2, 64))
    camera, person = np.repeat([0, 1], 30), np.tile(np.arange(30), 2)
    looks = people[person] + light[camera]
    looks = (looks / np.linalg.norm(looks, axis=1, keepdims=True)).astype(np.float32)
    own = subtract_mean(looks, camera_means(looks, camera, 2)[camera])
    here, there = looks @ looks.T, own @ own.T
    np.testing.assert_allclose(np.linalg.norm(own, axis=1), 1, atol=1e-6)
    same, room = person[:, None] == person, camera[:, None] == camera
    assert here[same & ~room].mean() < here[~same & room].mean() - 0.2
    assert there[same & ~room].mean() > there[~same & room].mean() + 0.3


def test_somebody_alone_keeps_most_of_what_they_look_like() -> None:
    look = np.array([[0.6, 0.8, 0]], np.float32)
    np.testing.assert_allclose(subtract_mean(look, camera_means(look, np.zeros(1, int), 1)), look, atol=1e-6)
    two = np.array([[1, 0, 0], [0.6, 0.8, 0]], np.float32)  # one person whom two cameras see
    found = subtract_mean(two, camera_means(two, np.array([0, 1]), 2))
    assert found[0] @ found[1] > 0.35


def test_nobody_at_all() -> None:
    assert camera_means(np.empty((0, 4), np.float32), np.empty(0, int), 2).tolist() == [[0] * 4] * 2
