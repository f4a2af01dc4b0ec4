"""How people are followed: nothing yet, folded, ready, moved, back, used, not stored any more, and what waits.

How they are matched: travel times between few and many cameras, impossible ones, and positions.
"""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import NumberInput

from core.base.settings import TrackSettings
from core.machine.paths import cache_dir
from core.review import Action, PendingAction, Review, save_review
from core.runs import DIFFERENT, Link, MatchRules, Name, TrackKey, collect_evidence, load_evidence, track_clips
from core.vision.video import probe
from core.workspace import Services, serve_with, services
from core.workspace.cases import Case, CaseClip, EarlierSettings
from core.workspace.jobs import Jobs, describe_changes, order_of
from tests.export.replay_making import setup
from tests.pages.making import words


def panel() -> None:
    from pages.parts.gallery.whatif import retrack_panel
    from pages.parts.shell.open_case import require_case

    retrack_panel(require_case())


@pytest.fixture
def case(tmp_path: Path, own_house: Path) -> Case:
    """A case that shows a run of two clips, with all that it found stored."""
    serve_with(Services(jobs=Jobs(command=[sys.executable, "-c", "pass"])))
    made = setup(tmp_path)
    cases = services().cases
    clips = [CaseClip(one.name, str(one.clip), probe(one.clip).digest) for one in made.cameras]
    plan = replace(cases.new("a").plan, track=made.recipe.track)
    fresh = cases.change(cases.new("b").key, lambda old: replace(old.with_clips(clips), plan=plan))
    order = order_of(fresh)
    folder = cache_dir() / "runs" / order.key
    collect_evidence(track_clips(made, folder / "out", with_crops=True), made.offsets, folder / "out")
    about = {"order": asdict(order), "began": 1_700_000_000.0, "pid": 0, "born": 0.0}
    (folder / "job.json").write_text(json.dumps(about))
    (folder / "ended").write_text("0")
    return cases.change(fresh.key, lambda old: replace(old, run=order.key))


def shown(case: Case, unfolded: bool = True) -> AppTest:
    app = AppTest.from_function(panel, default_timeout=30)
    app.session_state["case"] = case.key
    app.session_state["retrack open"] = unfolded
    return app.run()


def moved(app: AppTest, case: Case, name: str, value: float) -> AppTest:
    return app.slider(key=f"retrack {case.run} {name}").set_value(value).run()


def button(app: AppTest, label: str) -> object:
    return next(one for one in app.button if one.label == label)


def test_without_a_run_there_is_nothing_to_set(own_house: Path) -> None:
    app = shown(services().cases.new("a"))
    assert not app.exception and not app.slider and not app.expander


def test_folded_nothing_is_read(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.parts.gallery.whatif.load_run", lambda out: pytest.fail("boxes were read"))
    app = shown(case, unfolded=False)
    assert not app.exception and [one.label for one in app.expander] == ["Tracking settings (try without re-running)"]
    assert not app.slider


def test_ready_it_shows_the_settings_of_the_run(case: Case) -> None:
    app = shown(case)
    assert not app.exception and "Settings of this run" in words(app)
    assert [one.value for one in app.slider] == [0.2, 0.3, 0.65, 3, 1.5]
    assert all(one.disabled for one in app.button)  # type: ignore[attr-defined]


def test_a_moved_slider_says_what_would_change_and_back_takes_it_back(case: Case) -> None:
    app = moved(shown(case), case, "conf", 0.95)
    assert not app.exception and "4 tracks become 0, and 2 people become 0" in words(app)
    assert "hall: 2 tracks become 0" in words(app)
    assert "Nothing would change" in words(moved(moved(app, case, "conf", 0.3), case, "max_age", 2.0))
    app = button(app, "Reset").click().run()  # type: ignore[attr-defined]
    assert [one.value for one in app.slider] == [0.2, 0.3, 0.65, 3, 1.5]
    assert services().cases.load(case.key) == case


def test_used_settings_start_a_run_and_the_case_still_shows_the_old_one(case: Case) -> None:
    app = moved(shown(case), case, "iou", 0.4)
    app = button(app, "Apply settings").click().run()  # type: ignore[attr-defined]
    now = services().cases.load(case.key)
    assert not app.exception and now.run == case.run and now.wanted
    job = services().jobs.get(now.wanted)
    was = services().jobs.get(case.run).order
    assert now.plan.track == job.order.track == replace(was.track, iou=0.4)
    assert replace(job.order, track=was.track) == was


def test_a_moved_slider_has_the_value_of_the_run_beside_it(case: Case) -> None:
    app = shown(case)
    assert "In this run" not in words(app)
    app = moved(app, case, "iou", 0.4)
    assert words(app).count("In this run") == 1 and "**In this run: 0.2.** Required overlap" in words(app)


def test_decisions_that_will_not_apply_are_counted_and_named_before(case: Case) -> None:
    """One decision about three tracks is one, and nothing is changed by looking."""
    first, *others = (TrackKey(*key) for key in load_evidence(cache_dir() / "runs" / case.run / "out").row_of)
    split = Action("split", "Split P001", 1.0, tuple(Link(first, DIFFERENT, key) for key in others))
    named = Action("name", "Named P001 Anna", 2.0, names=(Name(*first, "Anna", ""),))
    path = services().cases.review_file(case.key)
    save_review(path, Review((split, named)))
    before = path.read_bytes()
    app = moved(shown(case), case, "max_age", 2.0)
    assert "will not apply" not in words(app)
    app = moved(app, case, "conf", 0.95)
    assert not app.exception and "2 of your decisions will not apply" in words(app)
    assert "Named P001 Anna: " in words(app) and path.read_bytes() == before
    assert services().cases.load(case.key) == case


def test_the_settings_before_are_one_click_away(case: Case) -> None:
    """What is used is remembered with the run that uses it; going back starts the run before, and forgets it."""
    was = services().jobs.get(case.run).order.track
    app = button(moved(shown(case), case, "iou", 0.4), "Apply settings").click().run()  # type: ignore[attr-defined]
    used = services().cases.load(case.key)
    assert used.earlier == EarlierSettings(used.wanted, was)
    assert not [one for one in app.button if one.label == "Back to the settings before"]
    # That run is shown now.
    tried = replace(was, iou=0.4)
    used = services().cases.change(
        case.key, lambda now: replace(now, earlier=EarlierSettings(case.run, tried), wanted="")
    )
    back = button(shown(case), "Back to the settings before")
    assert back.help == "Minimum IoU 0.4 instead of 0.2. Your decisions on that run return."  # type: ignore[attr-defined]
    assert not back.click().run().exception  # type: ignore[attr-defined]
    now = services().cases.load(case.key)
    assert now.plan.track == tried == services().jobs.get(now.wanted).order.track and now.earlier is None


def test_the_rest_is_as_in_the_run_whatever_the_plan_says_now(case: Case) -> None:
    services().cases.change(case.key, lambda old: replace(old, plan=replace(old.plan, embedder="none")))
    app = moved(shown(case), case, "iou", 0.4)
    button(app, "Apply settings").click().run()  # type: ignore[attr-defined]
    now = services().cases.load(case.key)
    assert services().jobs.get(now.wanted).order.matches_people and now.plan.embedder == "none"


def test_what_is_not_stored_any_more_is_said(case: Case) -> None:
    (cache_dir() / "stages").rename(cache_dir() / "elsewhere")
    app = moved(shown(case), case, "iou", 0.4)
    assert not app.exception and "no longer in the cache" in words(app)


def test_settings_out_of_the_sliders_range_are_kept(case: Case) -> None:
    job = cache_dir() / "runs" / case.run / "job.json"
    about = json.loads(job.read_text())
    about["order"]["track"] = asdict(TrackSettings(conf=0.01, n_init=40, max_age=20))
    job.write_text(json.dumps(about))
    app = shown(case)
    assert not app.exception and [one.value for one in app.slider] == [0.2, 0.01, 0.65, 40, 20.0]


def test_what_waits_is_told_until_it_was_seen(case: Case) -> None:
    waits = PendingAction("old", (), Action("merge", "joined P001 and P002", 0.0), "track 3 of gate is not in the run")
    quiet = replace(waits, reason="")
    save_review(services().cases.review_file(case.key), Review(pending=(waits, quiet)))
    app = shown(case, unfolded=False)
    assert "1 decision could not be applied" in words(app)
    assert "Joined P001 and P002: track 3 of gate is not in the run" in words(app)
    app = button(app, "Dismiss").click().run()  # type: ignore[attr-defined]
    assert not app.exception and "could not be applied" not in words(app)


def rules() -> None:
    from core.workspace import session_of
    from pages.parts.gallery.whatif import matching_panel
    from pages.parts.shell.open_case import require_case

    case = require_case()
    if (session := session_of(case)) is not None:
        import numpy as np
        import streamlit as st

        st.markdown(f"{len(np.unique(session.people.person))} people")
    matching_panel(case)


def ruled(case: Case, unfolded: bool = True) -> AppTest:
    app = AppTest.from_function(rules, default_timeout=30)
    app.session_state["case"] = case.key
    app.session_state["matching open"] = unfolded
    return app.run()


def travel_field(app: AppTest, label: str) -> NumberInput:
    return next(field for field in app.number_input if field.label == label)


def test_typing_a_travel_time_changes_the_people_at_once(case: Case) -> None:
    """Two people pass both cameras, 100 seconds apart: if nobody is so fast they are four, and the run stays."""
    app = ruled(case)
    assert not app.exception and "2 people" in words(app)
    label = "hall – gate (s)"
    assert [(field.label, field.value) for field in app.number_input] == [(label, None)]
    app = travel_field(app, label).set_value(200.0).run()
    now = services().cases.load(case.key)
    assert not app.exception and "4 people" in words(app) and travel_field(app, label).value == 200
    assert now.travel == (("gate", "hall", 200.0),) and (now.run, now.wanted) == (case.run, "")
    assert describe_changes(services().jobs.get(case.run).order, order_of(now)) == []
    app = travel_field(app, label).set_value(-1.0).run()
    assert (
        "the travel time between gate and hall is not possible" in words(app) and travel_field(app, label).value == 200
    )
    app = travel_field(app, label).set_value(None).run()
    assert "2 people" in words(app) and services().cases.load(case.key).travel == ()
    log = [line.split(" ", 1)[1] for line in services().cases.log_lines(case.key)]
    assert log[-2:] == [
        "travel time between hall and gate is at least 200 s",
        "travel time between hall and gate is unknown",
    ]


def test_positions_are_ignored_and_count_again(case: Case) -> None:
    app = ruled(case)
    (switch,) = app.checkbox
    assert switch.label == "Ignore where people stand" and not switch.value and switch.help
    app = switch.check().run()
    assert not app.exception and services().cases.load(case.key).ignore_positions and app.checkbox[0].value
    app.checkbox[0].uncheck().run()
    assert services().cases.load(case.key).rules == MatchRules()
    assert services().cases.log_lines(case.key)[-1].endswith("setting: Ignore where people stand off")


def test_of_many_cameras_a_pair_is_chosen(own_house: Path) -> None:
    cases = services().cases
    clips = [CaseClip(f"cam{number}", f"{number}.mp4", f"{number:032x}") for number in range(8)]
    case = cases.change(cases.new("a").key, lambda old: old.with_clips(clips).with_travel_time("cam0", "cam1", 5))
    app = ruled(case)
    assert [field.label for field in app.number_input] == ["cam0 – cam1 (s)"]
    for box, name in zip((0, 1), ("cam5", "cam3"), strict=True):
        app = app.selectbox[box].select(name).run()
    assert [field.label for field in app.number_input] == ["cam0 – cam1 (s)", "cam5 – cam3 (s)"]
    app = travel_field(app, "cam5 – cam3 (s)").set_value(7.5).run()
    assert not app.exception and services().cases.load(case.key).travel_time("cam3", "cam5") == 7.5
    assert [(field.label, field.value) for field in app.number_input] == [
        ("cam0 – cam1 (s)", 5),
        ("cam3 – cam5 (s)", 7.5),
    ]


def test_rules_are_folded_and_one_camera_has_no_travel_times(own_house: Path) -> None:
    cases = services().cases
    case = cases.change(cases.new("a").key, lambda old: old.with_clips([CaseClip("cam0", "0.mp4", "0" * 32)]))
    app = ruled(case, unfolded=False)
    assert [one.label for one in app.expander] == ["How people are matched"] and not app.checkbox
    app = ruled(case)
    assert not app.exception and app.checkbox and not app.number_input and not app.selectbox
