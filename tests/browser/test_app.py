"""The app in a real browser: what only a browser shows. Skips where there is no Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.browser.driving import Browser, chromium
from tests.pages.making import clip_at, finished_run, order_for

ROOT = Path(__file__).resolve().parents[2]
# On a cold link to a page, Streamlit first looks for its server below that page's address.
PROBES = ("/watch/_stcore/health", "/watch/_stcore/host-config")

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    reason="needs Chromium, which is not on this machine",
)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with one finished run of the clip in the folder of footage."""
    footage = tmp_path / "footage"
    footage.mkdir()
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(footage))
    clip = clip_at(footage, frames=60)
    finished_run(order_for(clip), [clip])
    return footage


@pytest.fixture
def address(house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), f"--server.port={port}"]
    # As `make run` starts it, but for the browser of the desktop, which is one that does nothing.
    words.append("--server.headless=false")
    monkeypatch.setenv("BROWSER", "true")
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(words, cwd=ROOT, env=dict(os.environ), stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        assert (tmp_path / "log").read_text() == f"Sightline is at http://localhost:{port}; Ctrl+C ends it.\n"
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait(30)


def _wait_for(health: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(health).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError("the app did not start")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with chromium(tmp_path / "chromium") as opened:
        yield opened


def check_quiet(browser: Browser, address: str) -> None:
    """Nothing left the machine, and nothing was said in red."""
    browser.read("0")
    foreign = [url for url in browser.asked if not url.startswith((address, "data:", "blob:", "about:"))]
    assert foreign == []
    assert [error for error in browser.errors if not error.endswith(PROBES)] == []


@pytest.mark.parametrize("width", [1440, 900])
def test_the_first_page(browser: Browser, address: str, width: int) -> None:
    browser.open(address, width)
    browser.wait("document.querySelector('h1')?.innerText === 'Sightline'")
    browser.wait("document.body.innerText.includes('Start here')")
    assert not browser.read("document.documentElement.scrollWidth > innerWidth")
    assert "agents" not in browser.read("document.body.innerText")
    check_quiet(browser, address)
