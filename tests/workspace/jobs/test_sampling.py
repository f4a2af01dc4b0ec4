"""The sample drawn by a child process: heard, stopped, and told why it failed."""

import sys
from pathlib import Path

import pytest

from core.base.errors import StoreError
from core.lab.synthetic import sample_folder
from core.workspace.jobs import ensure_sample

CHILD = """
import sys, time
from pathlib import Path
folder = Path(sys.argv[1]); folder.mkdir(parents=True, exist_ok=True)
for done in (0, 50, 100):
    print('{"done": %d, "total": 100, "left_seconds": 3.0}' % done, flush=True)
    time.sleep(float(sys.argv[2]))
for name in sys.argv[3:]:
    (folder / name).write_text('{"cameras": {"cam1": {}, "cam2": {}}}')
if len(sys.argv) == 3:
    sys.stderr.write("sightline: the disk is full\\n"); sys.exit(2)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))


def child(*words: object) -> list[str]:
    return [sys.executable, "-c", CHILD, str(sample_folder()), *map(str, words)]


def test_it_is_drawn_once() -> None:
    heard: list[tuple[float, float | None]] = []
    clips = ensure_sample(lambda *said: heard.append(said), child(0, "cam1.mp4", "cam2.mp4", "truth.json"))
    assert [clip.name for clip in clips] == ["cam1.mp4", "cam2.mp4"]
    assert heard == [(0.0, 3.0), (0.5, 3.0), (1.0, 3.0)]
    assert ensure_sample(lambda *said: heard.append(said), ["no such program"]) == clips
    assert len(heard) == 3


def test_one_that_is_not_whole_does_not_count() -> None:
    for there in (["cam1.mp4"], ["cam1.mp4", "cam2.mp4"], ["cam1.mp4", "truth.json"]):
        with pytest.raises(StoreError, match="could not be drawn"):
            ensure_sample(lambda *said: None, child(0, *there))
        for name in there:
            (sample_folder() / name).unlink()


def test_a_cache_named_from_here_is_the_same_for_the_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGHTLINE_CACHE", "near")
    asks = "import os; from core.lab.synthetic import sample_folder; print(sample_folder())"
    with pytest.raises(StoreError) as fault:
        ensure_sample(lambda *said: None, [sys.executable, "-c", f"{asks}; import sys; sys.exit(str(sample_folder()))"])
    assert str(tmp_path / "near") in str(fault.value)


def test_why_it_failed_is_told() -> None:
    with pytest.raises(StoreError, match="the disk is full"):
        ensure_sample(lambda *said: None, child(0))


def test_who_no_longer_listens_stops_it() -> None:
    def leave(*said: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_sample(leave, child(20, "cam1.mp4", "truth.json"))
    assert not (sample_folder() / "truth.json").exists()
