"""A run that was waited for is shown once it is done, and what was said goes along; once, whoever looks."""

import json
import threading
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.base.settings import TrackSettings
from core.machine.paths import cache_dir
from core.review import Action, Review, load_review, name, same, save_review, unsure
from core.runs import SAME, Link, TrackKey
from core.workspace import (
    Refused,
    Saved,
    Switched,
    act,
    services,
    session_of,
    set_threshold,
    switch_to_finished_run,
)
from core.workspace.cases import Case, CaseClip
from core.workspace.jobs import order_of
from tests.review.tracked import write_lanes

GATE = ((0, range(40)), (1, range(60)))
HALL = ((0, range(60)), (1, range(60)))
JOINED = Action("merge", "joined P001 and P002", 1.0, (Link(TrackKey("gate", 1), SAME, TrackKey("hall", 1)),))


def run_of(case: Case, iou: float, **cameras: object) -> str:
    order = order_of(replace(case, plan=replace(case.plan, track=TrackSettings(iou=iou))))
    folder = cache_dir() / "runs" / order.key
    write_lanes(folder / "out", cameras)  # type: ignore[arg-type]
    about = {"order": asdict(order), "began": 1_700_000_000.0, "pid": 0, "born": 0.0}
    (folder / "job.json").write_text(json.dumps(about))
    (folder / "ended").write_text("0")
    return order.key


@pytest.fixture
def case(own_house: Path) -> Case:
    """It shows one run and waits for another, in which the tracks of the hall have other numbers."""
    cases = services().cases
    made = cases.change(
        cases.new("a").key,
        lambda old: old.with_clips([CaseClip(name, f"{name}.mp4", name) for name in ("gate", "hall")]),
    )
    run, wanted = run_of(made, 0.2, gate=GATE, hall=HALL), run_of(made, 0.4, gate=GATE, hall=HALL[::-1])
    save_review(cases.review_file(made.key), Review((JOINED,)))
    return cases.change(made.key, lambda old: replace(old, run=run, wanted=wanted))


def settle(case: Case) -> Case:
    result = switch_to_finished_run(case)
    assert isinstance(result, Switched)
    return result.case


def review_of(case: Case) -> Review:
    return load_review(services().cases.review_file(case.key))


def test_no_file_is_read_again_where_no_run_is_waited_for(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = services().cases.change(case.key, lambda old: replace(old, wanted=""))
    assert settle(plain) is plain
    monkeypatch.setattr("core.workspace.review_actions.load_review", lambda path: pytest.fail("read"))
    assert settle(plain) is plain


def test_a_run_at_work_is_left_alone(case: Case) -> None:
    (cache_dir() / "runs" / case.wanted / "ended").unlink()
    assert settle(case) == case and review_of(case).run == ""


def test_a_run_that_is_done_is_shown_and_what_was_said_goes_along(case: Case) -> None:
    now = settle(case)
    assert (now.run, now.wanted) == (case.wanted, "") and services().cases.load(case.key) == now
    assert review_of(case).state.joined == (frozenset([("gate", 1), ("hall", 2)]),)
    assert "switched to the new run" in services().cases.log_lines(case.key)[-1]
    assert settle(now) is now


def test_two_tabs_carry_once(case: Case) -> None:
    tabs = [threading.Thread(target=settle, args=(case,)) for _ in range(4)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert review_of(case).state.joined == (frozenset([("gate", 1), ("hall", 2)]),)
    assert sum("switched to the new run" in line for line in services().cases.log_lines(case.key)) == 1


def test_whoever_was_stopped_before_the_switch_carries_nothing_twice(case: Case) -> None:
    settle(case)
    carried = review_of(case)
    again = services().cases.change(case.key, lambda old: replace(old, run=case.run, wanted=case.wanted))
    assert settle(again).run == case.wanted and review_of(case) == carried


def test_a_run_that_was_removed_is_waited_for_no_longer(case: Case) -> None:
    services().jobs.forget(case.wanted)
    now = settle(case)
    assert (now.run, now.wanted) == (case.run, "") and review_of(case) == Review((JOINED,))


def test_a_first_run_is_simply_shown(case: Case) -> None:
    fresh = services().cases.change(case.key, lambda old: replace(old, run=""))
    assert settle(fresh).run == case.wanted


def test_what_cannot_be_carried_is_told_and_logged(case: Case) -> None:
    wanted = run_of(case, 0.6, gate=GATE, hall=HALL[1:])
    waits = services().cases.change(case.key, lambda old: replace(old, wanted=wanted))

    def script() -> None:
        import streamlit as st

        from core.workspace import services, switch_to_finished_run
        from pages.parts.shell.open_case import announce_switch

        announce_switch(switch_to_finished_run(services().cases.load(st.session_state["key"])))

    app = AppTest.from_function(script, default_timeout=30)
    app.session_state["key"] = waits.key
    app.run()
    assert not app.exception
    sentence = "Joined P001 and P002: track 1 of hall is not in this run"
    assert sentence in app.toast[0].value
    assert any(sentence in line for line in services().cases.log_lines(case.key))
    assert [one.action for one in review_of(case).pending] == [JOINED]


def test_what_cannot_be_settled_leads_to_no_other_case(case: Case) -> None:
    services().cases.new("worked on last")
    services().cases.review_file(case.key).write_text("{")

    def script() -> None:
        import streamlit as st

        from pages.parts.shell.open_case import begin_rerun, require_case

        begin_rerun()
        st.text(require_case().key)

    app = AppTest.from_function(script)
    app.query_params["case"] = case.key
    app.run()
    assert not app.exception and app.text[0].value == case.key
    assert "cannot be shown" in app.toast[0].value
    # Said once, not with every click.
    app.run()
    assert app.text[0].value == case.key and not app.toast
    assert services().cases.load(case.key).run == case.run


def test_a_run_tried_again_gives_decisions_to_the_same_boxes(case: Case) -> None:
    """Under the same key the run has other tracks now; the case waits for nothing, as another case of that run does."""
    shown = services().cases.change(case.key, lambda old: replace(old, wanted=""))
    out = cache_dir() / "runs" / case.run / "out"
    save_review(services().cases.review_file(case.key), Review())
    assert act(shown, lambda session: same(session, TrackKey("gate", 1), TrackKey("hall", 1))) == Saved(changed=True)
    before = session_of(services().cases.load(case.key))
    assert before is not None
    number = before.person_of(TrackKey("gate", 2))
    write_lanes(out, {"gate": GATE[::-1], "hall": HALL[::-1]})
    # Nobody acts on what was seen before.
    stale = act(shown, lambda session: name(session, number, "Ada"))
    assert isinstance(stale, Refused) and "repeated" in stale.reason
    now = settle(services().cases.load(case.key))
    assert review_of(now).state.joined == (frozenset([("gate", 2), ("hall", 2)]),)
    after = session_of(now)
    assert after is not None and after.person_of(TrackKey("gate", 1)) == number
    assert [path.stem for path in (services().cases.folder(case.key) / "tracks").iterdir()] == [review_of(now).tracks]
    assert settle(now) is now


def test_a_first_run_gives_numbers_that_outlive_its_files(case: Case) -> None:
    """Nothing was decided: the numbers were only seen."""
    first = services().cases.change(case.key, lambda old: replace(old, run="", wanted=case.run))
    services().cases.review_file(case.key).unlink()
    now = settle(first)
    session = session_of(now)
    assert session is not None
    seen = {key: session.person_of(key) for key in session.track_keys}
    services().jobs.forget(case.run)
    later = settle(services().cases.change(case.key, lambda old: replace(old, wanted=case.wanted)))
    after = session_of(later)
    turned = {1: 2, 2: 1}
    assert after is not None
    for (camera, track), number in seen.items():
        assert after.at(1.0).person_of(TrackKey(camera, turned[track] if camera == "hall" else track)) == number


def test_the_threshold_stays_from_the_first_decision_on(case: Case) -> None:
    shown = services().cases.change(case.key, lambda old: replace(old, wanted=""))
    save_review(services().cases.review_file(case.key), Review())
    session = session_of(shown)
    assert session is not None and shown.threshold is None
    suggested = session.match.calibration.threshold
    set_threshold(shown, None)
    assert services().cases.load(case.key).threshold is None
    act(shown, lambda session: unsure(session, TrackKey("gate", 1), TrackKey("hall", 1)))
    now = services().cases.load(case.key)
    assert now.threshold == suggested
    assert any("kept the suggested similarity threshold" in line for line in services().cases.log_lines(case.key))
    set_threshold(now, 0.7)
    act(now, lambda session: unsure(session, TrackKey("gate", 1), TrackKey("hall", 2)))
    assert services().cases.load(case.key).threshold == 0.7
    # A suggestion that is accepted now is a fixed value too.
    set_threshold(now, None)
    assert services().cases.load(case.key).threshold == suggested


def test_a_refusal_names_the_moment(case: Case) -> None:
    shown = services().cases.change(case.key, lambda old: replace(old, wanted=""))
    save_review(services().cases.review_file(case.key), Review())
    result = act(shown, lambda session: same(session, TrackKey("gate", 1), TrackKey("gate", 2)))
    assert isinstance(result, Refused) and result.moment == ("gate", 1, 0.0) and "shows both" in result.reason
