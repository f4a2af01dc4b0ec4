"""`models offer`, which `make run` calls, and `models get --recommended`, from a server on this machine."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.cli import main, model_downloads
from core.cli.model_downloads import ANSWER_FILE, offer
from core.machine.paths import data_dir
from core.vision.models import (
    DETECTOR,
    EMBEDDER,
    missing_recommended,
    recommended,
    this_machine,
    transfer,
)
from tests.vision.models.serving import Server, mirroring

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A mirror that has the recommended models, in a manifest whose digests fit them; the data folder is empty."""
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    with mirroring(monkeypatch) as running:
        yield running


def never(question: str) -> str:
    raise AssertionError(f"asked: {question}")


def answering(text: str) -> Callable[[str], str]:
    return lambda question: text


def present() -> list[str]:
    return [status.model.name for status in recommended() if status.state == "present"]


def test_the_recommended_models_are_one_of_each_kind() -> None:
    for machine in ("cpu", "gpu"):
        models = [status.model for status in recommended(machine)]  # type: ignore[arg-type]
        assert sorted(model.kind for model in models) == ["detector", "embedder"]
        for model in models:
            assert model.brief and model.licence and len(model.digest) == 64
            assert model.url or model.name in (DETECTOR, EMBEDDER)
    assert this_machine() in ("cpu", "gpu")


def test_a_yes_downloads_and_is_remembered(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    missing = missing_recommended()
    offer(missing, True, answering("y"))
    said = capsys.readouterr().out
    for status in missing:
        for text in (status.model.name, f"{status.model.megabytes:.1f} MB", status.model.licence, status.model.brief):
            assert text in said
    assert present() == [status.model.name for status in missing]
    assert '"answer": "yes"' in (data_dir() / ANSWER_FILE).read_text()


@pytest.mark.parametrize("text", ["", "n", "no", "later"])
def test_anything_else_is_a_no_which_is_never_asked_again(
    server: Server, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    offer(missing_recommended(), True, answering(text))
    offer(missing_recommended(), True, never)
    assert server.asked == [] and present() == []
    assert f"New cases use {DETECTOR} and {EMBEDDER}." in capsys.readouterr().out


def test_without_a_terminal_nothing_is_asked_remembered_or_downloaded(server: Server) -> None:
    offer(missing_recommended(), False, never)
    assert server.asked == [] and not (data_dir() / ANSWER_FILE).exists()
    # Also after a yes, with something to continue.
    server.cut_after = 1_000
    offer(missing_recommended(), True, answering("y"))
    asked = len(server.asked)
    offer(missing_recommended(), False, never)
    assert len(server.asked) == asked


def test_a_download_that_broke_off_is_continued_by_the_next_start(server: Server) -> None:
    server.cut_after = 1_000
    offer(missing_recommended(), True, answering("y"))
    assert present() == []
    server.cut_after = 0
    offer(missing_recommended(), True, never)
    assert present() == [status.model.name for status in recommended()]
    assert "bytes=1000-" in [asked.get("Range") for asked in server.asked]


def test_a_network_that_hangs_is_waited_for_once(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(transfer, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(model_downloads, "_SLOW_SECONDS", 0.1)
    server.pause = 0.5
    offer(missing_recommended(), True, answering("y"))
    assert f"Going on without. New cases use {DETECTOR} and {EMBEDDER}." in capsys.readouterr().out
    assert len(server.asked) == 1
    offer(missing_recommended(), True, never)
    assert len(server.asked) == 1


def test_the_limits_of_time_fit_a_start() -> None:
    assert transfer.CONNECT_SECONDS <= 20 and model_downloads._SLOW_SECONDS + transfer.CONNECT_SECONDS <= 25


def test_where_nothing_is_missing_nothing_is_said(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "get", "--recommended", "--progress", "none"]) == 0
    said = capsys.readouterr().out
    assert "digest matches" in said and "New cases of the app use them" in said and "--features" in said
    assert main(["models", "offer"]) == 0
    assert capsys.readouterr().out == ""


def test_a_failure_of_one_leaves_the_other(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    embedder = recommended()[1]
    server.files = {path: content for path, content in server.files.items() if not path.endswith(".pt")}
    assert main(["models", "get", "--recommended", "--progress", "none"]) == 2
    assert "404" in capsys.readouterr().err and present() == [embedder.model.name]


def on_a_terminal(command: list[str], reply: bytes) -> str:
    """What the command writes on a terminal, where `reply` is typed when it asks."""
    master, slave = pty.openpty()
    child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, close_fds=True)
    os.close(slave)
    said, end = b"", time.monotonic() + 200
    while time.monotonic() < end:
        if not select.select([master], [], [], 0.1)[0]:
            continue
        try:
            block = os.read(master, 4096)
        except OSError:
            break
        if not block:
            break
        said += block
        if reply and b"[y/N]" in said:
            os.write(master, reply)
            reply = b""
    os.close(master)
    assert child.wait(60) == 0
    return said.decode()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform == "win32", reason="there is no make on Windows")
def test_the_command_of_make_run_asks_on_a_terminal_once(server: Server) -> None:
    """No proxy, no server: whatever the answer, the command ends well and make goes on."""
    recipe = re.search(
        r"^run: .*\n\t@\$\(PY\) -m (core models offer) \|\| true\n", (ROOT / "Makefile").read_text(), re.M
    )
    assert recipe
    command = [sys.executable, "-m", *recipe[1].split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=200)
    assert done.returncode == 0 and "[y/N]" not in done.stdout and "get --recommended" in done.stdout
    assert "[y/N]" in on_a_terminal(command, b"n\n")
    assert "[y/N]" not in on_a_terminal(command, b"")
    assert server.asked == []
