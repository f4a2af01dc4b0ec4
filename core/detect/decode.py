"""From the raw output of a YOLO network to boxes of one class. NumPy only; knows no runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.detect.base import Boxes, suppress
from core.settings import DetectSettings

# A network that suppresses by itself (YOLO26) gives a short list of (x, y, x, y, score, class).
END_TO_END_ROWS = 1000


def boxes_of(output: NDArray[Any], person: int, settings: DetectSettings) -> Boxes:
    """Boxes of class `person` from one image's output, in pixels of the network's input.

    `output` is (4 + classes, anchors) with centre, size and a score per class, or (rows, 6) end to end.
    """
    if output.shape[1] == 6 and output.shape[0] <= END_TO_END_ROWS:
        rows = output[(output[:, 4] >= settings.floor) & (output[:, 5] == person)]
        rows = rows[np.argsort(-rows[:, 4], kind="stable")][: settings.most]
        return Boxes(rows[:, :4].astype(np.float32), rows[:, 4].astype(np.float32))
    score = output[4 + person]
    at = np.flatnonzero(score >= settings.floor)
    # An anchor speaks for its best class only; a dog that is also 0.1 person is no person.
    if output.shape[0] > 5:
        at = at[output[4:, at].argmax(axis=0) == person]
    centre, half = output[:2, at].T, output[2:4, at].T / 2
    xyxy = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
    return suppress(xyxy, score[at].astype(np.float32), settings.nms_iou, settings.most)
