"""The whole way in a real browser, with clips of two places, one of them with regions from a file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.machine.paths import data_dir
from core.vision.video import probe
from core.workspace.cases import Cases
from tests.browser.journeys.steps import go, settled, zip_of

RUN_MS = 240_000
pytestmark = pytest.mark.timeout(600)


def test_two_clips_of_a_room_and_an_alley_with_its_region(ready: None, tab: Page, shared: Path, tmp_path: Path) -> None:
    data = shared / "data"
    clips = [*sorted((data / "room_hall").glob("*.mp4")), data / "clips" / "alley_night_osd_cam1.mp4"]
    tab.goto("/")
    tab.get_by_role("main").get_by_role("button", name="New case").click()
    tab.get_by_role("button", name="Create case").click()
    expect(tab.get_by_text("or drop them anywhere")).to_be_visible()
    with tab.expect_file_chooser() as chooser:
        tab.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(clips)
    expect(tab.get_by_role("button", name="Remove alley_night_osd_cam1")).to_be_visible()
    go(tab, "Regions")
    picture = tab.locator(".stage img")
    expect(picture).to_have_attribute("src", re.compile("/stills/"))
    first = picture.get_attribute("src") or ""
    tab.get_by_role("radio", name="alley_night_osd_cam1").click()
    # Until the page is the alley's, it is the first camera that would be given the file.
    expect(picture).not_to_have_attribute("src", first)
    settled(tab)
    tab.get_by_text("Load from a file").click()
    tab.get_by_test_id("stMain").locator("input[type=file]").set_input_files(data / "clips" / "alley_roi.txt")
    expect(tab.get_by_role("button", name="Use these regions")).to_be_enabled()
    # What is drawn anew moves under the pointer while the file is listed.
    settled(tab)
    tab.get_by_role("button", name="Use these regions").click()
    expect(tab.get_by_text("With regions: alley_night_osd_cam1")).to_be_visible()
    go(tab, "Run")
    tab.get_by_role("button", name="Start").click()
    expect(tab.get_by_text(re.compile(r"People found: \d+"))).to_be_visible(timeout=RUN_MS)
    tab.get_by_role("link", name="Go to the gallery").click()
    # The one person of the room is seen by both of its cameras.
    both = tab.locator(".person").filter(has_text="cam1").filter(has_text="cam2")
    expect(both).to_have_count(1)
    go(tab, "Download")
    with zip_of(tab, tmp_path) as held:
        about = json.loads(held.read("manifest.json"))["about"]
    assert list(about["run"]["regions"]) == ["alley_night_osd_cam1"]
    (case,) = Cases().all()
    assert [clip.digest for clip in case.clips] == [probe(clip).digest for clip in clips]
    assert (data_dir() / "uploads").is_dir()
