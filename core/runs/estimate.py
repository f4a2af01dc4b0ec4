"""How long a run of a clip will take on this machine, stage by stage.

The estimate rests on measured rates. Each run records the rates of the stages that it worked on; before the first run,
a trial of a few seconds on the clip's own frames measures them. Each rate is a file of its own, so that two runs that
end at the same moment lose nothing. A stage without a rate of its exact kind is estimated from the nearest one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from core.base.errors import StoreError
from core.base.settings import EmbedSettings
from core.base.types import Clip, Timeline
from core.machine.artifacts import Store, digest_of
from core.machine.paths import cache_dir, write_atomically
from core.machine.records import RecordFormat
from core.runs import Camera, CameraResult, Networks, Recipe, plan_clip, stage_progress
from core.vision.detect import Detector
from core.vision.embed import Embedder
from core.vision.models import Model
from core.vision.regions import Regions
from core.vision.video import read

Basis = Literal["run", "trial"]
_MAX_RATIO = 8.0
"""Rates at picture sizes or frame rates that differ by more than this factor are not used."""


@dataclass(frozen=True)
class RateKind:
    """What a rate is of. `model` is the digest of model, runtime and precision (empty for a stage without a model),
    `size` the input size of the detector (0 for other stages), `fps` the analysed frames per second of the clip and
    `pixels` the number of pixels of a frame.
    """

    stage: str
    model: str
    size: int
    fps: float
    pixels: int


@dataclass(frozen=True)
class Rate:
    """A measurement: `frames` took `seconds`, in a run or in a trial."""

    kind: RateKind
    frames: int
    seconds: float
    basis: Basis

    @property
    def seconds_per_frame(self) -> float:
        """Seconds for one frame."""
        return self.seconds / max(self.frames, 1)


def model_key(networks: Networks, model: Model | None) -> str:
    """The digest of a model with its runtime and precision, on all of which the speed depends."""
    return "" if model is None else digest_of(networks.key(model))


class Rates:
    """All rates below one folder, by default in the user's cache folder. They are read once."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or cache_dir() / "speed"
        self._cache: list[Rate] | None = None

    def record(self, rate: Rate) -> None:
        """Store a rate. One from a trial does not replace one from a run."""
        path = self._root / f"{digest_of(rate.kind)}.json"
        old = _read(path)
        if rate.basis == "run" or old is None or old.basis == "trial":
            self._cache = None
            write_atomically(path, _RECORD.to_json(rate))

    def nearest(self, kind: RateKind) -> Rate | None:
        """The rate of the same stage, model and input size that is nearest in frame rate and frame size."""
        comparable = (rate for rate in self._all() if _is_comparable(rate.kind, kind))
        near = [rate for rate in comparable if _distance(rate.kind, kind) <= math.log(_MAX_RATIO)]
        return min(near, key=lambda rate: (_distance(rate.kind, kind), rate.basis == "trial"), default=None)

    def _all(self) -> list[Rate]:
        if self._cache is None:
            rates = (_read(path) for path in sorted(self._root.glob("*.json")))
            self._cache = [rate for rate in rates if rate]
        return self._cache


_RECORD = RecordFormat(Rate, "measured rate", unversioned=1)


def _read(path: Path) -> Rate | None:
    """The rate in a file; None if there is none that can be read, since it is measured again."""
    try:
        return _RECORD.read(path)
    except (FileNotFoundError, StoreError):
        return None


def _is_comparable(a: RateKind, b: RateKind) -> bool:
    return (a.stage, a.model, a.size) == (b.stage, b.model, b.size)


def _distance(a: RateKind, b: RateKind) -> float:
    """How different two kinds are: 0 for the same, log 2 for twice the pixels or half the frame rate."""
    pairs = ((a.fps, b.fps), (a.pixels, b.pixels))
    return sum(abs(math.log(max(left, 1e-3) / max(right, 1e-3))) for left, right in pairs)


_MIN_FRAMES = 30  # fewer frames measure the start rather than the rate
_OVERHEAD = RateKind("open run", "", 0, 1.0, 1)
STAGE_NETWORKS = {"detect": "detector", "embed": "embedder", "crops": "embedder", "track": ""}


def record_rates(results: Iterable[CameraResult], recipe: Recipe, networks: Networks, rates: Rates) -> None:
    """Record the rates of all stages that this run worked on; stages found in the store are left out."""
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
    """Record what a run of `seconds` spent outside its stages: to start, to match people, to write files."""
    inside = sum(cost["seconds"] for result in results for cost in result.stages.values())
    rates.record(Rate(_OVERHEAD, 1, max(0.0, seconds - inside), "run"))


def run_overhead(rates: Rates) -> float:
    """Seconds that a run spends outside its stages; 0 before the first finished run."""
    rate = rates.nearest(_OVERHEAD)
    return rate.seconds if rate else 0.0


def rate_kind(stage: str, clip: Clip, timeline: Timeline, recipe: Recipe, networks: Networks) -> RateKind:
    """The kind of rate that applies to a stage of this clip."""
    model = {"detector": networks.detector_model, "embedder": networks.embedder_model, "": None}[STAGE_NETWORKS[stage]]
    size = recipe.detect.size if stage == "detect" else 0
    return RateKind(stage, model_key(networks, model), size, frame_rate(timeline), clip.width * clip.height)


def opening_kind(kind: RateKind) -> RateKind:
    """The kind of the rate of opening the stage's model, which takes as long for any clip."""
    return RateKind(f"open {kind.stage}", kind.model, kind.size, 1.0, 1)


def frame_rate(timeline: Timeline) -> float:
    """Analysed frames per second of the clip, to a tenth."""
    spent = float(timeline.seconds[-1] - timeline.seconds[0]) if len(timeline) > 1 else 0.0
    return round((len(timeline) - 1) / spent, 1) if spent else 1.0


STAGES = ("detect", "embed", "track", "crops")
"""In the order in which they run."""


@dataclass(frozen=True)
class ClipEstimate:
    """The estimate for one clip: frames to analyse, and by stage the seconds that it still needs.

    `unknown` stages have no rate and are missing from `seconds`; `done` stages are in the store. `opening` holds the
    seconds to open each stage's model, once for all clips. `from_trial` says that a rate is of a trial, not of a run.
    """

    frames: int
    seconds: Mapping[str, float] = field(default_factory=dict)
    opening: Mapping[str, float] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    from_trial: bool = False

    @property
    def total_seconds(self) -> float | None:
        """Seconds of all stages without `opening`; None where a stage is unknown."""
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
    """The estimate for a run of this clip with the store as it is now."""
    timeline, _ = plan_clip(clip, camera, recipe)
    frames, shares = stage_progress(clip, camera, recipe, networks, store, regions)
    seconds, opening, unknown, from_trial = {}, {}, [], False
    for stage in _stages_to_run(networks):
        remaining = 1 - shares.get(stage, 0.0)
        if remaining <= 0:
            continue
        kind = rate_kind(stage, clip, timeline, recipe, networks)
        rate = rates.nearest(kind)
        if rate is None:
            unknown.append(stage)
            continue
        seconds[stage] = rate.seconds_per_frame * frames * remaining
        from_trial = from_trial or rate.basis == "trial"
        opening.update(_opening_seconds(stage, rates.nearest(opening_kind(kind))))
    done = tuple(stage for stage, share in shares.items() if share >= 1)
    return ClipEstimate(frames, seconds, opening, tuple(unknown), done, from_trial)


def _stages_to_run(networks: Networks) -> list[str]:
    return [stage for stage in STAGES if STAGE_NETWORKS[stage] != "embedder" or networks.embedder_model is not None]


def _opening_seconds(stage: str, rate: Rate | None) -> dict[str, float]:
    return {stage: rate.seconds} if rate else {}


SECONDS = 2.0
_WARM_UP = 4  # frames before the clock starts
_CROPS = 32
# Measured on the sample's three cameras: the share of boxes that the tracker needs a vector of, the share of boxes that
# may become a crop, and the seconds that tracking takes per frame, which hardly depend on the machine.
_EMBEDDED_SHARE, _CROP_SHARE, _TRACK_SECONDS = 0.25, 0.12, 0.0004


def measure_clip(clip: Clip, recipe: Recipe, networks: Networks, rates: Rates, seconds: float = SECONDS) -> list[Rate]:
    """Run detector and embedder on the clip for about `seconds`, record the measured rates and return them."""
    timeline, recipe = plan_clip(clip, Camera("trial", Path(clip.path)), recipe)
    kinds = {
        stage: rate_kind(stage, clip, timeline, recipe, networks) for stage in ("detect", "track", "embed", "crops")
    }
    began = time.perf_counter()
    detector = networks.detector(recipe.detect)
    opened = time.perf_counter() - began
    frames, spent, boxes = _measure_detector(clip, timeline, detector, seconds)
    measured = [Rate(opening_kind(kinds["detect"]), 1, opened, "trial"), Rate(kinds["detect"], frames, spent, "trial")]
    measured.append(Rate(kinds["track"], 1, _TRACK_SECONDS, "trial"))
    if networks.embedder_model is not None:
        began = time.perf_counter()
        embedder = networks.embedder(recipe.embed)
        opened = time.perf_counter() - began
        crop_seconds, reading = _measure_embedder(embedder, seconds / 2), _measure_reading(clip, timeline, seconds / 4)
        measured += [
            Rate(opening_kind(kinds["embed"]), 1, opened, "trial"),
            Rate(kinds["embed"], 1, reading + boxes * _EMBEDDED_SHARE * crop_seconds, "trial"),
            Rate(kinds["crops"], 1, reading + boxes * _CROP_SHARE * 2 * crop_seconds, "trial"),
        ]
    for rate in measured:
        rates.record(rate)
    return measured


def _measure_detector(clip: Clip, timeline: Timeline, detector: Detector, seconds: float) -> tuple[int, float, float]:
    """The number of frames detected in about `seconds`, the exact seconds, and the mean number of boxes per frame."""
    size = detector.frame_size(clip.width, clip.height)
    boxes, began, count = 0, time.perf_counter(), 0
    with read(clip, timeline, scale_to=size) as pictures:
        for count, found in enumerate(detector.detect(picture.bgr for picture in pictures), 1):
            boxes += int((found.score >= EmbedSettings().floor).sum())
            if count == _WARM_UP:
                began = time.perf_counter()
            if count > _WARM_UP and time.perf_counter() - began >= seconds:
                break
    warm_up = _WARM_UP if count > _WARM_UP else 0
    return max(count - warm_up, 1), time.perf_counter() - began, boxes / max(count, 1)


def _measure_embedder(embedder: Embedder, seconds: float) -> float:
    """Seconds per crop, measured on noise: the content makes no difference."""
    crops = list(np.random.default_rng(0).integers(0, 256, (_CROPS, 128, 64, 3), np.uint8))
    embedder.embed(crops)
    began, count = time.perf_counter(), 0
    while not count or time.perf_counter() - began < seconds:
        embedder.embed(crops)
        count += _CROPS
    return (time.perf_counter() - began) / count


def _measure_reading(clip: Clip, timeline: Timeline, seconds: float) -> float:
    """Seconds to read one analysed frame, including the frames that are skipped before it."""
    began, count = time.perf_counter(), 0
    with read(clip, timeline) as pictures:
        for _ in pictures:
            count += 1
            if time.perf_counter() - began >= seconds:
                break
    return (time.perf_counter() - began) / max(count, 1)
