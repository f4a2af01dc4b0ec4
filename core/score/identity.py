"""Identity measures (Ristani and others, 2016): how much of the clip is each person under one and the same number?

Every person is paired with at most one result for the whole clip, so that the pairs share as many boxes as possible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from core.score.overlap import ENOUGH, Overlap
from core.score.sums import Sums, share


@dataclass(frozen=True, eq=False)
class Identity(Sums):
    """Boxes under the right number, results under a wrong one, and truth that no right number covers."""

    tp: int
    fp: int
    fn: int

    @property
    def f1(self) -> float:
        return float(share(2 * self.tp, self.fp, self.fn))

    @property
    def precision(self) -> float:
        return float(share(self.tp, self.fp))

    @property
    def recall(self) -> float:
        return float(share(self.tp, self.fn))


def identity(clip: Overlap) -> Identity:
    together = np.zeros((len(clip.truth_boxes), len(clip.result_boxes)), np.int64)
    for frame in clip.frames:
        rows, columns = np.nonzero(frame.iou >= ENOUGH)
        together[frame.truths[rows], frame.results[columns]] += 1
    # Errors fall by two with every shared box, whoever the pair, so the pairing of most shared boxes has fewest errors.
    right = int(together[linear_sum_assignment(together, maximize=True)].sum())
    return Identity(right, int(clip.result_boxes.sum()) - right, int(clip.truth_boxes.sum()) - right)
