"""What was written is read back: the tables of a zip and of a run are as they were, and changed ones are refused."""

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import pytest

from core.base.errors import StoreError
from core.export import verify_zip, write_zip
from core.runs import Sighting, load_people, people_csv, sightings_csv
from core.runs.tables import read_people
from tests.export.making import rewritten, some, unpacked
from tests.runs.making import decide_and_write, run


def bare(sighting: Sighting) -> Sighting:
    return replace(sighting, crops=())


def uncoloured(sighting: Sighting) -> Sighting:
    return replace(bare(sighting), upper="", lower="")


def table(path: Path) -> str:
    return unpacked(path)["sightings.csv"].decode()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_zip(some(), {}, tmp_path / "g.zip")
    assert verify_zip(tmp_path / "g.zip").about == some().about
    assert table(tmp_path / "g.zip") == sightings_csv(some())
    sightings = read_people(people_csv(some()))
    assert [uncoloured(s) for s in some().sightings[:4]] == sightings[:4]
    assert math.isnan(sightings[4].similarity) and sightings[4].status == "alone"
    rows = list(csv.DictReader(io.StringIO(table(tmp_path / "g.zip"), newline="")))
    assert [(row["upper"], row["lower"]) for row in rows] == [(s.upper, s.lower) for s in some().sightings]


def test_times_that_nobody_knows_stay_unknown() -> None:
    timeless = replace(uncoloured(some().sightings[0]), start_seconds=math.nan, end_seconds=math.nan)
    coloured = replace(some(), sightings=(replace(timeless, upper="red", lower="dark blue"),))
    assert sightings_csv(coloured).splitlines()[1] == "cam1,3,P001,,,0.8125,candidate,red,dark blue,,"
    text = people_csv(coloured)
    (back,) = read_people(text)
    assert not back.has_times and people_csv(replace(some(), sightings=(back,))) == text


def test_a_changed_table_is_refused(tmp_path: Path) -> None:
    write_zip(some(), {}, tmp_path / "g.zip")
    changed = unpacked(tmp_path / "g.zip")["sightings.csv"].replace(b"P001", b"P002")
    rewritten(tmp_path / "g.zip", {"sightings.csv": changed})
    with pytest.raises(StoreError, match=r"changed: sightings\.csv"):
        verify_zip(tmp_path / "g.zip")


def test_a_run_without_a_table_is_said_to_be(tmp_path: Path) -> None:
    decide_and_write(run(tmp_path), tmp_path / "out", None)
    assert load_people(tmp_path / "out").gallery.sightings
    (tmp_path / "out" / "people.csv").write_text("nothing\n1\n", encoding="utf-8")
    with pytest.raises(StoreError, match=r"people\.csv or similarity\.npz cannot be read"):
        load_people(tmp_path / "out")
