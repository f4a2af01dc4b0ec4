"""A run over made-up clips with fake networks, whose folder is what a real one leaves."""

from pathlib import Path

import cv2
import numpy as np

from core.base.progress import Progress
from core.base.settings import VideoSettings
from core.export import ExportOptions, write_people
from core.machine.artifacts import Store
from core.runs import (
    Camera,
    Choice,
    Evidence,
    MatchedPeople,
    Recipe,
    RecordWriter,
    collect_evidence,
    decide,
    run_cameras,
)
from core.vision.models import EmbedderPrior
from tests.runs.fakes import BrightDetector, ColourEmbedder, networks, write_scene

RECIPE = Recipe(video=VideoSettings(fps=0))


RED, GREEN, BLUE = (40, 40, 220), (40, 200, 40), (220, 60, 40)


def picture(path: Path, bgr: tuple[int, int, int], seed: int = 0, height: int = 64) -> Path:
    """Somebody in clothes of one colour, as a file of the kind that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(0, 8, (height, height // 2, 3))
    cv2.imwrite(str(path), np.clip(np.full((height, height // 2, 3), bgr) + noise, 0, 255).astype(np.uint8))
    return path


def brought(folder: Path) -> list[Path]:
    """Two cameras: one with a folder per person, who are told apart already, and one with loose pictures."""
    for shot, name in enumerate(("2.png", "10.jpg")):
        picture(folder / "gate" / "anna" / name, RED, shot)
        picture(folder / "gate" / "ben" / name, GREEN, 2 + shot)
    for shot, (name, colour) in enumerate((("a.webp", GREEN), ("b.JPG", RED), ("c.bmp", RED), ("d.tif", BLUE))):
        picture(folder / "hall" / name, colour, 10 + shot)
    return [folder / "gate", folder / "hall"]


def run(folder: Path, embedder: ColourEmbedder | None = None, empty: bool = False, **offsets: float) -> Evidence:
    """Two cameras that see the same two figures: red above, green below. What comes of it lies in folder/out."""
    clips = [folder / "gate.mp4", folder / "hall.mp4"]
    for clip in clips:
        if not clip.is_file():
            write_scene(clip, 40, empty=empty)
    nets = networks(BrightDetector(), embedder or ColourEmbedder())
    record = RecordWriter(folder / "out", RECIPE, nets, {})
    cameras = [Camera(clip.stem, clip) for clip in clips]
    results = list(run_cameras(cameras, RECIPE, nets, Store(folder / "store"), Progress(), with_crops=True))
    for result in results:
        record.add(result)
    record.close()
    return collect_evidence(results, offsets, folder / "out")


def decide_and_write(
    evidence: Evidence,
    out: Path,
    known: EmbedderPrior | None,
    choice: Choice | None = None,
    options: ExportOptions | None = None,
) -> MatchedPeople:
    """Decide who is who in the run in folder `out`, and write all that a run leaves, as the command line does."""
    people = decide(evidence, out, known, choice)
    write_people(people, out, options)
    return people
