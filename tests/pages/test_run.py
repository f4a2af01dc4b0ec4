"""Run: no clips, ready, at work, stopped, failed, settings changed, no model."""

import sys
from pathlib import Path

import pytest

from core.jobs import Jobs
from core.settings import TrackSettings, VideoSettings
from core.video.proxy import Proxies
from pages.parts.choices import Choices
from pages.parts.services import Services, serve_with, services
from tests.pages.making import clip_at, finished_run, order_for, page, words
from tests.test_jobs import CHILD, over, until


@pytest.fixture
def child(tmp_path: Path) -> Jobs:
    """A job manager whose child waits to be stopped, whatever the detector is called."""
    script = tmp_path / "child.py"
    script.write_text(CHILD.replace('flags["weights"]', '(Path(__file__).with_name("act").read_text())'))
    act(tmp_path, "wait")
    jobs = Jobs(tmp_path / "cache" / "runs", [sys.executable, str(script)])
    serve_with(Services(jobs, Proxies()))
    return jobs


def act(folder: Path, word: str) -> None:
    (folder / "act").write_text(word)


def test_no_clips_says_where_to_get_them() -> None:
    app = page("run").run()
    assert not app.exception
    assert "No clips yet" in words(app)
    assert "Nothing has been run yet" in words(app)


def test_start_stop_and_go_on(own_house: Path, tmp_path: Path, child: Jobs) -> None:
    clip = clip_at(own_house)
    app = page("run", Choices(clips=[clip.path])).run()
    assert not app.exception
    next(b for b in app.button if b.label == "Start tracking").click().run()
    (job,) = child.all()
    until(lambda: child.look(job.key).cameras[0].state == "working")
    app.run()
    assert "is at work" in words(app)
    assert "at work" in words(app)
    assert not [b for b in app.button if b.label == "Start tracking"]
    app.button(key=f"stop {job.key}").click().run()
    over(child, job.key)
    app.run()
    assert "stopped" in words(app)
    act(tmp_path, "quick")
    app.button(key=f"again {job.key}").click().run()
    over(child, job.key)
    app.run()
    assert "3 tracks" in words(app)
    assert not app.exception


def test_the_settings_reach_the_work(own_house: Path, tmp_path: Path, child: Jobs) -> None:
    act(tmp_path, "quick")
    clip = clip_at(own_house)
    app = page("run", Choices(clips=[clip.path], names={clip.path: "door"})).run()
    app.number_input(key="fps").set_value(5.0)
    app.number_input(key="conf").set_value(0.4)
    app.number_input(key="n_init").set_value(2).run()
    next(b for b in app.button if b.label == "Start tracking").click().run()
    (job,) = child.all()
    assert job.order.video == VideoSettings(fps=5)
    assert job.order.track == TrackSettings(conf=0.4, n_init=2)
    assert [(s.camera, s.digest) for s in job.order.sources] == [("door", clip.digest)]
    over(child, job.key)


def test_another_setting_is_another_run(own_house: Path) -> None:
    clip = clip_at(own_house)
    app = page("run", Choices(clips=[clip.path])).run()
    app.number_input(key="iou").set_value(0.5).run()
    assert [b for b in app.button if b.label == "Start tracking"]
    app.number_input(key="end").set_value(3.0)
    app.number_input(key="start").set_value(5.0).run()
    assert "is not after" in app.error[0].value
    assert not [b for b in app.button if b.label == "Start tracking"]
    assert not app.exception


def test_failure_reasons_are_shown(own_house: Path, tmp_path: Path, child: Jobs) -> None:
    act(tmp_path, "refuse")
    clip = clip_at(own_house)
    app = page("run", Choices(clips=[clip.path])).run()
    next(b for b in app.button if b.label == "Start tracking").click().run()
    over(child, child.all()[0].key)
    app.run()
    assert "the model is missing. Put it there." in [error.value for error in app.error]
    assert [b for b in app.button if b.label == "Try again"]


def test_one_failed_clip_is_named(own_house: Path) -> None:
    first, second = clip_at(own_house, "a.mp4", 20), clip_at(own_house, "b.mp4", 21)
    finished_run(order_for(first, second), [first, second], failed={"b": "b.mp4 broke off. Export it again."})
    app = page("run").run()
    assert "done in part" in words(app)
    assert "**b:** b.mp4 broke off. Export it again." in [error.value for error in app.error]


def test_a_run_is_removed(own_house: Path) -> None:
    clip = clip_at(own_house)
    key = finished_run(order_for(clip), [clip])
    app = page("run").run()
    app.button(key=f"forget {key}").click().run()
    assert services().jobs.all() == []
    assert not app.exception


def test_without_a_detector_it_says_what_to_do(
    own_house: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from core.weights import manifest

    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "manifest.toml").write_bytes((manifest.HOME / "manifest.toml").read_bytes())
    monkeypatch.setattr(manifest, "HOME", tmp_path / "weights")
    monkeypatch.delenv("SIGHTLINE_WEIGHTS", raising=False)
    clip = clip_at(own_house)
    app = page("run", Choices(clips=[clip.path])).run()
    assert not app.exception
    assert "No detector is here" in app.error[0].value
    assert str(tmp_path / "weights" / "person-yolo11n.pt") in words(app)


def test_missing_models_are_named_with_their_place(own_house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGHTLINE_WEIGHTS", raising=False)
    clip = clip_at(own_house)
    app = page("run", Choices(clips=[clip.path])).run()
    assert "osnet_x0_25_msmt17" in words(app)
