"""A run over made-up clips with fake networks, whose folder is what a real one leaves."""

from pathlib import Path

from core.output import RunRecord
from core.people import Evidence, collect
from core.pipeline import Camera, Recipe, run_cameras
from core.progress import Progress
from core.settings import VideoSettings
from core.store import Store
from tests.pipeline.fakes import BrightDetector, ColourEmbedder, networks, write_scene

RECIPE = Recipe(video=VideoSettings(fps=0))


def run(folder: Path, embedder: ColourEmbedder | None = None, empty: bool = False, **offsets: float) -> Evidence:
    """Two cameras that see the same two figures: red above, green below. What comes of it lies in folder/out."""
    clips = [folder / "gate.mp4", folder / "hall.mp4"]
    for clip in clips:
        if not clip.is_file():
            write_scene(clip, 40, empty=empty)
    nets = networks(BrightDetector(), embedder or ColourEmbedder())
    record = RunRecord(folder / "out", RECIPE, nets, {})
    cameras = [Camera(clip.stem, clip) for clip in clips]
    results = list(run_cameras(cameras, RECIPE, nets, Store(folder / "store"), Progress(), cropped=True))
    for result in results:
        record.add(result)
    record.close()
    return collect(results, offsets, folder / "out")
