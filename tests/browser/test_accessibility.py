"""No page, dialog or form has what axe-core knows to be in the way of a reader, a keyboard or weak eyes."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from core.workspace.cases import Case, Cases
from tests.browser.conftest import at_home, serving, shown_by, watched
from tests.browser.test_app import PAGES
from tests.review.making import big_case


@pytest.fixture(scope="module")
def reviewed(root: Path) -> Case:
    """Four people, each seen once by each of two cameras."""
    with at_home(root):
        return big_case(cameras=2, people=4, tracklets=8, crops=2, seconds=20, noise=0.5)


def faults(tab: Page) -> list[str]:
    """A line for each fault on the page as it is now."""
    expect(tab.get_by_test_id("stStatusWidget")).to_have_count(0)
    found = Axe().run(tab).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_and_dialog(
    tab: Page, reviewed: Case, house: Path, theme: str, request: pytest.FixtureRequest
) -> None:
    case = shown_by(reviewed, request.node.name)
    tab.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    for page, place in PAGES.items():
        tab.goto(f"{place}?case={case.key}")
        expect(tab.get_by_role("heading", name=page, level=1)).to_be_visible()
        assert faults(tab) == [], page
    tab.goto(f"/people?case={case.key}")
    for part in ("Filters", "Histogram"):
        tab.get_by_role("button", name=part).click()
    tab.get_by_label(re.compile("^View")).select_option("tiles")
    expect(tab.locator(".person.tile").first).to_be_visible()
    assert faults(tab) == [], "tiles, filters and histogram"
    tab.get_by_label(re.compile("^View")).select_option("full rows")
    tab.locator(".bar .main").click()
    expect(tab.locator("dialog.queue")).to_be_visible()
    assert faults(tab) == [], "the queue"
    tab.keyboard.press("Escape")
    tab.get_by_role("button", name="in other cameras").first.click()
    expect(tab.locator("dialog.queue")).to_contain_text(re.compile("Is this|nobody to compare"))
    assert faults(tab) == [], "the pairs of one person"
    tab.keyboard.press("Escape")
    tab.locator(".crop").first.click()
    expect(tab.locator(".player")).to_be_visible()
    assert faults(tab) == [], "the film"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_dialogs_of_footage(
    tab: Page, reviewed: Case, house: Path, theme: str, request: pytest.FixtureRequest
) -> None:
    tab.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    tab.goto(f"/?case={shown_by(reviewed, request.node.name).key}")
    tab.get_by_role("button", name="Sort files into cameras").click()
    expect(tab.get_by_role("dialog").get_by_test_id("stDataFrame")).to_be_visible()
    assert faults(tab) == [], "files and cameras"
    tab.keyboard.press("Escape")
    tab.get_by_role("button", name="Set by one moment in two pictures").first.click()
    expect(tab.get_by_role("dialog").get_by_role("img").first).to_be_visible()
    assert faults(tab) == [], "one moment in two pictures"
    tab.keyboard.press("Escape")
    tab.get_by_text("Time of day", exact=True).click()
    tab.get_by_role("button", name="Clock in the picture").first.click()
    expect(tab.get_by_role("textbox", name="Time in the picture")).to_be_visible()
    assert faults(tab) == [], "the clock in the picture"


def test_the_rules_of_matching(tab: Page, reviewed: Case, house: Path, request: pytest.FixtureRequest) -> None:
    tab.goto(f"/people?case={shown_by(reviewed, request.node.name).key}")
    tab.get_by_text("How people are matched").click()
    expect(tab.get_by_label("cam1 – cam2 (s)")).to_be_visible()
    expect(tab.locator(".person").first).to_be_visible()
    assert faults(tab) == []


def test_the_start_page_and_an_empty_case(chromium: Browser, fresh: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "log") as address, watched(chromium, address) as tab:
        tab.goto("/")
        expect(tab.get_by_role("button", name="Open the sample")).to_be_visible()
        assert faults(tab) == [], "start"
        tab.get_by_role("main").get_by_role("button", name="New case").click()
        expect(tab.get_by_role("dialog").get_by_label("Name", exact=True)).to_be_focused()
        assert faults(tab) == [], "a new case"
        Cases().new("empty")
        for page, place in PAGES.items():
            tab.goto(place)
            expect(tab.get_by_role("heading", name=page, level=1)).to_be_visible()
            assert faults(tab) == [], page


def test_a_fault_is_found(tab: Page) -> None:
    tab.set_content("<html lang=en><title>x</title><main><h1>x</h1><img src='data:,'></main></html>")
    assert [fault.split(":")[0] for fault in faults(tab)] == ["image-alt"]
