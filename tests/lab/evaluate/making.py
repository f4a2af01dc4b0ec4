"""Rows of MOT text in a line each."""

import numpy as np

from core.vision.mot import MotRows

HIGH = 100.0


def rows_of(*rows: tuple[float, ...]) -> MotRows:
    """Rows of (frame, id, left, top[, conf, class]); every box is 100 x 100."""
    full = np.array([(*row, *(1, -1)[len(row) - 4 :]) for row in rows], np.float64).reshape(-1, 6)
    left_top = full[:, 2:4]
    return MotRows(
        frame=full[:, 0].astype(np.int64),
        id=full[:, 1].astype(np.int64),
        xyxy=np.concatenate([left_top, left_top + HIGH], axis=1),
        conf=full[:, 4],
        cls=full[:, 5].astype(np.int64),
        visibility=np.ones(len(full)),
    )


def standing(who: int, frames: range, left: float = 0, top: float = 0) -> list[tuple[float, ...]]:
    return [(frame, who, left, top) for frame in frames]
