"""The same training over and over with other settings, and a table of what each was worth."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.errors import SettingsError
from core.train.reid import ReidRecipe

SWEPT = ("margin", "rate", "loss", "backbone")
HEAD = ("margin", "rate", "loss", "backbone", "rank-1", "mAP", "loss at the end", "seconds")


def sweep(base: ReidRecipe, choices: Mapping[str, Sequence[Any]]) -> list[ReidRecipe]:
    """Every combination of the choices, each a whole recipe; what is not swept stays as in `base`."""
    if strange := set(choices) - set(SWEPT):
        raise SettingsError(f"{', '.join(sorted(strange))} cannot be swept", f"Choose among {', '.join(SWEPT)}.")
    names = [name for name in SWEPT if choices.get(name)]
    combinations = itertools.product(*(choices[name] for name in names))
    return [replace(base, **dict(zip(names, values, strict=True))) for values in combinations]


def tune(
    recipes: Iterable[ReidRecipe], train: Callable[[ReidRecipe], Mapping[str, float]]
) -> list[tuple[ReidRecipe, Mapping[str, float]]]:
    """Each recipe with the last row of its curve, best mAP first."""
    found = [(recipe, train(recipe)) for recipe in recipes]
    return sorted(found, key=lambda pair: -pair[1].get("map", 0.0))


def table(found: Sequence[tuple[ReidRecipe, Mapping[str, float]]]) -> str:
    rows = [HEAD]
    for recipe, row in found:
        settings = (f"{recipe.margin:g}", f"{recipe.rate:g}", recipe.loss, recipe.backbone)
        worth = (_share(row.get("rank1")), _share(row.get("map")))
        rows.append((*settings, *worth, f"{row.get('loss', float('nan')):.3f}", f"{row.get('seconds', 0.0):.0f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
