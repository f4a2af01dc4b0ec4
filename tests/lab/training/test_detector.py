"""The detector's trainer: a whole small training through Ultralytics, and its going on after a stop."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from core.base.errors import SettingsError, WeightsError
from core.base.progress import Progress, Report
from core.base.settings import DetectSettings
from core.lab.training import DetectorRecipe, format_labels, judge_detector, keep_people_only, train_detector
from core.machine.offline import import_ultralytics
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


def many_classes() -> Any:
    """A network of 80 classes of random weights, people being the fourth."""
    torch.manual_seed(0)
    yolo = import_ultralytics().YOLO("yolo11n.yaml", task="detect")
    yolo.model.names = {0: "bus", 1: "dog", 2: "cat", 3: "person", **{n: f"class {n}" for n in range(4, 80)}}
    return yolo


@pytest.mark.slow
def test_of_a_start_with_many_classes_people_are_kept() -> None:
    network = many_classes().model.eval()
    pictures = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        before = network(pictures)[0]
        keep_people_only(network)
        after = network(pictures)[0]
    assert after.shape[1] == 5 and network.names == {0: "person"}
    torch.testing.assert_close(after, before[:, [0, 1, 2, 3, 4 + 3]])


@pytest.mark.slow
def test_a_training_goes_on_from_what_the_start_knew(tmp_path: Path) -> None:
    start = many_classes()
    start.save(str(tmp_path / "start.pt"))
    data = data_set(tmp_path / "set")
    recipe = replace(RECIPE, epochs=1, rate=1e-6, freeze_bn=True)
    made = train_detector(data, tmp_path / "start.pt", tmp_path / "out", recipe, Progress())
    trained, given = import_ultralytics().YOLO(str(made), task="detect").model.float(), start.model.float()
    norms = [name for name in given.state_dict() if "running" in name]
    assert norms
    for name in [*norms, "model.0.conv.weight", "model.23.cv3.0.1.0.conv.weight"]:
        torch.testing.assert_close(trained.state_dict()[name], given.state_dict()[name], atol=1e-3, rtol=1e-2)
    assert trained.model[-1].cv3[0][2].weight.shape[0] == 1


def test_what_is_not_there_is_said_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        train_detector(tmp_path / "data.yaml", None, tmp_path, RECIPE, Progress())
    (tmp_path / "data.yaml").write_text("")
    with pytest.raises(WeightsError, match="does not exist"):
        train_detector(tmp_path / "data.yaml", tmp_path / "start.pt", tmp_path, RECIPE, Progress())
    with pytest.raises(SettingsError, match="multiple of 32"):
        DetectorRecipe(size=100)
