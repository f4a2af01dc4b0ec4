"""Footage: no case yet, an empty one, clips from folders, their cards and fields, faults, and what is ahead."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.base.types import Clip
from core.lab.synthetic import sample_clips, sample_folder
from core.machine.artifacts import Store
from core.machine.paths import cache_dir, data_dir
from core.vision.video import digest, probe
from core.workspace import media, serve_with, server, services
from core.workspace import sources as room
from core.workspace.cases import Case, CaseClip
from pages.parts.footage import clip_cards, clock_pictures
from tests.pages.making import PAGES, clip_at, page, words


def case_of(*clips: Clip, **rest: str) -> Case:
    case = services().cases.new("a case")
    ours = [CaseClip(Path(clip.path).stem, clip.path, clip.digest, **rest) for clip in clips]
    return services().cases.change(case.key, lambda old: old.with_clips(ours))


def footage(case: Case | None = None) -> AppTest:
    app = page("footage")
    if case is not None:
        app.session_state["case"] = case.key
    return app.run()


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run(timeout=60)


def labels(app: AppTest) -> list[str]:
    links = [link.proto.label.strip("*") for link in app.get("page_link")]
    return [*links, *(button.label for button in app.button)]


def field(app: AppTest, label: str, number: int = 0) -> str:
    return [box.key for box in app.text_input if box.label == label][number]


def now(case: Case) -> Case:
    return services().cases.load(case.key)


def test_nothing_yet_says_what_this_is_and_how_to_begin(own_house: Path) -> None:
    app = footage()
    assert not app.exception
    assert app.title[0].value == "Sightline"
    assert "nothing is sent anywhere" in words(app)
    assert labels(app) == ["New case", "Open the sample"]
    # As in the sidebar: it asks for a name first.
    app = press(app, "New case")
    assert [field.label for field in app.text_input] == [
        "Name",
        "Purpose or legal basis",
    ] and services().cases.all() == []


def test_an_empty_case_offers_every_way_in(own_house: Path) -> None:
    app = footage(services().cases.new())
    assert not app.exception
    assert [one.proto.component_name for one in app.get("bidi_component")] == ["sightline_uploader"]
    assert "Open the sample" in labels(app)
    assert not [label for label in labels(app) if label.startswith("Next")]


def test_clips_of_a_folder_are_added_and_bad_ones_refused(own_house: Path) -> None:
    good = clip_at(own_house, "Gate 3.mp4")
    (own_house / "empty.mp4").touch()
    (own_house / "twin.mp4").write_bytes(Path(good.path).read_bytes())
    case = services().cases.new()
    app = footage(case)
    app.multiselect[0].set_value([good.path, str(own_house / "empty.mp4"), str(own_house / "twin.mp4")]).run()
    press(app, "Add 3 clips")
    assert not app.exception
    assert [(clip.camera, clip.path) for clip in now(case).clips] == [("Gate_3", good.path)]
    said = [error.value for error in app.error]
    assert "is empty (0 bytes)" in said[0] and "Copy or download it again." in said[0]
    assert "twin.mp4 is already in this case, as Gate_3" in said[1]
    app = press(app, "Dismiss")
    assert len(app.error) == 1


def test_folders_are_walked_down_and_up(own_house: Path) -> None:
    (own_house / "deep").mkdir()
    app = footage(services().cases.new())
    app.selectbox(key="step").select(str(own_house / "deep")).run()
    assert app.text_input(key="folder").value == str(own_house / "deep")
    press(app, "Up")
    assert app.text_input(key="folder").value == str(own_house)
    assert next(button for button in app.button if button.label == "Up").disabled
    app.text_input(key="folder").set_value("../..").run()
    assert not app.exception and "lies outside" in app.warning[0].value


def test_a_card_says_what_the_clip_is(own_house: Path) -> None:
    app = footage(case_of(clip_at(own_house)))
    assert not app.exception
    assert "128 × 64 · 1 s · 25 frames/s · h264" in words(app)
    assert len(app.get("image")) == 1
    assert "only 64 pixels high" in words(app)
    assert "Next: draw regions" in labels(app)


EDITS = [
    ("Camera", "door", {"camera": "door"}),
    ("Start offset (s)", "1:02.5", {"offset_seconds": 62.5}),
    ("From", "0.2", {"start_seconds": 0.2}),
    ("To", "0.6", {"end_seconds": 0.6}),
]


@pytest.mark.parametrize(("label", "text", "expected"), EDITS)
def test_what_is_typed_is_in_the_case_at_once(own_house: Path, label: str, text: str, expected: dict[str, str]) -> None:
    case = case_of(clip_at(own_house))
    app = footage(case)
    app.text_input(key=field(app, label)).set_value(text).run()
    assert not app.exception
    assert now(case).clips == (replace(case.clips[0], **expected),)
    assert services().cases.log_lines(case.key)[-1].endswith(f"gate: {label.lower()} {text}")


WRONG = [
    ("Camera", "../x", "cannot name a camera"),
    ("Camera", "", "needs a name"),
    ("Camera", "SHED", "Two cameras are called"),
    ("Start offset (s)", "soon", "is not a time"),
    ("From", "9", "ends at 0.8"),
    ("From", "-1", "before the clip begins"),
    ("To", "9", "ends at 0.8"),
    ("To", "0", "is not after from"),
]


@pytest.mark.parametrize(("label", "text", "said"), WRONG)
def test_what_will_not_do_is_said_and_not_saved(own_house: Path, label: str, text: str, said: str) -> None:
    case = case_of(clip_at(own_house), clip_at(own_house, "shed.mp4", 9))
    app = footage(case)
    key = field(app, label)
    app.text_input(key=key).set_value(text).run()
    assert not app.exception
    assert said in words(app) and "Not saved." in words(app)
    assert now(case) == case and app.text_input(key=key).value == text
    app.text_input(key=key).set_value("0.1" if label != "Camera" else "yard").run()
    assert "Not saved." not in words(app)


def test_an_emptied_range_is_the_whole_clip_again(own_house: Path) -> None:
    case = case_of(clip_at(own_house))
    app = footage(case)
    for text, expected in (("0.5", 0.5), ("", None)):
        app.text_input(key=field(app, "To")).set_value(text).run()
        assert now(case).clips[0].end_seconds == expected


def test_times_of_day_count_once_all_have_one_and_become_seconds_again(own_house: Path) -> None:
    case = case_of(clip_at(own_house), clip_at(own_house, "shed.mp4", 9))
    app = footage(case)
    app.get("button_group")[0].set_value("Time of day").run()
    app.text_input(key=field(app, "Started at")).set_value("2026-05-31 14:05:00").run()
    assert "Only 1 of 2 clips have a time of day" in app.warning[0].value
    app.text_input(key=field(app, "Started at", 1)).set_value("2026-05-31 14:05:07.5").run()
    assert now(case).offsets == {"gate": 0.0, "shed": 7.5}
    assert ["No two clips overlap" in warning.value for warning in app.warning] == [True]
    app.text_input(key=field(app, "Started at", 1)).set_value("noon").run()
    assert "is not a date and time" in words(app)
    app.get("button_group")[0].set_value("Start offsets").run()
    assert not app.exception
    assert [(clip.began, clip.offset_seconds) for clip in now(case).clips] == [("", 0.0), ("", 7.5)]


def test_a_time_of_day_is_typed_as_people_write_it(own_house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    case = case_of(clip_at(own_house), clip_at(own_house, "shed.mp4", 9))
    app = footage(case)
    app.get("button_group")[0].set_value("Time of day").run()
    assert now(case).time_zone == "Europe/Berlin" and app.selectbox[0].value == "Europe/Berlin"
    app.text_input(key=field(app, "Started at")).set_value("14:03:10").run()
    assert "has no date" in words(app) and now(case).clips[0].began == ""
    app.date_input[0].set_value(date(2026, 11, 28)).run()
    app.text_input(key=field(app, "Started at", 1)).set_value("28.11.2026 14:03:12").run()
    assert [clip.began for clip in now(case).clips] == ["2026-11-28T14:03:10", "2026-11-28T14:03:12"]
    assert not app.warning or "overlap" in app.warning[0].value
    app.text_input(key=field(app, "Clock ahead by (s)", 1)).set_value("1:30").run()
    assert now(case).clocks.format("shed", 0) == "14:01:42" and now(case).offsets == {"gate": 88.0, "shed": 0.0}
    app.text_input(key=field(app, "Clock gains (s a day)", 1)).set_value("2,5").run()
    assert now(case).clocks.drift == {"shed": 2.5} and now(case).offsets == {"gate": 88.0, "shed": 0.0}
    app.text_input(key=field(app, "Clock gains (s a day)", 1)).set_value("7200").run()
    assert "cannot drift by that much" in words(app) and now(case).clocks.drift == {"shed": 2.5}
    app.text_input(key=field(app, "Clock gains (s a day)", 1)).set_value("").run()
    app.text_input(key=field(app, "Clock ahead by (s)", 1)).set_value("0").run()
    app.text_input(key=field(app, "Started at", 1)).set_value("28/11/2025 14:03").run()
    assert any("Over 24 hours" in warning.value for warning in app.warning)
    assert any("No two clips overlap" in warning.value for warning in app.warning)
    press(app, "Apply date to all")
    assert [clip.began for clip in now(case).clips] == ["2026-11-28T14:03:10", "2026-11-28T14:03:00"]
    app.text_input(key=field(app, "Started at", 1)).set_value("25.10.2026 2:30").run()
    assert "exists twice" in words(app) and "02:30:00+02:00 or 02:30:00+01:00" in words(app)
    app.text_input(key=field(app, "Started at", 1)).set_value("25.10.2026 2:30+01:00").run()
    assert not app.exception and now(case).clips[1].began == "2026-10-25T02:30:00+01:00"
    app.selectbox[0].set_value("UTC").run()
    assert not app.exception and now(case).time_zone == "UTC"


def test_what_a_clip_says_of_its_start_is_proposed_and_used_on_a_word(own_house: Path) -> None:
    clips = [clip_at(own_house, f"{name}_20261120_1{hour}0000.mp4", 9 + hour) for hour, name in enumerate(("a", "b"))]
    case = case_of(*clips)
    app = footage(case)
    app.get("button_group")[0].set_value("Time of day").run()
    assert "2026-11-20 11:00:00" in words(app) and "local time" in words(app)
    assert [clip.began for clip in now(case).clips] == ["", ""]
    press(app, "Use it")
    assert [clip.began for clip in now(case).clips] == ["2026-11-20T10:00:00", ""]
    press(app, "Use it")
    assert [clip.began for clip in now(case).clips] == ["2026-11-20T10:00:00", "2026-11-20T11:00:00"]
    assert "Use it" not in labels(app) and not app.exception


def at_moment(app: AppTest, camera: str, seconds: float) -> AppTest:
    """The picture of the camera in the open dialog is the one at that second."""
    return next(box for box in app.number_input if f"of {camera} " in box.label).set_value(seconds).run()


def test_a_clock_is_set_by_one_moment_in_two_pictures(own_house: Path) -> None:
    case = case_of(clip_at(own_house), clip_at(own_house, "shed.mp4", 9))
    app = footage(case)
    press(app, "Set by one moment in two pictures")
    app = at_moment(app, "shed", 0.2)
    # Between two frames the earlier one is shown, and its time counts.
    app = at_moment(app, "gate", 0.75)
    assert "0.72 s of the clip" in words(app)
    app = press(app, "Same moment")
    assert "Start offset -0.52 s, changed by -0.52 s." in words(app)
    assert now(case).offsets == {"gate": -0.52, "shed": 0}
    app.get("button_group")[0].set_value("Time of day").run()
    assert not app.exception


def test_a_clock_is_set_beside_one_with_a_time_of_day(own_house: Path) -> None:
    clips = clip_at(own_house), clip_at(own_house, "shed.mp4", 9), clip_at(own_house, "yard.mp4", 7)
    case = case_of(*clips)
    app = footage(case)
    app.get("button_group")[0].set_value("Time of day").run()
    assert [button.disabled for button in app.button if "two pictures" in button.label] == [True] * 3
    app.text_input(key=field(app, "Started at", 1)).set_value("2026-11-28 14:03:10").run()
    assert [button.disabled for button in app.button if "two pictures" in button.label] == [False, True, False]
    press(app, "Set by one moment in two pictures")
    assert next(box for box in app.selectbox if "right" in box.label).options == ["shed"]
    app = press(at_moment(app, "gate", 0.4), "Same moment")
    assert "Started at 2026-11-28 14:03:09.6." in words(app)
    app = press(at_moment(app, "gate", 0.6), "Same moment")
    assert "Clock ahead by 0.2 s, changed by +0.2 s." in words(app)
    gate = now(case).clip("gate")
    assert (gate.began, gate.clock_ahead_seconds) == ("2026-11-28T14:03:09.600000", 0.2)


def test_a_clock_in_the_picture_is_shown_once_somebody_looks(own_house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(
        clock_pictures, "clock_crops", lambda video: read.append(video.path) or media.clock_crops(video)
    )
    gate = clip_at(own_house)
    case = case_of(gate, clip_at(own_house, "shed.mp4", 9))
    app = footage(case)
    app.get("button_group")[0].set_value("Time of day").run()
    assert read == []
    app.session_state[f"burnt-in clock {case.key} {gate.digest}"] = True
    app.run()
    assert not app.exception and read == [gate.path] and "First picture of gate" in words(app)
    app.text_input(key=field(app, "Time in the picture")).set_value("2026-11-28 14:03:10,5").run()
    assert now(case).clips[0].began == "2026-11-28T14:03:10.500000"
    assert app.text_input(key=field(app, "Started at")).value == "2026-11-28 14:03:10.5"


def test_all_proposals_are_used_at_once(own_house: Path) -> None:
    case = case_of(*(clip_at(own_house, f"{name}-2026-11-20_14-00-0{name}.mp4", 9 + name) for name in (1, 2)))
    app = footage(case)
    app.get("button_group")[0].set_value("Time of day").run()
    press(app, "Use all 2 proposals")
    assert [clip.began for clip in now(case).clips] == ["2026-11-20T14:00:01", "2026-11-20T14:00:02"]


def test_a_removed_clip_can_be_put_back_where_it_was(own_house: Path) -> None:
    case = case_of(*(clip_at(own_house, f"{name}.mp4", frames) for name, frames in (("a", 5), ("b", 6), ("c", 7))))
    app = press(footage(case), "Remove b")
    assert [clip.camera for clip in now(case).clips] == ["a", "c"]
    app = press(app, "Undo")
    assert not app.exception
    assert now(case) == case
    assert "Undo" not in labels(app)


def test_a_clip_that_is_lost_stops_no_other_and_is_found_again(own_house: Path) -> None:
    one, other = clip_at(own_house, "a.mp4", 5), clip_at(own_house, "b.mp4", 6)
    case = case_of(one, other)
    moved = Path(one.path).rename(own_house / "moved.mp4")
    app = footage(case)
    assert not app.exception
    assert "is missing" in app.error[0].value and "Names, times and regions stay" in app.error[0].value
    assert not [label for label in labels(app) if label.startswith("Next")]
    app.multiselect[0].set_value([str(moved)]).run()
    press(app, "Add 1 clip")
    assert not app.error
    assert [(clip.camera, clip.path) for clip in now(case).clips] == [("a", str(moved)), ("b", other.path)]


def test_a_clip_that_has_changed_is_not_taken_for_the_old_one(own_house: Path) -> None:
    case = case_of(clip_at(own_house))
    clip_at(own_house, "gate.mp4", 12)
    assert "has changed since it was added" in footage(case).error[0].value


def test_a_disk_that_is_nearly_full_is_warned_of(own_house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of(clip_at(own_house))
    assert "Disk space for a run" in words(footage(case))
    monkeypatch.setattr(room, "free_bytes", lambda: 500_000_000)
    assert "Space is tight" in footage(case).warning[0].value
    monkeypatch.setattr(room, "free_bytes", lambda: 1_000)
    assert "There is not enough space" in footage(case).error[0].value


def test_small_people_are_told_from_what_an_earlier_run_found(own_house: Path) -> None:
    import numpy as np

    clip = clip_at(own_house)
    case = case_of(clip)
    key = {"video": {"fps": 10.0, "start_seconds": 0.0, "end_seconds": None}}
    artifact = Store().open(clip.digest, "detect", key, {"name": clip.path})
    box = np.array([[0, 0, 10, 30]], np.float32)
    artifact.write(0, row=np.array([0]), count=np.array([1]), xyxy=box, score=np.array([0.9], np.float32))
    assert "pixels tall" not in words(footage(case))
    artifact.finish()
    assert "usually 30" in words(footage(case))


def test_the_sample_is_one_click_away_and_one_case(own_house: Path) -> None:
    app = press(footage(), "Open the sample")
    assert not app.exception
    (case,) = services().cases.all()
    assert case.name == "Sample" and app.session_state["case"] == case.key
    assert [clip.digest for clip in case.clips] == [digest(path) for path in sample_clips(sample_folder())]
    assert "Next: draw regions" in labels(app)
    app = press(footage(services().cases.new("empty")), "Open the sample")
    assert app.session_state["case"] == case.key and len(services().cases.all()) == 2


def test_the_page_is_drawn_without_pandas(own_house: Path) -> None:
    """Streamlit imports it when a component gets a list: most of a second before the first clip is there."""
    case_of(clip_at(own_house))
    code = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(PAGES / 'footage.py')!r}, default_timeout=60).run()\n"
        "print(app.title[0].value, len(app.text_input), not app.exception, 'pandas' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=PAGES.parent, capture_output=True, text=True, check=True)
    assert ran.stdout == "Footage 5 True False\n"


def test_a_sample_that_cannot_be_copied_says_why(own_house: Path) -> None:
    (data_dir() / "uploads").write_text("in the way")
    app = press(footage(), "Open the sample")
    assert not app.exception
    assert "cam1.mp4 cannot be saved" in app.error[0].value and "SIGHTLINE_DATA" in app.error[0].value
    assert services().cases.all() == []


@pytest.mark.slow
def test_many_clips_are_probed_once_each_even_after_a_restart(own_house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """210 clips, more than any number that a page might have been made for."""
    content = Path(clip_at(own_house, "first.mp4", frames=3).path).read_bytes()
    clips = []
    for number in range(210):
        path = own_house / f"clip{number}.mp4"
        # Different content for each: players ignore what follows the last box of an MP4 file.
        path.write_bytes(content + b"\0\0\0\x10free" + number.to_bytes(8, "big"))
        clips.append(CaseClip(f"cam{number}", str(path), digest(path)))
    case = services().cases.new("a large case")
    services().cases.change(case.key, lambda old: old.with_clips(clips))
    probed: list[str] = []
    monkeypatch.setattr(server, "probe", lambda path: probed.append(str(path)) or probe(path))  # type: ignore[func-returns-value]

    def read_all() -> list[tuple[object, ...]]:
        found = [server.clip_of(clip.path) for clip in clips]
        return [(clip.path, clip.digest, clip.times.tolist(), clip.fps, clip.codec, clip.warnings) for clip in found]

    first = read_all()
    assert sorted(probed) == sorted(clip.path for clip in clips)
    assert read_all() == first and len(probed) == 210
    serve_with(None)
    assert read_all() == first and len(probed) == 210
    # A file that is another one meanwhile is probed.
    Path(clips[0].path).write_bytes(content)
    assert server.clip_of(clips[0].path).digest == digest(clips[0].path) != clips[0].digest
    assert len(probed) == 211


def test_of_many_clips_a_part_is_drawn_and_all_are_checked(own_house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit takes time for each field of a page that grows with the number of fields."""
    monkeypatch.setattr(clip_cards, "_MAX_CARDS", 2)
    clips = [clip_at(own_house, f"clip{frames}.mp4", frames) for frames in range(3, 8)]
    case = case_of(*clips)
    app = footage(case)
    assert not app.exception
    cameras = [box.value for box in app.text_input if box.label == "Camera"]
    assert cameras == ["clip3", "clip4"] and len(app.get("image")) == 2
    assert "Next: draw regions" in labels(app)
    part = next(box for box in app.selectbox if box.label == "Clips")
    assert part.options == ["1 to 2 of 5: clip3 to clip4", "3 to 4 of 5: clip5 to clip6", "5 to 5 of 5: clip7 to clip7"]
    Path(clips[0].path).unlink()
    part.set_value(2).run()
    assert not app.exception
    assert [box.value for box in app.text_input if box.label == "Camera"] == ["clip5", "clip6"]
    # A clip that cannot be used is shown in every part.
    assert [error.value for error in app.error if "clip3.mp4 is missing" in error.value]
    # Fewer clips than before: the part that was shown may be gone.
    services().cases.change(case.key, lambda old: old.with_clips(old.clips[1:3]))
    assert not app.run().exception
    assert [box.value for box in app.text_input if box.label == "Camera"] == ["clip4", "clip5"]


def a_dozen_and_more(house: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Three clips, where two are many."""
    monkeypatch.setattr(clip_cards, "_MAX_WITHOUT_TABLE", 2)
    return case_of(
        *(clip_at(house, f"{name}.mp4", frames) for name, frames in (("gate", 30), ("hall", 40), ("yard", 20)))
    )


def test_many_clips_are_a_table_that_is_filtered_and_cards_are_the_other_view(
    own_house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = footage(a_dozen_and_more(own_house, monkeypatch))
    assert not app.exception
    captions = [caption.value for caption in app.caption]
    assert {"Stills", "Camera", "Start offset (s)", "From", "To", "Notes", "Remove", "3 of 3 clips"} <= set(captions)
    assert [box.value for box in app.text_input if box.label == "Camera"] == ["gate", "hall", "yard"]
    next(box for box in app.text_input if box.label == "Filter").set_value("YAR").run()
    assert [box.value for box in app.text_input if box.label == "Camera"] == ["yard"]
    # The filter hides no clip from the run.
    assert "Next: draw regions" in labels(app)
    view = next(group for group in app.get("button_group") if group.label == "View")
    view.set_value("Cards").run()
    assert not app.exception
    assert "Stills" not in [caption.value for caption in app.caption] and "yard.mp4" in words(app)


def test_a_value_for_all_clips_shown_is_saved_for_each_or_for_none(
    own_house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = a_dozen_and_more(own_house, monkeypatch)
    app = footage(case)
    value = next(box for box in app.text_input if box.label == "Value for all")
    value.set_value("1:30")
    app = press(app, "Apply to all")
    assert not app.exception and [clip.offset_seconds for clip in now(case).clips] == [90, 90, 90]
    assert [box.value for box in app.text_input if box.label == "Start offset (s)"] == ["1:30"] * 3
    next(box for box in app.selectbox if box.label == "Field").set_value("From")
    # One of the clips ends before that.
    next(box for box in app.text_input if box.label == "Value for all").set_value("1")
    app = press(app, "Apply to all")
    assert "Yard: the clip ends at 0.8. Enter an earlier time. Nothing was changed." in app.error[0].value
    assert [clip.start_seconds for clip in now(case).clips] == [0, 0, 0]


def test_times_of_day_of_all_clips_shown(own_house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorder's clock as well: in the table it has a field of its own once it is not right."""
    case = a_dozen_and_more(own_house, monkeypatch)
    app = footage(case)
    app.get("button_group")[0].set_value("Time of day").run()
    for label, text in (("Started at", "2026-11-28 14:03:10"), ("Clock ahead by (s)", "1:30")):
        assert not [box for box in app.text_input if box.label == "Clock ahead by (s)"]
        next(box for box in app.selectbox if box.label == "Field").set_value(label)
        next(box for box in app.text_input if box.label == "Value for all").set_value(text)
        app = press(app, "Apply to all")
        assert not app.exception and not app.error
    assert {(clip.began, clip.clock_ahead_seconds) for clip in now(case).clips} == {("2026-11-28T14:03:10", 90.0)}
    assert [box.value for box in app.text_input if box.label == "Clock ahead by (s)"] == ["1:30"] * 3


def test_a_page_probes_each_clip_once(own_house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of(*(clip_at(own_house, f"clip{frames}.mp4", frames) for frames in range(3, 9)))
    probed: list[str] = []
    monkeypatch.setattr(server, "probe", lambda path: probed.append(str(path)) or probe(path))  # type: ignore[func-returns-value]
    app = footage(case)
    assert not app.exception and len(probed) == 6
    app.run()
    footage(case)
    assert len(probed) == 6
    serve_with(None)
    assert not footage(case).exception and len(probed) == 6


def test_a_record_of_a_probe_that_cannot_be_read_or_written_costs_nothing_but_time(own_house: Path) -> None:
    clip = clip_at(own_house)
    server.clip_of(clip.path)
    record = cache_dir() / "probes" / f"{clip.digest}.npz"
    for content in (b"", b"PK\3\4 cut off", b"x" * 100):
        record.write_bytes(content)
        serve_with(None)
        assert server.clip_of(clip.path).frames == clip.frames
    record.unlink()
    record.parent.rmdir()
    record.parent.write_text("no folder")
    serve_with(None)
    assert server.clip_of(clip.path).frames == clip.frames


def test_a_time_typed_right_after_the_date_is_of_that_date(own_house: Path) -> None:
    case = case_of(clip_at(own_house), clip_at(own_house, "shed.mp4", 9))
    app = footage(case)
    app.get("button_group")[0].set_value("Time of day").run()
    # Before the page was drawn with the date.
    app.date_input[0].set_value(date(2026, 11, 28))
    app.text_input(key=field(app, "Started at")).set_value("14:03:10").run()
    assert not app.exception and "Not saved" not in words(app)
    assert now(case).clips[0].began == "2026-11-28T14:03:10"


def test_a_clip_is_deleted_for_good_once_its_name_is_typed(own_house: Path) -> None:
    case = case_of(clip_at(own_house), clip_at(own_house, "hall.mp4", 12))
    app = footage(case)
    app.session_state["Delete a clip for good open"] = True
    next(box for box in app.run().selectbox if box.label == "The clip to delete").select("gate").run()
    next(field for field in app.text_input if field.label.startswith("Type gate")).input("gate").run()
    press(app, "Delete for good")
    assert not app.exception and any("Your own file stays" in text.value for text in app.text)
    assert [clip.camera for clip in now(case).clips] == ["hall"] and (own_house / "gate.mp4").is_file()
