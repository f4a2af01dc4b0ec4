"""Tracks: nothing yet, ready, nobody seen, a camera that failed, a clip that is gone, a track chosen."""

from pathlib import Path

import numpy as np
import pytest

from core.results import overlay, spans, tracks_of
from core.types import Tracks
from pages.parts.choices import Choices
from pages.parts.services import services
from pages.parts.track_list import start_of
from tests.pages.making import clip_at, finished_run, order_for, page, words


def ready(folder: Path, tracks: int = 2) -> str:
    """A finished run of one camera whose film is made."""
    clip = clip_at(folder)
    from core.video.proxy import make_proxy

    make_proxy(clip, services().proxies.root / f"{clip.digest}.mp4")
    return finished_run(order_for(clip), [clip], tracks)


def test_no_run_yet_says_what_to_do() -> None:
    app = page("tracks").run()
    assert not app.exception
    assert "No finished run yet" in words(app)


def test_the_tracks_are_shown(own_house: Path) -> None:
    key = ready(own_house)
    app = page("tracks").run()
    assert not app.exception
    assert app.dataframe[0].value["Track"].tolist() == [1, 2]
    assert app.dataframe[0].value["First seen"].tolist() == pytest.approx([0.04, 0.08])
    assert app.dataframe[0].value["Filled in"].tolist() == [0, 1]
    assert len(app.get("bidi_component")) == 1
    said = words(app)
    for fact in ("person-yolo11n", "abababababab", "none: matched on motion alone", "10 frames/s", "conf 0.25"):
        assert fact in said
    assert app.session_state["choices"].run == key
    assert len(app.get("download_button")) == 3


def test_the_address_chooses_the_run(own_house: Path) -> None:
    ready(own_house)
    other = clip_at(own_house, "other.mp4", 12)
    key = finished_run(order_for(other), [other], 1)
    app = page("tracks")
    app.query_params["run"] = key
    app.run()
    assert app.selectbox(key="run").value == key
    assert app.selectbox(key="camera").value == "other"


def test_nobody_seen_is_said(own_house: Path) -> None:
    ready(own_house, tracks=0)
    app = page("tracks").run()
    assert not app.exception
    assert "Nobody was tracked" in words(app)


def test_a_camera_that_failed_is_named_and_the_others_are_shown(own_house: Path) -> None:
    first, second = clip_at(own_house, "a.mp4", 20), clip_at(own_house, "b.mp4", 21)
    finished_run(order_for(first, second), [first, second], failed={"a": "it broke off."})
    app = page("tracks").run()
    assert app.warning[0].value == "**a:** it broke off."
    assert app.selectbox(key="camera").options == ["b"]


def test_the_film_is_made_when_it_is_wanted(own_house: Path) -> None:
    clip = clip_at(own_house)
    finished_run(order_for(clip), [clip])
    app = page("tracks").run()
    assert not app.exception
    from tests.test_jobs import until

    until(lambda: services().proxies.look(clip.digest).path is not None)
    assert len(app.run().get("bidi_component")) == 1


def test_a_clip_that_is_gone_leaves_its_tracks(own_house: Path) -> None:
    clip = clip_at(own_house)
    finished_run(order_for(clip), [clip])
    Path(clip.path).unlink()
    app = page("tracks").run()
    assert not app.exception
    assert "The clip cannot be shown" in app.warning[0].value
    assert len(app.dataframe) == 1


def test_a_clip_that_was_changed_is_not_shown_under_old_tracks(own_house: Path) -> None:
    clip = clip_at(own_house)
    finished_run(order_for(clip), [clip])
    clip_at(own_house, frames=7)
    app = page("tracks").run()
    assert "has changed since this run" in app.warning[0].value
    assert not app.get("bidi_component")


def test_a_damaged_result_is_said_not_thrown(own_house: Path) -> None:
    from core.errors import StoreError

    key = ready(own_house)
    out = services().jobs.look(key).out
    (out / "tracks.parquet").write_bytes(b"no parquet")
    with pytest.raises(StoreError, match="cannot be read"):
        tracks_of(out, "gate")


def test_a_choice_jumps_each_time_it_is_made() -> None:
    choices = Choices()
    choices.jump_to(3)
    choices.jump_to(3)
    assert (choices.track, choices.jumps) == (3, 2)


def some_tracks() -> Tracks:
    frame = np.array([0, 0, 1, 1, 5])
    box = np.array([[0, 0, 10.4, 20.6]] * 5)
    seen = np.array([True, True, True, False, True])
    return Tracks(frame, frame / 10, np.array([2, 1, 2, 1, 7]), box, np.ones(5), seen)


def test_spans_say_when_each_track_is_seen() -> None:
    found = spans(some_tracks())
    assert found.track.tolist() == [1, 2, 7]
    assert found.first_seconds.tolist() == [0, 0, 0.5]
    assert found.last_seconds.tolist() == [0.1, 0.1, 0.5]
    assert (found.boxes.tolist(), found.filled.tolist()) == ([2, 2, 1], [1, 0, 0])
    assert (start_of(found, 7), start_of(found, 99), start_of(found, None)) == (0.5, 0, 0)
    assert len(spans(Tracks.empty())) == 0


def test_the_overlay_carries_seconds_and_what_was_filled_in() -> None:
    import json

    content = json.loads(overlay(some_tracks(), 128, 64))
    assert content["seconds"] == [0, 0, 0.1, 0.1, 0.5]
    assert content["seen"] == [1, 1, 1, 0, 1]
    assert content["box"][0] == [0, 0, 10, 21]
    assert (content["width"], content["height"]) == (128, 64)
    assert json.loads(overlay(Tracks.empty(), 128, 64))["seconds"] == []
