"""Regions drawn in a real browser: by pointer, by keys alone, by typed numbers; and what is left of them afterwards."""

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core.vision.regions import Region, Regions
from core.workspace.cases import Case, CaseClip, Cases
from tests.browser.conftest import PATIENCE_MS, Address, at_home, enter, serving
from tests.pages.making import clip_at

LEFT = Region("box", ((0.1, 0.1), (0.4, 0.9)))


@pytest.fixture(scope="module")
def clips(root: Path) -> list[CaseClip]:
    """Two cameras of 128 x 64 pixels."""
    with at_home(root) as house:
        made = [clip_at(house, name, frames) for name, frames in (("gate.mp4", 30), ("yard.mp4", 20))]
    return [CaseClip(Path(clip.path).stem, clip.path, clip.digest) for clip in made]


@pytest.fixture
def case(clips: list[CaseClip], house: Path, request: pytest.FixtureRequest) -> Case:
    cases = Cases()
    return cases.change(cases.new(request.node.name).key, lambda old: old.with_clips(clips))


def kept(case: Case, shapes: int, camera: str = "gate") -> tuple[Region, ...]:
    """What is on disk, as soon as there are so many shapes."""
    for _ in range(PATIENCE_MS // 50):
        if len(found := Cases().load(case.key).clip(camera).regions.regions) == shapes:
            return found
        time.sleep(0.05)
    raise AssertionError(f"expected {shapes} shapes on disk, found {found}")


def corners(case: Case, expected: tuple[tuple[int, int], ...]) -> None:
    """The only shape on disk comes to lie there, in pixels of the clip, to a pixel of the screen."""
    for _ in range(PATIENCE_MS // 50):
        found = [(x * 128, y * 64) for x, y in kept(case, 1)[0].points]
        if len(found) == len(expected) and all(
            abs(one - other) < 0.3
            for pair in zip(found, expected, strict=True)
            for one, other in zip(*pair, strict=True)
        ):
            return
        time.sleep(0.05)
    raise AssertionError(f"expected {expected}, found {found}")


def opened(tab: Page, case: Case) -> Locator:
    """The drawing area of the page, once its picture is there."""
    tab.goto(f"/areas?case={case.key}")
    expect(tab.locator(".stage img")).to_have_attribute("src", re.compile("/stills/"))
    return tab.locator(".board")


class Pen:
    """The pointer, in pixels of the clip."""

    def __init__(self, tab: Page, board: Locator) -> None:
        board.scroll_into_view_if_needed()
        box = board.bounding_box()
        assert box is not None
        self._mouse, self._box = tab.mouse, box

    def to(self, x: float, y: float) -> None:
        self._mouse.move(self._box["x"] + x * self._box["width"] / 128, self._box["y"] + y * self._box["height"] / 64)

    def drag(self, *places: tuple[float, float]) -> None:
        self.to(*places[0])
        self._mouse.down()
        for place in places[1:]:
            self.to(*place)
        self._mouse.up()

    def click(self, x: float, y: float) -> None:
        self.drag((x, y))


def test_drawn_by_pointer(tab: Page, case: Case) -> None:
    pen = Pen(tab, opened(tab, case))
    tab.locator("[data-tool=box]").click()
    pen.click(60, 30)
    expect(tab.locator(".hint")).to_contain_text("Nothing drawn")
    pen.drag((64, 48), (40, 30), (32, 16))
    corners(case, ((32, 16), (64, 48)))
    pen.drag((48, 32), (58, 34))
    corners(case, ((42, 18), (74, 50)))
    pen.drag((74, 50), (20, 8))
    corners(case, ((20, 8), (42, 18)))
    tab.keyboard.press("Control+z")
    tab.keyboard.press("Control+z")
    corners(case, ((32, 16), (64, 48)))
    tab.keyboard.press("Control+Shift+z")
    corners(case, ((42, 18), (74, 50)))
    tab.wait_for_timeout(500)  # Python has written it, and its answer is on the way: what it brings is selected
    tab.keyboard.press("Delete")
    kept(case, 0)
    tab.get_by_role("button", name="Polygon").click()
    for place in ((20, 10), (60, 10), (60, 50), (20, 50)):
        pen.click(*place)
        tab.wait_for_timeout(400)  # or it is a double click
    pen.click(20, 10)
    corners(case, ((20, 10), (60, 10), (60, 50), (20, 50)))
    pen.drag((60, 30), (80, 30))
    corners(case, ((20, 10), (60, 10), (80, 30), (60, 50), (20, 50)))
    tab.keyboard.press("Delete")
    corners(case, ((20, 10), (60, 10), (60, 50), (20, 50)))
    # Half way, Escape takes a gesture back.
    pen.to(60, 10)
    tab.mouse.down()
    pen.to(100, 40)
    tab.keyboard.press("Escape")
    tab.mouse.up()
    corners(case, ((20, 10), (60, 10), (60, 50), (20, 50)))


def test_drawn_by_keys_alone(tab: Page, case: Case) -> None:
    opened(tab, case).focus()
    tab.keyboard.press("b")
    tab.keyboard.press("Enter")
    corners(case, ((48, 24), (80, 40)))
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("Shift+ArrowDown")
    corners(case, ((47, 34), (79, 50)))
    for _ in range(3):
        tab.keyboard.press("Tab")  # to the third corner, right and below
    for _ in range(4):
        tab.keyboard.press("ArrowUp")
    corners(case, ((47, 34), (79, 46)))
    tab.keyboard.press("Delete")
    kept(case, 0)
    tab.keyboard.press("p")
    tab.keyboard.press("Enter")
    corners(case, ((48, 24), (80, 24), (80, 40), (48, 40)))
    tab.keyboard.press("Tab")
    tab.keyboard.press("Insert")
    tab.keyboard.press("Shift+ArrowUp")
    corners(case, ((48, 24), (64, 14), (80, 24), (80, 40), (48, 40)))


def test_numbers_are_typed(tab: Page, case: Case) -> None:
    opened(tab, case)
    tab.get_by_role("button", name="Add at the centre").click()
    left = tab.get_by_label("left of region 1")
    left.fill("200")
    left.press("Enter")
    expect(tab.locator(".wrong")).to_contain_text("from 0 to 128")
    expect(left).to_have_value("200")
    corners(case, ((48, 24), (80, 40)))
    left.fill("10")
    left.press("Enter")
    corners(case, ((10, 24), (80, 40)))
    expect(tab.locator(".wrong")).to_have_text("")
    tab.get_by_label("Name of region 1").fill("Door")
    tab.keyboard.press("Tab")
    tab.get_by_label("Effect of region 1").select_option("exclude")
    for _ in range(PATIENCE_MS // 50):
        if (region := kept(case, 1)[0]).name == "Door" and region.mode == "exclude":
            break
        time.sleep(0.05)
    assert (region.name, region.mode) == ("Door", "exclude")
    tab.get_by_role("button", name="Duplicate region 1").click()
    assert [region.name for region in kept(case, 2)] == ["Door", "Door"]
    tab.get_by_role("button", name="Delete region 1").click()
    kept(case, 1)


def test_what_was_drawn_stays(chromium: Browser, server: Address, case: Case, tmp_path: Path) -> None:
    """Over a page change, a reload, in a second tab, and for a server that is started afterwards."""
    context = chromium.new_context(viewport={"width": 900, "height": 900})
    enter(context, server)
    tab = context.new_page()
    tab.goto(f"{server}/areas?case={case.key}")
    tab.get_by_role("button", name="Add at the centre").click()
    before = kept(case, 1)
    tab.get_by_role("link", name="Next: run").click()
    expect(tab.get_by_role("heading", name="Run", exact=True)).to_be_visible()
    tab.go_back()
    expect(tab.locator(".shape")).to_have_count(1)
    tab.reload()
    expect(tab.locator(".shape")).to_have_count(1)
    assert not tab.evaluate("document.documentElement.scrollWidth > innerWidth")
    other = context.new_page()
    other.goto(f"{server}/areas?case={case.key}")
    expect(other.locator(".shape")).to_have_count(1)
    other.get_by_role("button", name="Add at the centre").click()
    kept(case, 2)
    # The first tab has not heard of it, and must not undo it.
    tab.get_by_role("button", name="Delete region 1").click()
    expect(tab.get_by_text("changed in another tab")).to_be_visible()
    expect(tab.locator(".shape")).to_have_count(2)
    assert kept(case, 2)[0] == before[0]
    with serving(tmp_path / "log") as address:
        enter(context, address)
        tab.goto(f"{address}/areas?case={case.key}")
        expect(tab.locator(".shape")).to_have_count(2)
    context.close()


def test_the_picture_follows_the_slider_and_each_camera_has_its_shapes(tab: Page, case: Case) -> None:
    opened(tab, case)
    tab.get_by_role("button", name="Add at the centre").click()
    kept(case, 1)
    slider = tab.get_by_role("slider", name="Moment of the clip")
    slider.focus()
    tab.keyboard.press("Home")
    expect(tab.locator(".stage img")).to_have_attribute("src", re.compile("/0.jpg$"))
    tab.get_by_role("radio", name="yard").click()
    expect(tab.locator(".shape")).to_have_count(0)
    tab.get_by_role("radio", name="gate").click()
    expect(tab.locator(".shape")).to_have_count(1)
    tab.get_by_role("button", name="Undo").click()
    kept(case, 0)


def test_an_undo_takes_a_copy_back(tab: Page, case: Case) -> None:
    drawn = replace(case.clip("gate"), regions=Regions((LEFT,)))
    Cases().change(case.key, lambda old: old.with_clip("gate", drawn))
    opened(tab, case)
    tab.get_by_text("Copy to other cameras").click()
    tab.wait_for_timeout(600)  # it opens in its own time, and what is typed meanwhile is lost
    tab.get_by_role("combobox", name="To").fill("yard")
    tab.keyboard.press("Enter")
    tab.keyboard.press("Escape")
    expect(tab.get_by_role("button", name="Copy", exact=True)).to_be_enabled()
    tab.get_by_role("button", name="Copy", exact=True).click()
    assert kept(case, 1, "yard") == (LEFT,)
    tab.get_by_role("radio", name="yard").click()
    expect(tab.locator(".hint")).to_be_visible()
    tab.get_by_role("button", name="Undo").click()
    kept(case, 0, "yard")
