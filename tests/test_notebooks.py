"""Notebooks run top to bottom, with a clip and without one, and are kept without results."""

import contextlib
import io
import json
import shutil
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from core.machine.paths import cache_dir
from tests.conftest import Tracked

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# PyTorch says so of its own tracing when Ultralytics exports our detector; there is nothing here to mend.
EXPORTS = pytest.mark.filterwarnings(
    "ignore:.torch.jit.trace:FutureWarning", "ignore:.torch.jit.trace:DeprecationWarning"
)
NETWORKS = pytest.mark.usefixtures("exported")


def cells(path: Path) -> list[dict[str, Any]]:
    content = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in content["cells"] if cell["cell_type"] == "code"]


def run(path: Path, monkeypatch: pytest.MonkeyPatch, clip: Path | None = None) -> tuple[dict[str, Any], str]:
    """What the cells leave behind, and what they print."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(FOLDER)
    monkeypatch.setenv("SIGHTLINE_CLIP", str(clip or ""))
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()) as said:
        for number, cell in enumerate(cells(path), 1):
            exec(compile("".join(cell["source"]), f"{path.name}, cell {number}", "exec"), names)
    return names, said.getvalue()


def write_clip(path: Path, frames: int) -> Path:
    """A bright upright shape that walks over a dark floor."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 10)
        for number in range(frames):
            picture = np.full((192, 320, 3), 40, np.uint8)
            picture[60:150, 20 + 8 * number : 50 + 8 * number] = 200
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_there_are_notebooks() -> None:
    assert {path.stem for path in NOTEBOOKS} == {"quickstart", "thresholds", "tracks"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_results_are_kept(path: Path) -> None:
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells(path))


def test_without_a_clip_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    names, said = run(FOLDER / "tracks.ipynb", monkeypatch)
    assert said == "No clip was given: set CLIP above and run the cells again.\n"
    assert len(names["figure"].data) == 0


@pytest.mark.slow
@NETWORKS
@EXPORTS
def test_tracks_of_a_made_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, said = run(FOLDER / "tracks.ipynb", monkeypatch, write_clip(tmp_path / "walk.mp4", 12))
    assert "320 x 192, 12 frames in 1.2 s, h264" in said
    assert names["result"].analysed == 12 and names["result"].missing == 0
    assert len(names["figure"].data) == len(names["spans"]) == len(set(names["tracks"].track.tolist()))


@pytest.mark.slow
@NETWORKS
@EXPORTS
def test_tracks_of_a_real_clip(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, _ = run(FOLDER / "tracks.ipynb", monkeypatch, shared / "data" / "pets_s2l1" / "view1.avi")
    assert names["result"].analysed == 200
    assert 5 <= len(names["figure"].data) == len(names["spans"])
    assert names["spans"]["last"].max() <= 20.0


@pytest.fixture
def stored(tracked: Tracked) -> None:
    """What the networks say of the sample is in the store already."""
    shutil.copytree(tracked.store, cache_dir() / "stages", dirs_exist_ok=True)


@pytest.mark.slow
@NETWORKS
@EXPORTS
@pytest.mark.timeout(600)
def test_from_the_sample_to_a_gallery(stored: None, monkeypatch: pytest.MonkeyPatch) -> None:
    names, said = run(FOLDER / "quickstart.ipynb", monkeypatch)
    assert len(cells(FOLDER / "quickstart.ipynb")) == 10
    assert "every file in the zip is the same" in said and "person-osnet" in said
    people = names["people"]
    # Of eight people drawn, six walk through all three cameras.
    assert 5 <= people.person.nunique() <= 14
    assert (people.groupby("person").camera.nunique() > 1).sum() >= 4
    assert len(names["heat"].data[0].x) == len(people) and (np.diff(names["counts"]) >= 0).all()
    assert names["stills"].height == 270 and names["sheet"].width == 1200


@pytest.mark.slow
@NETWORKS
@EXPORTS
@pytest.mark.timeout(600)
def test_what_calibration_does(stored: None, monkeypatch: pytest.MonkeyPatch) -> None:
    names, said = run(FOLDER / "thresholds.ipynb", monkeypatch)
    suggested = {name: one.threshold for name, one in names["found"].items()}
    assert set(suggested) == {"person-osnet", "person-resnet50"} and len(set(suggested.values())) == 2
    assert said.count("0.7 finds") == 2 and "0.7" not in "".join(map(str, suggested.values()))
    for name, mine in names["truth"].groupby("model"):
        # A higher threshold only takes links away.
        assert (np.diff(mine.links) <= 0).all() and (np.diff(mine.found) <= 0).all(), name
    at_suggested = names["verdict"].iloc[::2]
    assert (at_suggested.right >= 0.6).all() and (at_suggested.found >= 0.5).all()
    assert len(names["histograms"].data) == 4 and len(names["levels"].data) == 2
