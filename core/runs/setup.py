"""A run from its setup: everything that decides the result, the loop that tracks all clips, and emptying its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from core.base.errors import StoreError
from core.base.progress import Progress
from core.base.text import offset_amid
from core.machine.artifacts import Store
from core.runs.cameras import Camera, CameraResult, run_cameras
from core.runs.evidence import TRACKLETS_FILE, remove_crops
from core.runs.explain import MAP_FILE
from core.runs.network_stages import Networks
from core.runs.record import PICTURES_FILE, RecordWriter, read_record
from core.runs.stage_keys import Recipe
from core.runs.who_is_who import CANDIDATES_FILE, CUT_FOLDER, GALLERY_FILE, PEOPLE_FILE, SIMILARITY_FILE, Choice
from core.vision.models import EmbedderPrior
from core.vision.regions import Regions

_IMPORTED_LATE = ("av", "cv2", "scipy.optimize", "scipy.sparse.csgraph")
"""Libraries that the stages import when they first need them, so that commands and pages start quickly."""
_TABLES = ("tracks.parquet", "frames.parquet", TRACKLETS_FILE, MAP_FILE, PICTURES_FILE)
_PEOPLE = (PEOPLE_FILE, CANDIDATES_FILE, SIMILARITY_FILE, GALLERY_FILE)


@dataclass(frozen=True)
class Setup:
    """Everything that decides the result of a run. `regions`, `offsets` (seconds) and `drift` (the seconds a day that a
    clock gains) are by camera.

    With `find_overlaps` the run learns which cameras see the same ground, and cuts tracks that two views contradict.
    Whether matching then goes by places is part of the `choice`: it can be made anew without a run.
    """

    cameras: Sequence[Camera]
    networks: Networks
    recipe: Recipe = field(default_factory=Recipe)
    regions: Mapping[str, Regions] = field(default_factory=dict)
    offsets: Mapping[str, float] = field(default_factory=dict)
    choice: Choice = field(default_factory=Choice)
    find_overlaps: bool = True
    drift: Mapping[str, float] = field(default_factory=dict)

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

    Tracks and the record are written below `out`, and replace all that an earlier run has written there.
    """
    # Before the record's clock starts: its times are those of the work.
    for library in _IMPORTED_LATE:
        import_module(library)
    remove_results(out)
    record = RecordWriter(out, setup.recipe, setup.networks, setup.regions)
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


def offsets_amid(
    results: Sequence[CameraResult], offsets: Mapping[str, float], drift: Mapping[str, float]
) -> dict[str, float]:
    """The start offset of each camera as its clock has it in the middle of the frames that were analysed.

    One offset places all tracks of a clip, so that of a clock that drifts holds in the middle, and is wrong at both
    ends by half of what the clock gains or loses during the clip.
    """
    found = dict(offsets)
    for result in results:
        seconds, gained = result.timeline.seconds, drift.get(result.camera.name, 0.0)
        if gained and len(seconds):
            middle = float(seconds[0] + seconds[-1]) / 2
            found[result.camera.name] = offset_amid(found.get(result.camera.name, 0.0), middle, gained)
    return found


def remove_results(out: Path) -> None:
    """Remove what an earlier run has written to its folder `out`, so that it is not taken for what the next one writes.

    Its record stays until the next one replaces it. Files that no run writes stay, and so does a folder without a
    record, which is not that of a run.
    """
    if not (out / "run.json").is_file():
        return
    try:
        for name in (*_TABLES, *_PEOPLE):
            (out / name).unlink(missing_ok=True)
        remove_crops(out)
        for folder in ("tracks", CUT_FOLDER):
            for path in _track_files(out, folder):
                path.unlink(missing_ok=True)
    except OSError as fault:
        raise StoreError(f"{out} cannot be used ({fault.strerror})", "Choose another --out folder.") from fault


def _track_files(out: Path, folder: str) -> list[Path]:
    """The MOT files of the run's cameras in a folder of it, or all if the record cannot be read."""
    try:
        return [out / folder / f"{Path(camera).name}.txt" for camera in read_record(out).cameras]
    except StoreError:
        return list((out / folder).glob("*.txt"))
