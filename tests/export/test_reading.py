"""A zip read back: who was seen where is as it was written, and a zip that was changed is refused."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from core.base.errors import StoreError
from core.export import read_zip, write_zip
from core.runs import Sighting, read_sightings, sightings_csv
from tests.export.making import rewritten, some, unpacked


def bare(sighting: Sighting) -> Sighting:
    return replace(sighting, crops=())


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_zip(some(), {}, tmp_path / "g.zip")
    held = read_zip(tmp_path / "g.zip")
    assert held.about == some().about
    assert [bare(s) for s in some().sightings[:4]] == list(held.sightings[:4])
    assert math.isnan(held.sightings[4].similarity) and held.sightings[4].status == "alone"


def test_times_that_nobody_knows_stay_unknown() -> None:
    timeless = replace(bare(some().sightings[0]), start_seconds=math.nan, end_seconds=math.nan)
    text = sightings_csv(replace(some(), sightings=(timeless,)))
    (back,) = read_sightings(text)
    assert text.splitlines()[1] == "cam1,3,P001,,,0.8125,candidate,red,dark blue,,"
    assert not back.has_times and sightings_csv(replace(some(), sightings=(back,))) == text


def test_a_changed_table_is_refused(tmp_path: Path) -> None:
    write_zip(some(), {}, tmp_path / "g.zip")
    table = unpacked(tmp_path / "g.zip")["sightings.csv"]
    rewritten(tmp_path / "g.zip", {"sightings.csv": table.replace(b"P001", b"P002")})
    with pytest.raises(StoreError, match=r"changed: sightings\.csv"):
        read_zip(tmp_path / "g.zip")


def test_a_zip_without_a_table_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.export.zip.sightings_csv", lambda gallery: "nothing\n1\n")
    write_zip(some(), {}, tmp_path / "g.zip")
    with pytest.raises(StoreError, match="no table of sightings"):
        read_zip(tmp_path / "g.zip")
