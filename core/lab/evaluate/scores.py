"""Scores of one clip and of several together, of arrays and of MOT files, and the table that shows them.

Figures equal those of the `trackeval` package, which a test compares, with one difference: with no truth at all, MOTA
is 0, here also for several clips together."""

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

COMBINED = "together"
"""The name of the scores of all clips together."""
TABLE_COLUMNS = (
    *("HOTA", "DetA", "AssA", "MOTA", "MOTP", "IDF1", "IDP", "IDR"),
    *("FP", "FN", "IDSW", "Frag", "MT", "PT", "ML"),
)


@dataclass(frozen=True, eq=False)
class Scores(Counts):
    """The counts of the three families of measures; `as_dict` gives the figures."""

    clear_mot: ClearMot
    identity: Identity
    hota: Hota

    def as_dict(self) -> dict[str, float | int]:
        """Every figure under its published name: shares as floats up to 1 (MOTA may be below 0), counts as integers."""
        clear, identity = self.clear_mot, self.identity
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
    """Scores of one clip at an IoU of 0.5 (HOTA: 0.05 to 0.95); `scale` and `visible` as in `overlap`."""
    clip = overlap(truth, result, scale, visible)
    return Scores(clear_mot(clip), identity(clip), hota(clip))


def combine_scores(parts: Sequence[Scores]) -> Scores:
    """Scores of several clips together: counts are added, so that a long clip weighs more than a short one."""
    if not parts:
        raise ValueError("combine_scores: expected at least one clip's scores, got none")
    return functools.reduce(operator.add, parts)


def score_table(scores: Mapping[str, Scores]) -> str:
    """A plain text table with a line per clip, shares in per cent."""
    rows: list[tuple[str, ...]] = [("", *TABLE_COLUMNS)]
    for name, clip_scores in scores.items():
        figures = clip_scores.as_dict()
        rows.append((name, *(format_figure(figures[column]) for column in TABLE_COLUMNS)))
    return align_columns(rows)


def align_columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows of equally many cells as lines of text: the first column flush left, the others flush right."""
    first = max(len(row[0]) for row in rows)
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[1:]]
    return "\n".join(
        "  ".join([row[0].ljust(first), *(cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True))])
        for row in rows
    )


def format_figure(figure: float | int) -> str:
    """A share in per cent, a count as it is."""
    return str(figure) if isinstance(figure, int) else f"{100 * figure:.1f}"


def score_files(
    truth: Path,
    result: Path,
    scale: float = 1.0,
    analysed_frames: Mapping[str, Ints] | None = None,
    max_absence: int | None = None,
    visible: float = 0.0,
) -> dict[str, Scores]:
    """Scores by clip, named after the result's file, and "together" last where there are several.

    `analysed_frames` holds the frames (from 0) of each clip that were analysed; truth in other frames is left out.
    A person who is missing from the truth for more than `max_absence` frames counts as a new one afterwards, as in the
    truth of PETS 2009. People visible by less than the share `visible` need not be found.
    In folders every `name.txt` of the truth needs a `name.txt` of the result; results without truth are not scored.
    """
    scores = {}
    for truth_file, result_file in pair_files(truth, result):
        rows = read_mot(truth_file)
        rows = in_analysed_frames(
            rows if max_absence is None else split_stays(rows, max_absence), result_file.stem, analysed_frames
        )
        scores[result_file.stem] = score(rows, read_mot(result_file), scale=scale, visible=visible)
    if len(scores) > 1:
        scores[COMBINED] = combine_scores(list(scores.values()))
    return scores


def in_analysed_frames(truth: MotRows, camera: str, analysed_frames: Mapping[str, Ints] | None) -> MotRows:
    """The truth in the frames that a run analysed; all of it where `analysed_frames` is None."""
    if analysed_frames is None:
        return truth
    if camera not in analysed_frames:
        raise TruthError(f"The run has no camera {camera}", "Remove its truth or its tracks.")
    return truth[np.isin(truth.frame, analysed_frames[camera])]


def split_stays(truth: MotRows, max_absence: int) -> MotRows:
    """The truth with an id for each stay of a person in the picture; a stay ends after `max_absence` missing frames."""
    order = np.lexsort((truth.frame, truth.id))
    ids, frame = truth.id[order], truth.frame[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (np.diff(ids) != 0) | (np.diff(frame) - 1 > max_absence)
    stay = np.empty(len(order), np.int64)
    stay[order] = np.cumsum(is_new)
    return replace(truth, id=stay)


def pair_files(truth: Path, result: Path) -> list[tuple[Path, Path]]:
    """Each file of the truth with its file of the result: two files, or the files of two folders paired by name."""
    for path in (truth, result):
        if not path.exists():
            raise TruthError(f"{path} does not exist", "Check the path.")
    if truth.is_dir() != result.is_dir():
        raise TruthError("Truth and result are a file and a folder", "Give two files or two folders.")
    if truth.is_file():
        return [(truth, result)]
    truths = sorted(truth.glob("*.txt"))
    if not truths:
        raise TruthError(f"{truth} has no .txt files", "Add a file of MOT text for each clip, such as cam1.txt.")
    files = [(file, result / file.name) for file in truths]
    missing = [result_file.name for _, result_file in files if not result_file.is_file()]
    if missing:
        raise TruthError(
            f"{result} has no {', '.join(missing)}", "Add it; an empty file stands for a clip with nobody in it."
        )
    return files
