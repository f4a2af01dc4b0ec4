"""Regions: what is drawn is on disk at once and outlives the session; a second tab, files, copies, counts, faults."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.base.errors import StoreError
from core.base.progress import Progress
from core.base.settings import VideoSettings
from core.machine.artifacts import Store
from core.runs import Camera, Recipe, run_camera
from core.vision.regions import Region, Regions, to_json
from core.vision.video import probe
from core.workspace import services
from core.workspace.cases import Case, CaseClip, Cases
from pages.parts.regions import region_tools
from pages.parts.regions.region_tools import count_boxes
from tests.pages.making import clip_at, page, words
from tests.runs.fakes import BrightDetector, networks, write_scene

BOX = {"kind": "box", "points": [[0.1, 0.2], [0.5, 0.6]], "mode": "include", "name": ""}
FLAT = {"kind": "polygon", "points": [[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]], "mode": "include", "name": ""}
LEFT = Region("box", ((0, 0), (0.5, 1)))


def case_of(*paths: str | Path, regions: Regions | None = None) -> Case:
    clips = [probe(path) for path in paths]
    made = [CaseClip(Path(c.path).stem, c.path, c.digest, regions=regions or Regions()) for c in clips]
    cases = services().cases
    return cases.change(cases.new("Plaza").key, lambda case: case.with_clips(made))


def opened(case: Case) -> AppTest:
    app = page("regions")
    app.session_state["case"] = case.key
    return app.run()


def on_disk(case: Case, camera: str = "gate") -> Regions:
    return Cases().load(case.key).clip(camera).regions


def shown(app: AppTest) -> dict[str, Any]:
    """What the drawing was given."""
    return dict(json.loads(app.get("bidi_component")[0].proto.json))


def draw(app: AppTest, case: Case, *shapes: Mapping[str, Any], said: str = "1", camera: str = "gate") -> AppTest:
    """A gesture in the browser, on the shapes that it has."""
    drawn = {"id": said, "camera": camera, "revision": shown(app)["revision"], "shapes": list(shapes)}
    app.session_state[f"roi {case.key}"] = {"drawn": drawn, "moment": None}
    return app.run()


def button(app: AppTest, label: str) -> Any:
    return next(one for one in app.button if one.label == label)


def test_no_case_and_no_clips_say_what_to_do() -> None:
    app = page("regions").run()
    assert not app.exception and "No case is open" in words(app)
    app = opened(services().cases.new())
    assert not app.exception and "No clips yet" in words(app)


def test_a_clip_without_regions_or_runs(own_house: Path) -> None:
    app = opened(case_of(clip_at(own_house).path))
    assert not app.exception and not app.error and not app.warning
    data = shown(app)
    assert data["shapes"] == [] and data["dots"] is None and "first run" in data["count"]
    assert (data["width"], data["height"], data["start"]) == (128, 64, 0)


def test_what_is_drawn_is_on_disk_and_there_for_the_next_session(own_house: Path) -> None:
    case = case_of(clip_at(own_house).path)
    app = draw(opened(case), case, BOX)
    assert not app.exception
    assert on_disk(case).regions == (Region("box", ((0.1, 0.2), (0.5, 0.6))),)
    assert "regions of gate: 1 shape drawn" in services().cases.log_lines(case.key)[-1]
    # The browser keeps what it has: it is not given its own shapes as new ones.
    revision = shown(app)["revision"]
    assert shown(draw(app, case, BOX, FLAT | {"points": [[0, 0], [1, 0], [0, 1]]}, said="2"))["revision"] == revision
    assert [shape["kind"] for shape in shown(opened(case))["shapes"]] == ["box", "polygon"]


def test_a_gesture_counts_once_and_not_for_another_session(own_house: Path) -> None:
    case = case_of(clip_at(own_house).path)
    app = draw(opened(case), case, BOX)
    draw(app, case, said="2")
    assert not on_disk(case).regions
    # A browser that reconnects tells again what it told a server that is gone.
    late = opened(case)
    stale = {"id": "9", "camera": "gate", "revision": "other 1", "shapes": [BOX]}
    late.session_state[f"roi {case.key}"] = {"drawn": stale, "moment": None}
    late.run()
    assert not late.exception and not on_disk(case).regions


def test_a_second_tab_overwrites_nothing(own_house: Path) -> None:
    case = case_of(clip_at(own_house).path)
    one, other = opened(case), opened(case)
    draw(one, case, BOX)
    draw(other, case, FLAT | {"points": [[0, 0], [1, 0], [0, 1]]})
    assert [region.kind for region in on_disk(case).regions] == ["box"]
    assert "another tab" in other.warning[0].value
    assert [shape["kind"] for shape in shown(other)["shapes"]] == ["box"]
    draw(other, case, BOX, BOX, said="2")
    assert len(on_disk(case).regions) == 2 and not other.warning


def test_what_cannot_be_a_region_is_refused_in_words(own_house: Path) -> None:
    case = case_of(clip_at(own_house).path)
    app = draw(opened(case), case, BOX)
    draw(app, case, BOX, FLAT, said="2")
    assert "not saved" in app.warning[0].value and "one line" in app.warning[0].value
    assert len(on_disk(case).regions) == 1


def test_a_full_disk_is_said(own_house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of(clip_at(own_house).path)
    app = opened(case)

    def full(*_: object) -> None:
        raise StoreError("the case cannot be written", "Free some space.")

    monkeypatch.setattr(Cases, "change", full)
    draw(app, case, BOX)
    assert not app.exception and "Free some space" in app.warning[0].value


def test_another_point_is_asked_for(own_house: Path) -> None:
    case = case_of(clip_at(own_house).path, regions=Regions((LEFT,)))
    app = opened(case)
    app.radio[0].set_value("centre").run()
    assert on_disk(case) == Regions((LEFT,), "centre")


def test_shapes_are_copied_and_can_be_taken_back(own_house: Path) -> None:
    gate, yard = clip_at(own_house, "gate.mp4"), clip_at(own_house, "yard.mp4", 10)
    case = case_of(gate.path, yard.path, regions=Regions((LEFT,)))
    app = opened(case)
    app.multiselect[1].set_value(["yard"]).run()
    assert not app.warning
    button(app, "Copy").click().run()
    assert on_disk(case, "yard").regions == (LEFT, LEFT) and on_disk(case).regions == (LEFT,)
    assert "Copied 1 shape to yard" in app.toast[0].value
    # The browser is given what was there before, to go back to.
    app.get("button_group")[0].set_value("yard").run()
    assert (len(shown(app)["shapes"]), len(shown(app)["earlier"])) == (2, 1)


def test_other_proportions_are_said(own_house: Path) -> None:
    gate, scene = clip_at(own_house), write_scene(own_house / "yard.mp4", 5)
    app = opened(case_of(gate.path, scene, regions=Regions((LEFT,))))
    app.multiselect[1].set_value(["yard"]).run()
    assert "160 × 120" in app.warning[0].value and "stretched" in app.warning[0].value


def test_an_undo_leads_back_to_before_a_file(own_house: Path) -> None:
    case = case_of(clip_at(own_house).path, regions=Regions((LEFT,)))
    app = opened(case)
    content = "12.8, 6.4\n64, 6.4\n64, 32\n"
    app.get("file_uploader")[0].upload("roi.txt", content.encode(), "text/plain").run()
    button(app, "Use these regions").click().run()
    assert not app.exception
    polygon = Region("polygon", ((0.1, 0.1), (0.5, 0.1), (0.5, 0.5)))
    assert on_disk(case).regions == (LEFT, polygon)
    assert len(shown(app)["shapes"]) == 2 and len(shown(app)["earlier"]) == 1


def test_a_file_may_replace_what_is_drawn(own_house: Path) -> None:
    case = case_of(clip_at(own_house).path, regions=Regions((LEFT,)))
    app = opened(case)
    new = Regions((Region("box", ((0.2, 0.2), (0.8, 0.8)), "exclude", "tree"),), "centre")
    app.get("file_uploader")[0].upload("roi.json", to_json(new).encode(), "application/json").run()
    app.radio[1].set_value("Replace")
    button(app, "Use these regions").click().run()
    assert on_disk(case) == new


def test_a_bad_file_is_refused_and_nothing_lost(own_house: Path) -> None:
    case = case_of(clip_at(own_house).path, regions=Regions((LEFT,)))
    app = opened(case)
    app.get("file_uploader")[0].upload("roi.txt", b"1,2\nthree,4\n", "text/plain").run()
    button(app, "Use these regions").click().run()
    assert "line 2" in app.error[0].value and on_disk(case).regions == (LEFT,)


def test_stored_boxes_are_counted(own_house: Path) -> None:
    path = write_scene(own_house / "gate.mp4", 20)
    run_camera(
        Camera("gate", path), Recipe(video=VideoSettings(fps=0)), networks(BrightDetector()), Store(), Progress()
    )
    case = case_of(path)
    app = opened(case)
    assert shown(app)["count"] == "40 of 40 boxes that the last run detected count (100%); tracks use some of them."
    # One figure walks in the upper half, with its feet above the middle.
    draw(app, case, BOX | {"points": [[0, 0], [1, 0.5]]})
    assert shown(app)["count"] == "20 of 40 boxes that the last run detected count (50%); tracks use some of them."
    assert sorted(shown(app)["dots"]["counts"]) == ["0"] * 20 + ["1"] * 20


def test_many_dots_are_thinned_and_none_are_fine(own_house: Path) -> None:
    film = clip_at(own_house)
    boxes = np.tile(np.array([[0, 0, 20, 40]], np.float32), (region_tools._MAX_DOTS * 2 + 1, 1))
    about = count_boxes(Regions(), boxes, film)
    assert len(about["dots"]["places"]) == len(about["dots"]["counts"]) == region_tools._MAX_DOTS * 2 // 3 + 1
    assert about["dots"]["places"][0] == [0.0781, 0.625]
    none = count_boxes(Regions(), boxes[:0], film)
    assert none["count"].startswith("0 of 0") and none["dots"]["places"] == []


def test_a_clip_that_is_gone_is_said_and_the_others_work(own_house: Path) -> None:
    gate, yard = clip_at(own_house, "gate.mp4"), clip_at(own_house, "yard.mp4", 10)
    case = case_of(gate.path, yard.path, regions=Regions((LEFT,)))
    Path(gate.path).unlink()
    app = opened(case)
    assert not app.exception and "gate cannot be shown" in app.error[0].value
    app.get("button_group")[0].set_value("yard").run()
    assert not app.error and shown(app)["camera"] == "yard"
    clip_at(own_house, "gate.mp4", 12)
    app.get("button_group")[0].set_value("gate").run()
    assert "has changed" in app.error[0].value


def test_the_drawing_knows_the_clock_of_its_camera_as_soon_as_it_has_one(own_house: Path) -> None:
    case = case_of(clip_at(own_house).path, clip_at(own_house, "yard.mp4").path)
    assert shown(opened(case))["clocks"] is None
    gate = replace(case.clip("gate"), began="2026-11-28T14:03:10", clock_ahead_seconds=10)
    services().cases.change(case.key, lambda old: replace(old.with_clip("gate", gate), time_zone="UTC"))
    began = shown(opened(case))["clocks"]["began"]
    assert list(began) == ["gate"] and began["gate"] % 86_400 == 14 * 3600 + 3 * 60


def test_only_the_time_that_is_looked_at_is_shown(own_house: Path) -> None:
    clip = clip_at(own_house, frames=50)
    case = case_of(clip.path)
    services().cases.change(
        case.key, lambda old: old.with_clip("gate", replace(old.clip("gate"), start_seconds=0.5, end_seconds=1.5))
    )
    app = opened(case)
    assert (shown(app)["start"], shown(app)["end"], shown(app)["moment"]) == (0.5, 1.5, 1.0)
    app.session_state[f"roi {case.key}"] = {"drawn": None, "moment": {"camera": "gate", "seconds": 0.7}}
    assert shown(app.run())["moment"] == 0.7
