"""A trial of a few seconds on a clip's own pictures, for whoever wants to know before anything was ever run."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from core.detect import Detector
from core.embed import Embedder
from core.pipeline import Camera, Networks, Recipe, planned
from core.settings import EmbedSettings
from core.speed.noting import kind_of, opening_of
from core.speed.rates import Rate, Rates
from core.types import Clip, Timeline
from core.video import read

SECONDS = 2.0
_WARM = 4  # frames before the clock starts
_CROPS = 32
# Measured on the sample's three cameras: of all boxes, those that are looked at where looks decide, and those that are
# looked at again at the end; a track's arithmetic takes about as long everywhere.
_DECISIVE, _PICTURED, _TRACK_SECONDS = 0.25, 0.12, 0.0004


def try_out(clip: Clip, recipe: Recipe, networks: Networks, rates: Rates, seconds: float = SECONDS) -> list[Rate]:
    """Look at the clip for about so many seconds with the detector, and at as much of what it found with the embedder;
    what was measured, which is kept too.
    """
    timeline, recipe = planned(clip, Camera("trial", Path(clip.path)), recipe)
    kinds = {stage: kind_of(stage, clip, timeline, recipe, networks) for stage in ("detect", "track", "embed", "crops")}
    began = time.perf_counter()
    detector = networks.detector(recipe.detect)
    opened = time.perf_counter() - began
    frames, spent, boxes = _looked(clip, timeline, detector, seconds)
    found = [Rate(opening_of(kinds["detect"]), 1, opened, "trial"), Rate(kinds["detect"], frames, spent, "trial")]
    found.append(Rate(kinds["track"], 1, _TRACK_SECONDS, "trial"))
    if networks.embedder_model is not None:
        began = time.perf_counter()
        embedder = networks.embedder(recipe.embed)
        opened = time.perf_counter() - began
        crop, reading = _described(embedder, seconds / 2), _read(clip, timeline, seconds / 4)
        found += [
            Rate(opening_of(kinds["embed"]), 1, opened, "trial"),
            Rate(kinds["embed"], 1, reading + boxes * _DECISIVE * crop, "trial"),
            Rate(kinds["crops"], 1, reading + boxes * _PICTURED * 2 * crop, "trial"),
        ]
    for rate in found:
        rates.keep(rate)
    return found


def _looked(clip: Clip, timeline: Timeline, detector: Detector, seconds: float) -> tuple[int, float, float]:
    """Frames looked at, the seconds that took, and the people in one of them."""
    size = detector.fit(clip.width, clip.height)
    boxes, began, count = 0, time.perf_counter(), 0
    with read(clip, timeline, scale_to=size) as pictures:
        for count, found in enumerate(detector.detect(picture.bgr for picture in pictures), 1):
            boxes += int((found.score >= EmbedSettings().floor).sum())
            if count == _WARM:
                began = time.perf_counter()
            if count > _WARM and time.perf_counter() - began >= seconds:
                break
    warm = _WARM if count > _WARM else 0
    return max(count - warm, 1), time.perf_counter() - began, boxes / max(count, 1)


def _described(embedder: Embedder, seconds: float) -> float:
    """Seconds for one crop. What is on it makes no difference."""
    crops = list(np.random.default_rng(0).integers(0, 256, (_CROPS, 128, 64, 3), np.uint8))
    embedder.embed(crops)
    began, count = time.perf_counter(), 0
    while not count or time.perf_counter() - began < seconds:
        embedder.embed(crops)
        count += _CROPS
    return (time.perf_counter() - began) / count


def _read(clip: Clip, timeline: Timeline, seconds: float) -> float:
    """Seconds to read one frame that is looked at, with those between that are not."""
    began, count = time.perf_counter(), 0
    with read(clip, timeline) as pictures:
        for _ in pictures:
            count += 1
            if time.perf_counter() - began >= seconds:
                break
    return (time.perf_counter() - began) / max(count, 1)
