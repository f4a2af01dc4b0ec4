"""The figures: kept one by one, so that two runs that end together lose nothing, and found again by what is alike.

What a finished run tells of the machine's speed.

How long a run of a clip will take on this machine, stage by stage, and what that rests on.

A trial of a few seconds on a clip's own pictures, for whoever wants to know before anything was ever run."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.base.settings import EmbedSettings
from core.base.types import Clip, Timeline
from core.machine.artifacts import Store, digest_of
from core.machine.paths import cache_dir, write_atomically
from core.runs import Camera, CameraResult, Networks, Recipe, stage_progress, plan_clip
from core.vision.detect import Detector
from core.vision.embed import Embedder
from core.vision.models import Model
from core.vision.regions import Regions
from core.vision.video import read

Basis = Literal["run", "trial"]
_MAX_RATIO = 8.0
"""A figure of another size or rate that is this many times away says nothing."""


@dataclass(frozen=True)
class RateKind:
    """What was measured. `model` is the digest of model, runtime and precision, empty for a stage without one; `size`
    is the detector's, 0 elsewhere; `fps` how many frames of a second are looked at; `pixels` those of a picture.
    """

    stage: str
    model: str
    size: int
    fps: float
    pixels: int


@dataclass(frozen=True)
class Rate:
    kind: RateKind
    frames: int
    seconds: float
    basis: Basis

    @property
    def seconds_per_frame(self) -> float:
        """Seconds of one frame."""
        return self.seconds / max(self.frames, 1)


def model_key(networks: Networks, model: Model | None) -> str:
    """Of a model, its runtime and its precision: another one has another speed."""
    return "" if model is None else digest_of(networks.key(model))


class Rates:
    """All figures under one root, by default in the user's cache folder. They are read once, then known."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or cache_dir() / "speed"
        self._known: list[Rate] | None = None

    def record(self, rate: Rate) -> None:
        """A trial does not stand against what a run has measured."""
        path = self._root / f"{digest_of(rate.kind)}.json"
        old = _read(path)
        if rate.basis == "run" or old is None or old.basis == "trial":
            self._known = None
            write_atomically(path, json.dumps({**asdict(rate), "when": time.time()}).encode())

    def nearest(self, kind: RateKind) -> Rate | None:
        """The figure of the same stage, model and size that is nearest in rate and in size of picture."""
        alike = [rate for rate in self._all() if _is_comparable(rate.kind, kind) and _distance(rate.kind, kind) <= math.log(_MAX_RATIO)]
        return min(alike, key=lambda rate: (_distance(rate.kind, kind), rate.basis == "trial"), default=None)

    def _all(self) -> list[Rate]:
        if self._known is None:
            found = (_read(path) for path in sorted(self._root.glob("*.json")))
            self._known = [rate for rate in found if rate]
        return self._known


def _read(path: Path) -> Rate | None:
    try:
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        kind = RateKind(**content["kind"])
        return Rate(kind, int(content["frames"]), float(content["seconds"]), content["basis"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_comparable(one: RateKind, other: RateKind) -> bool:
    return (one.stage, one.model, one.size) == (other.stage, other.model, other.size)


def _distance(one: RateKind, other: RateKind) -> float:
    """How far two kinds are apart: 0 for the same, log 2 where one has twice the pixels or half the rate."""
    pairs = ((one.fps, other.fps), (one.pixels, other.pixels))
    return sum(abs(math.log(max(a, 1e-3) / max(b, 1e-3))) for a, b in pairs)


_MIN_FRAMES = 30  # frames: fewer say more about the start than about the rate
_OVERHEAD = RateKind("open run", "", 0, 1.0, 1)
STAGE_NETWORKS = {"detect": "detector", "embed": "embedder", "crops": "embedder", "track": ""}


def record_rates(results: Iterable[CameraResult], recipe: Recipe, networks: Networks, rates: Rates) -> None:
    """Keep the figures of all stages that did their work in this run, and did not find it done."""
    for result in results:
        if result.clip is None or result.analysed < _MIN_FRAMES:
            continue
        for stage, cost in result.stages.items():
            if cost["kept"] or not cost["frames"] or stage not in STAGE_NETWORKS:
                continue
            kind = rate_kind(stage, result.clip, result.timeline, recipe, networks)
            opening = float(cost.get("opening", 0.0))
            rates.record(Rate(kind, result.analysed, max(0.0, cost["seconds"] - opening), "run"))
            if opening:
                rates.record(Rate(opening_kind(kind), 1, opening, "run"))


def record_overhead(results: Iterable[CameraResult], seconds: float, rates: Rates) -> None:
    """Keep what a run of `seconds` took besides its stages: to start, to compare people, to write."""
    inside = sum(cost["seconds"] for result in results for cost in result.stages.values())
    rates.record(Rate(_OVERHEAD, 1, max(0.0, seconds - inside), "run"))


def run_overhead(rates: Rates) -> float:
    """Seconds that a run takes besides its stages; 0 where none was finished yet."""
    rate = rates.nearest(_OVERHEAD)
    return rate.seconds if rate else 0.0


def rate_kind(stage: str, clip: Clip, timeline: Timeline, recipe: Recipe, networks: Networks) -> RateKind:
    """The kind of figure that a stage of this clip belongs to."""
    model = {"detector": networks.detector_model, "embedder": networks.embedder_model, "": None}[STAGE_NETWORKS[stage]]
    size = recipe.detect.size if stage == "detect" else 0
    return RateKind(stage, model_key(networks, model), size, frame_rate(timeline), clip.width * clip.height)


def opening_kind(kind: RateKind) -> RateKind:
    """That of opening the model, which costs the same for any clip."""
    return RateKind(f"open {kind.stage}", kind.model, kind.size, 1.0, 1)


def frame_rate(timeline: Timeline) -> float:
    """Frames of a second that are looked at, to a tenth."""
    spent = float(timeline.seconds[-1] - timeline.seconds[0]) if len(timeline) > 1 else 0.0
    return round((len(timeline) - 1) / spent, 1) if spent else 1.0


STAGES = ("detect", "embed", "track", "crops")
"""In the order of the work."""


@dataclass(frozen=True)
class ClipEstimate:
    """Of one clip: frames to look at, seconds that each stage still needs (those unknown are left out), the seconds to
    open the models, which are needed once for all clips, and which stages are done already.
    """

    frames: int
    seconds: Mapping[str, float] = field(default_factory=dict)
    opening: Mapping[str, float] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    from_trial: bool = False

    @property
    def total_seconds(self) -> float | None:
        """Seconds of all stages, without the opening; None where one of them is unknown."""
        return None if self.unknown else sum(self.seconds.values())


def estimate_clip(
    clip: Clip,
    camera: Camera,
    recipe: Recipe,
    networks: Networks,
    rates: Rates,
    store: Store,
    regions: Regions | None = None,
) -> ClipEstimate:
    """What a run of this clip would cost now. `tried` says that a figure is of a trial, and of no run."""
    timeline, _ = plan_clip(clip, camera, recipe)
    frames, shares = stage_progress(clip, camera, recipe, networks, store, regions)
    seconds, opening, unknown, tried = {}, {}, [], False
    for stage in _stages_to_run(networks):
        left = 1 - shares.get(stage, 0.0)
        if left <= 0:
            continue
        kind = rate_kind(stage, clip, timeline, recipe, networks)
        rate = rates.nearest(kind)
        if rate is None:
            unknown.append(stage)
            continue
        seconds[stage] = rate.seconds_per_frame * frames * left
        tried = tried or rate.basis == "trial"
        opening.update(_opening_seconds(stage, rates.nearest(opening_kind(kind))))
    done = tuple(stage for stage, share in shares.items() if share >= 1)
    return ClipEstimate(frames, seconds, opening, tuple(unknown), done, tried)


def _stages_to_run(networks: Networks) -> list[str]:
    return [stage for stage in STAGES if STAGE_NETWORKS[stage] != "embedder" or networks.embedder_model is not None]


def _opening_seconds(stage: str, rate: Rate | None) -> dict[str, float]:
    return {stage: rate.seconds} if rate else {}


SECONDS = 2.0
_WARM = 4  # frames before the clock starts
_CROPS = 32
# Measured on the sample's three cameras: of all boxes, those that are looked at where looks decide, and those that are
# looked at again at the end; a track's arithmetic takes about as long everywhere.
_DECISIVE, _PICTURED, _TRACK_SECONDS = 0.25, 0.12, 0.0004


def measure_clip(clip: Clip, recipe: Recipe, networks: Networks, rates: Rates, seconds: float = SECONDS) -> list[Rate]:
    """Look at the clip for about so many seconds with the detector, and at as much of what it found with the embedder;
    what was measured, which is kept too.
    """
    timeline, recipe = plan_clip(clip, Camera("trial", Path(clip.path)), recipe)
    kinds = {stage: rate_kind(stage, clip, timeline, recipe, networks) for stage in ("detect", "track", "embed", "crops")}
    began = time.perf_counter()
    detector = networks.detector(recipe.detect)
    opened = time.perf_counter() - began
    frames, spent, boxes = _measure_detector(clip, timeline, detector, seconds)
    found = [Rate(opening_kind(kinds["detect"]), 1, opened, "trial"), Rate(kinds["detect"], frames, spent, "trial")]
    found.append(Rate(kinds["track"], 1, _TRACK_SECONDS, "trial"))
    if networks.embedder_model is not None:
        began = time.perf_counter()
        embedder = networks.embedder(recipe.embed)
        opened = time.perf_counter() - began
        crop, reading = _measure_embedder(embedder, seconds / 2), _measure_reading(clip, timeline, seconds / 4)
        found += [
            Rate(opening_kind(kinds["embed"]), 1, opened, "trial"),
            Rate(kinds["embed"], 1, reading + boxes * _DECISIVE * crop, "trial"),
            Rate(kinds["crops"], 1, reading + boxes * _PICTURED * 2 * crop, "trial"),
        ]
    for rate in found:
        rates.record(rate)
    return found


def _measure_detector(clip: Clip, timeline: Timeline, detector: Detector, seconds: float) -> tuple[int, float, float]:
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


def _measure_embedder(embedder: Embedder, seconds: float) -> float:
    """Seconds for one crop. What is on it makes no difference."""
    crops = list(np.random.default_rng(0).integers(0, 256, (_CROPS, 128, 64, 3), np.uint8))
    embedder.embed(crops)
    began, count = time.perf_counter(), 0
    while not count or time.perf_counter() - began < seconds:
        embedder.embed(crops)
        count += _CROPS
    return (time.perf_counter() - began) / count


def _measure_reading(clip: Clip, timeline: Timeline, seconds: float) -> float:
    """Seconds to read one frame that is looked at, with those between that are not."""
    began, count = time.perf_counter(), 0
    with read(clip, timeline) as pictures:
        for _ in pictures:
            count += 1
            if time.perf_counter() - began >= seconds:
                break
    return (time.perf_counter() - began) / max(count, 1)
