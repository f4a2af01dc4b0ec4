"""`python -m tests.screenshots [DIR]`: the pictures in docs/screenshots, taken while the sample goes through the app.

Goes the way of a newcomer, in a cache of its own. Needs Chromium, and about two minutes on two cores.
"""

import io
import re
import sys
import tempfile
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import PROGRAM, ROOT, Address, enter, serving

RUN_MS, PATIENCE_MS = 300_000, 60_000
WIDTH, HEIGHT = 1440, 900
# In pixels of the sample's first camera: its paving, without the houses and the strip before them.
PAVING = "0, 230\n330, 175\n960, 185\n960, 540\n0, 540"
SEEN = """() => Promise.all([...document.images].filter((image) => image.getBoundingClientRect().top < innerHeight)
  .map((image) => image.decode().catch(() => 0)))"""


class Album:
    """The folder that the pictures go to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, tab: Page, name: str, quiet: bool = True) -> None:
        """What is in the window, in 256 colours: a third of the bytes, and no difference that an eye would mind."""
        tab.mouse.move(WIDTH - 2, HEIGHT - 2)
        tab.evaluate(SEEN)
        if quiet:
            expect(tab.get_by_test_id("stStatusWidget")).to_have_count(0)
        tab.wait_for_timeout(700)
        picture = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
        path = self.folder / f"{name}.png"
        picture.quantize(256, Image.Quantize.MEDIANCUT).save(path, optimize=True)
        sys.stdout.write(f"{path.name}: {path.stat().st_size / 1000:.0f} kB\n")


def opened(browser: Browser, address: Address, scheme: str = "light") -> Page:
    tab = browser.new_page(base_url=address, viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
    tab.set_default_timeout(PATIENCE_MS)
    enter(tab, address)
    return tab


def go(tab: Page, title: str) -> None:
    tab.get_by_test_id("stSidebarNavLink").filter(has_text=title).click()
    expect(tab.get_by_role("heading", name=title, exact=True)).to_be_visible()


def footage(tab: Page, album: Album) -> None:
    tab.goto("/")
    tab.get_by_role("button", name="Open the sample").click()
    expect(tab.get_by_label("Remove cam3").or_(tab.get_by_text("Remove cam3"))).to_be_visible()
    album.take(tab, "footage")


def regions(tab: Page, album: Album) -> None:
    go(tab, "Regions")
    expect(tab.locator(".stage img")).to_have_attribute("src", re.compile("/stills/"))
    tab.locator(".board").focus()
    tab.keyboard.press("p")
    tab.keyboard.press("Enter")
    corners = tab.get_by_label("Corners of region 1, one x, y per line")
    corners.fill(PAVING)
    corners.blur()
    name = tab.get_by_label("Name of region 1")
    name.fill("Paving")
    name.blur()
    expect(tab.get_by_text("With regions: cam1 (1).")).to_be_visible()
    album.take(tab, "regions")


def run(tab: Page, album: Album) -> None:
    go(tab, "Run")
    # How long it would take is measured first.
    expect(tab.get_by_text(re.compile(r"about \d+ (s|min)")).nth(2)).to_be_visible(timeout=RUN_MS)
    tab.get_by_role("button", name="Start", exact=True).click()
    # The first camera is done, and the second one is being looked through.
    expect(tab.get_by_text(re.compile(r"^\d+ tracks, [\d,]+ boxes in them$")).first).to_be_visible(timeout=RUN_MS)
    expect(tab.get_by_text(re.compile(r"^Detecting people, [12]\d\d of"))).to_be_visible(timeout=RUN_MS)
    album.take(tab, "run", quiet=False)
    expect(tab.get_by_text("Results are up to date.")).to_be_visible(timeout=RUN_MS)


def gallery(tab: Page, album: Album) -> None:
    go(tab, "Gallery")
    expect(tab.locator(".bar .main")).to_contain_text("doubtful")
    album.take(tab, "gallery")
    tab.locator(".crop").first.click()
    expect(tab.locator(".player")).to_have_attribute("data-boxes", re.compile("[1-9]"))
    album.take(tab, "moment")
    tab.keyboard.press("Escape")
    tab.locator(".bar .main").click()
    expect(tab.locator("dialog.queue h2")).to_contain_text("1 of ")
    album.take(tab, "review")
    tab.keyboard.press("Escape")


def similarity(tab: Page, album: Album) -> None:
    go(tab, "Similarity")
    canvas = tab.locator('canvas[aria-label*="Similarity matrix"][data-painted]')
    expect(canvas).to_be_visible()
    canvas.focus()
    # The first two: they are dressed alike.
    tab.keyboard.press("Enter")
    expect(tab.locator(".similarity .card img")).to_have_count(2)
    tab.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
    album.take(tab, "similarity")


def download(tab: Page, album: Album) -> None:
    go(tab, "Download")
    tab.get_by_role("button", name="Create zip file").click()
    sheet = tab.get_by_role("img", name="First contact sheet")
    expect(sheet).to_be_visible(timeout=RUN_MS)
    expect(tab.get_by_label("Turn off face blurring", exact=True)).not_to_be_checked()
    tab.get_by_role("heading", name="Gallery as a zip file").scroll_into_view_if_needed()
    tab.get_by_test_id("stMain").evaluate("main => main.scrollBy(0, 330)")
    album.take(tab, "download")


def log(tab: Page, album: Album) -> None:
    go(tab, "Log")
    expect(tab.get_by_text("export begun")).to_be_visible()
    album.take(tab, "log")


def main(folder: Path) -> None:
    if PROGRAM is None:
        sys.exit("Chromium is not on this machine; nothing can be shown.")
    expect.set_options(timeout=PATIENCE_MS)
    album = Album(folder)
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("SIGHTLINE_CACHE", str(Path(name) / "cache"))
        patch.setenv("BROWSER", "true")
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox", "--disable-gpu"])
        with serving(Path(name) / "log") as address:
            tab = opened(browser, address)
            for page in (footage, regions, run, gallery, similarity, download, log):
                page(tab, album)
            dark = opened(browser, address, "dark")
            dark.goto("/people")
            expect(dark.locator(".bar .main")).to_contain_text("doubtful")
            album.take(dark, "gallery-dark")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screenshots")
