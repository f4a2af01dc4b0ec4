"""`make run` where all is installed: whatever the network does, the app answers within 25 seconds of its start and has
said which models new cases use."""

from __future__ import annotations

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from core.machine.settings_file import load_settings
from core.vision.models import DETECTOR, EMBEDDER
from core.workspace.cases import default_plan
from tests.browser.conftest import at_home
from tests.vision.models.serving import HOST, serving

ROOT = Path(__file__).resolve().parents[1]
MOST_SECONDS = 25.0
SHIPPED = f"New cases use {DETECTOR} and {EMBEDDER}."
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="there is no make on Windows"),
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("no_proxy", HOST)
    with at_home(tmp_path):
        yield


class Start:
    """`make run`, and what it has written; `reply` is typed when it asks, None where there is no terminal."""

    def __init__(self, reply: bytes | None) -> None:
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port = free.getsockname()[1]
        self.began, self.said, self._reply = time.monotonic(), b"", reply
        # The locks were installed by whoever runs this test.
        command = ["make", "run", f"PY={sys.executable}", "RUN_READY=app.py"]
        self._master, slave = pty.openpty()
        self._child = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "STREAMLIT_SERVER_PORT": str(self.port)},
            stdin=slave if reply is not None else subprocess.DEVNULL,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with os.fdopen(self._master, "rb", buffering=0) as terminal, suppress(OSError):
            # It ends with an error when the last of those who write to it has ended.
            while block := terminal.read(4096):
                self.said += block
                if self._reply and b"[y/N]" in self.said:
                    os.write(self._master, self._reply)
                    self._reply = b""

    def seconds_until_it_answers(self) -> float:
        """From the command to the first page, by the address that it prints."""
        while time.monotonic() - self.began < 120:
            if found := re.search(rb"/enter\?secret=([\w-]+)\r?\n", self.said):
                with httpx.Client(base_url=f"http://{HOST}:{self.port}") as browser:
                    assert browser.get("/enter", params={"secret": found[1].decode()}).status_code == 303
                    assert browser.get("/").status_code == 200
                return time.monotonic() - self.began
            time.sleep(0.05)
        raise TimeoutError(self.text())

    def text(self) -> str:
        return self.said.decode(errors="replace").replace("\r\n", "\n")

    def stop(self) -> None:
        os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait(30)


@contextmanager
def started(reply: bytes | None) -> Iterator[Start]:
    start = Start(reply)
    try:
        yield start
    finally:
        start.stop()


def test_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_MODELS_URL", f"http://{HOST}:9")
    with started(b"y\n") as start:
        assert start.seconds_until_it_answers() < MOST_SECONDS
        assert "cannot be reached" in start.text() and f"Going on without. {SHIPPED}" in start.text()


def test_with_a_network_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((HOST, 0)) as silent:
        monkeypatch.setenv("SIGHTLINE_MODELS_URL", f"http://{HOST}:{silent.getsockname()[1]}")
        with started(b"y\n") as start:
            assert start.seconds_until_it_answers() < MOST_SECONDS
            assert "no answer within" in start.text() and f"Going on without. {SHIPPED}" in start.text()


def test_with_a_mirror(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    better = shared / "weights" / "person-reidentification-retail-0287"
    with serving() as mirror:
        mirror.files = {f"/{file.name}": file.read_bytes() for file in better.iterdir()}
        monkeypatch.setenv("SIGHTLINE_MODELS_URL", mirror.url("").rstrip("/"))
        with started(b"y\n") as start:
            assert start.seconds_until_it_answers() < MOST_SECONDS
            assert "digest matches" in start.text()
    assert default_plan(load_settings()).embedder == better.name


def test_without_a_terminal() -> None:
    with serving() as mirror, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTLINE_MODELS_URL", mirror.url("").rstrip("/"))
        with started(None) as start:
            assert start.seconds_until_it_answers() < MOST_SECONDS
            assert SHIPPED in start.text() and "[y/N]" not in start.text()
        assert mirror.asked == []
