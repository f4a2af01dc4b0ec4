"""The heat map in a browser: it fits, zooms, is moved by keys and pointer, and says why two are or are not together."""

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from core.review import name
from core.workspace import Saved, act
from core.workspace.cases import Case, Cases
from tests.browser.conftest import at_home, shown_by
from tests.review.making import big_case


@pytest.fixture(scope="module")
def twelve(root: Path) -> Case:
    """Twelve people, three cameras; the house is that of the server."""
    with at_home(root):
        return big_case(cameras=3, people=12, tracklets=36, crops=2, seconds=30, noise=0.3)


@pytest.fixture
def case(twelve: Case, house: Path, request: pytest.FixtureRequest) -> str:
    case = shown_by(twelve, request.node.name)
    return Cases().change(case.key, lambda old: replace(old, threshold=0.5)).key


@pytest.fixture
def page(case: str, tab: Page) -> Page:
    tab.goto(f"/similarities?case={case}")
    return tab


def heat(page: Page, what: str) -> Locator:
    """The map, painted."""
    found = page.locator(f'canvas[aria-label^="Similarity matrix"][aria-label*=" {what}. "][data-painted]')
    expect(found).to_be_visible()
    return found


def size(canvas: Locator) -> float:
    return float(canvas.get_attribute("data-size") or 0)


def test_the_map_by_keyboard_alone(page: Page) -> None:
    canvas = heat(page, "people")
    whole = size(canvas)
    canvas.focus()
    said = page.locator(".similarity .status")
    expect(said).to_contain_text("P001 and P002: ")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    expect(said).to_contain_text("P002 and P001: ")
    card = page.locator(".similarity .card")
    expect(card).to_contain_text("Apart: ")
    expect(card.locator("img")).to_have_count(2)
    assert all(image.evaluate("i => i.decode().then(() => i.naturalWidth)") for image in card.locator("img").all())
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    expect(card.locator("h2")).to_have_text("P002 and P001")  # what was kept stays
    page.keyboard.press("Escape")
    expect(card.locator("h2")).to_contain_text("P002 and P0")
    page.keyboard.press("+")
    page.keyboard.press("+")
    page.wait_for_function("([c, s]) => +c.dataset.size > s", arg=[canvas.element_handle(), whole])
    page.keyboard.press("0")
    page.wait_for_function("([c, s]) => +c.dataset.size === s", arg=[canvas.element_handle(), whole])


def test_the_tracks_by_pointer(page: Page) -> None:
    heat(page, "people")
    page.get_by_text("Tracks", exact=True).click()
    canvas = heat(page, "tracks")
    whole = size(canvas)
    canvas.hover(position={"x": 300, "y": 250})
    page.mouse.wheel(0, -600)
    page.wait_for_function("([c, s]) => +c.dataset.size > 1.5 * s", arg=[canvas.element_handle(), whole])
    card = page.locator(".similarity .card")
    # The pair is shown already when it is kept.
    expect(card.locator("img")).to_have_count(2)
    canvas.click(position={"x": 300, "y": 250})
    expect(card).to_have_class("card pinned")
    head = card.locator("h2").inner_text()
    page.get_by_label("Order").select_option("by_similarity")
    expect(card.locator("h2")).to_have_text(head)  # in another order it is still the same two
    card.get_by_role("button", name="Unpin").click()
    expect(card).to_have_class("card")
    page.get_by_label("Person", exact=True).fill("1")
    page.keyboard.press("Enter")
    expect(card).to_contain_text("Both are P001.")


def test_somebody_named_has_that_name_in_every_view(case: str, page: Page) -> None:
    heat(page, "people")
    assert act(Cases().load(case), lambda desk: name(desk, 1, "Anna")) == Saved(changed=True)
    page.reload()
    heat(page, "people").focus()
    card = page.locator(".similarity .card")
    expect(card.locator("h2")).to_have_text("Anna (P001) and P002")
    page.get_by_text("Tracks", exact=True).click()
    heat(page, "tracks")
    page.get_by_label("Person", exact=True).fill("1")
    page.keyboard.press("Enter")
    expect(card).to_contain_text("Both are Anna (P001).")


@pytest.mark.parametrize("width", [900, 2560])
def test_the_map_of_looks_at_any_width(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    heat(page, "people")
    page.get_by_text("Appearance map", exact=True).click()
    canvas = page.locator('canvas[data-points="36"]')
    expect(canvas).to_be_visible()
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    card = page.locator(".similarity .card.pinned")
    expect(card.locator("img")).to_have_count(1)
    expect(page.locator(".similarity .key.method")).to_contain_text("Made by t-SNE")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
