"""Fixtures that many tests share: the cache in a folder of its own, and the developers' footage where it is there.

What takes longest is made once for all workers, in a folder beside theirs, and is for reading only.
"""

import os
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from core.folders import cache_dir
from core.pipeline import Camera, CameraResult, Networks, Recipe, run_camera
from core.progress import Progress
from core.sample import sample_clips
from core.settings import DetectSettings, EmbedSettings, VideoSettings
from core.store import Store
from core.weights import DETECTOR, EMBEDDER, find

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

# How long an example takes says how busy the machine is, and nothing about the program.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers begin with the files that are given most time: none of them is left for one worker at the end."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        given: dict[Path, float] = {}
        for item in items:
            mark = item.get_closest_marker("timeout")
            given[item.path] = max(given.get(item.path, 0), mark.args[0] if mark else 0)
        items.sort(key=lambda item: -given[item.path])


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or fills the user's cache; exported models are kept for the whole session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTLINE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(scope="session")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Other workers wait until this block ends, or the process in it: SQLite locks files on every platform."""
    folder.mkdir(exist_ok=True)
    with closing(sqlite3.connect(folder / "lock", timeout=600, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield


@pytest.fixture(scope="session")
def sample(together: Path) -> Path:
    """The usual people and cameras, filmed for the shortest time there is; `heard` beside it is what was told of it."""
    folder = together / "sample"
    with alone(together / "sampling"):
        if not sample_clips(folder):
            words = [sys.executable, "-m", "core", "sample", "--out", str(folder), "--seconds", "12"]
            with (together / "sampling" / "heard").open("wb") as heard:
                subprocess.run([*words, "--progress", "json"], cwd=ROOT, check=True, timeout=600, stdout=heard)
    return folder


@pytest.fixture(scope="session")
def exported(own_cache: None) -> Path:
    """Our own models as this machine runs them: for caches of their own that are not about a first run."""
    networks = Networks(find(DETECTOR, "detector"), find(EMBEDDER, "embedder"), "auto")
    with warnings.catch_warnings():
        # PyTorch says so of its own tracing.
        warnings.simplefilter("ignore")
        networks.detector(DetectSettings())
        networks.embedder(EmbedSettings())
    return cache_dir() / "exported"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' footage and models; tests that need them skip and say so on any other machine."""
    if not (SHARED / "data" / "README.md").is_file():
        pytest.skip("needs ../shared (the developers' footage), which is not on this machine")
    return SHARED


class Pets:
    """PETS 2009 S2.L1 with the YOLOv8n of the developers' footage, every frame; its networks run once for all."""

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
        with alone(self.store.root):
            return run_camera(self.camera, recipe, opened, self.store, Progress())


@pytest.fixture(scope="session")
def pets(shared: Path, together: Path) -> Pets:
    found = Pets(shared, Store(together / "pets"))
    found.run(found.recipe, features=True)
    return found
