"""The crops as a data set: names that a trainer reads, nothing overwritten, whole or not at all."""

import csv
import json
import math
from pathlib import Path

import pytest

from core.base.errors import Cancelled, SettingsError, StoreError
from core.base.progress import Progress, Report
from core.export import write_market
from core.lab.training import read_crops
from core.runs import Crop, Gallery, Sighting
from tests.export.making import jpeg, some


def test_names_say_person_camera_and_frame(tmp_path: Path) -> None:
    assert write_market(some(), tmp_path / "new" / "market") == 10
    names = sorted(path.name for path in (tmp_path / "new" / "market").glob("*.jpg"))
    assert names[:4] == [
        "0001_c1s1_000250_01.jpg",
        "0001_c1s1_000275_01.jpg",
        "0001_c2s1_002085_01.jpg",
        "0001_c2s1_002110_01.jpg",
    ]
    assert (tmp_path / "new" / "market" / names[0]).read_bytes() != jpeg(300)  # heads are covered
    write_market(some(), tmp_path / "shown", blur=False)
    assert (tmp_path / "shown" / names[0]).read_bytes() == jpeg(300)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["market"]


def test_a_trainer_reads_them(tmp_path: Path) -> None:
    write_market(some(), tmp_path / "market")
    crops = read_crops(tmp_path / "market")
    rows = {(int(p), int(c)) for p, c in zip(crops.person, crops.camera, strict=True)}
    assert len(crops) == 10 and rows == {(1, 1), (1, 2), (2, 1), (2, 2), (3, 2)}


def test_it_says_which_camera_is_which_and_who_named_the_people(tmp_path: Path) -> None:
    about = {"run": {"models": {"embedder": {"name": "mine", "sha256": "ab" * 32}}}, "matching": {"threshold": 0.62}}
    write_market(some(about=about), tmp_path / "market")
    with (tmp_path / "market" / "cameras.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["number", "camera", "crops"], ["1", "cam1", "4"], ["2", "cam2", "6"]]
    words = (tmp_path / "market" / "README.txt").read_text(encoding="utf-8")
    assert "Purpose: none was given" in words and "To be kept until: no date was given" in words
    assert "3 people, 10 crops, 2 cameras" in words and "candidates until a person has confirmed" in words
    assert "Models: Re-identification model: mine" in words and "ab" * 32 in words
    assert "Similarity threshold: 0.62" in words


def test_crops_of_one_moment_do_not_overwrite_each_other(tmp_path: Path) -> None:
    """Two tracks of one camera that the user said are one person; and pictures that came without a clip."""
    crops = [(Crop(1.0, 25, jpeg(1)),), (Crop(1.0, 25, jpeg(2)),)]
    both = [Sighting("cam1", track, 10_001, 0, 2, crops=crops[track - 1]) for track in (1, 2)]
    loose = Sighting("入口", 1, 10_001, math.nan, math.nan, crops=(Crop(math.nan, 25, jpeg(3)),))
    write_market(Gallery((*both, loose)), tmp_path / "market", blur=False)
    names = {path.name: path.read_bytes() for path in (tmp_path / "market").glob("*.jpg")}
    assert names == {
        "10001_c1s1_000025_01.jpg": jpeg(1),
        "10001_c1s1_000025_02.jpg": jpeg(2),
        "10001_c2s1_000025_01.jpg": jpeg(3),
    }


@pytest.mark.parametrize("name", ["crop.jpg", ".hidden"])
def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(SettingsError, match="is not empty"):
        write_market(some(), tmp_path)
    with pytest.raises(SettingsError, match="is not empty"):
        write_market(some(), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "market").mkdir()
    assert write_market(some(), tmp_path / "market") == 10 and (tmp_path / "market" / "README.txt").is_file()


def test_nobody_is_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has no crops to write"):
        write_market(Gallery(), tmp_path / "market")


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    told: list[Report] = []
    with pytest.raises(Cancelled):
        write_market(
            some(),
            tmp_path / "a",
            Progress(told.append, is_cancelled=lambda: bool(told) and told[-1].done > 3, every=0),
        )
    gone = Gallery((Sighting("cam1", 1, 1, 0, 1, crops=(Crop(0, 7, tmp_path / "gone.jpg"),)),))
    with pytest.raises(StoreError, match=r"gone\.jpg cannot be read"):
        write_market(gone, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []
    assert json.dumps([report.stage for report in told]).count("export") == len(told) > 3
