"""`train` and `evaluate reid|detector` from the command line, on people small enough to learn in seconds."""

import json
from pathlib import Path

import cv2
import pytest

from core.cli import main
from tests.lab.training.making import market, person

SMALL = ["--size", "64x32", "--epochs", "2", "--people", "4", "--pictures", "3", "--progress", "none"]


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    return market(tmp_path / "crops", people=10)


def train(crops: Path, out: Path, *words: str) -> int:
    return main(["train", "reid", str(crops), "--out", str(out), "--backbone", "osnet_x0_25", *SMALL, *words])


@pytest.mark.slow
@pytest.mark.always
def test_train_then_judge(crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert train(crops, out, "--holdout", "4") == 0
    said = capsys.readouterr().out
    assert "rank-1" in said and "mAP" in said
    assert (out / "curve.png").stat().st_size > 1000 and (out / "curve.csv").read_text().count("\n") == 3
    weights = str(out / "embedder.safetensors")
    words = ["evaluate", "reid", str(crops), "--features", weights, "--holdout", "4", "--device", "torch"]
    assert main([*words, "--json", "--pictures", str(tmp_path / "seen")]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["queries"] == 8 and 0 <= figures["map"] <= 1
    assert {p.name for p in (tmp_path / "seen").iterdir()} == {"worst.png", "distances.png", "map.png"}


@pytest.mark.slow
def test_two_folders_are_two_cameras(tmp_path: Path, capsys: pytest.CaptureFixture[str], crops: Path) -> None:
    for camera in (1, 2):
        (tmp_path / f"cam{camera}").mkdir()
        for path in crops.glob(f"*_c{camera}s1_000000_00.png"):
            path.rename(tmp_path / f"cam{camera}" / f"{path.name[:4]}_45.png")
    train(market(tmp_path / "others", people=6), tmp_path / "out")
    capsys.readouterr()
    weights = str(tmp_path / "out" / "embedder.safetensors")
    words = ["evaluate", "reid", str(tmp_path / "cam1"), "--gallery", str(tmp_path / "cam2"), "--features", weights]
    assert main([*words, "--json", "--device", "torch"]) == 0
    assert json.loads(capsys.readouterr().out)["queries"] == 10
    assert main([*words, "--holdout", "3"]) == 2


@pytest.mark.slow
def test_tuning_prints_a_row_for_every_setting(crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "tune", str(crops), "--out", str(tmp_path / "out"), *SMALL, "--epochs", "1", "--holdout", "4"]
    assert main([*words, "--margin", "0.1", "0.5", "--loss", "triplet", "contrastive"]) == 0
    rows = capsys.readouterr().out.strip().splitlines()
    assert len(rows) == 5 and "margin" in rows[0]
    assert len(list((tmp_path / "out").iterdir())) == 4


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--size", "big"], "is no size"),
        (["--loss", "hinge"], "unknown loss"),
        (["--holdout", "99"], "cannot be held out"),
        (["--teacher", "nonsense"], "nonsense"),
        (["--start", "nonsense.pth"], "nonsense"),
        (["--similarity-weight", "3"], "a teacher"),
        (["--unlabelled-per-batch", "3"], "--unlabelled"),
        (["--unlabelled", "more"], "--teacher"),
        (["--copies", "2"], "--copies need a teacher"),
        (["--metric-weight", "0", "--identity-weight", "0"], "all weights of losses are 0"),
        (["--holdout", "9"], "fewer than 2 people"),
        (["--rate", "-1"], "the rate above 0"),
        (["--freeze-bn"], "--start"),
    ],
)
def test_wrong_words_are_answered_in_one_line(
    crops: Path, tmp_path: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(crops, tmp_path / "out", *words) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1


@pytest.mark.slow
def test_other_pictures_do_not_go_on_with_a_training(
    crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert train(crops, out) == 0
    assert train(crops, out) == 0
    next(crops.iterdir()).unlink()
    assert train(crops, out) == 2
    assert "other settings" in capsys.readouterr().err


@pytest.mark.slow
def test_people_in_folders_are_the_same_in_both_sets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(market(tmp_path / "others", people=6), tmp_path / "out")
    for folder, people in (("asking", ["anna", "bob"]), ("gallery", ["bob", "carl"])):
        for who in people:
            (tmp_path / folder / who).mkdir(parents=True)
            camera = 1 if folder == "asking" else 2
            picture = person({"anna": 1, "bob": 2, "carl": 3}[who], camera, 0)
            cv2.imwrite(str(tmp_path / folder / who / f"cam{camera}_0.png"), picture)
    capsys.readouterr()
    weights = str(tmp_path / "out" / "embedder.safetensors")
    words = ["evaluate", "reid", str(tmp_path / "asking"), "--gallery", str(tmp_path / "gallery")]
    assert main([*words, "--features", weights, "--json", "--device", "torch"]) == 0
    assert json.loads(capsys.readouterr().out)["queries"] == 1


def test_where_nobody_can_be_looked_for_it_is_said(
    crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in crops.glob("*_c2s1*"):
        path.unlink()
    assert train(crops, tmp_path / "out", "--holdout", "4") == 2
    assert "there is no query across cameras" in capsys.readouterr().err


def test_no_one_to_judge_by(crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "tune", str(crops), "--out", str(tmp_path), *SMALL]) == 2
    assert "--holdout" in capsys.readouterr().err
    assert main(["train", "reid", str(tmp_path / "none"), "--out", str(tmp_path), *SMALL]) == 2
