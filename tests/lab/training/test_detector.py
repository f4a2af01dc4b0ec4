"""The detector's trainer: a whole small training through Ultralytics, and its going on after a stop."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.errors import SettingsError, WeightsError
from core.base.progress import Progress, Report
from core.base.settings import DetectSettings
from core.lab.training import DetectorRecipe, format_labels, judge_detector, train_detector
from core.vision.detect import open_detector
from core.vision.models import find
from tests.lab.training.making import person

RECIPE = DetectorRecipe(size=96, epochs=2, batch=4, close_mosaic=1, warmup=0.0)


def data_set(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 4)):
        for kind in ("images", "labels"):
            (folder / kind / part).mkdir(parents=True)
        for number in range(count):
            picture = rng.integers(90, 160, (96, 96, 3), dtype=np.uint8)
            x, y = rng.integers(0, 64), rng.integers(0, 32)
            picture[y : y + 64, x : x + 32] = person(number, 1, 0)
            cv2.imwrite(str(folder / "images" / part / f"{number}.png"), picture)
            lines = format_labels(np.array([[x, y, x + 32.0, y + 64]]), 96, 96)
            (folder / "labels" / part / f"{number}.txt").write_text(lines)
    text = f"path: {folder}\ntrain: images/train\nval: images/val\nnames: {{0: person}}\n"
    (folder / "data.yaml").write_text(text)
    return folder / "data.yaml"


@pytest.mark.slow
def test_it_trains_from_nothing_and_the_result_detects(tmp_path: Path) -> None:
    heard: list[Report] = []
    data = data_set(tmp_path / "set")
    made = train_detector(data, None, tmp_path / "out", RECIPE, Progress(heard.append, every=0))
    assert heard[0].total == heard[-1].done == 4
    detector = open_detector(find(str(made), "detector"), DetectSettings(size=96), "torch")
    figures = judge_detector(data.parent / "images" / "val", detector, Progress())
    assert figures["pictures"] == figures["boxes"] == 4
    assert (tmp_path / "out" / "run" / "results.csv").is_file()


@pytest.mark.slow
def test_killed_it_goes_on_and_done_it_is_done(tmp_path: Path) -> None:
    data, out = data_set(tmp_path / "set"), tmp_path / "out"

    def kill(report: Report) -> None:
        if report.done >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_detector(data, None, out, RECIPE, Progress(kill, every=0))
    assert not (out / "detector.pt").exists()
    heard: list[Report] = []
    made = train_detector(data, None, out, RECIPE, Progress(heard.append, every=0))
    assert [report.done for report in heard] == [2, 3, 4]
    before = made.read_bytes()
    assert train_detector(data, None, out, RECIPE, Progress(kill, every=0)).read_bytes() == before
    with pytest.raises(SettingsError, match="other settings"):
        train_detector(data, None, out, replace(RECIPE, epochs=3), Progress())
    # Killed between the last epoch and the hand-over.
    made.unlink()
    assert train_detector(data, None, out, RECIPE, Progress(kill, every=0)).read_bytes() == before


def test_what_is_not_there_is_said_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        train_detector(tmp_path / "data.yaml", None, tmp_path, RECIPE, Progress())
    (tmp_path / "data.yaml").write_text("")
    with pytest.raises(WeightsError, match="does not exist"):
        train_detector(tmp_path / "data.yaml", tmp_path / "start.pt", tmp_path, RECIPE, Progress())
    with pytest.raises(SettingsError, match="multiple of 32"):
        DetectorRecipe(size=100)
