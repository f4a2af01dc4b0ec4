"""`query`: a photo against people of a run, with the shipped models."""

import json
from argparse import Namespace
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.text import Clocks
from core.cli import main
from core.cli.query import _fact, _table_text
from core.runs import Answer, Candidate, Crop, Photo
from tests.cli.making import who


def query(*words: object) -> int:
    return main(["query", *map(str, words), "--device", "torch"])


def asked(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, object]:
    assert query(*words, "--json") == 0
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


def test_somebody_of_the_run_is_found(brought: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = brought / "in" / "one" / "somebody 3" / "0.png"
    answer = asked(capsys, brought / "out", photo, "--whole-picture", "--top", 2)
    (somebody,) = answer["people"]  # type: ignore[misc]
    assert answer["whole"] and answer["detector"] is None and answer["threshold"] == 0.5
    assert "person-osnet on" in str(answer["embedder"]) and "until somebody confirms" in str(answer["note"])
    assert len(somebody["ranked"]) == 2
    first = somebody["ranked"][0]
    assert first["person"] == who(brought / "out")["one", 3]
    assert (first["camera"], first["track"], first["seconds"], first["rank"]) == ("one", 3, None, 1)
    assert first["best"] > 0.95 and first["alike"] and first["picture"] == 5
    assert (brought / "out" / first["crop"]).is_file()


def test_the_table_says_what_was_looked_at_and_promises_nothing(
    brought: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The detector that ships looks for people, for a run of crops had none; in a grey picture there are none."""
    photo = brought / "grey.png"
    cv2.imwrite(str(photo), np.full((90, 160, 3), 128, np.uint8))
    assert query(brought / "out", photo, "--top", 3) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("grey.png: nobody was found by person-yolo11n")
    assert "the whole picture is taken as one person" in said[0]
    assert said[1].split() == ["rank", "person", "similarity", "best", "alike", "camera", "when", "crop"]
    assert [line.split()[0] for line in said[2:5]] == ["1", "2", "3"] and "picture " in said[2]
    assert said[-1].startswith("alike: 0.50 or more") and "candidates until somebody confirms them" in said[-1]


def test_times_of_day_are_listed_beside_the_clip_times_where_they_are_known() -> None:
    clocks = Clocks.read({"gate": "2026-11-28T14:03:10"}, "Europe/Berlin", {"gate": 3600.0})
    found = Candidate(1, 0.8, 0.9, True, "gate", 3, Crop(50.0, 75, b""))
    photo = Photo(np.zeros((9, 9, 3), np.uint8), np.zeros((1, 4), np.float32), is_whole=True)
    options = Namespace(photo=Path("photo.jpg"), out=Path("out"))
    tables = [
        _table_text(options, Answer(photo, {1: [found]}, 0.5, "osnet", "", known)).splitlines()
        for known in (clocks, Clocks())
    ]
    assert [line.split()[5:] for line in tables[0][1:3]] == [
        ["camera", "when", "of", "the", "clip", "crop"],
        ["gate", "14:03:58", "0:00:50"],
    ]
    assert tables[1][2].split()[5:] == ["gate", "0:00:50"]
    facts = _fact(1, found, Path("out"), clocks)
    assert (facts["seconds"], facts["local"]) == (50.0, "2026-11-28T14:03:58.000+01:00")
    assert "local" not in _fact(1, found, Path("out"), Clocks())


def test_the_sheet_shows_photo_and_people(brought: Path, tmp_path: Path) -> None:
    photo, sheets = brought / "in" / "two" / "10.png", [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    assert query(brought / "out", photo, "--whole-picture", "--sheet", sheets[0]) == 0
    assert (
        query(brought / "out", photo, "--whole-picture", "--sheet", sheets[1], "--no-blur", "--reason", "a test") == 0
    )
    covered, plain = (cv2.imread(str(sheet)) for sheet in sheets)
    assert covered.shape == plain.shape and covered.shape[1] == 1200
    different = np.abs(covered.astype(int) - plain).max(axis=2) > 12
    heads, legs = different[100:145, 28:116], different[210:268, 28:116]
    assert heads.mean() > 0.05 and legs.mean() < 0.01


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--top", "0"], "--top is 0"),
        (["--no-blur"], "no reason is given"),
        (["--sheet", "a.jpg", "--no-blur"], "no reason is given"),
        (["--no-blur", "--reason", "asked"], "--no-blur needs --sheet"),
        (["--sheet", "x.gif"], "no JPEG"),
        (["--sheet", "PHOTO"], "overwrite the photo"),
        (["--whole-picture", "--weights", "person-yolo11n"], "detects nobody"),
        (["--whole-picture", "--person", "2"], "the photo shows 1 person"),
        (["--features", "person-resnet50"], "no longer the embedder of the run"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_2(
    words: list[str], said: str, brought: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = tmp_path / "photo.jpg"
    cv2.imwrite(str(photo), np.full((90, 160, 3), 128, np.uint8))
    content = photo.read_bytes()
    assert query(brought / "out", photo, *(str(photo) if word == "PHOTO" else word for word in words)) == 2
    fault = capsys.readouterr().err
    assert said in fault and fault.count("\n") == 1 and photo.read_bytes() == content


def test_weights_that_changed_since_are_refused(
    brought: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = json.loads((brought / "out" / "run.json").read_text(encoding="utf-8"))
    (tmp_path / "out").mkdir()
    for name in ("people.csv", "similarity.npz", "tracklets.npz"):
        (tmp_path / "out" / name).symlink_to(brought / "out" / name)
    record["models"]["embedder"]["sha256"] = "0123" * 16
    (tmp_path / "out" / "run.json").write_text(json.dumps(record), encoding="utf-8")
    assert query(tmp_path / "out", brought / "in" / "two" / "10.png", "--whole-picture") == 2
    assert "no longer the embedder of the run" in capsys.readouterr().err
