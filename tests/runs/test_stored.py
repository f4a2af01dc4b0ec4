"""The boxes that a run has left: the ones used last, above a score, within a time; nothing where nobody has looked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.base.progress import Progress
from core.base.settings import DetectSettings, VideoSettings
from core.machine.artifacts import Store
from core.runs import Camera, Recipe, latest_boxes, read_boxes, run_camera
from core.vision.video import probe
from tests.runs.fakes import BrightDetector, figures, networks, write_scene

RECIPE = Recipe(video=VideoSettings(fps=0))


def test_boxes_are_those_of_the_run(tmp_path: Path) -> None:
    path, store = write_scene(tmp_path / "gate.mp4", 20), Store(tmp_path / "store")
    clip = probe(path)
    assert latest_boxes(store, clip.digest) is None
    run_camera(Camera("gate", path), RECIPE, networks(BrightDetector()), store, Progress())
    artifact = latest_boxes(store, clip.digest)
    assert artifact is not None
    everything = np.array([box for frame in range(20) for box in figures(frame)])
    assert np.abs(read_boxes(artifact, clip, 0.5) - everything).max() <= 2
    assert len(read_boxes(artifact, clip, 0.95)) == 0
    assert np.abs(read_boxes(artifact, clip, 0.5, 0.5, 1.0) - everything[10:20]).max() <= 2


def test_the_run_used_last_speaks(tmp_path: Path) -> None:
    path, store = write_scene(tmp_path / "gate.mp4", 20), Store(tmp_path / "store")
    clip = probe(path)
    other = replace(RECIPE, video=VideoSettings(fps=5), detect=DetectSettings(size=320))
    for recipe, boxes in ((RECIPE, 40), (other, 20), (RECIPE, 40)):
        run_camera(Camera("gate", path), recipe, networks(BrightDetector()), store, Progress())
        artifact = latest_boxes(store, clip.digest)
        assert artifact is not None and len(read_boxes(artifact, clip, 0.5)) == boxes


def test_a_run_that_was_stopped_is_not_counted(tmp_path: Path) -> None:
    path, store = write_scene(tmp_path / "gate.mp4", 20), Store(tmp_path / "store")
    with pytest.raises(KeyboardInterrupt):
        run_camera(Camera("gate", path), RECIPE, networks(BrightDetector(fails_at=5)), store, Progress())
    assert latest_boxes(store, probe(path).digest) is None
