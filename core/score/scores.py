"""One clip's scores, several clips together, and the table in which they are shown.

Figures are those of the `trackeval` package, which a test compares. They differ in one place only: with no truth at
all, MOTA is 0, here also for several clips together.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.mot import MotRows
from core.score.clear import Clear, clear
from core.score.hota import Hota, hota
from core.score.identity import Identity, identity
from core.score.overlap import overlap
from core.score.sums import Sums

SHOWN = ("HOTA", "DetA", "AssA", "MOTA", "MOTP", "IDF1", "IDP", "IDR", "FP", "FN", "IDSW", "Frag", "MT", "PT", "ML")


@dataclass(frozen=True, eq=False)
class Scores(Sums):
    """What three families of measures counted; `as_dict` holds the figures."""

    clear: Clear
    identity: Identity
    hota: Hota

    def as_dict(self) -> dict[str, float | int]:
        """Every figure under its published name: shares as floats up to 1 (MOTA may be negative), counts as ints."""
        clear, identity = self.clear, self.identity
        return {
            **self.hota.figures(),
            "MOTA": clear.mota,
            "MOTP": clear.motp,
            "Recall": clear.recall,
            "Precision": clear.precision,
            "IDF1": identity.f1,
            "IDP": identity.precision,
            "IDR": identity.recall,
            "TP": clear.tp,
            "FP": clear.fp,
            "FN": clear.fn,
            "IDTP": identity.tp,
            "IDFP": identity.fp,
            "IDFN": identity.fn,
            "IDSW": clear.switches,
            "Frag": clear.fragmentations,
            "MT": clear.mostly_tracked,
            "PT": clear.partly_tracked,
            "ML": clear.mostly_lost,
        }


def score(truth: MotRows, result: MotRows, *, scale: float = 1.0, visible: float = 0.0) -> Scores:
    """Scores of one clip at overlap 0.5 (HOTA: 0.05 to 0.95); `scale` and `visible` as `overlap` reads them."""
    clip = overlap(truth, result, scale, visible)
    return Scores(clear(clip), identity(clip), hota(clip))


def together(parts: Sequence[Scores]) -> Scores:
    """Scores of several clips as of one: counts are added, so that a long clip weighs more than a short one."""
    if not parts:
        raise ValueError("together: expected at least one clip's scores, got none")
    return functools.reduce(operator.add, parts)


def table(scores: Mapping[str, Scores]) -> str:
    """A plain text table, one line per name, shares in per cent."""
    rows: list[tuple[str, ...]] = [("", *SHOWN)]
    for name, one in scores.items():
        figures = one.as_dict()
        rows.append((name, *(cell(figures[column]) for column in SHOWN)))
    return aligned(rows)


def aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows of as many cells each as lines of text: the first column to the left, the others to the right."""
    first = max(len(row[0]) for row in rows)
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[1:]]
    return "\n".join(
        "  ".join([row[0].ljust(first), *(word.rjust(width) for word, width in zip(row[1:], widths, strict=True))])
        for row in rows
    )


def cell(figure: float | int) -> str:
    """A share in per cent, a count as it is."""
    return str(figure) if isinstance(figure, int) else f"{100 * figure:.1f}"
