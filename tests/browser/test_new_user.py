"""The whole way in a real browser, as somebody walks it who has just set the program up, with every way out cut."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.lab.synthetic import sample_folder
from core.machine.paths import cache_dir
from core.review import load_review
from core.vision.video import probe
from core.workspace.cases import Cases
from tests.browser.conftest import serving, watched

RUN_MS = 240_000
ALONE = """
import socket
def guarded(call):
    def checked(self, address, *rest):
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            open({report!r}, "a").write(f"{{address}}\\n")
            raise OSError("there is no network here")
        return call(self, address, *rest)
    return checked
socket.socket.connect = guarded(socket.socket.connect)
socket.socket.connect_ex = guarded(socket.socket.connect_ex)
"""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def house(fresh: Path) -> Path:
    return fresh


@pytest.fixture
def server(house: Path, tmp_path: Path) -> Iterator[str]:
    with serving(tmp_path / "log") as address:
        yield address


@pytest.fixture
def ready(house: Path, exported: Path) -> None:
    """No first run: that one is in the way from the sample to the zip."""
    shutil.copytree(exported, cache_dir() / "exported")


@pytest.fixture
def cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Server and children reach this machine alone; the file names what they asked for beyond it."""
    report, site = tmp_path / "asked", tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(ALONE.format(report=str(report)))
    monkeypatch.setenv("PYTHONPATH", str(site))
    return report


@pytest.fixture
def drawn(house: Path, sample: Path) -> None:
    """As `make run` leaves it, but for its length: the sample is there."""
    shutil.copytree(sample, sample_folder(), dirs_exist_ok=True)


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


def test_from_the_sample_to_the_zip_and_the_server_dies_on_the_way(
    chromium: Browser, house: Path, drawn: None, cut_off: Path, tmp_path: Path
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


def focused(tab: Page) -> str:
    """The words of what has the focus, into whatever tree it lies in."""
    words: str = tab.evaluate(
        """() => {
          let one = document.activeElement;
          while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
          if (!one?.matches("button, a, input, select, textarea, summary, [role]")) return "";
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


def settled(tab: Page) -> None:
    """Nothing is being drawn anew, so that the focus stays where it is put."""
    tab.wait_for_timeout(400)
    expect(tab.get_by_test_id("stStatusWidget")).to_have_count(0)


@pytest.mark.always
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
    expect(tab.get_by_role("button", name="Add in the middle")).to_be_visible()
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


def test_two_clips_of_a_room_and_an_alley_with_its_region(ready: None, tab: Page, shared: Path, tmp_path: Path) -> None:
    data = shared / "data"
    clips = [*sorted((data / "room_hall").glob("*.mp4")), data / "clips" / "alley_night_osd_cam1.mp4"]
    tab.goto("/")
    tab.get_by_role("main").get_by_role("button", name="New case").click()
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
    assert (cache_dir() / "uploads").is_dir()
