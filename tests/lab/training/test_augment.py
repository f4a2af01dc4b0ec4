"""Every change on its own does what its name says, and nothing else; the seed decides all."""

from dataclasses import fields, replace

import numpy as np
import pytest

from core.base.errors import SettingsError
from core.lab.training import NO_AUGMENTATION, Augmentation, augment
from tests.lab.training.making import person

PICTURES = np.stack([person(who, who % 2, 0) for who in range(24)])


def changed(**rules: float) -> np.ndarray:
    return augment(PICTURES, replace(NO_AUGMENTATION, **rules), np.random.default_rng(3))


def test_without_rules_nothing_changes() -> None:
    assert (changed() == PICTURES).all()


def test_the_seed_decides_everything() -> None:
    one, same, other = (augment(PICTURES, Augmentation(), np.random.default_rng(s)) for s in (5, 5, 6))
    assert (one == same).all() and (one != other).any()


@pytest.mark.parametrize("name", [f.name for f in fields(Augmentation) if f.name != "patch"])
def test_each_rule_alone_changes_pictures_and_leaves_the_given_ones_be(name: str) -> None:
    before = PICTURES.copy()
    strong = {"rotate": 10.0, "light": 30.0}.get(name, 0.5)
    rules = {name: strong, **({"patch": 0.3} if name == "erase" else {})}
    assert (changed(**rules) != PICTURES).any()
    assert (before == PICTURES).all()


def test_flip_mirrors_about_half() -> None:
    flipped = changed(flip=0.5)
    mirrored = [(a == b[:, ::-1]).all() for a, b in zip(flipped, PICTURES, strict=True)]
    same = [(a == b).all() for a, b in zip(flipped, PICTURES, strict=True)]
    assert all(m or s for m, s in zip(mirrored, same, strict=True)) and 4 < sum(mirrored) < 20


def test_grey_takes_colour_away() -> None:
    grey = changed(grey=1.0)
    assert (grey.max(axis=3) == grey.min(axis=3)).all()


def test_erase_hides_no_more_than_its_patch() -> None:
    hidden = (changed(erase=1.0, patch=0.2) != PICTURES).any(axis=3).mean(axis=(1, 2))
    assert hidden.mean() > 0 and hidden.max() <= 0.22


def test_a_chance_is_a_share() -> None:
    with pytest.raises(SettingsError):
        Augmentation(flip=2.0)
