"""Cases on disk: every change is there at once, survives a restart, and what cannot be read stops nothing else."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.base.errors import SettingsError, StoreError
from core.base.settings import TrackSettings
from core.runs import MatchRules
from core.vision.regions import Region, Regions
from core.workspace.cases import Case, CaseClip, Cases, Plan

GATE = CaseClip("gate", "films/gate.mp4", "ab" * 16)
YARD = CaseClip("yard", "films/yard.mp4", "cd" * 16, offset_seconds=-2.5)


@pytest.fixture
def cases(tmp_path: Path) -> Cases:
    return Cases(tmp_path)


def test_a_case_comes_back_as_it_was(cases: Cases, tmp_path: Path) -> None:
    shapes = Regions((Region("box", ((0.1, 0.2), (0.5, 0.9)), "exclude", "door"),), "centre")
    case = cases.new("Shop", "a theft on 3 May")
    plan = Plan(detector="other", track=TrackSettings(iou=0.4))
    changed = cases.change(
        case.key,
        lambda old: replace(old, clips=(replace(GATE, regions=shapes), YARD), plan=plan, run="12ab", threshold=0.55),
    )
    assert Cases(tmp_path).load(case.key) == changed
    assert changed.clip("gate").regions == shapes and changed.purpose == "a theft on 3 May"


def test_an_older_file_has_defaults_for_what_it_does_not_say(cases: Cases, tmp_path: Path) -> None:
    case = cases.new("Old")
    path = tmp_path / case.key / "case.json"
    path.write_text(path.read_text().replace('"wanted": "",', ""))
    assert cases.load(case.key).wanted == ""


def test_rules_of_matching_come_back_and_are_not_in_older_files(cases: Cases, tmp_path: Path) -> None:
    key = cases.new("Shop").key
    path = tmp_path / key / "case.json"
    content = json.loads(path.read_text())
    del content["travel"], content["ignore_positions"]
    path.write_text(json.dumps(content))
    assert cases.load(key).rules == MatchRules()
    changed = cases.change(
        key,
        lambda old: replace(old.with_clips((GATE, YARD)).with_travel_time("yard", "gate", 20), ignore_positions=True),
    )
    assert changed.travel == (("gate", "yard", 20.0),)
    assert Cases(tmp_path).load(key) == changed and changed.rules == ((("gate", "yard", 20.0),), True)


def test_travel_times_follow_cameras_and_go_with_them() -> None:
    hall = CaseClip("hall", "films/hall.mp4", "ef" * 16)
    case = Case("a", "b", 0.0).with_clips((GATE, YARD, hall)).with_travel_time("gate", "yard", 9)
    case = case.with_travel_time("hall", "yard", 5).with_travel_time("yard", "gate", 7)
    assert case.travel == (("gate", "yard", 7.0), ("hall", "yard", 5.0))
    assert (case.travel_time("yard", "gate"), case.travel_time("gate", "hall")) == (7.0, None)
    renamed = case.with_clip("yard", replace(YARD, camera="alley"))
    assert renamed.travel == (("alley", "gate", 7.0), ("alley", "hall", 5.0))
    # Two that change names, and one whose file is replaced.
    swapped = case.with_clips((replace(GATE, camera="yard"), replace(YARD, camera="gate"), replace(hall, digest="12")))
    assert swapped.travel == (("gate", "hall", 5.0), ("gate", "yard", 7.0))
    assert case.with_clips((GATE, YARD)).travel == (("gate", "yard", 7.0),)
    assert case.with_clips((replace(YARD, camera="gate"), hall)).travel == (("gate", "hall", 5.0),)
    assert case.with_travel_time("gate", "yard", None).travel == (("hall", "yard", 5.0),)


@pytest.mark.parametrize(
    ("other", "seconds"), [("yard", -1.0), ("yard", float("nan")), ("yard", float("inf")), ("gate", 1)]
)
def test_a_travel_time_that_cannot_be_is_refused(other: str, seconds: float) -> None:
    case = Case("a", "b", 0.0).with_clips((GATE, YARD))
    with pytest.raises(SettingsError, match=r"is not possible.*0 or more|is one camera"):
        case.with_travel_time("gate", other, seconds)


def test_the_one_changed_last_is_first_and_a_broken_one_is_left_out(cases: Cases, tmp_path: Path) -> None:
    first, second, broken = cases.new("one"), cases.new("two"), cases.new("three")
    (tmp_path / broken.key / "case.json").write_text("{")
    cases.change(first.key, lambda case: replace(case, name="one again"))
    assert [case.name for case in cases.all()] == ["one again", second.name]
    with pytest.raises(StoreError, match="back-up"):
        cases.load(broken.key)


@pytest.mark.parametrize("key", ["", "..", "../x", "a/b", "5f00aa"])
def test_a_key_that_is_none_leads_nowhere(cases: Cases, key: str) -> None:
    with pytest.raises(StoreError, match="no longer exists"):
        cases.load(key)


def test_many_at_once_lose_nothing(cases: Cases, tmp_path: Path) -> None:
    key = cases.new().key

    def add(number: int) -> None:
        clip = replace(GATE, camera=f"cam{number}")
        Cases(tmp_path).change(key, lambda case: case.with_clips((*case.clips, clip)))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(clip.camera for clip in cases.load(key).clips) == [f"cam{number}" for number in range(8)]


def test_a_refused_change_leaves_the_case_as_it_was(cases: Cases) -> None:
    case = cases.new()
    cases.change(case.key, lambda old: old.with_clips([GATE]))
    with pytest.raises(SettingsError, match="two cameras"):
        cases.change(case.key, lambda old: old.with_clips([*old.clips, replace(YARD, camera="Gate")]))
    assert cases.load(case.key).clips == (GATE,)


def test_the_log_has_a_line_for_each_action_and_none_for_nothing(cases: Cases) -> None:
    case = cases.new("Shop")
    cases.change(case.key, lambda old: old.with_clips([GATE]), "added\ngate")
    cases.change(case.key, lambda old: old, "nothing")
    assert [line.split(" ", 1)[1] for line in cases.log_lines(case.key)] == ["made: Shop", "added gate"]


def test_offsets_are_those_of_the_wall_clocks_where_all_have_one() -> None:
    clips = [replace(GATE, began="2026-05-31T14:05:00"), replace(YARD, began="2026-05-31 14:04:57.5")]
    case = Case("k", "n", 0.0, clips=tuple(clips))
    assert case.offsets == {"gate": 2.5, "yard": 0.0}
    assert case.with_clips([GATE, clips[1]]).offsets == {"gate": 0.0, "yard": -2.5}


def test_clocks_that_are_put_back_between_two_clips_do_not_change_their_distance() -> None:
    clips = [replace(GATE, began="2026-10-25T01:30:00"), replace(YARD, began="2026-10-25T03:30:00")]
    case = Case("k", "n", 0.0, clips=tuple(clips), time_zone="Europe/Berlin")
    assert case.offsets == {"gate": 0.0, "yard": 3 * 3600.0}
    # A case whose zone nobody has said counts local times, as it always did.
    assert replace(case, time_zone="").offsets == {"gate": 0.0, "yard": 2 * 3600.0}
    ahead = replace(case, clips=(clips[0], replace(clips[1], clock_ahead_seconds=90.5)))
    assert ahead.offsets == {"gate": 0.0, "yard": 3 * 3600 - 90.5}
    assert ahead.clocks.format("yard", 0, tenths=True) == "03:28:29.5"
    drifting = replace(ahead, clips=(clips[0], replace(ahead.clips[1], clock_drift_seconds_per_day=10)))
    assert drifting.offsets == ahead.offsets and drifting.clocks.format("yard", 86_410) == "2026-10-26 03:28:29"
    twice = [replace(clips[0], began=f"2026-10-25T02:30:00+0{hours}:00") for hours in (2, 1)]
    assert replace(case, clips=(twice[0], replace(twice[1], camera="yard"))).offsets == {"gate": 0.0, "yard": 3600.0}


NIGHT = "2026-10-25T02:59:30+02:00"


@pytest.mark.parametrize(
    ("gate", "yard", "changed"),
    [
        # Without times of day: the start offset.
        ({"offset_seconds": 2}, {"offset_seconds": 7}, {"offset_seconds": 12}),
        # The yard has no start time yet: it gets one, at which the gate's clock was put right.
        ({"began": "2026-11-28T14:03:10", "clock_ahead_seconds": 10}, {}, {"began": "2026-11-28T14:03:10"}),
        # It has one: its clock was ahead of the right time.
        ({"began": "2026-11-28T14:03:10"}, {"began": "2026-11-28T14:05:00"}, {"clock_ahead_seconds": 100}),
        # Over the hour that clocks show twice, and with an earlier correction, which is replaced.
        (
            {"began": NIGHT},
            {"began": "2026-10-25T02:00:00+01:00", "clock_ahead_seconds": 7},
            {"clock_ahead_seconds": 20},
        ),
        # What the yard's clock gains is counted too: 20 s of it are 19.2 s.
        (
            {"began": "2026-11-28T14:03:10"},
            {"began": "2026-11-28T14:05:00", "clock_drift_seconds_per_day": 3600},
            {"clock_ahead_seconds": 99.2},
        ),
    ],
)
def test_a_clock_is_set_by_one_moment_in_two_pictures(
    gate: dict[str, Any], yard: dict[str, Any], changed: dict[str, Any]
) -> None:
    """The yard's second 20 is the gate's second 30."""
    clips = replace(GATE, **gate), replace(YARD, **yard)
    case = Case("k", "n", 0.0, clips=clips, time_zone="Europe/Berlin").with_same_moment("yard", 20, "gate", 30)
    assert case.clips == (clips[0], replace(clips[1], **changed))
    clocks = case.clocks
    assert not clocks or clocks.format("yard", 20, tenths=True) == clocks.format("gate", 30, tenths=True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"camera": "a b"}, "a_b"),
        ({"offset_seconds": float("inf")}, "not a number"),
        ({"clock_ahead_seconds": float("nan")}, "wrong by that much"),
        ({"clock_drift_seconds_per_day": float("nan")}, "drift by that much"),
        ({"clock_drift_seconds_per_day": -4000}, "drift by that much"),
        ({"start_seconds": 5.0, "end_seconds": 4.0}, "not after"),
    ],
)
def test_a_clip_that_makes_no_sense_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        replace(GATE, **wrong)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"expires": "2027-05-31T12:00"}, "not a date"),
        ({"threshold": 1.5}, "from -1 to 1"),
        ({"threshold": float("nan")}, "nan"),
        ({"clips": (replace(GATE, began="noon"),)}, "not a time"),
        ({"clips": (replace(GATE, began="2026-05-31T14:05:00+02:00"),)}, "time zone"),
        ({"clips": (replace(GATE, began="2026-05-31T14:05:00"),), "time_zone": "Europe/Berlni"}, "not a time zone"),
        ({"clips": (replace(GATE, began="2026-10-25T02:30:00"),), "time_zone": "Europe/Berlin"}, "exists twice"),
        ({"clips": (replace(GATE, began="2026-03-29T02:30:00"),), "time_zone": "Europe/Berlin"}, "does not exist"),
    ],
)
def test_a_case_that_makes_no_sense_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        replace(Case("k", "n", 0.0), **wrong)


def test_a_file_that_is_no_case_at_all_is_left_out(cases: Cases, tmp_path: Path) -> None:
    case, other = cases.new("one"), cases.new("two")
    (tmp_path / case.key / "case.json").write_text("[]")
    assert [found.key for found in cases.all()] == [other.key]


def test_a_case_that_goes_while_all_are_listed_is_left_out(cases: Cases, tmp_path: Path) -> None:
    case = cases.new("one")
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "case.json").symlink_to(tmp_path / "nothing")
    assert cases.all() == [case]


def test_a_note_that_cannot_be_written_is_said(cases: Cases, tmp_path: Path) -> None:
    case = cases.new("one")
    (tmp_path / case.key / "log.jsonl").unlink()
    (tmp_path / case.key / "log.jsonl").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        cases.log(case.key, "words")


def test_a_free_name() -> None:
    case = Case("k", "n", 0.0, clips=(GATE, replace(YARD, camera="gate-2")))
    assert (case.free_name("Gate"), case.free_name("hall 1"), case.free_name("gate")) == ("Gate-3", "hall_1", "gate-3")
