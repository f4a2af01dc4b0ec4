"""Counts that add up: what every measure keeps of a clip, so that several clips are scored by adding."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np


@dataclass(frozen=True, eq=False)
class Sums:
    """A measure's counts. Fields of two clips add to the fields of both together."""

    def __add__(self, other: Self) -> Self:
        return type(self)(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


def share(part: Any, *rest: Any) -> Any:
    """`part` as a share of the sum of all arguments, element by element; 0 where there is nothing to share.

    >>> share(3, 1), share(0, 0)
    (0.75, 0.0)
    """
    whole = sum(rest, part)
    shares = np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 0)
    return shares if np.ndim(shares) else float(shares)
