"""Steps that journeys have in common."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect


def go(tab: Page, page: str) -> None:
    tab.get_by_role("link", name=page).first.click()
    expect(tab.get_by_role("heading", name=page, level=1)).to_be_visible()


def draw_a_box(tab: Page) -> None:
    """Over nearly all of the picture, so that people are still inside."""
    picture = tab.locator(".regions svg").first
    expect(picture).to_be_visible()
    tab.get_by_role("button", name="Box", exact=True).click()
    place = picture.bounding_box()
    assert place is not None
    tab.mouse.move(place["x"] + 4, place["y"] + 4)
    tab.mouse.down()
    tab.mouse.move(place["x"] + place["width"] - 4, place["y"] + place["height"] - 4, steps=5)
    tab.mouse.up()


def zip_of(tab: Page, folder: Path) -> zipfile.ZipFile:
    """The zip that the Download page makes, once it has come down."""
    tab.get_by_role("button", name="Create zip file").click()
    link = tab.get_by_role("link", name=re.compile("Download zip file|\\.zip")).first
    expect(link).to_be_visible(timeout=60_000)
    with tab.expect_download() as coming:
        link.click()
    coming.value.save_as(folder / "gallery.zip")
    return zipfile.ZipFile(folder / "gallery.zip")


def focused(tab: Page) -> str:
    """The words of what has the focus, into whatever tree it lies in."""
    words: str = tab.evaluate(
        """() => {
          let one = document.activeElement;
          while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
          if (!one?.matches("button, a, input, select, textarea, summary, [role]:not([role=dialog])")) return "";
          const words = one?.getAttribute("aria-label") || one?.innerText || one?.labels?.[0]?.innerText || "";
          return words.trim();
        }"""
    )
    return words


def tab_to(tab: Page, words: str, most: int = 120) -> None:
    """Press Tab until what begins with `words` has the focus."""
    for _ in range(most):
        # The name of an icon is a line of its own.
        if any(line.startswith(words) for line in focused(tab).splitlines()):
            return
        tab.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to '{words}'; it ended at '{focused(tab)}'")


def press(tab: Page, words: str) -> None:
    tab_to(tab, words)
    tab.keyboard.press("Enter")


def press_space(tab: Page, words: str) -> None:
    tab_to(tab, words)
    tab.keyboard.press("Space")


def settled(tab: Page) -> None:
    """Nothing is being drawn anew, and was not for half a second, so that the focus stays where it is put."""
    tab.wait_for_timeout(400)
    tab.wait_for_function(
        """() => {
          const isQuiet = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "notRunning";
          window.quietSince = isQuiet ? window.quietSince ?? performance.now() : undefined;
          return isQuiet && performance.now() - window.quietSince > 500;
        }"""
    )
