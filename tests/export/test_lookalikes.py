"""Who else a track may be: the noun, and its table."""

import csv
import io
import math
from dataclasses import replace

import pytest

from core.base.text import Clocks
from core.runs import Crop, Lookalike, candidates_csv

ONE = Lookalike("cam1", 3, 1, 1, "cam2", 17, 2, 0.81249, -0.05, "", Crop(1.5, 15, b""), Crop(83.4, 834, b""), 0.9)


def rows(*lookalikes: Lookalike) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(candidates_csv(lookalikes))))


def test_a_row_says_who_else_how_alike_and_which_crops() -> None:
    assert rows(ONE) == [
        {
            "camera": "cam1",
            "track": "3",
            "person": "P001",
            "place": "1",
            "other_camera": "cam2",
            "other_track": "17",
            "other_person": "P002",
            "similarity": "0.8125",
            "margin": "-0.0500",
            "reason": "",
            "crop_frame": "15",
            "crop_s": "1.500",
            "other_crop_frame": "834",
            "other_crop_s": "83.400",
            "crop_similarity": "0.9000",
        }
    ]


def test_times_of_day_stand_beside_the_seconds_where_they_are_known() -> None:
    began = {"cam1": "2026-11-28T14:03:10", "cam2": "2026-11-28T14:00:00"}
    table = candidates_csv([ONE], Clocks.read(began, "Europe/Berlin", {"cam2": 3600.0}))
    (row,) = csv.DictReader(io.StringIO(table))
    assert list(row)[-6:] == [
        *("other_crop_s", "crop_local", "other_crop_local", "crop_utc", "other_crop_utc", "crop_similarity")
    ]
    assert (row["crop_local"], row["crop_utc"]) == ("2026-11-28T14:03:11.500+01:00", "2026-11-28T13:03:11.500Z")
    assert (row["other_crop_s"], row["other_crop_utc"]) == ("83.400", "2026-11-28T13:01:20.064Z")
    local = csv.DictReader(io.StringIO(candidates_csv([ONE], Clocks.read(began, ""))))
    assert [name for name in next(local) if "_local" in name or "_utc" in name] == ["crop_local", "other_crop_local"]


def test_rows_are_ordered_by_camera_track_and_place() -> None:
    """Whatever order they come in, and by number: track 10 comes after 3."""
    order = [ONE, replace(ONE, place=2), replace(ONE, track=10), replace(ONE, camera="cam2", other_camera="cam1")]
    assert candidates_csv(order[::-1]) == candidates_csv(order)
    assert [(row["camera"], row["track"], row["place"]) for row in rows(*order[::-1])] == [
        ("cam1", "3", "1"),
        ("cam1", "3", "2"),
        ("cam1", "10", "1"),
        ("cam2", "3", "1"),
    ]


def test_what_is_not_known_is_an_empty_cell_and_a_reason_may_have_commas() -> None:
    alone = replace(ONE, margin=math.nan, reason="both there, at once", crop=Crop(math.nan, 7, b""))
    (row,) = rows(alone)
    assert (row["margin"], row["crop_s"], row["crop_frame"], row["reason"]) == ("", "", "7", "both there, at once")
    assert rows() == []


@pytest.mark.parametrize(
    "wrong", [{"other_person": 1}, {"place": 0}, {"similarity": 1.5}, {"crop_similarity": math.nan}]
)
def test_what_cannot_be_is_misuse(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Lookalike"):
        replace(ONE, **wrong)  # type: ignore[arg-type]
