"""Fixtures that many tests share: the cache in a folder of its own, and the developers' footage where it is there."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from core.pipeline import Camera, CameraResult, Networks, Recipe, run_camera
from core.progress import Progress
from core.sample import sample_clips
from core.settings import VideoSettings
from core.store import Store
from core.weights import find

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

# How long an example takes says how busy the machine is, and nothing about the program.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or fills the user's cache; exported models are kept for the whole session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTLINE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's folder, drawn once for all workers: that takes most of a minute."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "sample"
    try:
        folder.mkdir()
    except FileExistsError:
        # Another worker is at it.
        end = time.monotonic() + 600
        while not sample_clips(folder) and time.monotonic() < end:
            time.sleep(0.2)
    else:
        words = [sys.executable, "-m", "core", "sample", "--out", str(folder), "--progress", "none"]
        subprocess.run(words, cwd=ROOT, check=True, timeout=600)
    assert sample_clips(folder), "the sample was not drawn"
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' footage and models; tests that need them skip and say so on any other machine."""
    if not (SHARED / "data" / "README.md").is_file():
        pytest.skip("needs ../shared (the developers' footage), which is not on this machine")
    return SHARED


class Pets:
    """PETS 2009 S2.L1 with the YOLOv8n of the developers' footage, every frame; its networks run once a session."""

    def __init__(self, shared: Path, store: Store) -> None:
        self.camera = Camera("pets", shared / "data" / "pets_s2l1" / "view1.avi")
        self.truth = shared / "data" / "pets_s2l1" / "gt.txt"
        self.scale = 0.625
        self.store = store
        self.recipe = Recipe(video=VideoSettings(fps=0))
        self.detector = find(str(shared / "weights" / "yolov8n_int8_openvino_model"), "detector")
        self.embedder = find(str(shared / "weights" / "person-reidentification-retail-0287"), "embedder")

    def run(self, recipe: Recipe, features: bool, networks: Networks | None = None) -> CameraResult:
        opened = networks or Networks(self.detector, self.embedder if features else None, "auto")
        return run_camera(self.camera, recipe, opened, self.store, Progress())


@pytest.fixture(scope="session")
def pets(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Pets:
    found = Pets(shared, Store(tmp_path_factory.mktemp("pets")))
    found.run(found.recipe, features=True)
    return found
