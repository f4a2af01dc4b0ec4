"""Gallery: nothing yet, at work, failed, without looks, nobody found, ready; and what the browser says, done once."""

import json
import os
import re
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from core.base.settings import TrackSettings, VideoSettings
from core.machine.paths import cache_dir
from core.workspace import ANOTHER_RUN, Refused, act, review_of, serve_with, services
from core.workspace.cases import Case, CaseClip, Cases
from core.workspace.jobs import Order, order_of
from pages.parts.gallery.empty_states import describe_settings
from tests.pages.making import clip_at, finished_run, order_for, page, words
from tests.review.making import big_case


@pytest.fixture
def case() -> Case:
    """Three people seen by two cameras."""
    return big_case(cameras=2, people=3, tracklets=6, crops=2, seconds=20, noise=0.3)


def shown(app: AppTest) -> dict[str, Any]:
    """What the component was given."""
    (component,) = app.get("bidi_component")
    return dict(json.loads(component.proto.json))


def says(app: AppTest, *acts: dict[str, Any], tab: str = "a") -> AppTest:
    """What the browser says, all of it that it does not know to be heard, as it would come from there.

    Unless the acts say otherwise they are about the case that was changed last, and have ids of the tab's own.
    """
    case = Cases().all()[0]
    usual = {"case": case.key, "run": case.run}
    actions = [{**usual, "id": f"{tab}{act['number']}", **act} for act in acts]
    app.session_state["outbox"] = {"outbox": {"page": tab, "actions": actions}}
    return app.run()


def refusals(app: AppTest) -> list[dict[str, Any]]:
    """What the browser is told that could not be done."""
    found: list[dict[str, Any]] = app.session_state["action cursor"].receipt()["failures"]
    return found


def with_clip(folder: Path) -> Case:
    clip, cases = clip_at(folder), Cases()
    return cases.change(cases.new("Plaza").key, lambda old: old.with_clips([CaseClip("gate", clip.path, clip.digest)]))


def ordered(order: Order, **about: Any) -> None:
    """A job in its folder, whose process is gone unless `about` names one."""
    folder = cache_dir() / "runs" / order.key
    folder.mkdir(parents=True, exist_ok=True)
    process = {"pid": 0, "born": 0.0, **about}
    (folder / "job.json").write_text(json.dumps({"order": asdict(order), "began": time.time(), **process}))


def test_without_clips_the_way_leads_to_footage() -> None:
    Cases().new("Plaza")
    app = page("gallery").run()
    assert not app.exception
    assert "No clips yet" in words(app)


def test_without_a_run_the_way_leads_there(own_house: Path) -> None:
    with_clip(own_house)
    app = page("gallery").run()
    assert not app.exception
    assert "No results yet" in words(app) and not app.get("bidi_component")


def test_a_run_at_work_is_told_in_a_line(own_house: Path) -> None:
    case = with_clip(own_house)
    order = order_of(case)
    ordered(order, pid=os.getpid(), born=psutil.Process().create_time())
    Cases().change(case.key, lambda old: replace(old, wanted=order.key))
    app = page("gallery").run()
    assert not app.exception
    assert "0 of 1 clips done" in app.get("progress")[0].proto.text
    assert not app.get("bidi_component")


def test_a_run_that_failed_says_why(own_house: Path) -> None:
    case = with_clip(own_house)
    order = order_of(case)
    ordered(order)
    (cache_dir() / "runs" / order.key / "log").write_text("sightline: the disk is full\n")
    Cases().change(case.key, lambda old: replace(old, run=order.key))
    app = page("gallery").run()
    assert not app.exception
    assert "The run failed." in app.error[0].value and "the disk is full" in app.error[0].value


def test_a_run_by_movement_alone_has_no_people(own_house: Path) -> None:
    case = with_clip(own_house)
    clip = clip_at(own_house)
    key = finished_run(replace(order_for(clip), embedder="none"), [clip])
    Cases().change(case.key, lambda old: replace(old, run=key))
    app = page("gallery").run()
    assert not app.exception
    assert "motion alone" in words(app) and not app.get("bidi_component")


def test_nobody_found_is_said() -> None:
    big_case(cameras=2, people=1, tracklets=0, crops=1, seconds=10)
    app = page("gallery").run()
    assert not app.exception
    assert "No people were found" in words(app) and not app.get("bidi_component")


def test_the_people_are_drawn_from_routes(case: Case) -> None:
    app = page("gallery").run()
    assert not app.exception
    data = shown(app)
    assert case.key in data["people"] and case.run in data["crops"]
    assert (data["threshold"], data["undo"], data["receipt"]["number"]) == (None, "", 0)
    assert "Models and settings of this run" in {expander.label for expander in app.expander}


def test_the_settings_of_a_run_have_the_labels_of_their_fields() -> None:
    text = describe_settings({"video": asdict(VideoSettings()), "track": asdict(TrackSettings()), "detect": {}})
    assert "Minimum detections per track: 3; Maximum gap (s): 1.5" in text
    assert not {"iou", "conf", "track_cos", "n_init", "max_age"} & set(re.findall(r"\w+", text))


def test_the_level_is_kept_and_given_back(case: Case) -> None:
    app = says(page("gallery").run(), {"number": 1, "command": "set_threshold", "threshold": 0.61})
    assert Cases().load(case.key).threshold == shown(app)["threshold"] == 0.61
    # Said once, done once: what another tab sets meanwhile stays.
    Cases().change(case.key, lambda old: replace(old, threshold=0.4))
    assert shown(app.run())["threshold"] == 0.4
    says(app, {"number": 2, "command": "set_threshold", "threshold": None})
    assert Cases().load(case.key).threshold is None


def test_what_is_said_again_is_done_once(case: Case) -> None:
    app = page("gallery").run()
    first = {"number": 1, "command": "different", "a": ["cam1", 1], "b": ["cam2", 1]}
    second = {"number": 2, "command": "name", "person": ["cam1", 1], "text": "Ada"}
    before = shown(says(app, first))
    after = shown(says(app, first, second))
    assert [action.kind for action in review_of(case).done] == ["different", "name"]
    assert (before["receipt"]["number"], after["receipt"]["number"]) == (1, 2)
    assert before["people"] != after["people"]
    assert after["undo"].endswith("Ada")
    # Another tab counts from one again.
    says(app, {"number": 1, "command": "undo"}, tab="b")
    assert [action.kind for action in review_of(case).done] == ["different"]
    assert shown(app)["redo"].endswith("Ada")


def test_what_cannot_be_is_refused_in_words_and_undone_by_nothing(case: Case) -> None:
    app = says(page("gallery").run(), {"number": 1, "command": "name", "person": ["cam1", 1], "text": "Ada"})
    gone = {"number": 2, "command": "same", "a": ["cam1", 1], "b": ["cam1", 99]}
    back = {"number": 3, "command": "undo", "of": "a2"}
    data = shown(says(app, gone, back))
    assert [fault["number"] for fault in data["receipt"]["failures"]] == [2]
    assert "track 99" in data["receipt"]["failures"][0]["message"]
    assert [action.kind for action in review_of(case).done] == ["name"]


def test_what_was_meant_for_another_run_or_case_is_refused(case: Case) -> None:
    """A new run may have come to be shown while somebody was still looking at the old one's numbers."""
    deed = {"command": "name", "person": ["cam1", 1], "text": "Ada"}
    older = {"number": 1, "run": "0" * 20, "case": case.key, **deed}
    strange = {"number": 3, "run": case.run, "case": "5f00aa11", **deed}
    back = {"number": 2, "command": "undo", "of": "a1", "case": case.key, "run": "0" * 20}
    data = shown(says(page("gallery").run(), older, back, strange))
    assert [fault["number"] for fault in data["receipt"]["failures"]] == [1, 3]
    assert "A newer run is now shown" in data["receipt"]["failures"][0]["message"]
    assert act(replace(case, run="0" * 20), lambda desk: pytest.fail("done")) == Refused(ANOTHER_RUN)
    assert review_of(case).done == ()
    meant = {"number": 4, "run": case.run, "case": case.key, **deed}
    says(page("gallery").run(), meant)
    assert [action.kind for action in review_of(case).done] == ["name"]


DEED = {"command": "name", "person": ["cam1", 1], "text": "Ada"}


def test_an_action_is_carried_out_on_whatever_page_it_arrives(case: Case) -> None:
    """The user goes on to the next page while the action is on its way."""
    app = says(page("about").run(), {"number": 1, **DEED})
    assert not app.exception
    assert [action.kind for action in review_of(case).done] == ["name"]


def test_an_action_is_carried_out_on_the_case_that_it_names(case: Case) -> None:
    other = Cases().new("opened meanwhile")
    app = page("gallery")
    app.query_params["case"] = other.key
    says(app, {"number": 1, "case": case.key, "run": case.run, **DEED})
    assert [action.kind for action in review_of(case).done] == ["name"]
    assert review_of(other).done == () and refusals(app) == []


@pytest.mark.slow
def test_what_is_sent_again_after_a_restart_is_done_once(case: Case) -> None:
    """The tab lives on, with a new session of a new server, and did not hear that two of three were done."""
    acts = [
        {"number": 1, **DEED},
        {"number": 2, "command": "note", "person": ["cam1", 1], "text": "limps"},
        {"number": 3, "command": "undo"},
    ]
    says(page("gallery").run(), *acts)
    serve_with(None)
    app = says(page("gallery"), *acts, {"number": 4, "command": "confirm", "person": ["cam1", 2]})
    assert [action.kind for action in review_of(case).done] == ["name", "confirm"]
    assert refusals(app) == []
    # After a reload the page is another one and counts anew; the ids are the same.
    again = [{**act, "id": f"a{act['number']}", "number": act["number"] + 1} for act in acts]
    says(page("gallery"), {"number": 1, "command": "redo", "id": "new"}, *again, tab="b")
    assert [action.kind for action in review_of(case).done] == ["name", "confirm"]


def test_an_answer_that_changed_nothing_is_not_taken_back_after_a_restart(case: Case) -> None:
    says(page("gallery").run(), {"number": 1, **DEED}, {"number": 2, **DEED})
    serve_with(None)
    says(page("gallery"), {"number": 1, "id": "back", "command": "undo", "of": "a2"}, tab="b")
    assert [action.kind for action in review_of(case).done] == ["name"]


@pytest.mark.slow
def test_what_was_done_before_a_new_run_came_is_not_refused_when_it_is_sent_again(case: Case) -> None:
    old = {"number": 1, "run": case.run, **DEED}
    says(page("gallery").run(), old)
    other = big_case(cameras=2, people=2, tracklets=4, crops=1, seconds=10)
    Cases().change(case.key, lambda before: replace(before, run=other.run))
    late = {"number": 2, "run": case.run, **DEED, "text": "Eve"}
    app = says(page("gallery"), old, late, tab="a")
    assert [(fault["number"], fault["message"]) for fault in refusals(app)] == [(2, ANOTHER_RUN)]


def test_actions_on_a_deleted_case_are_refused_in_words(case: Case) -> None:
    other = Cases().new("stays")
    Cases().delete(case.key)
    app = says(page("gallery"), {"number": 1, "case": case.key, **DEED})
    assert not app.exception
    assert "no longer exists" in refusals(app)[0]["message"]
    assert Cases().keys() == [other.key]


@pytest.mark.parametrize(
    "broken",
    [
        {"command": "fly"},
        {"command": "name", "person": ["cam1", 1]},
        {"command": "same", "a": ["cam1", 1], "b": "cam2"},
        {"command": "show_moment", "sighting": ["cam1", "x"], "seconds": 1},
    ],
)
def test_an_action_that_makes_no_sense_is_refused_and_the_next_is_done(case: Case, broken: dict[str, Any]) -> None:
    app = says(page("gallery").run(), {"number": 1, **broken}, {"number": 2, **DEED})
    assert not app.exception
    assert [fault["number"] for fault in refusals(app)] == [1]
    assert [action.kind for action in review_of(case).done] == ["name"]


def test_every_deed_of_the_browser_is_understood(case: Case) -> None:
    app = page("gallery").run()
    one, other = ["cam1", 1], ["cam2", 1]
    deeds: list[dict[str, Any]] = [
        {"command": "merge", "people": [one, ["cam1", 2]]},
        {"command": "split", "sightings": [one]},
        {"command": "same", "a": one, "b": other},
        {"command": "confirm", "person": one},
        {"command": "reject", "sighting": other},
        {"command": "unsure", "a": one, "b": other},
        {"command": "note", "person": one, "text": "limps"},
        {"command": "mark_thing", "person": other},
        {"command": "mark_person", "person": other},
        {"command": "undo"},
        {"command": "redo"},
    ]
    numbered = [{"number": number, **deed} for number, deed in enumerate(deeds, 1)]
    for upto in range(1, len(numbered) + 1):
        says(app, *numbered[:upto])
        assert not app.exception
    assert shown(app)["receipt"]["number"] == len(deeds)
    assert {"reject", "unsure", "note", "thing", "person"} <= {action.kind for action in review_of(case).done}


def test_a_moment_is_watched_and_can_be_cut(case: Case) -> None:
    app = page("gallery").run()
    seconds = 1.0
    says(app, {"number": 1, "command": "show_moment", "sighting": ["cam1", 1], "seconds": seconds})
    assert not app.exception
    digest = services().cases.load(case.key).clip("cam1").digest
    for _ in range(200):
        if services().proxies.state_of(digest).path:
            break
        time.sleep(0.05)
    app.run()
    watched = json.loads(app.get("bidi_component")[-1].proto.json)
    assert (watched["track"], watched["seconds"], watched["cuts"]) == (1, seconds, [])
    assert watched["titles"][str(watched["people"]["1"])].startswith("P0")
    # The button of the other sighting leads there.
    button = next(button for button in app.button if button.label.startswith("cam2"))
    button.click().run()
    assert not app.exception


def test_other_settings_show_another_run(case: Case) -> None:
    app = page("gallery").run()
    before = shown(app)["crops"]
    other = big_case(cameras=2, people=2, tracklets=4, crops=1, seconds=10)
    app.session_state["case"] = other.key
    app.query_params["case"] = other.key
    after = shown(app.run())
    assert after["crops"] != before and other.key in after["people"]


def test_a_person_is_deleted_for_good_once_the_number_is_typed(case: Case) -> None:
    app = page("gallery")
    app.session_state["Delete a person for good open"] = True
    chooser = next(box for box in app.run().selectbox if box.label == "The person to delete")
    assert chooser.options == ["P001", "P002", "P003"] and chooser.value is None
    chooser.select("P002").run()
    said = "\n".join(text.value for text in app.text)
    assert "2 tracks" in said and "The recording still shows this person" in said
    assert next(button for button in app.button if button.label == "Delete for good").disabled
    next(field for field in app.text_input if field.label.startswith("Type P002")).input("P002").run()
    next(button for button in app.button if button.label == "Delete for good").click().run()
    assert not app.exception and app.text[0].value.startswith("Deleted for good: P002\n2 tracks")
    chooser = next(box for box in app.selectbox if box.label == "The person to delete")
    assert chooser.options == ["P001", "P003"] and not any("P002" in line for line in Cases().log_lines(case.key))
