"""What a batch holds, and that a prefetching thread changes nothing."""

import numpy as np
import pytest

from core.lab.training import NO_AUGMENTATION, Augmentation, Crops, augment, prefetch_batches, sample_batches


def crops(counts: list[int]) -> Crops:
    who = np.repeat(np.arange(1, len(counts) + 1), counts)
    names = np.empty(len(who), object)
    names[:] = [f"{i}.jpg" for i in range(len(who))]
    return Crops(names, who, np.ones(len(who)))


@pytest.mark.parametrize("seed", range(4))
def test_batches_hold_different_people_with_equally_many_pictures(seed: int) -> None:
    some = crops([3, 9, 1, 4, 12, 5, 4, 4])
    for rows in sample_batches(some, 4, 3, np.random.default_rng(seed)):
        who = some.person[rows].reshape(-1, 3)
        assert (who == who[:, :1]).all() and len(set(who[:, 0])) == len(who) <= 4


def test_everybody_comes_as_often_as_they_have_pictures() -> None:
    some = crops([4] * 12)
    rows = np.concatenate(list(sample_batches(some, 4, 4, np.random.default_rng(0))))
    assert sorted(rows.tolist()) == list(range(48))


def test_a_person_with_one_picture_is_shown_it_again() -> None:
    some = crops([1, 4])
    (rows,) = list(sample_batches(some, 2, 4, np.random.default_rng(0)))
    assert (some.person[rows] == 1).sum() == 4


def test_the_thread_changes_nothing() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (10, 16, 8, 3), dtype=np.uint8)
    batches = [np.array([1, 2]), np.array([5, 9]), np.array([0, 3])]
    for step, (rows, shown) in enumerate(prefetch_batches(pictures, batches, Augmentation(), (4, 2))):
        assert (rows == batches[step]).all()
        assert (shown == augment(pictures[rows], Augmentation(), np.random.default_rng((4, 2, step)))).all()


def test_no_batches_no_thread() -> None:
    assert list(prefetch_batches(np.empty((0, 4, 4, 3), np.uint8), [], NO_AUGMENTATION, (0,))) == []
