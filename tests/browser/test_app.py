"""What somebody sees first, wide and narrow, light and dark; and what the terminal says meanwhile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from core.workspace.cases import Cases
from tests.browser.conftest import serving, watched

PAGES = {
    "Footage": "/",
    "Regions": "/areas",
    "Run": "/work",
    "Gallery": "/people",
    "Similarity": "/similarities",
    "Download": "/export",
    "Log": "/activity",
    "About": "/program",
}


@pytest.mark.parametrize(("width", "theme"), [pytest.param(1440, "light", marks=pytest.mark.always), (900, "dark")])
def test_every_page_without_anything_in_it(
    chromium: Browser, fresh: Path, tmp_path: Path, width: int, theme: str
) -> None:
    log = tmp_path / "log"
    with serving(log) as address, watched(chromium, address) as tab:
        tab.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        tab.set_viewport_size({"width": width, "height": 900})
        tab.goto("/")
        expect(tab.get_by_role("heading", name="Sightline", level=1)).to_be_visible()
        expect(tab.get_by_role("button", name="Open the sample")).to_be_visible()
        Cases().new("empty")
        for page, place in PAGES.items():
            tab.goto(place)
            expect(tab.get_by_role("heading", name=page, level=1)).to_be_visible()
            expect(tab.get_by_test_id("stStatusWidget")).to_have_count(0)
            # Every page can be reached from every page, and the open one is marked.
            for name in PAGES:
                expect(tab.get_by_test_id("stSidebarNavLink").filter(has_text=name)).to_be_visible()
            expect(tab.locator("[aria-current=page]")).to_have_text(re.compile(page))
            assert not tab.evaluate("document.documentElement.scrollWidth > innerWidth"), page
            # Streamlit's own offers are no business of our users.
            assert "agents" not in tab.inner_text("body") and "Traceback" not in tab.inner_text("body")
        said = log.read_text()
    home = address.replace("127.0.0.1", "localhost")
    assert re.fullmatch(rf"Sightline is at {home}/enter\?secret=[\w-]{{43}}\nCtrl\+C ends it\.\n", said)
