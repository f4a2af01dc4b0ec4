"""The sweep tries every combination once, and its table puts the best first."""

import pytest

from core.base.errors import SettingsError
from core.lab.training import ReidRecipe, sweep_recipes, sweep_table, train_sweep


def test_every_combination_once() -> None:
    recipes = sweep_recipes(ReidRecipe(), {"margin": [0.1, 0.3], "rate": [1e-3, 1e-4], "loss": ["triplet", "margin"]})
    assert len({(r.margin, r.rate, r.loss) for r in recipes}) == len(recipes) == 8
    assert {r.backbone for r in recipes} == {ReidRecipe().backbone}


def test_nothing_to_sweep_is_one_training() -> None:
    assert sweep_recipes(ReidRecipe(seed=4), {}) == [ReidRecipe(seed=4)]


def test_unknown_settings_and_values_are_refused() -> None:
    with pytest.raises(SettingsError, match="cannot be swept"):
        sweep_recipes(ReidRecipe(), {"seed": [1, 2]})
    with pytest.raises(SettingsError, match="unknown loss"):
        sweep_recipes(ReidRecipe(), {"loss": ["triplet", "hinge"]})


def test_the_best_comes_first() -> None:
    worth = {0.1: 0.2, 0.3: 0.6, 0.5: 0.4}
    found = train_sweep(
        sweep_recipes(ReidRecipe(), {"margin": list(worth)}),
        lambda recipe: {"map": worth[recipe.margin], "rank1": 0.5, "loss": 1.0, "seconds": 3.0},
    )
    assert [recipe.margin for recipe, _ in found] == [0.3, 0.5, 0.1]
    lines = sweep_table(found).splitlines()
    assert len(lines) == 4 and "60.0 %" in lines[1] and "0.3" in lines[1]
