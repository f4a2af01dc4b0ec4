"""A curve outlives kills: what is written stays, what is torn goes, what comes again is taken back first."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import StoreError
from core.lab.training import COLOURS, Curves


def epochs(path: Path, count: int, first: int = 0) -> Curves:
    curves = Curves(path)
    for epoch in range(first, count):
        curves.add({"epoch": epoch, "step": 10 * epoch, "loss": 3 - epoch / 10, "rank1": epoch / 100, "seconds": 1.5})
    return curves


def test_a_row_is_on_disk_at_once_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "lab" / "curve.csv"
    epochs(path, 2)
    assert path.read_text() == "epoch,step,loss,rank1,seconds\n0,0,3,0,1.5\n1,10,2.9,0.01,1.5\n"
    assert Curves(path).rows == epochs(tmp_path / "other.csv", 2).rows


def test_rows_are_appended_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    curves = epochs(path, 2)
    before = path.stat().st_ino
    curves.add({"epoch": 2, "loss": 1})
    assert path.stat().st_ino == before
    assert path.read_text().endswith("\n2,,1,,\n")


def test_looking_makes_no_file(tmp_path: Path) -> None:
    curves = Curves(tmp_path / "curve.csv")
    curves.truncate(0)
    assert curves.picture().shape == (560, 880, 3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("resumed", [0, 1, 3, 5, 9])
def test_a_training_that_goes_on_leaves_the_same_file(tmp_path: Path, resumed: int) -> None:
    whole, path = tmp_path / "whole.csv", tmp_path / "curve.csv"
    epochs(whole, 9)
    epochs(path, 6)
    Curves(path).truncate(resumed)
    assert [row["epoch"] for row in Curves(path).rows] == list(range(min(resumed, 6)))
    if resumed <= 6:
        epochs(path, 9, first=resumed)
        assert path.read_text() == whole.read_text()


@pytest.mark.parametrize("cut", range(1, 14))
def test_a_torn_row_is_dropped(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "curve.csv"
    epochs(path, 3)
    content = path.read_bytes()
    last = len(content) - content[:-1].rfind(b"\n") - 1
    path.write_bytes(content[: -min(cut, last)])
    epochs(path, 3, first=2)
    assert path.read_bytes() == content


def test_a_new_column_joins_and_old_rows_lack_it(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    curves = epochs(path, 1)
    curves.add({"epoch": 1, "map": 0.5, "loss_triplet": 0.25})
    assert path.read_text() == "epoch,step,loss,loss_triplet,rank1,map,seconds\n0,0,3,,0,,1.5\n1,,,0.25,,0.5,\n"
    for read in (curves, Curves(path)):
        np.testing.assert_array_equal(read.column("map"), [np.nan, 0.5])
        np.testing.assert_array_equal(read.column("nothing"), [np.nan, np.nan])


names = st.text("abcdefg_ ,\"'", min_size=1, max_size=6)
row_of = st.dictionaries(names, st.floats(-1e9, 1e9), min_size=1, max_size=4)


@given(rows=st.lists(row_of, min_size=1, max_size=5))
def test_any_row_survives(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, float]]) -> None:
    path = tmp_path_factory.mktemp("curve") / "curve.csv"
    curves = Curves(path)
    for row in rows:
        curves.add(row)
    for read, row in zip(Curves(path).rows, rows, strict=True):
        assert read == pytest.approx(row, rel=1e-9)


def test_what_is_no_curve_is_said(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    for content in (b"epoch,loss\n1,two\n", b"epoch,loss\n1\n", b"\xff\xfe\n"):
        path.write_bytes(content)
        with pytest.raises(StoreError, match=r"curve\.csv"):
            Curves(path)
        assert path.read_bytes() == content


def test_a_row_without_numbers_is_misuse(tmp_path: Path) -> None:
    for row in ({}, {"epoch": "1"}):
        with pytest.raises(ValueError, match="row"):
            Curves(tmp_path / "curve.csv").add(row)  # type: ignore[arg-type]


def test_the_picture_shows_every_line(tmp_path: Path) -> None:
    def colours(curves: Curves) -> list[bool]:
        picture = curves.picture()[60:].astype(int)  # below the legend
        return [bool((np.abs(picture - colour).max(axis=2) <= 2).sum() > 20) for colour in COLOURS[:3]]

    curves = epochs(tmp_path / "curve.csv", 9)
    assert colours(curves) == [True, True, False]
    curves.add({"epoch": 9, "map": 0.3})
    curves.add({"epoch": 10, "map": 0.4})
    assert colours(curves) == [True, True, True]


def test_rows_of_one_epoch_are_told_apart_by_step(tmp_path: Path) -> None:
    curves = Curves(tmp_path / "curve.csv")
    for step in range(5):
        curves.add({"epoch": step // 3, "step": step, "loss": step})
    assert curves._course()[1] == "step"
    assert epochs(tmp_path / "other.csv", 3)._course()[1] == "epoch"
    assert (curves.picture() != epochs(tmp_path / "other.csv", 3).picture()).any()
