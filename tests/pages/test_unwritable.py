"""A disk that is full or read-only, folders that are gone, a clock that is set back, records of a newer version: what
was not saved or cannot be read is said in words, nothing is lost, and every page is drawn."""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.machine.paths import cache_dir, data_dir
from core.workspace import review_of, services
from core.workspace.cases import Case, CaseClip, Cases
from core.workspace.jobs import SpeedTests
from tests.machine.refusing_disk import FULL, READ_ONLY, Disk, refusing
from tests.pages.making import PAGES, clip_at, page, words
from tests.pages.test_gallery import refusals, says
from tests.pages.test_regions import BOX, draw
from tests.review.making import big_case

FRAME = str(PAGES / "parts" / "shell" / "frame.py")
disks = pytest.mark.parametrize(
    "code", [FULL, pytest.param(READ_ONLY, marks=pytest.mark.slow)], ids=["full", "read-only"]
)


def disk(code: int) -> AbstractContextManager[Disk]:
    """In this block nothing can be written below the cache folder: the system refuses with this error."""
    return refusing(cache_dir(), code)


@pytest.fixture(autouse=True)
def no_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Run page measures models in a process that would go on after the test."""
    monkeypatch.setattr(SpeedTests, "begin", lambda self, arguments: False)


@pytest.fixture
def reviewed() -> Case:
    """Three people seen by two cameras."""
    return big_case(cameras=2, people=3, tracklets=6, crops=2, seconds=20, noise=0.3)


@pytest.fixture
def case(own_house: Path) -> Case:
    clips = [clip_at(own_house, f"{name}.mp4", frames) for name, frames in (("gate", 20), ("hall", 25))]
    cases = services().cases
    ours = [CaseClip(Path(clip.path).stem, clip.path, clip.digest) for clip in clips]
    return cases.change(cases.new("Plaza").key, lambda old: old.with_clips(ours))


def unsaved(app: AppTest) -> str:
    """What the page says in red or in passing."""
    assert not app.exception
    return "\n".join(str(element.value) for element in (*app.toast, *app.error, *app.warning, *app.markdown))


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run(timeout=60)


@disks
@pytest.mark.parametrize(
    "action",
    [
        {"command": "name", "person": ["cam1", 1], "text": "Ada"},
        {"command": "set_threshold", "threshold": 0.61},
        {"command": "different", "a": ["cam1", 1], "b": ["cam2", 1]},
    ],
    ids=["name", "threshold", "answer"],
)
def test_an_action_in_the_gallery(reviewed: Case, code: int, action: dict[str, Any]) -> None:
    app = page("gallery").run()
    with disk(code):
        says(app, {"number": 1, **action})
    assert not app.exception
    (refusal,) = refusals(app)
    assert "cannot be written" in refusal["message"] and "space" in refusal["message"]
    assert review_of(reviewed).done == () and Cases().load(reviewed.key).threshold is None
    # Nothing else has gone wrong: it can be repeated.
    says(app, {"number": 2, **action})
    assert len(refusals(app)) == 1
    assert review_of(reviewed).done or Cases().load(reviewed.key).threshold == 0.61


@disks
def test_a_region(case: Case, code: int) -> None:
    app = page("regions").run()
    with disk(code):
        draw(app, case, BOX)
        assert "The last change was not saved" in unsaved(app)
    assert Cases().load(case.key) == case
    assert not draw(app, case, BOX, said="2").warning
    assert len(Cases().load(case.key).clip("gate").regions.regions) == 1


@disks
def test_the_region_test_point(case: Case, code: int) -> None:
    app = page("regions").run()
    with disk(code):
        app.radio[0].set_value("centre").run()
        assert "The region test point was not saved" in unsaved(app)
    assert app.radio[0].value == "foot"


@disks
def test_the_name_of_a_camera_and_a_clip_that_is_removed(case: Case, code: int) -> None:
    app = page("footage").run()
    with disk(code):
        next(box for box in app.text_input if box.label == "Camera").set_value("door").run()
        assert "Not saved." in unsaved(app)
        press(app, "Remove gate")
        assert "The removal of the clip was not saved" in unsaved(app)
    assert Cases().load(case.key) == case


@disks
def test_settings_and_a_run(case: Case, code: int) -> None:
    app = page("run").run()
    with disk(code):
        press(app, "Select Thorough")
        assert "The choice of settings was not saved" in unsaved(app)
        next(box for box in app.number_input if box.label == "Maximum gap (s)").set_value(4.0).run()
        assert "The setting was not saved" in unsaved(app)
        press(app, "Start")
        assert "cannot be written" in unsaved(app) or os.strerror(code) in unsaved(app)
    assert Cases().load(case.key) == case


@disks
def test_a_new_case_and_the_name_of_a_case(case: Case, code: int) -> None:
    def dialog() -> None:
        from pages.parts.shell.welcome import new_case_form

        new_case_form()

    app = AppTest.from_function(dialog).run()
    with disk(code):
        app.text_input[0].set_value("Another")
        press(app, "Create case")
        assert "the case cannot be created" in unsaved(app)
    app = AppTest.from_file(FRAME, default_timeout=30)
    app.session_state[f"this case {case.key}"] = True
    app.run()
    with disk(code):
        next(box for box in app.text_input if box.label == "Name").set_value("Renamed")
        press(app, "Save")
        assert "cannot be written" in unsaved(app) and app.title[0].value == "Footage"
    assert Cases().all() == [case]


@disks
@pytest.mark.slow
@pytest.mark.parametrize("name", ["footage", "regions", "run", "gallery", "similarity", "download", "about"])
def test_every_page_is_drawn(reviewed: Case, own_house: Path, code: int, name: str) -> None:
    clip = clip_at(own_house)
    ours = [CaseClip("gate", clip.path, clip.digest)]
    services().cases.change(reviewed.key, lambda old: replace(old.with_clips(ours), run=reviewed.run))
    with disk(code):
        app = page(name).run()
        assert not app.exception
        assert app.title and words(app)


def as_the_frame(name: str) -> AppTest:
    """The page, its faults shown as advice."""
    path = PAGES / f"{name}.py"
    run = f"exec(compile({path.read_text(encoding='utf-8')!r}, {str(path)!r}, 'exec'))"
    return AppTest.from_string(
        "import streamlit as st\nfrom core.base.errors import SightlineError\n"
        "from pages.parts.gallery.gallery import process_actions\n"
        "from pages.parts.shell.open_case import begin_rerun\n"
        f"try:\n    process_actions()\n    begin_rerun()\n    {run}\nexcept SightlineError as fault:\n"
        "    st.error(str(fault))\n",
        default_timeout=30,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "needs_decisions"),
    [("footage", False), ("run", False), ("gallery", True), ("similarity", True), ("download", True), ("about", False)],
)
def test_decisions_of_a_newer_version(reviewed: Case, name: str, needs_decisions: bool) -> None:
    Cases().review_file(reviewed.key).write_text('{"format": 99}', encoding="utf-8")
    app = as_the_frame(name).run()
    assert not app.exception
    assert ("Update Sightline" in unsaved(app)) == needs_decisions
    says(app, {"number": 1, "command": "name", "person": ["cam1", 1], "text": "Ada"})
    assert not app.exception and "Update Sightline" in refusals(app)[0]["message"]


PAGES_OF_A_CASE = ["footage", "run", "gallery", "similarity", "download"]
RESULTS_GONE = "The results of this case are no longer there"


@pytest.fixture
def with_clip(reviewed: Case, own_house: Path) -> Case:
    """The case of three people, with clips that it has not analysed."""
    clips = [clip_at(own_house, f"{name}.mp4", frames) for name, frames in (("gate", 20), ("hall", 25))]
    ours = [CaseClip(Path(clip.path).stem, clip.path, clip.digest) for clip in clips]
    return services().cases.change(reviewed.key, lambda old: replace(old.with_clips(ours), run=reviewed.run))


def every_page() -> dict[str, str]:
    """What each page says; none of them may fail."""
    apps = {name: as_the_frame(name).run() for name in PAGES_OF_A_CASE}
    assert not any(app.exception for app in apps.values())
    return {name: words(app) for name, app in apps.items()}


@pytest.mark.slow
@pytest.mark.parametrize("gone", ["run", "cache"])
def test_results_that_are_gone_are_said_to_be(with_clip: Case, gone: str) -> None:
    """Removed by hand, or by a system that empties caches, while the server runs and the gallery is open."""
    app = as_the_frame("gallery").run()
    says(app, {"number": 1, "command": "name", "person": ["cam1", 1], "text": "Ada"})
    for path in cache_dir().iterdir() if gone == "cache" else [cache_dir() / "runs" / with_clip.run]:
        if path != data_dir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert RESULTS_GONE in words(app.run())
    said = every_page()
    assert [name for name in said if RESULTS_GONE in said[name]] == ["gallery", "similarity", "download"]
    assert [action.names[0].name for action in review_of(with_clip).done] == ["Ada"]


@pytest.mark.slow
def test_cases_that_are_gone_are_not_brought_back(with_clip: Case) -> None:
    app = as_the_frame("gallery").run()
    shutil.rmtree(data_dir())
    assert not app.run().exception
    assert all(every_page().values()) and Cases().all() == [] and not Cases().folder(with_clip.key).exists()


@pytest.mark.slow
def test_a_clock_that_is_set_back_by_an_hour(with_clip: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    says(page("gallery").run(), {"number": 1, "command": "name", "person": ["cam1", 1], "text": "Ada"})
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - 3600)
    assert not re.search(r"-\d+ (s|min|h)\b", "\n".join(every_page().values()))
    says(page("gallery").run(), {"number": 2, "command": "name", "person": ["cam1", 1], "text": "Bea"})
    assert [action.names[0].name for action in review_of(with_clip).done] == ["Ada", "Bea"]


@pytest.mark.slow
@pytest.mark.parametrize("record", ["out/run.json", "job.json"])
def test_a_run_of_a_newer_version_or_a_damaged_one(with_clip: Case, record: str) -> None:
    path = cache_dir() / "runs" / with_clip.run / record
    path.write_text('{"format": 99, "cameras": 5}', encoding="utf-8")
    assert all(every_page().values())
    assert Cases().all() == [Cases().load(with_clip.key)]


def test_a_case_of_a_newer_version_leaves_the_others_alone(case: Case) -> None:
    newer = services().cases.new("from tomorrow")
    path = services().cases.folder(newer.key) / "case.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"format": 1', '"format": 99'), encoding="utf-8")
    app = AppTest.from_file(FRAME, default_timeout=30)
    app.query_params["case"] = newer.key
    app.run()
    assert not app.exception and app.title[0].value == "Footage"
    assert newer.key in services().cases.keys()  # noqa: SIM118
