"""The app in a real browser: a server with a cache beside it, and a tab that must not say anything in red.

Skips where there is no Chromium. Whatever a page asks of another machine is stopped, and fails the test.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from core.workspace.cases import Case, Cases

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# No other machine has an address. (To stop requests one by one would cost Chromium its cache of what it has fetched.)
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Closed with the last test of this folder: while it is open, no other test can run an event loop of its own."""
    if PROGRAM is None:
        pytest.skip("needs Chromium, which is not on this machine")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox", "--disable-gpu", ALONE])
        yield opened
        opened.close()


@contextmanager
def at_home(root: Path) -> Iterator[Path]:
    """The folder of footage below `root`, and the cache beside it, are the program's in this block."""
    footage = root / "footage"
    footage.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTLINE_CACHE", str(root / "cache"))
        patch.setenv("SIGHTLINE_FOOTAGE", str(footage))
        # The browser of the desktop is one that does nothing.
        patch.setenv("BROWSER", "true")
        yield footage


@pytest.fixture(scope="package")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="package")
def server(root: Path) -> Iterator[Address]:
    """The address of the app as `make run` starts it: one for all tests that bring a case of their own."""
    with ExitStack() as stack:
        with at_home(root):
            address = stack.enter_context(serving(root / "log"))
        yield address


@pytest.fixture
def house(root: Path) -> Iterator[Path]:
    """The folder of footage of the server that all have in common."""
    with at_home(root) as footage:
        yield footage


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    """A folder of footage whose cache is empty, for those who start a server of their own."""
    with at_home(tmp_path) as footage:
        yield footage


def shown_by(case: Case, name: str) -> Case:
    """Another case, with nothing said yet, that shows the same run."""
    cases = Cases()
    return cases.change(cases.new(name).key, lambda old: replace(old.with_clips(case.clips), run=case.run))


class Address(str):
    """The address of a server, such as http://127.0.0.1:8501, and the way in."""

    def __new__(cls, port: int, secret: str) -> Self:
        return super().__new__(cls, f"http://127.0.0.1:{port}")

    def __init__(self, port: int, secret: str) -> None:
        self.entrance = f"{self}/enter?secret={secret}" if secret else ""


def enter(tab: Page | BrowserContext, address: Address) -> None:
    """Let the tabs of this one's context in, as the address does that the server prints."""
    context = tab if isinstance(tab, BrowserContext) else tab.context
    if not address.entrance:
        return
    assert context.request.get(address.entrance, max_redirects=0).status == 303


def cookies_of(address: Address) -> httpx.Cookies:
    """What the server gives in exchange for its start secret."""
    return httpx.get(address.entrance).cookies


@contextmanager
def serving(log: Path, port: int = 0, script: Path | None = None) -> Iterator[Address]:
    """The address of the app, which is killed at the end; without a port, one that is free. A `script` of a test's own
    is served in its place, to everybody."""
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "streamlit", "run", str(script or ROOT / "app.py"), f"--server.port={port}"]
    with log.open("wb") as said:
        child = subprocess.Popen(words, cwd=ROOT, env=dict(os.environ), stdout=said, stderr=said)
    try:
        yield Address(port, _printed_secret(log) if script is None else _when_served(port))
    finally:
        child.kill()
        child.wait(30)


def _printed_secret(log: Path) -> str:
    """The port is bound by then: whoever asks is answered."""
    for _ in range(2400):
        if found := re.search(r"/enter\?secret=([\w-]+)\n", log.read_text(encoding="utf-8")):
            return found[1]
        time.sleep(0.05)
    raise TimeoutError("the app did not start")


def _when_served(port: int) -> str:
    """No secret, as soon as a script is served."""
    for _ in range(2400):
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/_stcore/health").status_code == 200:
                return ""
        time.sleep(0.05)
    raise TimeoutError("the script was not served")


@pytest.fixture
def tab(chromium: Browser, server: Address, house: Path) -> Iterator[Page]:
    """An empty tab, 1440 x 900; relative addresses are the app's."""
    with watched(chromium, server) as page:
        yield page


def is_fault(message: ConsoleMessage) -> bool:
    """Whether the console says it in red: what the page's policy forbids is among that.

    On a cold link to a page, Streamlit first looks for its server below that page's address. On a slow machine the
    browser may ask for a picture of Streamlit's that the next run of the script has just replaced.
    """
    address = str(message.location.get("url", ""))
    is_expected = "404" in message.text and ("/_stcore/" in address or "/media/" in address)
    return message.type == "error" and not is_expected


@contextmanager
def watched(chromium: Browser, server: Address) -> Iterator[Page]:
    """A tab in which nothing may be asked of another machine, and nothing said in red."""
    context = chromium.new_context(base_url=server, viewport={"width": 1440, "height": 900})
    enter(context, server)
    foreign: list[str] = []
    faults: list[str] = []

    def look(request: Request) -> None:
        if not request.url.startswith((server, "data:", "blob:")):
            foreign.append(request.url)

    def hear(message: ConsoleMessage) -> None:
        if is_fault(message):
            faults.append(f"{message.text} {message.location}")

    context.on("request", look)
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
