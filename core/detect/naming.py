"""Which of a model's classes is a person."""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import WeightsError


def person_class(names: Mapping[int, str], model: str) -> int:
    """The class called person, or the only class there is (a one-class person model may call it anything).

    >>> person_class({0: "bicycle", 1: "person"}, "mine"), person_class({0: "item"}, "mine")
    (1, 0)
    """
    for number, name in names.items():
        if name.lower() in ("person", "pedestrian", "people"):
            return int(number)
    if len(names) == 1:
        return int(next(iter(names)))
    raise WeightsError(
        f"{model} knows no class called person (it knows {', '.join(list(names.values())[:5])}, ...)",
        "Use a detector trained on people.",
    )
