"""The Run page's offer of better models: drawn without asking the network, pressed, followed, cancelled, used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.vision.models import DETECTOR, EMBEDDER, missing_recommended, recommended
from core.workspace import services
from core.workspace.cases import Case, CaseClip
from tests.pages.making import clip_at, page, words
from tests.vision.models.serving import Server, mirroring, until


@pytest.fixture
def server(own_house: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with mirroring(monkeypatch) as running:
        yield running


@pytest.fixture
def case(own_house: Path) -> Case:
    clip = clip_at(own_house)
    named = CaseClip("gate", clip.path, clip.digest)
    return services().cases.change(services().cases.new("plaza").key, lambda case: replace(case, clips=(named,)))


def drawn() -> AppTest:
    app = page("run").run()
    assert not app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    app = next(button for button in app.button if button.label.startswith(label)).click().run()
    assert not app.exception
    return app


def now(case: Case) -> Case:
    return services().cases.load(case.key)


def is_over() -> bool:
    latest = services().models.latest
    return latest is not None and not latest.is_active


def test_the_offer_compares_and_asks_nobody_before_it_is_pressed(server: Server, case: Case) -> None:
    said = words(drawn())
    assert "Better models can be downloaded" in said and "Comes with Sightline" in said
    for status in missing_recommended():
        assert status.model.name in said and status.model.licence in said
    assert "29 of 100" in said and "55 of 100" in said
    assert server.asked == []


def test_a_download_is_followed_and_the_case_keeps_its_models_until_told(server: Server, case: Case) -> None:
    app = press(drawn(), "Download 2 models (300.0 kB)")
    until(is_over)
    app = drawn()
    said, names = words(app), [status.model.name for status in recommended()]
    assert "Better models can be downloaded" not in said
    assert f"A better choice is installed: {names[0]} and {names[1]}." in said
    assert f"This case keeps {DETECTOR} and {EMBEDDER}" in said and "1 clip again" in said
    assert (now(case).plan.detector, now(case).plan.embedder) == (DETECTOR, EMBEDDER)
    app = press(app, "Use it in this case")
    assert [now(case).plan.detector, now(case).plan.embedder] == names
    assert "A better choice" not in words(app)
    # A new case uses them from the start.
    assert services().cases.new("next").plan.detector == names[0]


def test_a_download_in_progress_shows_and_can_be_cancelled(server: Server, case: Case) -> None:
    server.pause = 2.0
    app = press(drawn(), "Download 2 models")
    assert services().models.latest is not None and services().models.latest.is_active
    press(app if any(b.label == "Cancel" for b in app.button) else drawn(), "Cancel")
    until(is_over)
    said = words(drawn())
    assert "The download was cancelled" in said and "Download 2 models (300.0 kB)" in [b.label for b in drawn().button]


def test_a_failure_says_what_to_do_next(server: Server, case: Case) -> None:
    server.status = 503
    press(drawn(), "Download 2 models")
    until(is_over)
    app = drawn()
    said = words(app)
    assert "503" in said and "by hand" in said and "Download 2 models (300.0 kB)" in [b.label for b in app.button]


def test_models_that_the_user_chose_are_left_alone(server: Server, case: Case) -> None:
    services().models.start(missing_recommended())
    until(is_over)
    services().cases.change(
        case.key, lambda old: replace(old, plan=replace(old.plan, detector="mine", embedder="none"))
    )
    assert "A better choice" not in words(drawn())
