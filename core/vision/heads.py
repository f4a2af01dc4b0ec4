"""Heads in pictures: a small network looks into the surroundings of each person's box and finds the heads in it.

It sees a square window round the box, reduced to `WINDOW_PX`, and says for each cell of a grid how sure it is that the
middle of a head is there, and how far the head reaches to each side. A head that several windows show is found in each
of them; its box has room for most of what they say. It runs on the CPU, with OpenVINO, in single precision: an export
that is repeated covers the same pixels.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core.base.errors import WeightsError
from core.base.types import Floats, Image, Table
from core.machine.offline import import_openvino
from core.vision.models import HEAD_FINDER, Model, find

WINDOW_PX, STRIDE = 96, 4
"""Pixels of a window from side to side, and of a cell of the grid."""
SPACE = 1.25
"""Side of a window, relative to the longer side of the box in its middle."""
GREY = 114
"""What lies beyond the edges of the picture."""
LOWEST = 0.1
"""Scores below this are no heads."""
BATCH = 8
OUTER, COUNTED = 0.8, 0.3
"""Share of the cells of a head that a side of its box lies outside of; and score, as a share of the highest one of the
head, from which a cell counts."""
_SAME, _INSIDE = 0.3, 0.75
"""IoU of two boxes of one head; and the share of a box that lies in that of a head which is surer."""
_OUTWARD = np.array([-1, -1, 1, 1], np.float32)


@dataclass(frozen=True, eq=False)
class FoundHeads(Table):
    """Heads in a picture, the surest first: boxes in its pixels, and scores from `LOWEST` to 1."""

    xyxy: Floats
    score: Floats

    def __post_init__(self) -> None:
        self._validate_columns(xyxy=(np.float32, (4,)), score=(np.float32, ()))


class HeadFinder:
    """The network of `model`, open."""

    def __init__(self, model: Model) -> None:
        if model.kind != "head finder":
            raise WeightsError(f"{model.name} is of kind '{model.kind}', not 'head finder'", "Name a finder of heads.")
        self.model = model
        ov = import_openvino()
        try:
            graph = ov.Core().read_model(model.path)
            graph.reshape([BATCH, 3, WINDOW_PX, WINDOW_PX])
        except RuntimeError as fault:
            raise WeightsError(f"{model.name} cannot be opened by OpenVINO", "Restore it from the release.") from fault
        prepared = ov.preprocess.PrePostProcessor(graph)
        prepared.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        prepared.input().model().set_layout(ov.Layout("NCHW"))
        hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        self._request = ov.Core().compile_model(prepared.build(), "CPU", hints).create_infer_request()
        # All sessions of the app share the network, whose buffers hold one batch at a time.
        self._lock = threading.Lock()

    def find(self, bgr: Image, boxes: Floats) -> FoundHeads:
        """The heads in and near these boxes (n, 4) of people."""
        return _merge(self._candidates(bgr, boxes))

    def _candidates(self, bgr: Image, boxes: Floats) -> Floats:
        """What each cell of each window says: boxes and scores (n, 5)."""
        windows = windows_around(boxes)
        found = [np.empty((0, 5), np.float32)]
        for start in range(0, len(windows), BATCH):
            part = windows[start : start + BATCH]
            maps = self._run(np.stack([cut_window(bgr, window) for window in part]))
            found.append(_boxes_of(maps, part))
        return np.concatenate(found)

    def _run(self, pictures: Image) -> Floats:
        with self._lock:
            pixels = self._request.get_input_tensor().data
            pixels[: len(pictures)] = pictures
            pixels[len(pictures) :] = 0
            self._request.infer()
            maps: Floats = self._request.get_output_tensor(0).data[: len(pictures)].copy()
        return maps


@lru_cache(maxsize=1)
def open_head_finder() -> HeadFinder:
    """The finder that comes with Sightline; `WeightsError` where its file is missing or changed."""
    return HeadFinder(find(HEAD_FINDER, "head finder"))


def windows_around(xyxy: Floats) -> Floats:
    """Square windows (n, 3) round boxes (n, 4): left, top and side."""
    side = SPACE * np.maximum((xyxy[:, 2:] - xyxy[:, :2]).max(axis=1), 8)
    corner = (xyxy[:, :2] + xyxy[:, 2:]) / 2 - side[:, None] / 2
    return np.concatenate([corner, side[:, None]], axis=1).astype(np.float32)


def cut_window(bgr: Image, window: Floats) -> Image:
    """The window (left, top, side) of a picture, WINDOW_PX square; grey where it lies beyond the picture's edges."""
    import cv2

    height, width = bgr.shape[:2]
    low = np.floor(window[:2]).astype(int)
    side = max(2, int(np.ceil(window[2])))
    (x0, y0), (x1, y1) = np.clip(low, 0, (width, height)), np.clip(low + side, 0, (width, height))
    picture = np.full((WINDOW_PX, WINDOW_PX, 3), GREY, np.uint8)
    scale = WINDOW_PX / side
    left, top = np.round((np.array([x0, y0]) - low) * scale).astype(int)
    right, bottom = np.round((np.array([x1, y1]) - low) * scale).astype(int)
    if right > left and bottom > top and x1 > x0 and y1 > y0:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        picture[top:bottom, left:right] = cv2.resize(
            bgr[y0:y1, x0:x1], (right - left, bottom - top), None, 0, 0, method
        )
    return picture


def _boxes_of(maps: Floats, windows: Floats) -> Floats:
    """Boxes and scores (n, 5) in pixels of the picture from what the network says of these windows (m, 3)."""
    number, row, column = np.nonzero(maps[:, 0] >= LOWEST)
    scale = np.ceil(windows[number, 2]) * STRIDE / WINDOW_PX
    score, left, up, right, down = maps[number, :, row, column].T
    x, y = column + 0.5, row + 0.5
    sides = np.stack([x - left, y - up, x + right, y + down], axis=1) * scale[:, None]
    corner = np.floor(windows[number, :2])
    return np.concatenate([sides + np.tile(corner, 2), score[:, None]], axis=1).astype(np.float32)


def _merge(found: Floats) -> FoundHeads:
    """One box for each head, from all that show it."""
    remaining = found[np.argsort(-found[:, 4], kind="stable")]
    heads = []
    while len(remaining):
        best, boxes = remaining[0, :4], remaining[:, :4]
        low, high = np.maximum(best[:2], boxes[:, :2]), np.minimum(best[2:], boxes[:, 2:])
        common = np.clip(high - low, 0, None).prod(axis=1)
        area = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-6)
        same = common >= _SAME * (area + area[0] - common)
        same[0] = True
        counted = same & (remaining[:, 4] >= COUNTED * remaining[0, 4])
        heads.append([*_outer_box(boxes[counted], remaining[counted, 4]), remaining[0, 4]])
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        inside = ((middle > best[:2]) & (middle < best[2:])).all(axis=1)
        remaining = remaining[~(same | inside | (common >= _INSIDE * area))]
    table = np.array(heads, np.float32).reshape(-1, 5)
    return FoundHeads(table[:, :4], table[:, 4])


def _outer_box(boxes: Floats, weight: Floats) -> Floats:
    """The box (4,) whose sides lie as far outside as those of most of these `boxes` (n, 4), counted by `weight`.

    Where cells differ about a side, something of the head may be there, such as the peak of a cap."""
    outward = boxes * _OUTWARD
    order = outward.argsort(axis=0, kind="stable")
    share = weight[order].cumsum(axis=0) / weight.sum()
    row = (share >= OUTER).argmax(axis=0)
    return np.asarray(np.take_along_axis(outward, order, axis=0)[row, np.arange(4)] * _OUTWARD)
