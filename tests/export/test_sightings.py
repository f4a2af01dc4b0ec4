"""What the nouns accept, and in what order they keep it."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.export.html_report import render_report
from core.export.zip import readme
from core.runs import Crop, Gallery, people_csv
from core.runs.tables import read_people
from tests.export.making import loose, seen, some


@pytest.mark.parametrize(
    "wrong",
    [
        {"camera": "../x"},
        {"camera": "a/b"},
        {"camera": ""},
        {"camera": ".hidden"},
        {"camera": "a\n"},
        {"person": 0},
        {"person": -1},
        {"track": -1},
        {"start": -1.0},
        {"start": math.inf},
        {"end_seconds": 3.0},
        {"end_seconds": math.nan},
        {"similarity": 1.2},
        {"similarity": math.inf},
        {"status": "sure"},
        {"upper": "=1+1"},
        {"lower": "red\n"},
    ],
)
def test_a_sighting_refuses(wrong: dict[str, Any]) -> None:
    values = {"camera": "cam1", "track": 1, "person": 1, "crops": 0, **wrong}
    if "end_seconds" in values:
        with pytest.raises(ValueError, match="start_seconds <= end_seconds"):
            type(seen("cam1", 1, 1))("cam1", 1, 1, 10.0, values["end_seconds"])
        return
    with pytest.raises(ValueError, match=r"expected .*, got"):
        seen(**values)


@pytest.mark.parametrize(("start", "seconds"), [(math.nan, 3.0), (3.0, math.nan)])
def test_a_crop_has_a_time_where_its_sighting_has_one(start: float, seconds: float) -> None:
    with pytest.raises(ValueError, match=r"Sighting\.crops: expected times where"):
        type(seen("cam1", 1, 1))("cam1", 1, 1, start, start, crops=(Crop(seconds, 75, b""),))


@pytest.mark.parametrize(
    ("seconds", "frame", "head"),
    [(-1.0, 0, None), (math.inf, 0, None), (0.0, -1, None), (0.0, 0, (5, 0, 5, 9)), (0.0, 0, (0, 0, math.nan, 9))],
)
def test_a_crop_refuses(seconds: float, frame: int, head: tuple[float, float, float, float] | None) -> None:
    with pytest.raises(ValueError, match=r"Crop\.\w+: expected"):
        Crop(seconds, frame, b"", (head,) if head else ())


def test_a_track_is_one_sighting() -> None:
    with pytest.raises(ValueError, match="each track once, got cam1 3"):
        Gallery((seen("cam1", 3, 1), seen("cam1", 3, 2)))


@pytest.mark.parametrize("about", [{"a": math.nan}, {"a": object()}, {"a": {1, 2}}])
def test_about_is_what_json_can_hold(about: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"Gallery\.about"):
        Gallery(about=about)


def test_numbers_of_numpy_are_numbers() -> None:
    sighting = seen("cam1", np.int64(3), np.int64(1), crops=0)  # type: ignore[arg-type]
    assert type(sighting.track) is int and sighting == seen("cam1", 3, 1, crops=0)


def test_people_as_csv() -> None:
    assert people_csv(some()).splitlines() == [
        "camera,track,person,start_s,end_s,similarity,status",
        "cam1,3,P001,10.000,17.250,0.8125,candidate",
        "cam2,17,P001,83.400,90.650,0.8125,confirmed",
        "cam2,1,P002,5.000,12.250,0.8125,candidate",
        "cam1,4,P002,20.000,27.250,0.8125,doubtful",
        "cam2,9,P003,10.000,17.250,,alone",
    ]


def with_thing() -> Gallery:
    """Two people, and a thing with a number between theirs."""
    return Gallery((seen("cam1", 1, 1), seen("cam1", 2, 2, status="thing", similarity=math.nan), seen("cam2", 1, 3)))


def test_things_are_listed_last() -> None:
    gallery = with_thing()
    assert [line.split(",")[2] for line in people_csv(gallery).splitlines()] == ["person", "P001", "P003", "P002"]
    assert [person for person, _ in gallery.by_person()] == [1, 3, 2] and gallery.people_count == 2
    assert people_csv(gallery).splitlines()[-1].endswith(",thing")
    assert read_people(people_csv(gallery))[-1].status == "thing"


def test_what_is_handed_out_says_which_are_things() -> None:
    gallery = with_thing()
    assert "2 people and 1 probable thing, 3 sightings, 2 cameras." in readme(gallery, blur=False)
    report = "".join(render_report(gallery, lambda crop: b"", blur=False))
    assert "2 people and 1 probable thing" in report and "0 of 2 confirmed" in report
    assert report.index('id="P003"') < report.index('id="P002"')
    assert report.count(">thing?</span>") == 2 and "probably no person but a thing" in report


def test_times_that_nobody_knows_are_empty_cells() -> None:
    assert not loose().has_times and some().has_times and Gallery().has_times
    assert people_csv(loose()).splitlines()[1:] == [
        "cam1,1,P001,,,0.7500,candidate",
        "cam1,2,P001,,,0.7500,candidate",
        "cam2,1,P001,,,0.7500,candidate",
        "cam2,2,P002,,,0.7500,candidate",
    ]


@given(st.permutations(some().sightings))
def test_order_does_not_matter(sightings: list[Any]) -> None:
    assert people_csv(Gallery(tuple(sightings))) == people_csv(some())
