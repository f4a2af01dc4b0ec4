"""The whole way in a real browser, as somebody walks it who has just set the program up, with every way out cut."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from core.review import load_review
from core.workspace.cases import Cases
from tests.browser.conftest import serving, watched
from tests.browser.journeys.steps import draw_a_box, go, zip_of

RUN_MS = 240_000
pytestmark = pytest.mark.timeout(600)


def test_from_the_sample_to_the_zip_and_the_server_dies_on_the_way(
    chromium: Browser, house: Path, cut_off: Path, tmp_path: Path
) -> None:
    with serving(tmp_path / "log") as address, watched(chromium, address) as tab:
        tab.goto("/")
        tab.get_by_role("button", name="Open the sample").click()
        expect(tab.get_by_role("button", name="Remove cam3")).to_be_visible()
        tab.get_by_role("link", name="Next: draw regions").click()
        draw_a_box(tab)
        expect(tab.get_by_text("With regions: cam1")).to_be_visible()
        tab.get_by_role("link", name="Next: run").click()
        tab.get_by_role("button", name="Start").click()
        expect(tab.get_by_text("the run continues").first).to_be_visible()
    (case,) = Cases().all()
    assert len(case.clip("cam1").regions.regions) == 1 and case.wanted
    with serving(tmp_path / "log2") as address, watched(chromium, address) as tab:
        tab.goto(f"/?case={case.key}")
        go(tab, "Run")
        expect(tab.get_by_text(re.compile(r"People found: \d+"))).to_be_visible(timeout=RUN_MS)
        tab.get_by_role("link", name="Go to the gallery").click()
        expect(tab.locator(".person").nth(4)).to_be_visible()
        counts = tab.locator(".counts")
        before = counts.inner_text()
        tab.get_by_role("slider").first.press("End")
        expect(counts).not_to_have_text(before)
        tab.get_by_role("button", name="Back to the suggested").click()
        expect(counts).to_have_text(before)
        tab.get_by_role("button", name="Confirm").first.click()
        expect(tab.get_by_role("button", name=re.compile("^Undo"))).to_be_enabled()
        go(tab, "Similarity")
        expect(tab.locator("canvas").first).to_be_visible()
        go(tab, "Download")
        with zip_of(tab, tmp_path) as held:
            names = held.namelist()
            about = json.loads(held.read("manifest.json"))["about"]
    assert {"report.html", "contact_sheet.jpg", "sightings.csv", "tracks/cam2.txt"} <= set(names)
    assert sum(name.startswith("people/P") for name in names) > 20
    assert about["choice"]["links"] and about["run"]["regions"]["cam1"]["regions"]
    assert [action.kind for action in load_review(Cases().review_file(case.key)).done] == ["confirm"]
    assert not cut_off.exists(), cut_off.read_text()
