"""Fixtures that many tests share: the cache in a folder of its own, and the developers' footage where it is there.

What takes longest is made once for all workers, in a folder beside theirs, and is for reading only. The exported
models are kept for the next time too, in .cache/tests, under a digest of all that decides them.
"""

import hashlib
import inspect
import os
import shutil
import sqlite3
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import av
import pytest
from hypothesis import settings

from core.base.progress import Progress
from core.base.settings import DetectSettings, EmbedSettings, VideoSettings
from core.lab.synthetic import SampleSettings, render_frames, sample_clips, sample_folder
from core.machine.artifacts import Store
from core.machine.paths import cache_dir
from core.runs import Camera, CameraResult, Networks, Recipe, Setup, name_cameras, run_camera, track_clips
from core.vision.detect import open_detector
from core.vision.embed import open_embedder
from core.vision.models import DETECTOR, EMBEDDER, find

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
KEPT = ROOT / ".cache" / "tests"
BROWSER = ROOT / "tests" / "browser"

# How long an example takes says how busy the machine is, and nothing about the program.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the browser's folder, and those that ask for the developers' footage, are marked as such; the first of
    those that need something slow to make waits for it.

    Workers begin with the files that are given most time: none of them is left for one worker at the end.
    """
    for item in items:
        if item.path.is_relative_to(BROWSER):
            item.add_marker(pytest.mark.browser)
        fixtures = set(getattr(item, "fixturenames", ()))
        if "shared" in fixtures:
            item.add_marker(pytest.mark.shared)
        if fixtures & {"exported", "tracked"} and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))
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
        patch.delenv("SIGHTLINE_DATA", raising=False)
        patch.setenv("SIGHTLINE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        # Tests that are not about the queue start several jobs on any computer.
        patch.setenv("SIGHTLINE_JOBS", "8")
        # Waiting for the disk is most of the time of a small change; what is flushed, and when, has a test of its own.
        patch.setattr(os, "fsync", lambda descriptor: None)
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


def sources_of(*objects: Callable[..., object]) -> list[Path]:
    """The files of the rooms that these functions belong to."""
    return sorted(path for one in objects for path in Path(inspect.getfile(one)).parent.rglob("*.py"))


def kept(name: str, files: Iterable[Path], packages: Sequence[str]) -> Path:
    """The folder below .cache/tests for what follows from these files and these packages alone."""
    mark = hashlib.sha256()
    for path in files:
        mark.update(path.name.encode() + path.read_bytes())
    mark.update(" ".join(f"{package} {version(package)}" for package in packages).encode())
    return KEPT / f"{name}-{mark.hexdigest()[:20]}"


def keep(made: Path, folder: Path) -> None:
    """A copy of `made` at `folder`, whole or not at all; what was kept under other digests makes room for it."""
    with suppress(OSError):
        for old in KEPT.glob(f"{folder.name.rpartition('-')[0]}-*"):
            shutil.rmtree(old, ignore_errors=True)
        part = folder.with_name(f".{folder.name}.{os.getpid()}")
        shutil.copytree(made, part)
        part.replace(folder)


@pytest.fixture(scope="session")
def glimpses(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """The first six seconds of two films of the sample, five pictures a second: soon drawn, and people are in them."""
    folder, settings = tmp_path_factory.mktemp("glimpses"), SampleSettings(seconds=12)
    found = tuple(folder / f"cam{camera + 1}.mp4" for camera in range(2))
    for camera, path in enumerate(found):
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=5, options={"crf": "20", "preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = 960, 540, "yuv420p"
            for shot in islice(render_frames(settings, camera, every=5), 30):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(shot.bgr, format="bgr24")))
            container.mux(stream.encode(None))
    return found


@pytest.fixture(scope="session")
def exported(own_cache: None, together: Path) -> Path:
    """Our own models as this machine runs them, in this worker's cache: for all that is not about a first run."""
    networks = Networks(find(DETECTOR, "detector"), find(EMBEDDER, "embedder"), "auto")
    weights = [model.path for model in (networks.detector_model, networks.embedder_model) if model]
    packages = ["openvino", "torch", "ultralytics"]
    before = kept("exported", [*weights, *sources_of(open_detector, open_embedder)], packages)
    here = together / "exporting" / "cache"
    with alone(together / "exporting"):
        if not before.is_dir() and not here.is_dir():
            with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
                patch.setenv("SIGHTLINE_CACHE", str(here))
                # PyTorch says so of its own tracing.
                warnings.simplefilter("ignore")
                networks.detector(DetectSettings())
                networks.embedder(EmbedSettings())
            keep(here / "exported", before)
        made = before if before.is_dir() else here / "exported"
        return Path(shutil.copytree(made, cache_dir() / "exported", dirs_exist_ok=True))


@dataclass(frozen=True)
class Tracked:
    """The sample, tracked once for all who need it, five frames a second as the notebooks look at it."""

    clips: tuple[Path, ...]
    store: Path
    out: Path


@pytest.fixture(scope="session")
def tracked(exported: Path, together: Path) -> Tracked:
    folder = together / "tracked"
    found = Tracked(tuple(sample_clips(sample_folder())), folder / "stages", folder / "out")
    with alone(together / "tracking"):
        if not (found.out / "run.json").is_file():
            networks = Networks(find(DETECTOR, "detector"), find(EMBEDDER, "embedder"), "auto")
            setup = Setup(name_cameras(found.clips), networks, Recipe(video=VideoSettings(fps=5)))
            track_clips(setup, found.out, with_crops=True, store=Store(found.store))
    return found


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
