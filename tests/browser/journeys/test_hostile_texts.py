"""The whole way in a real browser with texts in every field that would do something if they were taken for Markdown,
HTML or a formula. Nothing leaves the machine, and nothing is drawn that we did not write."""

from __future__ import annotations

import csv
import io
import json
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from core.base.text import csv_cell, one_line
from core.review import load_review
from core.workspace import Services, back_up, serve_with, set_aside
from core.workspace.cases import Case, Cases
from tests.browser.conftest import serving, watched
from tests.browser.hostile import HOSTILE, foreign_elements, page_text, visible_text
from tests.browser.journeys.steps import draw_a_box, go, settled, zip_of

RUN_MS = 240_000
PATIENCE_MS = 60_000
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
EVERYTHING = one_line(" ".join(HOSTILE[:14]))
NAME = "=1+1 ![x](http://evil.example/n.png) <img src=x onerror=alert(1)>"
NOTE = one_line(" ".join(HOSTILE[:8]))
FILES = ("![x](https:evil.example:8443).mp4", "<img src=x onerror=alert(1)> www.evil.example $x$ :smile:.mp4")
FOLDER = "[a](javascript:alert(1)) `code` {{7*7}}"
BROKEN = "![b](http:evil.example) =cmd|' {} C calc'!A0.mp4"


@contextmanager
def sockets_of(parent: psutil.Process) -> Iterator[set[str]]:
    """The addresses beyond this machine to which the processes below have connections, looked at 20 times a second."""
    found: set[str] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            for process in parent.children(recursive=True):
                try:
                    ends = [each.raddr for each in process.net_connections("inet") if each.raddr]
                except psutil.Error:
                    continue
                found.update(f"{process.name()} {end.ip}" for end in ends if not is_here(end.ip))

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    try:
        yield found
    finally:
        ended.set()
        looker.join()


def is_here(address: str) -> bool:
    return address.startswith("127.") or address in ("::1", "::ffff:127.0.0.1")


def clean(tab: Page, server: str, *texts: str) -> None:
    """The page shows the texts as they are, and is made of our own elements."""
    settled(tab)
    shown = visible_text(page_text(tab))
    for text in texts:
        # Long lines are broken on the screen.
        assert re.sub(r"\s+", "", text) in re.sub(r"\s+", "", shown), text
    # What a question mark says is drawn when the pointer is over it.
    is_covered = tab.get_by_role("dialog").count() > 0
    for mark in [] if is_covered else tab.get_by_test_id("stTooltipIcon").all()[:12]:
        if mark.is_visible():
            mark.hover()
            assert foreign_elements(tab, server) == []
    tab.mouse.move(0, 0)
    assert foreign_elements(tab, server) == []


def prepare(house: Path, clips: tuple[Path, ...]) -> Path:
    """Footage whose names are hostile, a file that is none, and a deleted case, a back-up and an unreadable one."""
    folder = house / FOLDER
    folder.mkdir()
    for clip, name in zip(clips, FILES, strict=True):
        (folder / name).write_bytes(clip.read_bytes())
    (folder / BROKEN).write_text("no film")
    cases = Cases()
    deleted = cases.change(cases.new(EVERYTHING).key, lambda old: replace(old, purpose=EVERYTHING))
    back_up(cases, deleted, house / "![x](http:evil.example).sightline.zip")
    set_aside(Services(), deleted)
    unreadable = cases.new("x")
    content = {"format": 1, "name": "x", "made": 1.0, "expires": "![x](http://evil.example/u.png)"}
    (cases.folder(unreadable.key) / "case.json").write_text(json.dumps(content))
    serve_with(None)
    return folder


def add_footage(tab: Page, folder: Path) -> None:
    tab.get_by_text("Add from a folder on this computer").click()
    field = tab.get_by_label("Folder", exact=True)
    field.fill(f"{folder}/missing ![x](http:evil.example)")
    field.press("Enter")
    settled(tab)
    field.fill(str(folder))
    field.press("Enter")
    settled(tab)
    chooser = tab.get_by_role("combobox", name=re.compile("Clips in this folder"))
    for name in (*FILES, BROKEN):
        chooser.click()
        tab.get_by_role("option", name=name, exact=True).click()
        settled(tab)
    tab.keyboard.press("Escape")
    tab.get_by_role("button", name=re.compile("^.*Add 3 clips")).click()
    expect(tab.get_by_role("button", name=re.compile("Remove ")).nth(1)).to_be_visible(timeout=60_000)


def draw_regions(tab: Page, tmp_path: Path) -> None:
    draw_a_box(tab)
    expect(tab.get_by_text("With regions:")).to_be_visible()
    name = tab.locator(".regions input[type=text]").first
    name.fill(NAME)
    name.press("Enter")
    settled(tab)
    evil = tmp_path / "![x](http:evil.example).json"
    evil.write_text('{"regions": [{"kind": "![x](http://evil.example/k.png)", "points": 5}]}')
    tab.get_by_text("Load from a file").click()
    tab.get_by_test_id("stMain").locator("input[type=file]").set_input_files(evil)
    tab.get_by_role("button", name="Use these regions").click()
    settled(tab)


def review(tab: Page) -> None:
    expect(tab.locator(".person").first).to_be_visible()
    tab.locator(".person .name").first.click()
    box = tab.get_by_label(re.compile("^Name of"))
    box.fill(NAME)
    box.press("Enter")
    expect(tab.get_by_role("button", name=NAME).first).to_be_visible()
    settled(tab)
    tab.get_by_role("button", name="Show all").first.click()
    tab.get_by_role("button", name="Add note").first.click()
    box = tab.get_by_label(re.compile("^Note of"))
    box.fill(NOTE)
    box.press("Enter")
    expect(tab.locator(".person .note").first).to_be_visible()


def the_case() -> Case:
    return max(Cases().all(), key=lambda case: len(case.clips))


def test_hostile_texts_from_footage_to_report(
    ready: None, chromium: Browser, house: Path, two_clips: tuple[Path, ...], cut_off: Path, tmp_path: Path
) -> None:
    folder = prepare(house, two_clips)
    with (
        serving(tmp_path / "log") as server,
        sockets_of(psutil.Process()) as sockets,
        watched(chromium, server) as tab,
    ):
        tab.set_default_timeout(PATIENCE_MS)
        tab.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
        tab.goto("/")
        clean(tab, server)
        tab.get_by_role("main").get_by_role("button", name="New case").click()
        tab.get_by_role("dialog").get_by_label("Name", exact=True).fill(EVERYTHING)
        tab.get_by_role("dialog").get_by_label("Purpose or legal basis", exact=True).fill(EVERYTHING)
        tab.get_by_role("button", name="Create case").click()
        expect(tab.get_by_text("or drop them anywhere")).to_be_visible()
        add_footage(tab, folder)
        clean(tab, server, EVERYTHING, *FILES, BROKEN)
        go(tab, "Regions")
        draw_regions(tab, tmp_path)
        clean(tab, server)
        go(tab, "Run")
        tab.get_by_role("button", name="Start").click()
        expect(tab.get_by_text(re.compile(r"People found: \d+"))).to_be_visible(timeout=RUN_MS)
        tab.get_by_text("Run log").click()
        clean(tab, server)
        tab.get_by_role("link", name="Go to the gallery").click()
        review(tab)
        clean(tab, server, NAME, NOTE)
        tab.get_by_role("button", name=re.compile("^Play ")).first.click()
        expect(tab.locator(".player")).to_be_visible(timeout=60_000)
        clean(tab, server, NAME)
        tab.keyboard.press("Escape")
        expect(tab.locator(".player")).to_have_count(0)
        go(tab, "Similarity")
        expect(tab.locator("canvas").first).to_be_visible()
        clean(tab, server)
        go(tab, "Download")
        tab.get_by_text("Turn off face blurring", exact=True).click()
        reason = tab.get_by_role("textbox", name=re.compile("Reason for showing faces"))
        reason.fill(EVERYTHING)
        reason.press("Enter")
        clean(tab, server, EVERYTHING)
        with zip_of(tab, tmp_path) as held:
            is_harmless(held)
        clean(tab, server, EVERYTHING)
        go(tab, "Log")
        clean(tab, server, f"made: {EVERYTHING}")
        go(tab, "Footage")
        (folder / FILES[0]).unlink()
        tab.reload()
        expect(tab.get_by_text("is missing").first).to_be_visible()
        clean(tab, server, FILES[0])
        visit_sidebar(tab, server)
    kinds = {action.kind for action in load_review(Cases().review_file(the_case().key)).done}
    assert {"name", "note"} <= kinds
    open_report(chromium, tmp_path)
    assert not cut_off.exists(), cut_off.read_text()
    assert sockets == set()


def visit_sidebar(tab: Page, server: str) -> None:
    """What concerns the case as a whole, a case that is deleted and one that comes from a back-up."""
    sidebar = tab.get_by_test_id("stSidebar")
    sidebar.get_by_text("This case", exact=True).first.click()
    for label in ("Restore a back-up", "Delete this case"):
        sidebar.get_by_text(label, exact=True).first.click()
        settled(tab)
    sidebar.get_by_text("Delete this case permanently").click()
    clean(tab, server, f"Delete “{EVERYTHING}”", f"Restore “{EVERYTHING}”", "evil.example/u.png")
    field = sidebar.get_by_role("textbox", name="Or its path on this computer")
    field.fill("![x](http:evil.example).sightline.zip")
    field.press("Enter")
    sidebar.get_by_role("button", name="Restore", exact=True).click()
    settled(tab)
    clean(tab, server, f"0 clips · {EVERYTHING}")


def is_harmless(held: zipfile.ZipFile) -> None:
    """No cell is a formula, and the texts are there as they were typed."""
    for name in held.namelist():
        assert re.fullmatch(r"[\w./-]+", name) and ".." not in name and name[0] != "/"
        if name.endswith(".csv"):
            rows = list(csv.reader(io.StringIO(held.read(name).decode())))
            assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "@", "\t", "\r")]
            if name == "sightings.csv":
                written = {csv_cell(cell) for row in rows for cell in row}
                assert {NAME, NOTE} <= written
    readme = held.read("README.txt").decode()
    assert f"Purpose: {EVERYTHING}\n" in readme and readme.count("{{7*7}}") == 2


def open_report(chromium: Browser, tmp_path: Path) -> None:
    """The report, opened as a file: it asks for nothing, and runs nothing."""
    with zipfile.ZipFile(tmp_path / "gallery.zip") as held:
        held.extractall(tmp_path / "zip")
    address = (tmp_path / "zip" / "report.html").as_uri()
    context = chromium.new_context()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.goto(address)
    time.sleep(0.5)
    text = re.sub(r"\s+", " ", page.inner_text("body"))
    assert NAME in text and NOTE in text and text.count(EVERYTHING) >= 1
    outside = """() => [...document.querySelectorAll("a[href], img, script, iframe, link, object, embed")]
      .filter((each) => !/^(data:|#)/.test(each.getAttribute("src") ?? each.getAttribute("href") ?? ""))
      .map((each) => each.outerHTML.slice(0, 80))"""
    assert page.evaluate(outside) == []
    context.close()
    assert [url for url in asked if not url.startswith("data:")] == [address]
