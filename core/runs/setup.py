"""All that decides what a run finds, and the run itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.base.progress import Progress
from core.machine.artifacts import Store
from core.runs.cameras import Camera, CameraResult, run_cameras
from core.runs.network_stages import Networks
from core.runs.record import RunRecord
from core.runs.stage_keys import Recipe
from core.runs.who_is_who import Choice
from core.vision.models import Known
from core.vision.regions import Regions


@dataclass(frozen=True)
class Setup:
    """The same setup finds the same on any day. `regions` and `offsets` (seconds) are by camera."""

    cameras: Sequence[Camera]
    networks: Networks
    recipe: Recipe = field(default_factory=Recipe)
    regions: Mapping[str, Regions] = field(default_factory=dict)
    offsets: Mapping[str, float] = field(default_factory=dict)
    choice: Choice = field(default_factory=Choice)

    @property
    def known(self) -> Known | None:
        """What was measured with the embedder elsewhere, if anything was."""
        model = self.networks.embedder_model
        return model.known if model else None


def track_clips(
    setup: Setup,
    out: Path,
    progress: Progress | None = None,
    fresh: bool = False,
    cropped: bool = False,
    tell: Callable[[CameraResult], None] = lambda result: None,
    store: Store | None = None,
) -> list[CameraResult]:
    """Every camera's result, and its tracks and the record below `out`; `tell` hears of each as soon as it is done."""
    record = RunRecord(out, setup.recipe, setup.networks, setup.regions)
    kept, heard = store or Store(), progress or Progress()
    results = []
    for result in run_cameras(setup.cameras, setup.recipe, setup.networks, kept, heard, setup.regions, fresh, cropped):
        record.add(result)
        tell(result)
        results.append(result)
    record.close()
    return results
