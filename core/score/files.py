"""Scores of files: one truth and one result, or two folders whose files share their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.errors import TruthError
from core.mot import MotRows, read_mot
from core.score.scores import Scores, score, together
from core.types import Ints

TOGETHER = "together"


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
    for truth_file, ours in pairs(truth, result):
        rows = read_mot(truth_file)
        rows = asked(rows if away is None else stays(rows, away), ours.stem, looked_at)
        scores[ours.stem] = score(rows, read_mot(ours), scale=scale, visible=visible)
    if len(scores) > 1:
        scores[TOGETHER] = together(list(scores.values()))
    return scores


def asked(truth: MotRows, camera: str, looked_at: Mapping[str, Ints] | None) -> MotRows:
    """The truth of the frames that a run looked at; all of it where `looked_at` is None."""
    if looked_at is None:
        return truth
    if camera not in looked_at:
        raise TruthError(f"The run looked at no camera {camera}", "Take its truth or its tracks away.")
    return truth[np.isin(truth.frame, looked_at[camera])]


def stays(truth: MotRows, away: int) -> MotRows:
    """The truth with a number of its own for each stay of a person in the picture."""
    order = np.lexsort((truth.frame, truth.id))
    who, frame = truth.id[order], truth.frame[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(who) != 0) | (np.diff(frame) - 1 > away)
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(new)
    return replace(truth, id=number)


def pairs(truth: Path, result: Path) -> list[tuple[Path, Path]]:
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
