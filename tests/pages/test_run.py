"""Run: no case, no clips, presets with their time, models, settings, at work, done, stopped, failed, changed."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.base.errors import StoreError
from core.base.settings import DetectSettings, TrackSettings, VideoSettings
from core.machine.paths import cache_dir
from core.workspace import Services, serve_with, services
from core.workspace.cases import Case, CaseClip, Plan
from core.workspace.jobs import Job, Jobs, SpeedTests, order_of
from pages.parts.run.presets import PRESETS
from tests.pages.making import clip_at, page, words
from tests.vision.face_standins import write_sface, write_yunet
from tests.workspace.jobs.test_jobs import CHILD, over, until


@pytest.fixture(autouse=True)
def house(own_house: Path, tmp_path: Path) -> Iterator[Path]:
    """Jobs whose child does what the file `act` says, whatever the detector is called; and trials that find nothing."""
    script = tmp_path / "child.py"
    script.write_text(CHILD.replace('flags["weights"]', '(Path(__file__).with_name("act").read_text())'))
    act(tmp_path, "quick")
    jobs = Jobs(tmp_path / "cache" / "runs", [sys.executable, str(script)])
    serve_with(Services(jobs=jobs, speed_tests=SpeedTests([sys.executable, "-c", "pass"])))
    yield own_house
    for job in jobs.all():
        jobs.cancel(job.key)
        jobs.cancel(job.key)
        over(jobs, job.key)


def act(folder: Path, word: str) -> None:
    (folder / "act").write_text(word)


def case_of(footage: Path, plan: Plan | None = None, clips: int = 1) -> Case:
    made = services().cases.new("plaza")
    found = [clip_at(footage, f"{name}.mp4", 20 + number) for number, name in enumerate(("gate", "hall")[:clips])]
    named = [CaseClip(Path(clip.path).stem, clip.path, clip.digest) for clip in found]
    return services().cases.change(made.key, lambda case: replace(case, clips=tuple(named), plan=plan or Plan()))


def shown(app: AppTest) -> AppTest:
    assert not app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    return shown(next(button for button in app.button if button.label == label).click().run())


def labels(app: AppTest) -> list[str]:
    links = [link.proto.label.strip("*") for link in app.get("page_link")]
    return [*links, *(button.label for button in app.button)]


def now(case: Case) -> Case:
    return services().cases.load(case.key)


def job_of(case: Case) -> Job:
    return services().jobs.get(now(case).wanted or now(case).run)


def started(case: Case) -> tuple[AppTest, Job]:
    app = press(shown(page("run").run()), "Start")
    return app, job_of(case)


def test_without_a_case_or_clips_it_says_what_to_do() -> None:
    assert "No case is open" in words(shown(page("run").run()))
    services().cases.new("empty")
    app = shown(page("run").run())
    assert "No clips yet" in words(app)
    assert "Start" not in labels(app)


def test_start_shows_how_far_each_clip_is_and_stop_keeps_it(house: Path, tmp_path: Path) -> None:
    act(tmp_path, "wait")
    case = case_of(house, clips=2)
    app, job = started(case)
    until(lambda: services().jobs.get(job.key).cameras[0].state == "working")
    app = shown(page("run").run())
    said = words(app)
    assert "Running" in said and "Detecting people" not in said
    assert ":blue-badge[:material/sync: detect] :gray-badge[embed]" in said
    assert "5.0 frames/s (200 ms each)" in said
    assert "Waiting" in said
    press(app, "Stop")
    over(services().jobs, job.key)
    app = shown(page("run").run())
    assert "Stopped" in words(app)
    act(tmp_path, "quick")
    press(app, "Continue")
    assert over(services().jobs, job.key).state == "done"
    # It may be done before the page has been drawn anew: by the next time, it is the run that is shown.
    shown(page("run").run())
    assert (now(case).run, now(case).wanted) == (job.key, "")


@pytest.mark.slow
def test_where_there_is_no_room_a_run_waits_visibly_and_can_be_cancelled(
    house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTLINE_JOBS", "1")
    act(tmp_path, "wait")
    first, _ = case_of(house), case_of(house, clips=2)
    running = services().jobs.start(order_of(first))
    app, job = started(services().cases.all()[0])
    assert job.state == "waiting"
    app = shown(page("run").run())
    assert "1st in the queue" in words(app) and "Start" not in labels(app)
    assert "**The run is waiting:** 1st in the queue" in words(shown(page("gallery").run()))
    press(page("run").run(), "Cancel")
    app = shown(page("run").run())
    assert "queue" not in words(app) and "Start" in labels(app)
    assert services().jobs.get(running.key).state == "running"


@pytest.mark.slow
def test_of_several_clips_the_one_at_work_comes_first(house: Path, tmp_path: Path) -> None:
    act(tmp_path, "wait")
    _, job = started(case_of(house, clips=2))
    until(lambda: services().jobs.get(job.key).cameras[0].state == "working")
    path = job.folder / "progress"
    path.write_text(path.read_text().replace('"gate"', '"hall"'))
    said = words(shown(page("run").run()))
    assert said.index("**hall**") < said.index("**gate**")
    assert "0 of 2 clips done" in said


def test_what_another_tab_changes_is_shown_by_the_whole_page(house: Path) -> None:
    case_of(house)

    def script() -> None:
        from dataclasses import replace

        import streamlit as st

        from pages.parts.run.presets import PRESETS, _cards
        from pages.parts.shell.open_case import require_case

        st.session_state["runs"] = st.session_state.get("runs", 0) + 1
        case = require_case()
        first = st.session_state["runs"] == 1
        _cards(replace(case, plan=PRESETS[0].apply(case.plan)) if first else case, False)

    app = shown(AppTest.from_function(script, default_timeout=30).run())
    assert app.session_state["runs"] == 2


def test_what_was_found_is_said_and_becomes_what_the_case_shows(house: Path) -> None:
    case = case_of(house)
    _, job = started(case)
    over(services().jobs, job.key)
    app = shown(page("run").run())
    assert "People found: 2" in words(app)
    assert "Go to the gallery" in labels(app)
    assert (now(case).run, now(case).wanted) == (job.key, "")
    assert "Results are up to date" in words(app)


@pytest.mark.parametrize(
    "name",
    [
        "gallery",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("footage", "regions", "similarity", "download")),
    ],
)
def test_every_page_says_how_the_results_stand_and_updates_them(house: Path, name: str) -> None:
    case = case_of(house, Plan(embedder="none"))
    assert "Results are" not in words(shown(page(name).run()))
    _, first = started(case)
    over(services().jobs, first.key)
    assert "Results are up to date" in words(shown(page(name).run()))
    later = replace(now(case).clips[0], offset_seconds=3.0)
    services().cases.change(case.key, lambda old: replace(old.with_clip("gate", later), plan=Plan(embedder="none")))
    app = shown(page(name).run())
    assert "Results are out of date] gate: start offset 3 s (was 0 s)" in words(app)
    act(house.parent, "wait")
    shown(app.button(key="update results").click().run())
    second = job_of(case)
    assert second.key != first.key and second.order.sources[0].offset_seconds == 3.0
    assert "Running: 0 of 1 clip" in words(shown(page(name).run()))


@pytest.mark.slow
def test_an_update_that_is_refused_is_said_on_the_page_where_it_was_asked_for(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of(house, Plan(embedder="none"))
    _, first = started(case)
    over(services().jobs, first.key)
    services().cases.change(
        case.key, lambda old: replace(old, plan=Plan(embedder="none", track=TrackSettings(iou=0.5)))
    )
    app = shown(page("gallery").run())

    def refuse(order: object) -> Job:
        raise StoreError("the disk is full", "Make room.")

    monkeypatch.setattr(services().jobs, "start", refuse)
    shown(app.button(key="update results").click().run())
    assert "The run was not started:** the disk is full. Make room." in words(app)
    assert now(case).wanted == ""


def test_without_an_appearance_model_nobody_is_found_again(house: Path) -> None:
    case = case_of(house, Plan(embedder="none"))
    _, job = started(case)
    over(services().jobs, job.key)
    app = shown(page("run").run())
    assert "3 tracks found" in words(app)
    assert "To match them across cameras" in words(app)
    assert "Go to the gallery" not in labels(app)


def test_another_setting_offers_another_run_and_says_what_changed(house: Path) -> None:
    case = case_of(house)
    _, first = started(case)
    over(services().jobs, first.key)
    app = shown(page("run").run())
    shown(app.number_input(key=f"iou of {case.key}").set_value(0.5).run())
    assert "minimum IoU: 0.5 (was 0.2)" in words(app)
    assert now(case).plan.track == TrackSettings(iou=0.5)
    shown(app.button(key="update results").click().run())
    second = job_of(case)
    assert second.key != first.key and second.order.track == TrackSettings(iou=0.5)
    over(services().jobs, second.key)


def test_presets_are_in_the_case_at_once(house: Path) -> None:
    case = case_of(house)
    app = press(shown(page("run").run()), "Select Thorough")
    assert now(case).plan == Plan(video=VideoSettings(fps=15), detect=DetectSettings(size=1280))
    assert "Selected" in labels(app)
    shown(app.number_input(key=f"fps of {case.key}").set_value(2.0).run())
    assert "Custom settings" in words(app)
    press(app, "Reset to defaults")
    assert now(case).plan == Plan()


def test_a_setting_that_cannot_be_is_refused_and_not_kept(house: Path) -> None:
    case = case_of(house)
    app = shown(page("run").run())
    shown(app.number_input(key=f"size of {case.key}").set_value(650).run())
    assert "no multiple of 32" in words(app)
    assert now(case).plan == Plan()
    assert app.number_input(key=f"size of {case.key}").value == 640


@pytest.mark.slow
def test_the_time_is_that_of_measured_rates(house: Path) -> None:
    from core.machine.device import parse_backend
    from core.runs import Camera, Networks, Recipe, plan_clip
    from core.runs.estimate import Rate, Rates, rate_kind
    from core.vision.models import find

    case = case_of(house)
    app = shown(page("run").run())
    assert "unknown" in words(app) or "measuring" in words(app)
    networks = Networks(
        find(case.plan.detector, "detector"), find(case.plan.embedder, "embedder"), parse_backend("auto")
    )
    clip = clip_at(house, "gate.mp4")
    for preset in PRESETS:
        plan = preset.apply(case.plan)
        timeline, recipe = plan_clip(clip, Camera("gate", Path(clip.path)), Recipe(plan.video, plan.detect))
        for stage in ("detect", "embed", "track", "crops"):
            kind = rate_kind(stage, clip, timeline, recipe, networks)
            Rates().record(Rate(kind, 1, 30 / len(timeline) if stage == "detect" else 0.0, "run"))
    app = shown(page("run").run())
    assert "about 30 s" in words(app)
    assert "earlier runs on this computer" in words(app)


def test_failures_give_their_reason_and_what_to_do(house: Path, tmp_path: Path) -> None:
    act(tmp_path, "refuse")
    _, job = started(case_of(house))
    over(services().jobs, job.key)
    app = shown(page("run").run())
    assert "**The run failed.** the model is missing. Put it there." in [error.value for error in app.error]
    assert "Try again" in labels(app)


@pytest.mark.slow
def test_one_failed_clip_does_not_hide_what_the_others_gave(house: Path, tmp_path: Path) -> None:
    act(tmp_path, "one-fails")
    case = case_of(house, clips=2)
    _, job = started(case)
    over(services().jobs, job.key)
    app = shown(page("run").run())
    assert "**gate failed.** no frames. Export it again." in [error.value for error in app.error]
    assert "People found: 2" in words(app)
    assert "Retry failed clips" in labels(app)


@pytest.mark.slow
def test_another_try_looks_for_clips_where_they_are_now(house: Path, tmp_path: Path) -> None:
    act(tmp_path, "refuse")
    case = case_of(house)
    _, job = started(case)
    over(services().jobs, job.key)
    old = Path(case.clips[0].path)
    new = old.rename(old.with_name("moved.mp4"))
    services().cases.change(case.key, lambda now: now.with_clip("gate", replace(now.clip("gate"), path=str(new))))
    press(shown(page("run").run()), "Try again")
    again = over(services().jobs, job.key)
    assert [source.path for source in again.order.sources] == [str(new)] and again.key == again.order.key == job.key


def test_a_second_tab_sees_the_same_run(house: Path, tmp_path: Path) -> None:
    act(tmp_path, "wait")
    case = case_of(house)
    _, job = started(case)
    serve_with(Services(jobs=Jobs(tmp_path / "cache" / "runs", ["nobody"]), speed_tests=services().speed_tests))
    other = page("run")
    other.query_params["case"] = case.key
    assert "Running" in words(shown(other.run()))
    assert job_of(case).is_active
    assert len(json.loads((job.folder / "job.json").read_text())["order"]["sources"]) == 1


def test_runs_of_other_cases_are_below_and_those_of_none_can_be_deleted(house: Path) -> None:
    case = case_of(house)
    _, job = started(case)
    over(services().jobs, job.key)
    services().cases.change(case.key, lambda old: replace(old, run="", wanted=""))
    app = shown(page("run").run())
    assert "not used by any case" in words(app)
    export = cache_dir() / "exports" / f"{job.key}-{'0' * 20}"
    export.mkdir(parents=True)
    (export / "job.json").write_text('{"began": 1.0}')
    shown(app.button(key=f"forget {job.key}").click().run())
    assert services().jobs.all() == [] and not export.exists()


def test_a_model_that_is_not_here_is_named_with_what_to_do(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGHTLINE_WEIGHTS", raising=False)
    case_of(house, Plan(embedder="osnet_x0_5"))
    app = shown(page("run").run())
    assert "osnet_x0_5 is not installed" in words(app)
    assert any("cannot be run yet" in error.value for error in app.error)
    assert "Start" not in labels(app)


def test_models_say_what_they_are_good_for(house: Path) -> None:
    case = case_of(house)
    app = shown(page("run").run())
    assert "Detects people in CCTV footage" in words(app)
    assert order_of(case).models
    assert "yolo11s" in words(app)


def test_without_a_detector_it_says_what_to_do(house: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from core.vision.models import manifest

    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "manifest.toml").write_bytes((manifest.WEIGHTS / "manifest.toml").read_bytes())
    monkeypatch.setattr(manifest, "WEIGHTS", tmp_path / "weights")
    monkeypatch.delenv("SIGHTLINE_WEIGHTS", raising=False)
    case_of(house)
    app = shown(page("run").run())
    assert "No person detector is installed" in words(app)
    assert str(tmp_path / "weights" / "person-yolo11n.pt") in words(app)


def test_the_log_is_shown(house: Path) -> None:
    case = case_of(house)
    _, job = started(case)
    over(services().jobs, job.key)
    (cache_dir() / "tracker.log").write_text(f"{time.strftime('%Y')}-01-01 INFO {job.log_label}: gate: detect begins\n")
    app = shown(page("run").run())
    assert any("detect begins" in code.value for code in app.code)


def test_faces_are_compared_only_once_the_purpose_is_entered(
    tmp_path: Path, own_house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of(own_house)
    app = page("run").run()
    assert not app.exception and not [box for box in app.checkbox if "faces" in box.label]
    assert any("face_detection_yunet" in info.value for info in app.info)
    monkeypatch.setenv("SIGHTLINE_WEIGHTS", str(tmp_path / "weights"))
    write_yunet(tmp_path / "weights" / "face_detection_yunet_2023mar.onnx")
    write_sface(tmp_path / "weights" / "face_recognition_sface_2021dec.onnx")
    app = page("run").run()
    next(box for box in app.checkbox if "faces" in box.label).check().run()
    assert not now(case).plan.faces and "only for a purpose" in words(app)
    next(field for field in app.text_input if field.label == "Purpose or legal basis").input("a theft").run()
    next(box for box in app.checkbox if "faces" in box.label).check().run()
    assert now(case).plan.faces and now(case).purpose == "a theft"
    assert "faces compared, too; purpose: a theft" in services().cases.log_lines(case.key)[-1]
    assert not app.exception
