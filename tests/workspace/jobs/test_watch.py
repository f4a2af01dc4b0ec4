"""Looking on: the latest picture, and what the work takes of the machine; and the log of all runs."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.progress import Progress, Report
from core.machine.log import FILES, LOG, StageLog, log_file, log_lines, log_to_file
from core.workspace.jobs import PREVIEW, USAGE, RunMonitor, draw_preview, read_usage

REPORT = Report("gate", 1, 1, "detect", 5, 10, 5.0, 1.0)
BOX = np.array([[20, 20, 60, 80]], np.float32)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_picture_and_a_line_come_at_most_every_two_seconds(tmp_path: Path) -> None:
    clock = Clock()
    watch = RunMonitor(tmp_path, clock)
    progress = Progress(watch.on_report, every=0.0, on_frame=watch.on_frame)
    progress.begin("detect", 100)
    for number in range(40):
        clock.now = number / 10
        progress.show(np.full((90, 120, 3), number, np.uint8), BOX)
        progress.at(number)
    picture = cv2.imread(str(tmp_path / PREVIEW))
    assert picture is not None and abs(int(picture[5, 5, 0]) - 20) < 4
    usage = read_usage(tmp_path)
    assert len(usage) == 2
    assert (usage.memory > 1e6).all() and ((usage.cpu >= 0) & (usage.cpu <= 1)).all()


def test_boxes_are_drawn_and_counted_and_the_picture_stays_as_it_was() -> None:
    picture = np.zeros((100, 1280, 3), np.uint8)
    small = draw_preview(picture, BOX)
    assert small.shape == (50, 640, 3)
    assert small.any() and not picture.any()
    told: list[Report] = []
    progress = Progress(told.append, every=0.0)
    progress.begin("detect", 4, 2, boxes=7)
    progress.show(picture, BOX)
    progress.at(3)
    assert [report.boxes for report in told] == [7, 8]


def test_long_work_is_thinned_and_a_half_written_line_is_left_out(tmp_path: Path) -> None:
    assert len(read_usage(tmp_path)) == 0
    lines = "".join(f"{n},0.5,{n}000\n" for n in range(1000))
    (tmp_path / USAGE).write_text(lines + "1000,0.5,")
    usage = read_usage(tmp_path, max_samples=100)
    assert len(usage) == 100
    assert usage.seconds[-1] == 999


def test_a_folder_that_is_gone_does_not_stop_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    heard: list[tuple[str, int]] = []
    for name in ("gone", "file"):
        watch = RunMonitor(tmp_path / name)
        progress = Progress(watch.on_report, every=0.0, on_frame=watch.on_frame)
        progress.begin("detect", 3)
        for number in (1, 2, 3):
            if name == "file":
                progress.show(np.zeros((4, 4, 3), np.uint8), BOX)
            progress.at(number)
            heard.append((name, number))
        watch.on_report(REPORT)
        assert len(read_usage(tmp_path / name)) == 0
    # The work went on to its end, and nothing was made in the place of either.
    assert len(heard) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == ""


def test_a_removed_folder_is_not_made_again(tmp_path: Path) -> None:
    """A job may be removed while its process is still ending."""
    monitor = RunMonitor(tmp_path / "removed")
    monitor.on_frame(np.zeros((4, 4, 3), np.uint8), BOX)
    monitor.on_report(REPORT)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "removed").mkdir()
    monitor.on_frame(np.zeros((4, 4, 3), np.uint8), BOX)
    assert [path.name for path in (tmp_path / "removed").iterdir()] == [PREVIEW]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path))
    yield tmp_path


def test_each_run_has_its_lines(own_cache: Path) -> None:
    with log_to_file("one/out"):
        LOG.info("first")
        with log_to_file("two/out"):
            LOG.info("of both")
    LOG.info("of none")
    assert [line.rsplit(": ", 1)[1] for line in log_lines("one/out")] == ["first", "of both"]
    assert [line.rsplit(": ", 1)[1] for line in log_lines("two/out")] == ["of both"]


def test_a_traceback_belongs_to_its_line(own_cache: Path) -> None:
    with log_to_file("one/out"):
        try:
            raise MemoryError
        except MemoryError:
            LOG.exception("a fault of the program")
    assert log_lines("one/out")[-1] == "MemoryError"


def test_the_log_turns_over_and_the_oldest_goes(own_cache: Path) -> None:
    with log_to_file("one/out", max_bytes=400), log_to_file("two/out", max_bytes=400):
        for number in range(60):
            LOG.info("line %d", number)
    files = sorted(own_cache.glob("tracker.log*"))
    assert len(files) == FILES
    assert "line 59" in log_file().read_text()
    assert max(path.stat().st_size for path in files) <= 500


def test_a_log_that_another_run_holds_grows(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where a file that is open cannot be renamed."""

    def held(source: str, target: str) -> None:
        raise PermissionError(13, "held", source)

    monkeypatch.setattr("os.rename", held)
    with log_to_file("one/out", max_bytes=200):
        for number in range(9):
            LOG.info("line %d", number)
    assert [line[-6:] for line in log_lines("one/out")] == [f"line {number}" for number in range(9)]


def test_a_stage_is_told_when_it_begins_and_once_when_it_is_done(own_cache: Path) -> None:
    stages = StageLog()
    with log_to_file("one/out"):
        for done in (0, 5, 10, 10):
            stages(Report("gate", 1, 1, "detect", done, 10, 5.0, 1.0))
    said = [line.split("one/out: ")[1] for line in log_lines("one/out")]
    assert said == [
        "gate: detect begins at 0 of 10 frames",
        "gate: detect done, 10 frames at 5.0 a second, 200.0 ms each",
    ]
