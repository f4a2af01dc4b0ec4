"""Uploads as a browser sends them: by keyboard, several at once, cancelled half way, and while the page is left."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.machine.paths import data_dir
from core.vision.video import probe
from core.workspace import add_clip
from core.workspace.cases import Case, CaseClip, Cases
from tests.vision.video.making import write_clip


@pytest.fixture
def case(house: Path) -> Case:
    return Cases().new("upload")


def choose(tab: Page, *files: Path) -> None:
    """By keyboard alone: the button opens the chooser of files."""
    expect(tab.get_by_text("or drop them anywhere")).to_be_visible()
    expect(tab.get_by_test_id("stStatusWidget")).to_have_count(0)
    with tab.expect_file_chooser() as chooser:
        tab.get_by_role("button", name="Choose files").press("Enter")
    chooser.value.set_files(files)


def large(path: Path, size: int = 3_000_000_000) -> Path:
    """A film and then nothing: it takes a while to send, and hardly any room here."""
    write_clip(path, range(5))
    with path.open("r+b") as file:
        file.truncate(size)
    return path


def kept() -> set[Path]:
    return {path for path in (data_dir() / "uploads").rglob("*") if path.is_file()}


def test_good_ones_become_cards_and_bad_ones_say_why(case: Case, tab: Page, tmp_path: Path) -> None:
    good = [write_clip(tmp_path / f"{name}.mp4", range(frames)) for name, frames in (("gate", 10), ("shed", 20))]
    bad, notes = tmp_path / "page.avi", tmp_path / "notes.txt"
    bad.write_text("<!DOCTYPE html><title>Film</title>")
    notes.write_text("no film")
    tab.goto(f"/?case={case.key}")
    choose(tab, good[0], bad, notes, good[1])
    # One line, which goes away.
    added = tab.get_by_text("2 clips added")
    expect(added).to_be_visible()
    expect(added).to_have_count(0)
    for name in ("gate", "shed"):
        expect(tab.get_by_role("button", name=f"Remove {name}")).to_be_visible()
        expect(tab.get_by_role("img", name=f"Stills of {name}.mp4")).to_be_visible()
    rows = tab.get_by_label("Uploads")
    expect(rows.get_by_text("page.avi is a web page, not a video. Download the video itself")).to_be_visible()
    expect(rows.get_by_text("This is not a video file")).to_be_visible()
    # What was refused stays until it is read.
    expect(rows.get_by_role("listitem")).to_have_count(2)
    for name in ("page.avi", "notes.txt"):
        rows.get_by_role("button", name=f"Dismiss: {name}").click()
    expect(rows.get_by_role("listitem")).to_have_count(0)
    assert [clip.camera for clip in Cases().load(case.key).clips] == ["gate", "shed"]


def test_a_cancelled_one_leaves_nothing_and_the_next_goes_on(case: Case, tab: Page, tmp_path: Path) -> None:
    before = kept()
    tab.goto(f"/?case={case.key}")
    choose(tab, large(tmp_path / "long.mp4"), write_clip(tmp_path / "barn.mp4", range(30)))
    rows = tab.get_by_label("Uploads")
    expect(rows.get_by_text(re.compile(r"of 3\.0 GB · .*/s · .* left"))).to_be_visible()
    expect(rows.get_by_text("waiting")).to_be_visible()
    rows.get_by_role("button", name="Cancel: long.mp4").press("Enter")
    expect(tab.get_by_role("button", name="Remove barn")).to_be_visible()
    assert [path.name for path in kept() - before] == ["barn.mp4"]


def test_an_upload_goes_on_while_another_page_is_shown(case: Case, tab: Page, tmp_path: Path) -> None:
    tab.goto(f"/?case={case.key}")
    choose(tab, large(tmp_path / "long.mp4", 400_000_000))
    expect(tab.get_by_text(re.compile("of 400.0 MB"))).to_be_visible()
    tab.get_by_role("link", name="Download").first.click()
    expect(tab.get_by_role("heading", name="Download")).to_be_visible()
    tab.wait_for_function("() => !window.sightlineUploads.busy()")
    tab.get_by_role("link", name="Footage").first.click()
    expect(tab.get_by_role("button", name="Remove long")).to_be_visible()


def test_a_file_is_put_into_another_camera(case: Case, tab: Page, house: Path) -> None:
    names = [f"{camera}_20261120_1400{second:02d}.mp4" for second in (0, 2, 4) for camera in ("gate", "door", "till")]
    files = [write_clip(house / name, range(number + 5)) for number, name in enumerate(names)]
    for file in files[::-1]:
        add_clip(case.key, file)
    tab.goto(f"/?case={case.key}")
    expect(tab.get_by_text("9 files of 3 cameras")).to_be_visible()
    expect(tab.get_by_test_id("stStatusWidget")).to_have_count(0)
    tab.get_by_role("button", name="Sort files into cameras").click()
    dialog = tab.get_by_role("dialog")
    expect(dialog.get_by_test_id("stDataFrame")).to_be_visible()
    first = Cases().load(case.key).clips[0]
    dialog.get_by_label("Files to move").click()
    tab.get_by_role("option", name=first.files[0].name).click()
    tab.keyboard.press("Escape")
    dialog.get_by_label("To the camera").fill("yard")
    tab.keyboard.press("Enter")
    dialog.get_by_role("button", name="Move", exact=True).click()
    expect(dialog).to_be_hidden()
    expect(tab.get_by_text("9 files of 4 cameras")).to_be_visible()
    cameras = {clip.camera: [file.digest for file in clip.files] for clip in Cases().load(case.key).clips}
    assert cameras["yard"] == [first.files[0].digest]
    assert cameras[first.camera] == [file.digest for file in first.files[1:]]


@pytest.mark.parametrize("width", [1440, 900])
def test_the_next_step_is_in_view_however_many_clips_there_are(
    house: Path, tab: Page, tmp_path: Path, width: int
) -> None:
    clips = [probe(write_clip(house / f"cam{number}-{width}.mp4", range(5 + number))) for number in range(4)]
    case = Cases().new("many")
    Cases().change(case.key, lambda old: old.with_clips(CaseClip(Path(c.path).stem, c.path, c.digest) for c in clips))
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(f"/?case={case.key}")
    foot = tab.locator(".st-key-page-foot")
    for element in (foot.get_by_text("4 clips"), foot.get_by_role("link", name="Next: draw regions")):
        expect(element).to_be_in_viewport(ratio=1)
    assert tab.evaluate("document.querySelector('.stMain').scrollTop") == 0
    foot.get_by_role("link", name="Skip to Run").click()
    expect(tab.get_by_role("heading", name="Run", level=1)).to_be_visible()
