"""What a finished run tells of the machine's speed."""

from __future__ import annotations

from collections.abc import Iterable

from core.pipeline import CameraResult, Networks, Recipe
from core.speed.rates import Kind, Rate, Rates, model_key
from core.types import Clip, Timeline

_LEAST = 30  # frames: fewer say more about the start than about the rate
_WHOLE = Kind("open run", "", 0, 1.0, 1)
MODELLED = {"detect": "detector", "embed": "embedder", "crops": "embedder", "track": ""}


def note(results: Iterable[CameraResult], recipe: Recipe, networks: Networks, rates: Rates) -> None:
    """Keep the figures of all stages that did their work in this run, and did not find it done."""
    for result in results:
        if result.clip is None or result.analysed < _LEAST:
            continue
        for stage, cost in result.stages.items():
            if cost["kept"] or not cost["frames"] or stage not in MODELLED:
                continue
            kind = kind_of(stage, result.clip, result.timeline, recipe, networks)
            opening = float(cost.get("opening", 0.0))
            rates.keep(Rate(kind, result.analysed, max(0.0, cost["seconds"] - opening), "run"))
            if opening:
                rates.keep(Rate(opening_of(kind), 1, opening, "run"))


def note_whole(results: Iterable[CameraResult], seconds: float, rates: Rates) -> None:
    """Keep what a run of `seconds` took besides its stages: to start, to compare people, to write."""
    inside = sum(cost["seconds"] for result in results for cost in result.stages.values())
    rates.keep(Rate(_WHOLE, 1, max(0.0, seconds - inside), "run"))


def whole_run(rates: Rates) -> float:
    """Seconds that a run takes besides its stages; 0 where none was finished yet."""
    rate = rates.nearest(_WHOLE)
    return rate.seconds if rate else 0.0


def kind_of(stage: str, clip: Clip, timeline: Timeline, recipe: Recipe, networks: Networks) -> Kind:
    """The kind of figure that a stage of this clip belongs to."""
    model = {"detector": networks.detector_model, "embedder": networks.embedder_model, "": None}[MODELLED[stage]]
    size = recipe.detect.size if stage == "detect" else 0
    return Kind(stage, model_key(networks, model), size, looked_at(timeline), clip.width * clip.height)


def opening_of(kind: Kind) -> Kind:
    """That of opening the model, which costs the same for any clip."""
    return Kind(f"open {kind.stage}", kind.model, kind.size, 1.0, 1)


def looked_at(timeline: Timeline) -> float:
    """Frames of a second that are looked at, to a tenth."""
    spent = float(timeline.seconds[-1] - timeline.seconds[0]) if len(timeline) > 1 else 0.0
    return round((len(timeline) - 1) / spent, 1) if spent else 1.0
