"""The first start of a new user, and a restart while a tab is open: neither asks anything."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from core.workspace.cases import Cases
from tests.browser.conftest import is_fault, serving

STATUS = "(name) => fetch(name, { cache: 'reload' }).then((answer) => answer.status)"


@pytest.mark.always
def test_the_browser_opens_let_in_and_stays_so_after_a_restart(
    chromium: Browser, fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    context = chromium.new_context()
    faults: list[str] = []
    context.on("console", lambda message: faults.append(message.text) if is_fault(message) else None)
    tab = context.new_page()
    with serving(tmp_path / "log") as address:
        tab.goto(_content(opened))
        expect(tab.get_by_role("heading", name="Sightline", level=1)).to_be_visible()
        home = address.replace("127.0.0.1", "localhost")
        assert tab.url == f"{home}/" and faults == []
        case = Cases().new("Till 3")
        tab.goto(f"{home}/program?case={case.key}")
        expect(tab.get_by_role("heading", name="About", level=1)).to_be_visible()
        expect(tab.locator(".outbox")).to_be_attached()
        # Nothing in the page reveals how it came in.
        assert not tab.evaluate("document.cookie.includes('sightline')")
    opened.unlink()
    with serving(tmp_path / "log", int(address.rpartition(":")[2])):
        # What the old tab names is still there: modules, downloads, pages.
        loaded: list[str] = tab.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
        modules = [name for name in loaded if "/web/" in name]
        assert modules
        for name in modules:
            assert tab.evaluate(STATUS, name) == 200
        faults.clear()
        tab.reload()
        expect(tab.get_by_role("heading", name="About", level=1)).to_be_visible()
        assert faults == []
        # A stranger's browser is told how to come in, in words.
        stranger = chromium.new_context().new_page()
        assert (answer := stranger.goto(f"{home}/program?case={case.key}")) and answer.status == 403
        expect(stranger.get_by_role("heading", name="This browser is not signed in")).to_be_visible()
        expect(stranger.get_by_text("python -m core open").first).to_be_visible()
        stranger.context.close()
        # The new server opened the browser as well.
        assert "Till 3" not in httpx.get(home).text and _content(opened).startswith("file://")
    context.close()


def _content(file: Path) -> str:
    for _ in range(400):
        if file.is_file() and (content := file.read_text().strip()):
            return content
        time.sleep(0.05)
    raise TimeoutError("no browser was opened")
