"""A run from its setup: everything that decides the result, and the loop that tracks all clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from core.base.progress import Progress
from core.machine.artifacts import Store
from core.runs.cameras import Camera, CameraResult, run_cameras
from core.runs.network_stages import Networks
from core.runs.record import RunRecord
from core.runs.stage_keys import Recipe
from core.runs.who_is_who import Choice
from core.vision.models import EmbedderPrior
from core.vision.regions import Regions

_IMPORTED_LATE = ("av", "cv2", "scipy.optimize", "scipy.sparse.csgraph")
"""Libraries that the stages import when they first need them, so that commands and pages start quickly."""


@dataclass(frozen=True)
class Setup:
    """Everything that decides the result of a run. `regions` and `offsets` (seconds) are by camera."""

    cameras: Sequence[Camera]
    networks: Networks
    recipe: Recipe = field(default_factory=Recipe)
    regions: Mapping[str, Regions] = field(default_factory=dict)
    offsets: Mapping[str, float] = field(default_factory=dict)
    choice: Choice = field(default_factory=Choice)

    @property
    def prior(self) -> EmbedderPrior | None:
        """The similarities measured elsewhere with the embedder, if there are any."""
        model = self.networks.embedder_model
        return model.prior if model else None


def track_clips(
    setup: Setup,
    out: Path,
    progress: Progress | None = None,
    fresh: bool = False,
    with_crops: bool = False,
    on_result: Callable[[CameraResult], None] = lambda result: None,
    store: Store | None = None,
) -> list[CameraResult]:
    """The results of all cameras. `on_result` gets each as soon as it is done.

    Tracks and the record are written below `out`.
    """
    # Before the record's clock starts: its times are those of the work.
    for library in _IMPORTED_LATE:
        import_module(library)
    record = RunRecord(out, setup.recipe, setup.networks, setup.regions)
    networks, steps = setup.networks, progress or Progress()
    results = []
    for result in run_cameras(
        setup.cameras, setup.recipe, networks, store or Store(), steps, setup.regions, fresh, with_crops
    ):
        record.add(result)
        on_result(result)
        results.append(result)
    record.close()
    return results
