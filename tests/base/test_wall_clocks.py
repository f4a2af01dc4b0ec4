"""Times of day: as they are typed, counted and written, also in the nights when clocks are put forward or back."""

from __future__ import annotations

import math

import pytest

from core.base.errors import SettingsError
from core.base.text import Clocks, find_zone, machine_zone, offset_amid, parse_moment
from tests.wall_clocks import BERLIN, DAY_BEFORE, DRIFTING, MOMENTS


@pytest.mark.parametrize(("zone", "began", "seconds", "text", "with_tenths"), MOMENTS)
def test_moments_of_clips(zone: str, began: str, seconds: float, text: str, with_tenths: str) -> None:
    clocks = Clocks.read({"gate": began, "yard": DAY_BEFORE}, zone)
    assert clocks.format("gate", seconds) == text
    assert clocks.format("gate", seconds, tenths=True) == with_tenths
    assert clocks.format("shed", seconds) == "" == clocks.format("gate", math.nan)
    assert Clocks.read(**clocks.to_dict()) == clocks


@pytest.mark.parametrize(("drift", "seconds", "text"), DRIFTING)
def test_moments_of_a_clock_that_drifts(drift: float, seconds: float, text: str) -> None:
    clocks = Clocks.read({"gate": DAY_BEFORE, "yard": DAY_BEFORE}, BERLIN, {"gate": drift, "porch": 9.0})
    assert clocks.format("gate", seconds, tenths=True) == text
    assert clocks.format("yard", 1) == "12:00:01"
    assert Clocks.read(**clocks.to_dict()) == clocks
    assert clocks.offsets == {"gate": 0.0, "yard": 0.0}
    # What a clock is ahead by is counted in right time, however much it drifts from then on.
    assert clocks.corrected({"gate": 90.0}).at("gate", 0) == Clocks.read({"gate": "2026-10-24T11:58:30"}, BERLIN).at(
        "gate", 0
    )


def test_the_offset_of_a_drifting_clock_is_right_in_the_middle_of_its_clip() -> None:
    clocks = Clocks.read({"gate": DAY_BEFORE, "yard": "2026-10-24T12:00:03"}, BERLIN, {"yard": 10.0})
    began, moment = clocks.at("gate", 0), clocks.at("yard", 3600)
    assert began and moment
    assert offset_amid(3.0, 3600, 10.0) + 3600 == pytest.approx((moment - began).total_seconds(), abs=1e-6)


@pytest.mark.parametrize(
    ("typed", "day", "text"),
    [
        ("14:03:10", "2026-11-28", "2026-11-28T14:03:10"),
        (" 9:05 ", "2026-11-28", "2026-11-28T09:05:00"),
        ("28.11.2026 14:03:12", "", "2026-11-28T14:03:12"),
        ("28.11.2026, 14:03", "2026-01-01", "2026-11-28T14:03:00"),
        ("28/11/2026 14:03", "", "2026-11-28T14:03:00"),
        ("2026-11-28T14:03:10", "", "2026-11-28T14:03:10"),
        ("2026-11-28 14:03:10,5", "", "2026-11-28T14:03:10.500000"),
        ("2026-11-28T13:03:10Z", "", "2026-11-28T14:03:10"),
        ("02:30+0100", "2026-10-25", "2026-10-25T02:30:00+01:00"),
        ("02:30+02:00", "2026-10-25", "2026-10-25T02:30:00+02:00"),
    ],
)
def test_times_as_people_type_them(typed: str, day: str, text: str) -> None:
    assert parse_moment(typed, BERLIN, day) == text


@pytest.mark.parametrize(
    ("typed", "zone", "reason"),
    [
        ("noon", BERLIN, "not a date and time"),
        ("2026-11-28", BERLIN, "not a date and time"),
        ("14:03:10", BERLIN, "has no date"),
        ("11/28/2026 14:03", BERLIN, "no calendar or clock"),
        ("28.11.0026 14:03", BERLIN, "years from 1970"),
        ("28.11.2026 25:00", BERLIN, "no calendar or clock"),
        ("25.10.2026 2:30", BERLIN, r"exists twice .* 02:30:00\+02:00 or 02:30:00\+01:00"),
        ("29.03.2026 2:30", BERLIN, "does not exist in Europe/Berlin"),
        ("28.11.2026 14:03Z", "", "names a time zone"),
        ("28.11.2026 14:03", "Europe/Atlantis", "not a time zone"),
        ("28.11.2026 14:03", "../etc/passwd", "not a time zone"),
    ],
)
def test_times_that_are_refused(typed: str, zone: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        parse_moment(typed, zone)


def test_file_names_have_the_date_and_tell_the_two_hours_apart() -> None:
    clocks = Clocks.read({"gate": "2026-10-25T01:59:50"}, BERLIN)
    assert [clocks.filename("gate", seconds) for seconds in (0, 15.26, 3615)] == [
        "2026-10-25_01-59-50.0",
        "2026-10-25_02-00-05.2+0200",
        "2026-10-25_02-00-05.0+0100",
    ]


def test_clips_that_lie_years_apart_are_shown_each_by_the_clocks_of_its_day() -> None:
    clocks = Clocks.read({"gate": "1996-07-01T12:00:00", "yard": "2026-11-28T12:00:00"}, BERLIN)
    told = clocks.for_browser()
    assert told and [ahead for _, ahead in told["steps"]] == [7200, 3600]
    assert clocks.format("yard", 1) == "2026-11-28 12:00:01"


def test_the_zone_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert machine_zone() == "Asia/Kathmandu"
    monkeypatch.setenv("TZ", "CET-1CEST")
    assert find_zone(machine_zone())
