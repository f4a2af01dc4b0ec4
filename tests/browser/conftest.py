"""The app in a real browser: a server with a cache of its own, and a tab that must not say anything in red.

Skips where there is no Chromium. Whatever a page asks of another machine is stopped, and fails the test.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Closed with the last test of this folder: while it is open, no other test can run an event loop of its own."""
    if PROGRAM is None:
        pytest.skip("needs Chromium, which is not on this machine")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of footage; the cache beside it is empty."""
    footage = tmp_path / "footage"
    footage.mkdir()
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(footage))
    # As `make run` starts it, but for the browser of the desktop, which is one that does nothing.
    monkeypatch.setenv("BROWSER", "true")
    return footage


@pytest.fixture
def server(house: Path, tmp_path: Path) -> Iterator[str]:
    """The address of the app as `make run` starts it."""
    with serving(tmp_path / "log") as address:
        yield address


@contextmanager
def serving(log: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), f"--server.port={port}"]
    with log.open("wb") as said:
        child = subprocess.Popen(
            [*words, "--server.headless=false"], cwd=ROOT, env=dict(os.environ), stdout=said, stderr=said
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        child.kill()
        child.wait(30)


def _wait_for(health: str) -> None:
    for _ in range(2400):
        try:
            if httpx.get(health).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError("the app did not start")


@pytest.fixture
def tab(chromium: Browser, server: str) -> Iterator[Page]:
    """An empty tab, 1440 x 900; relative addresses are the app's."""
    with watched(chromium, server) as page:
        yield page


@contextmanager
def watched(chromium: Browser, server: str) -> Iterator[Page]:
    """A tab in which nothing may be asked of another machine, and nothing said in red."""
    context = chromium.new_context(base_url=server, viewport={"width": 1440, "height": 900})
    foreign: list[str] = []
    faults: list[str] = []

    def look(route: Route, request: Request) -> None:
        if request.url.startswith((server, "data:", "blob:")):
            route.continue_()
        else:
            foreign.append(request.url)
            route.abort()

    def hear(message: ConsoleMessage) -> None:
        # On a cold link to a page, Streamlit first looks for its server below that page's address.
        probing = "/_stcore/" in str(message.location.get("url", "")) and "404" in message.text
        if message.type == "error" and not probing:
            faults.append(f"{message.text} {message.location}")

    context.route("**/*", look)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", hear)
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    try:
        yield page
    except Exception as fault:
        fault.add_note(f"{page.url} says:\n{page.inner_text('body')}\n{faults}")
        raise
    finally:
        context.close()
    assert foreign == [] and faults == []
