"""INT8 by calibration: which pictures, what stays in float, what the file says of itself, and what is refused."""

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from core.base.errors import BackendError, SettingsError, WeightsError
from core.base.progress import Progress, Report
from core.base.settings import DetectSettings
from core.cli import main
from core.lab.synthetic import sample_clips, sample_folder
from core.lab.training import parts_in_float, quantize_detector, read_calibration
from core.machine.offline import import_openvino
from core.vision.detect import open_detector
from core.vision.models import find, model_digest, read_card, write_card

SHIPPED = "person-yolo11n-2"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Ten pictures in two folders, each of one grey level: 0, 10, ... 90."""
    folder = tmp_path / "pictures"
    for number in range(10):
        path = folder / ("a" if number < 6 else "b") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((40, 64, 3), 10 * number, np.uint8))
    return folder


def levels(paths: list[Path], count: int) -> list[int]:
    return [int(picture[picture.shape[0] // 2, 32, 0]) for picture in read_calibration(paths, count, 64, Progress())]


def test_pictures_are_chosen_at_even_distances_and_always_the_same(pictures: Path) -> None:
    assert levels([pictures], 5) == levels([pictures], 5) == [0, 20, 40, 60, 80]
    assert levels([pictures], 99) == [10 * number for number in range(10)]
    assert levels([pictures / "b", pictures / "a" / "3.png"], 5) == [30, 60, 70, 80, 90]
    first = read_calibration([pictures], 1, 64, Progress())[0]
    assert first.shape == (64, 64, 3) and first[0, 0].tolist() == [114] * 3  # letterboxed as for the detector


def test_clips_and_pictures_share_the_calibration(pictures: Path) -> None:
    chosen = read_calibration([sample_clips(sample_folder())[0], pictures], 4, 64, Progress())
    colours = [len(np.unique(picture)) for picture in chosen]
    assert len(chosen) == 4 and max(colours[:2]) == 2 and min(colours[2:]) > 50


@pytest.mark.parametrize(("paths", "count"), [([], 5), (["pictures"], 0), (["empty"], 5)])
def test_nothing_to_calibrate_on_is_said(pictures: Path, paths: list[str], count: int) -> None:
    (pictures.parent / "empty").mkdir()
    with pytest.raises(SettingsError):
        read_calibration([pictures.parent / path for path in paths], count, 64, Progress())


def test_attention_and_the_last_layers_stay_in_float() -> None:
    patterns = parts_in_float(iter(["__module.model.0.conv/x", "__module.model.23.cv2.0.2/x", "__module.model.9.a/x"]))
    in_float = {
        name
        for name in ("23.cv3.1.2/x", "23.dfl.conv/x", "10.m.0.attn.qkv.conv/x", "23.cv3.1.1.conv/x", "2.cv2.conv/x")
        if any(re.fullmatch(pattern, f"__module.model.{name}") for pattern in patterns)
    }
    assert in_float == {"23.cv3.1.2/x", "23.dfl.conv/x", "10.m.0.attn.qkv.conv/x"}


def test_without_nncf_the_line_that_installs_it_is_said(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(BackendError, match=r"pip install --require-hashes -r requirements-train\.txt"):
        quantize_detector(find(SHIPPED, "detector"), [pictures], tmp_path / "out", 3, Progress())
    words = ["models", "quantize", SHIPPED, "--calibrate", str(pictures), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert "requirements-train.txt" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_what_is_there_is_not_overwritten_and_others_than_yolo_are_refused(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="exists"):
        quantize_detector(find(SHIPPED, "detector"), [pictures], tmp_path, 3, Progress())
    embedder = find("person-osnet", "embedder")
    with pytest.raises(WeightsError, match="no YOLO"):
        quantize_detector(embedder, [pictures], tmp_path / "out", 3, Progress())


def save_graph(path: Path, card: dict[str, Any] | None) -> Path:
    """An OpenVINO file with the input and output of a YOLO of one class."""
    ov = import_openvino()
    image = ov.opset13.parameter([1, 3, 64, 64], ov.Type.f32)
    sums = ov.opset13.reduce_mean(image, ov.opset13.constant(np.array([2, 3])), keep_dims=False)
    boxes = ov.opset13.broadcast(ov.opset13.unsqueeze(sums, ov.opset13.constant(1)), np.array([1, 5, 3]))
    graph = ov.Model([boxes], [image])
    if card is not None:
        write_card(graph, card)
    ov.save_model(graph, path)
    return path


def test_a_file_says_what_it_was_made_of(tmp_path: Path) -> None:
    card = {"quantized_from": "mine", "licence": "MIT", "trained_on": "ours", "scores": {"usable": 0.3, "certain": 0.6}}
    path = save_graph(tmp_path / "mine-int8.xml", card)
    model = find(str(path), "detector")
    assert (model.licence, model.trained_on) == ("MIT", "ours") and "from mine" in model.source
    assert model.scale is not None and model.scale.score(0.25) == 0.3 and "mine" in model.assumed[0]
    plain = save_graph(tmp_path / "plain.xml", None)
    assert read_card(plain, model_digest(plain)) == {} and find(str(plain), "detector").scale is None


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("nncf") is None, reason="needs nncf, of requirements-train.txt")
@pytest.mark.usefixtures("exported")
def test_the_detector_that_ships_is_quantized(pictures: Path, tmp_path: Path) -> None:
    reports: list[Report] = []
    out = quantize_detector(
        find(SHIPPED, "detector"), [pictures], tmp_path / "small-int8", 3, Progress(reports.append, every=0)
    )
    assert {report.stage for report in reports} == {"read", "calibrate"} and reports[-1].done == 3
    assert sorted(path.name for path in out.iterdir()) == ["small-int8.bin", "small-int8.xml"]
    model = find(str(out), "detector")
    card = read_card(model.path, model.digest)
    assert card["pictures"] == 3 and card["calibrated_on"] == ["pictures"] and len(card["pictures_sha256"]) == 64
    assert str(tmp_path) not in model.path.read_text(encoding="utf-8")
    detector = open_detector(model, DetectSettings(size=320), "openvino")
    assert "INT8" in detector.description and len(list(detector.detect([np.zeros((90, 160, 3), np.uint8)]))) == 1
