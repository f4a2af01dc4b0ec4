"""Copies for a teacher: it sees what the student will see, every crop as often, and each copy is a change."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.types import Floats, Image
from core.lab.training import (
    NO_AUGMENTATION,
    TEACHER_SIZE,
    Augmentation,
    JoinedEmbedder,
    make_copies,
    prefetch_batches,
    read_unlabelled,
)
from tests.lab.training.making import market


class Witness:
    """A teacher that keeps what it was shown."""

    name, dimension, backend, digest = "witness", 2, "here", "0"

    def __init__(self) -> None:
        self.shown: list[Image] = []

    def embed(self, crops: list[Image]) -> Floats:
        self.shown += crops
        return np.stack([[crop.mean(), crop.std()] for crop in crops]).astype(np.float32)


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    return market(tmp_path / "crops", 10)


def test_teacher_and_student_see_the_same(crops: Path) -> None:
    teacher, paths = Witness(), read_unlabelled(crops).path
    made, said = make_copies(paths, 3, TEACHER_SIZE, teacher, 0, Progress())  # type: ignore[arg-type]
    assert np.array_equal(made, np.stack(teacher.shown)) and made.shape == (180, *TEACHER_SIZE, 3)
    assert np.array_equal(said, Witness().embed(list(made)))
    small, same = make_copies(paths, 3, (64, 32), Witness(), 0, Progress())  # type: ignore[arg-type]
    assert np.array_equal(same, said)
    assert np.array_equal(small[7], cv2.resize(made[7], (32, 64), interpolation=cv2.INTER_AREA))


def test_another_seed_makes_other_copies_and_the_same_seed_the_same(crops: Path) -> None:
    one, again, other = (
        make_copies(read_unlabelled(crops).path, 1, (64, 32), Witness(), seed, Progress())[0]  # type: ignore[arg-type]
        for seed in (0, 0, 1)
    )
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_copies_are_changed_and_some_wear_anothers_legs(crops: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = read_unlabelled(crops).path
    plain = np.stack(
        [cv2.resize(cv2.imread(str(path)), TEACHER_SIZE[::-1], interpolation=cv2.INTER_LINEAR) for path in paths]
    )
    made, _ = make_copies(paths, 1, TEACHER_SIZE, Witness(), 0, Progress())  # type: ignore[arg-type]
    assert not any(np.array_equal(copy, crop) for copy in made for crop in plain)
    monkeypatch.setattr("core.lab.training.training_set.COPY_AUGMENTATION", NO_AUGMENTATION)
    monkeypatch.setattr("core.lab.training.training_set.SWAP", 0.0)
    made, _ = make_copies(paths, 1, TEACHER_SIZE, Witness(), 0, Progress())  # type: ignore[arg-type]
    heads = [next((n for n, crop in enumerate(plain) if np.array_equal(copy[:90], crop[:90])), -1) for copy in made]
    feet = [next((n for n, crop in enumerate(plain) if np.array_equal(copy[-70:], crop[-70:])), -1) for copy in made]
    mixed = sum(a != b for a, b in zip(heads, feet, strict=True) if min(a, b) >= 0)
    whole = sum(a == b for a, b in zip(heads, feet, strict=True) if min(a, b) >= 0)
    assert 5 <= mixed < whole
    assert sorted(n for n in heads if n >= 0) == sorted(set(heads) - {-1})  # each crop once, shines aside


def test_no_copies_is_refused(crops: Path) -> None:
    with pytest.raises(SettingsError, match="at least 1 copy"):
        make_copies(read_unlabelled(crops).path, 0, TEACHER_SIZE, Witness(), 0, Progress())  # type: ignore[arg-type]


def test_finished_pictures_stay_as_they_are() -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (10, 64, 32, 3), np.uint8)
    batches = [np.array([1, 8, 3, 9])]
    ((rows, shown),) = prefetch_batches(pictures, batches, Augmentation(), (0,), first_augmented=5)
    same = [np.array_equal(a, b) for a, b in zip(shown, pictures[rows], strict=True)]
    assert same == [False, True, False, True]


def test_several_teachers_agree_on_the_mean_of_their_similarities() -> None:
    class Fixed:
        name, backend, digest = "fixed", "here", "0"

        def __init__(self, rows: list[list[float]]) -> None:
            self.rows, self.dimension = np.array(rows, np.float32), len(rows[0])

        def embed(self, crops: list[Image]) -> Floats:
            return self.rows[: len(crops)]

    joined = JoinedEmbedder([Fixed([[1, 0], [1, 0]]), Fixed([[0, 1, 0], [0, 0.6, 0.8]])])  # type: ignore[list-item]
    vectors = joined.embed([np.zeros((2, 2, 3), np.uint8)] * 2)
    assert vectors.shape == (2, joined.dimension) == (2, 5)
    assert np.allclose(vectors @ vectors.T, [[1, 0.8], [0.8, 1]])
