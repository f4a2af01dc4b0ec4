"""Downloads of the app: in a thread, one at a time, cancelled and continued, from a server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.machine.settings_file import UserSettings
from core.vision.models import DETECTOR, EMBEDDER, missing_recommended, recommended
from core.workspace import ModelDownload, ModelDownloads
from core.workspace.cases import default_plan
from tests.vision.models.serving import Server, mirroring, until


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    with mirroring(monkeypatch) as running:
        yield running


def over(downloads: ModelDownloads) -> ModelDownload:
    until(lambda: downloads.latest is not None and not downloads.latest.is_active)
    assert downloads.latest is not None
    return downloads.latest


def test_a_download_ends_with_the_models_here_and_new_cases_use_them(server: Server) -> None:
    assert (default_plan(UserSettings()).detector, default_plan(UserSettings()).embedder) == (DETECTOR, EMBEDDER)
    downloads, missing = ModelDownloads(), missing_recommended()
    assert downloads.latest is None
    downloads.start(missing)
    done = over(downloads)
    assert (done.state, done.faults, done.pinned) == ("done", (), ())
    assert done.share == 1.0 and done.done == done.total == 300_000
    assert missing_recommended() == []
    plan = default_plan(UserSettings())
    assert [plan.detector, plan.embedder] == [status.model.name for status in recommended()]


def test_one_at_a_time_and_cancelled_while_it_waits_for_an_answer(server: Server) -> None:
    server.pause = 1.0
    downloads = ModelDownloads()
    downloads.start(missing_recommended())
    downloads.start(missing_recommended())
    until(lambda: bool(server.asked))
    assert downloads.latest is not None and downloads.latest.state == "running"
    downloads.cancel()
    assert over(downloads).state == "stopped" and len(server.asked) == 1
    server.pause = 0.0
    downloads.start(missing_recommended())
    assert over(downloads).state == "done"


def test_what_fails_says_what_to_do_next_and_does_not_stop_the_other(server: Server) -> None:
    server.files = {path: content for path, content in server.files.items() if not path.endswith(".pt")}
    downloads = ModelDownloads()
    downloads.start(missing_recommended())
    failed = over(downloads)
    assert failed.state == "failed" and [status.model.kind for status in missing_recommended()] == ["detector"]
    assert len(failed.faults) == 1
    for text in (missing_recommended()[0].model.name, "404", "by hand", "put the file at"):
        assert text in failed.faults[0]


def test_a_broken_download_is_continued(server: Server) -> None:
    server.cut_after = 60_000
    downloads = ModelDownloads()
    downloads.start(missing_recommended())
    assert "broke after" in over(downloads).faults[0]
    server.cut_after = 0
    downloads.start(missing_recommended())
    assert over(downloads).state == "done"
    assert "bytes=60000-" in [asked.get("Range") for asked in server.asked]
