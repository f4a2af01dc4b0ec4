"""Figures before and after, side by side; and figures against the least or the most that they may be."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.bench.checkout import Figure, Figures


@dataclass(frozen=True)
class Floor:
    """A figure may not be below `least`, nor above `most`."""

    name: str
    least: float = float("-inf")
    most: float = float("inf")

    def holds(self, figure: Figure) -> bool:
        return self.least <= float(figure) <= self.most

    @property
    def words(self) -> str:
        """
        >>> Floor("a", least=10).words, Floor("a", most=1).words
        ('at least 10', 'at most 1')
        """
        return f"at least {self.least:g}" if self.most == float("inf") else f"at most {self.most:g}"


def differing(before: Figures, after: Figures) -> list[str]:
    """Names of the figures that are not equal to the last digit, or that only one side has."""
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def table(before: Figures, after: Figures, names: Iterable[str]) -> str:
    """
    >>> print(table({"a": 0.5, "b": 1}, {"a": 0.5}, ["a", "b"]))
    figure  before  after  equal
    a       0.5     0.5    yes
    b       1       -      NO
    """
    rows = [("figure", "before", "after", "equal")]
    for name in names:
        equal = "yes" if before.get(name) == after.get(name) else "NO"
        rows.append((name, _text(before, name), _text(after, name), equal))
    return aligned(rows)


def ratios(before: Figures, after: Figures) -> str:
    """
    >>> print(ratios({"frames/s": 100.0}, {"frames/s": 110.0}))
    figure    before  after  after / before
    frames/s  100     110    1.10
    """
    rows = [("figure", "before", "after", "after / before")]
    for name in before.keys() & after.keys():
        was, now = float(before[name]), float(after[name])
        rows.append((name, f"{was:.4g}", f"{now:.4g}", f"{now / was:.2f}" if was else "-"))
    return aligned([rows[0], *sorted(rows[1:])])


def below(figures: Figures, floors: Iterable[Floor]) -> Iterator[str]:
    """A sentence for each figure that is measured and does not hold its floor."""
    for floor in floors:
        if floor.name in figures and not floor.holds(figures[floor.name]):
            yield f"{floor.name} is {float(figures[floor.name]):.4g}, and must be {floor.words}"


def aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _text(figures: Figures, name: str) -> str:
    return str(figures[name]) if name in figures else "-"
