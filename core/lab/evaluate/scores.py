"""One clip's scores, several clips together, and the table in which they are shown.

Figures are those of the `trackeval` package, which a test compares. They differ in one place only: with no truth at
all, MOTA is 0, here also for several clips together.

Scores of files: one truth and one result, or two folders whose files share their names."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.base.errors import TruthError
from core.base.types import Ints
from core.lab.evaluate.measures import ClearMot, Hota, Identity, clear_mot, hota, identity
from core.lab.evaluate.paired_frames import Counts, overlap
from core.vision.mot import MotRows, read_mot

TABLE_COLUMNS = ("HOTA", "DetA", "AssA", "MOTA", "MOTP", "IDF1", "IDP", "IDR", "FP", "FN", "IDSW", "Frag", "MT", "PT", "ML")


@dataclass(frozen=True, eq=False)
class Scores(Counts):
    """What three families of measures counted; `as_dict` holds the figures."""

    clear_mot: ClearMot
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
    return Scores(clear_mot(clip), identity(clip), hota(clip))


def combine_scores(parts: Sequence[Scores]) -> Scores:
    """Scores of several clips as of one: counts are added, so that a long clip weighs more than a short one."""
    if not parts:
        raise ValueError("together: expected at least one clip's scores, got none")
    return functools.reduce(operator.add, parts)


def score_table(scores: Mapping[str, Scores]) -> str:
    """A plain text table, one line per name, shares in per cent."""
    rows: list[tuple[str, ...]] = [("", *TABLE_COLUMNS)]
    for name, one in scores.items():
        figures = one.as_dict()
        rows.append((name, *(format_figure(figures[column]) for column in TABLE_COLUMNS)))
    return align_columns(rows)


def align_columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows of as many cells each as lines of text: the first column to the left, the others to the right."""
    first = max(len(row[0]) for row in rows)
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[1:]]
    return "\n".join(
        "  ".join([row[0].ljust(first), *(word.rjust(width) for word, width in zip(row[1:], widths, strict=True))])
        for row in rows
    )


def format_figure(figure: float | int) -> str:
    """A share in per cent, a count as it is."""
    return str(figure) if isinstance(figure, int) else f"{100 * figure:.1f}"


COMBINED = "together"


def score_files(
    truth: Path,
    result: Path,
    scale: float = 1.0,
    looked_at: Mapping[str, Ints] | None = None,
    away: int | None = None,
    visible: float = 0.0,
) -> dict[str, Scores]:
    """Scores by clip, named after the result's file, and "together" last where there are several.

    `looked_at` holds the frames (from 0) of each clip that its result speaks about; the truth of others is left out.
    Whoever the truth leaves out for more than `away` frames counts as somebody new afterwards, as in PETS 2009's truth.
    Who is visible by less than the share `visible` is neither asked for nor wrong.
    In folders every `name.txt` of the truth needs a `name.txt` of the result; results without truth are not scored.
    """
    scores = {}
    for truth_file, ours in pair_files(truth, result):
        rows = read_mot(truth_file)
        rows = in_analysed_frames(rows if away is None else split_stays(rows, away), ours.stem, looked_at)
        scores[ours.stem] = score(rows, read_mot(ours), scale=scale, visible=visible)
    if len(scores) > 1:
        scores[COMBINED] = combine_scores(list(scores.values()))
    return scores


def in_analysed_frames(truth: MotRows, camera: str, looked_at: Mapping[str, Ints] | None) -> MotRows:
    """The truth of the frames that a run looked at; all of it where `looked_at` is None."""
    if looked_at is None:
        return truth
    if camera not in looked_at:
        raise TruthError(f"The run looked at no camera {camera}", "Take its truth or its tracks away.")
    return truth[np.isin(truth.frame, looked_at[camera])]


def split_stays(truth: MotRows, away: int) -> MotRows:
    """The truth with a number of its own for each stay of a person in the picture."""
    order = np.lexsort((truth.frame, truth.id))
    who, frame = truth.id[order], truth.frame[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(who) != 0) | (np.diff(frame) - 1 > away)
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(new)
    return replace(truth, id=number)


def pair_files(truth: Path, result: Path) -> list[tuple[Path, Path]]:
    """Files of the truth, each with the result's of the same name: one pair, or those of two folders by name."""
    for path in (truth, result):
        if not path.exists():
            raise TruthError(f"{path} is not there", "Check the name.")
    if truth.is_dir() != result.is_dir():
        raise TruthError("One of truth and result is a file, the other a folder", "Give two files or two folders.")
    if truth.is_file():
        return [(truth, result)]
    truths = sorted(truth.glob("*.txt"))
    if not truths:
        raise TruthError(f"{truth} has no .txt files", "Name one file of MOT text per clip, such as cam1.txt.")
    both = [(one, result / one.name) for one in truths]
    missing = [ours.name for _, ours in both if not ours.is_file()]
    if missing:
        raise TruthError(f"{result} has no {', '.join(missing)}", "An empty file stands for a clip with nobody in it.")
    return both
