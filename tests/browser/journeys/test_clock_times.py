"""The whole way of a new user in a real browser: two clips with clock times to a gallery that shows them, once without
a pointer and once with one."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.review import load_review
from core.workspace.cases import Case, Cases
from tests.browser.journeys.steps import press, press_space, settled, tab_to, zip_of

RUN_MS = 240_000
DAY, STARTS = "2026-11-28", ("14:03:10", "14:03:15")
CLOCK_TIME = re.compile(r"14:03:[123]\d")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_two_clips_with_clock_times_by_keyboard_alone(
    ready: None, tab: Page, two_clips: tuple[Path, ...], tmp_path: Path
) -> None:
    tab.goto("/")
    expect(tab.get_by_role("button", name="Open the sample")).to_be_visible()
    settled(tab)
    press(tab, "New case")
    name = tab.get_by_role("dialog").get_by_label("Name", exact=True)
    expect(name).to_be_focused()
    tab.keyboard.type("By keys")
    tab.keyboard.press("Enter")
    expect(name).to_have_count(0)
    expect(tab.get_by_text("or drop them anywhere")).to_be_visible()
    settled(tab)
    with tab.expect_file_chooser() as chooser:
        press(tab, "Choose files")
    chooser.value.set_files(two_clips)
    expect(tab.get_by_role("button", name="Remove cam2")).to_be_visible(timeout=60_000)
    settled(tab)
    tab_to(tab, "Start offsets")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Space")
    settled(tab)
    tab_to(tab, "year, Date of the recordings")
    tab.keyboard.type(DAY.replace("-", ""))
    expect(tab.get_by_role("spinbutton", name="day, Date of the recordings")).to_have_text(DAY[-2:])
    for number, start in enumerate(STARTS):
        settled(tab)
        tab_to(tab, "Started at")
        tab.keyboard.type(start)
        tab.keyboard.press("Enter")
        field = tab.get_by_label("Started at", exact=True).nth(number)
        expect(field).to_have_value(f"{DAY} {start}")
        settled(tab)
        # A line more on the page does not take it away.
        expect(field).to_be_focused()
        tab.keyboard.press("Tab")
    press(tab, "Skip to Run")
    expect(tab.get_by_role("heading", name="Run", level=1)).to_be_visible()
    expect(tab.get_by_role("button", name="Start")).to_be_visible()
    settled(tab)
    press_space(tab, "Start")
    expect(tab.get_by_text(re.compile(r"People found: \d+"))).to_be_visible(timeout=RUN_MS)
    settled(tab)
    press(tab, "Go to the gallery")
    shows_clock_times(tab)
    settled(tab)
    press(tab, "Play cam1 at 14:03:1")
    shows_the_film(tab)
    settled(tab)
    moment = tab.locator(".steps output").inner_text()
    press(tab, "Next frame")
    expect(tab.locator(".steps output")).not_to_have_text(moment)
    tab.keyboard.press("Escape")
    expect(tab.locator(".player")).to_have_count(0)
    settled(tab)
    press(tab, "Confirm")
    is_confirmed(tab)
    press(tab, "Download")
    expect(tab.get_by_role("button", name="Create zip file")).to_be_visible()
    settled(tab)
    press(tab, "Create zip file")
    expect(tab.get_by_role("link", name=re.compile("zip")).first).to_be_visible(timeout=60_000)
    settled(tab)
    with tab.expect_download() as coming:
        press(tab, "Download zip file")
    coming.value.save_as(tmp_path / "gallery.zip")
    with zipfile.ZipFile(tmp_path / "gallery.zip") as held:
        has_clock_times(held)
    assert the_case().name == "By keys"


def test_two_clips_with_clock_times_by_mouse(
    ready: None, tab: Page, two_clips: tuple[Path, ...], tmp_path: Path
) -> None:
    tab.goto("/")
    tab.get_by_role("main").get_by_role("button", name="New case").click()
    tab.get_by_role("dialog").get_by_label("Name", exact=True).fill("By mouse")
    tab.get_by_role("button", name="Create case").click()
    with tab.expect_file_chooser() as chooser:
        tab.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(two_clips)
    expect(tab.get_by_role("button", name="Remove cam2")).to_be_visible(timeout=60_000)
    tab.get_by_role("radio", name="Time of day").click()
    settled(tab)
    tab.get_by_role("spinbutton", name="year, Date of the recordings").click()
    tab.keyboard.type(DAY.replace("-", ""))
    expect(tab.get_by_role("spinbutton", name="day, Date of the recordings")).to_have_text(DAY[-2:])
    for number, start in enumerate(STARTS):
        settled(tab)
        field = tab.get_by_label("Started at", exact=True).nth(number)
        field.fill(start)
        # The pointer leaves the field: that is all that a user has to do.
        tab.get_by_role("heading", name="Footage").click()
        expect(field).to_have_value(f"{DAY} {start}")
    settled(tab)
    tab.get_by_role("link", name="Skip to Run").click()
    expect(tab.get_by_role("heading", name="Run", level=1)).to_be_visible()
    settled(tab)
    tab.get_by_role("button", name="Start").click()
    tab.get_by_role("link", name="Go to the gallery").click(timeout=RUN_MS)
    expect(tab.get_by_role("heading", name="Gallery", level=1)).to_be_visible()
    shows_clock_times(tab)
    tab.get_by_role("button", name=re.compile("Play cam1 at 14:03:1")).first.click()
    shows_the_film(tab)
    tab.get_by_role("button", name="Next frame").click()
    tab.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(tab.locator(".player")).to_have_count(0)
    tab.get_by_role("button", name="Confirm").first.click()
    is_confirmed(tab)
    tab.get_by_role("link", name="Download").first.click()
    with zip_of(tab, tmp_path) as held:
        has_clock_times(held)
    assert the_case().name == "By mouse"


def shows_clock_times(tab: Page) -> None:
    expect(tab.locator(".person .facts").first).to_contain_text(CLOCK_TIME)
    expect(tab.locator(".person .crop").first).to_contain_text(CLOCK_TIME)


def shows_the_film(tab: Page) -> None:
    """With the boxes over it, and the time of day of the frame that is shown."""
    expect(tab.locator(".player")).to_be_visible(timeout=60_000)
    expect(tab.locator(".steps output")).to_have_text(re.compile(CLOCK_TIME.pattern + r".*of the clip"))


def is_confirmed(tab: Page) -> None:
    expect(tab.get_by_role("button", name=re.compile("^Undo"))).to_be_enabled()
    assert [action.kind for action in load_review(Cases().review_file(the_case().key)).done] == ["confirm"]


def has_clock_times(held: zipfile.ZipFile) -> None:
    assert CLOCK_TIME.search(held.read("sightings.csv").decode())
    assert CLOCK_TIME.search(held.read("report.html").decode())


def the_case() -> Case:
    (case,) = Cases().all()
    return case
