"""The whole way in a real browser, without a pointer."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.workspace.cases import Cases
from tests.browser.journeys.steps import press, settled, tab_to

RUN_MS = 240_000
pytestmark = pytest.mark.timeout(600)


def test_from_upload_to_zip_by_keyboard_alone(
    ready: None, tab: Page, glimpses: tuple[Path, ...], tmp_path: Path
) -> None:
    tab.goto("/")
    expect(tab.get_by_role("button", name="Open the sample")).to_be_visible()
    settled(tab)
    press(tab, "New case")
    tab_to(tab, "Name")
    tab.keyboard.type("By keys")
    press(tab, "Create case")
    expect(tab.get_by_text("or drop them anywhere")).to_be_visible()
    settled(tab)
    with tab.expect_file_chooser() as chooser:
        press(tab, "Choose files")
    chooser.value.set_files(glimpses)
    expect(tab.get_by_role("button", name="Remove cam2")).to_be_visible()
    for _ in range(2):  # only the first seconds of either clip
        settled(tab)
        tab_to(tab, "To")
        tab.keyboard.type("4")
        tab.keyboard.press("Tab")
    settled(tab)
    press(tab, "Next: draw regions")
    expect(tab.get_by_role("button", name="Add at the centre")).to_be_visible()
    settled(tab)
    press(tab, "Next: run")
    expect(tab.get_by_role("button", name="Start")).to_be_visible()
    settled(tab)
    press(tab, "Start")
    expect(tab.get_by_text(re.compile(r"People found: \d+"))).to_be_visible(timeout=RUN_MS)
    settled(tab)
    press(tab, "Go to the gallery")
    expect(tab.locator(".person").first).to_be_visible()
    settled(tab)
    press(tab, "Download")
    expect(tab.get_by_role("button", name="Create zip file")).to_be_visible()
    settled(tab)
    press(tab, "Create zip file")
    expect(tab.get_by_role("link", name=re.compile("zip")).first).to_be_visible(timeout=60_000)
    settled(tab)
    with tab.expect_download() as coming:
        press(tab, "Download zip file")
    coming.value.save_as(tmp_path / "gallery.zip")
    assert "report.html" in zipfile.ZipFile(tmp_path / "gallery.zip").namelist()
    (case,) = Cases().all()
    assert case.name == "By keys" and [clip.end_seconds for clip in case.clips] == [4.0, 4.0]
