"""What makes a box of a track worth a crop: how sharp its picture is, how much of it others cover, whether it is whole;
and the picture as a file.

Measures only. Refuses to say how much is enough: that is for whoever picks the crops.
"""

from __future__ import annotations

import cv2
import numpy as np

from core.types import Bools, Floats, Image, Tracks

_EDGE = 0.005  # of the picture's height: a box that comes so close is likely cut off, detectors stop short of edges


def sharpness_of(crop: Image) -> float:
    """How much fine detail a BGR crop has: the variance of its Laplacian, grey, at 64 x 128 (near and far alike).

    A crop of one colour has 0. Detail that the dark swallows is gone too: what is dark must be sharper to pass.
    """
    grey = cv2.cvtColor(cv2.resize(crop, (64, 128), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


def jpeg(bgr: Image, quality: int) -> bytes:
    """A picture as a JPEG file, quality 1 to 100."""
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def covered(tracks: Tracks) -> Floats:
    """The largest share of each box that one other box of its frame covers."""
    share = np.zeros(len(tracks), np.float32)
    for rows in np.split(np.arange(len(tracks)), np.flatnonzero(np.diff(tracks.frame)) + 1):
        box = tracks.xyxy[rows]
        low = np.maximum(box[:, None, :2], box[None, :, :2])
        high = np.minimum(box[:, None, 2:], box[None, :, 2:])
        common = np.clip(high - low, 0, None).prod(axis=2)
        area = np.diagonal(common).copy()
        np.fill_diagonal(common, 0)
        share[rows] = common.max(axis=1, initial=0) / np.maximum(area, 1e-6)
    return share


def whole(xyxy: Floats, width: int, height: int) -> Bools:
    """Which boxes (n, 4) keep clear of the edges of a picture of `width` x `height` pixels, so that nobody is cut."""
    x1, y1, x2, y2 = xyxy.T
    edge = _EDGE * height
    return np.asarray((x1 >= edge) & (y1 >= edge) & (x2 <= width - edge) & (y2 <= height - edge))
