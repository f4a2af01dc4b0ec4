"""Footage: nothing yet, a folder, picks of every kind, names, uploads, and paths that are none of its business."""

import io
import json
from pathlib import Path

import pytest

from core.errors import ClipError
from core.footage import footage_root, inside, keep_upload, look_into
from core.sample import sample_folder
from pages.parts.choices import Choices
from tests.pages.making import clip_at, page, words
from tests.video.making import drawn, write_clip


def test_nothing_yet_says_what_to_do(own_house: Path) -> None:
    app = page("footage").run()
    assert not app.exception
    assert app.title[0].value == "Sightline"
    assert "Start here" in words(app)
    assert not [button for button in app.button if button.label.startswith("Next")]


def test_a_clip_is_picked_and_shown(own_house: Path) -> None:
    clip = clip_at(own_house, "Gate 3.mp4")
    app = page("footage").run()
    app.multiselect(key="picked").select(clip.path).run()
    assert not app.exception
    assert app.session_state["choices"].clips == [clip.path]
    assert app.text_input(key=f"name {clip.path}").value == "Gate_3"
    assert "128 × 64 · 1 s · 25 frames/s · h264" in words(app)
    assert [button for button in app.button if button.label.startswith("Next")]


def test_picks_of_another_folder_stay(own_house: Path) -> None:
    (own_house / "one").mkdir()
    (own_house / "two").mkdir()
    first, second = clip_at(own_house / "one", frames=5), clip_at(own_house / "two", frames=6)
    app = page("footage").run()
    app.text_input(key="folder").set_value("one").run()
    app.multiselect(key="picked").select(first.path).run()
    app.text_input(key="folder").set_value("two").run()
    app.multiselect(key="picked").select(second.path).run()
    assert app.session_state["choices"].clips == [first.path, second.path]
    assert [app.text_input(key=f"name {c.path}").value for c in (first, second)] == ["gate", "gate-2"]
    app.multiselect(key="picked").unselect(second.path).run()
    assert app.session_state["choices"].clips == [first.path]


def test_folders_are_walked_down_and_up(own_house: Path) -> None:
    (own_house / "deep").mkdir()
    app = page("footage").run()
    app.selectbox(key="step").select(str(own_house / "deep")).run()
    assert app.text_input(key="folder").value == str(own_house / "deep")
    next(button for button in app.button if button.label == "Up").click().run()
    assert app.text_input(key="folder").value == str(own_house)
    assert next(button for button in app.button if button.label == "Up").disabled


def test_a_clip_that_cannot_be_read_says_why_and_stops_no_other(own_house: Path) -> None:
    clip = clip_at(own_house)
    empty = own_house / "empty.mp4"
    empty.touch()
    app = page("footage", Choices(clips=[str(empty), clip.path])).run()
    assert not app.exception
    assert "is empty (0 bytes)" in app.error[0].value
    assert "Copy or download it again." in app.error[0].value
    assert "1 of 2 clips can be used" in words(app)
    assert app.text_input(key=f"name {clip.path}").value == "gate"


def test_the_same_clip_twice_is_noticed(own_house: Path) -> None:
    clip = clip_at(own_house)
    copy = own_house / "copy.mp4"
    copy.write_bytes(Path(clip.path).read_bytes())
    app = page("footage", Choices(clips=[clip.path, str(copy)])).run()
    assert "The same clip as gate.mp4" in app.warning[0].value
    assert "1 of 2 clips can be used" in words(app)


def test_a_camera_is_named_by_the_user_and_bad_names_are_refused(own_house: Path) -> None:
    first, second = clip_at(own_house, "a.mp4", 5), clip_at(own_house, "b.mp4", 6)
    app = page("footage", Choices(clips=[first.path, second.path])).run()
    app.text_input(key=f"name {first.path}").set_value("door").run()
    assert [c.name for c in app.session_state["choices"].cameras([first.path, second.path])] == ["door", "b"]
    app.text_input(key=f"name {second.path}").set_value("Door").run()
    assert "two cameras are called" in app.error[0].value
    app.text_input(key=f"name {second.path}").set_value("../x").run()
    assert "cannot name a camera" in app.error[0].value
    assert not [button for button in app.button if button.label.startswith("Next")]
    assert not app.exception


def test_a_clip_is_dropped(own_house: Path) -> None:
    clip = clip_at(own_house)
    app = page("footage", Choices(clips=[clip.path])).run()
    app.button(key=f"drop {clip.path}").click().run()
    assert app.session_state["choices"].clips == []
    assert "Start here" in words(app)


def test_a_folder_outside_is_refused_in_words(own_house: Path) -> None:
    app = page("footage").run()
    app.text_input(key="folder").set_value("../..").run()
    assert not app.exception
    assert "lies outside" in app.warning[0].value


@pytest.mark.parametrize("text", ["..", "/", "one/../..", "link", "~root"])
def test_no_path_leads_out_of_the_root(own_house: Path, text: str) -> None:
    (own_house / "one").mkdir()
    (own_house / "link").symlink_to(own_house.parent)
    with pytest.raises(ClipError):
        inside(text, footage_root())


def test_paths_inside_are_found_however_they_are_written(own_house: Path) -> None:
    folder = own_house / "one two"
    folder.mkdir()
    for text in ("one two", str(folder), f'"{folder}"', " one two/../one two/ "):
        assert inside(text, footage_root()) == folder.resolve()


def test_a_folder_lists_videos_and_folders_of_pictures(own_house: Path) -> None:
    import cv2

    for name in ("b.MP4", "a.avi", "notes.txt", ".hidden.mp4"):
        (own_house / name).touch()
    for name, count in (("frames", 3), ("one-picture", 1)):
        (own_house / name).mkdir()
        for number in range(count):
            cv2.imwrite(str(own_house / name / f"{number}.png"), drawn(number))
    (own_house / "secret.mp4").symlink_to("/etc/hostname")
    found = look_into(own_house, footage_root())
    assert [path.name for path in found.clips] == ["a.avi", "b.MP4", "frames"]
    assert [path.name for path in found.folders] == ["one-picture"]


def test_uploads_are_kept_once_under_safe_names(tmp_path: Path) -> None:
    content = write_clip(tmp_path / "a.mp4", range(3)).read_bytes()
    first = keep_upload("../../gate 3.mp4", io.BytesIO(content))
    written = first.stat().st_mtime_ns
    assert first.name == "gate_3.mp4"
    assert first.is_relative_to(tmp_path / "cache" / "uploads")
    assert keep_upload("../../gate 3.mp4", io.BytesIO(content)) == first
    assert first.stat().st_mtime_ns == written
    assert first.read_bytes() == content
    assert keep_upload("gate 3.mp4", io.BytesIO(content + b"x")) != first


def test_a_reload_keeps_picks_and_names(own_house: Path) -> None:
    first, second = clip_at(own_house, "a.mp4", 5), clip_at(own_house, "b=c.mp4", 6)
    app = page("footage", Choices(clips=[first.path, second.path], names={first.path: "door"})).run()
    again = page("footage")
    again.query_params["clip"] = app.query_params["clip"]
    again.run()
    assert again.session_state["choices"].clips == [first.path, second.path]
    assert again.text_input(key=f"name {first.path}").value == "door"
    assert again.text_input(key=f"name {second.path}").value == "b_c"


def test_an_address_opens_nothing_outside(own_house: Path, tmp_path: Path) -> None:
    outside = clip_at(tmp_path)
    app = page("footage")
    app.query_params["clip"] = [f"={outside.path}", "=/etc/passwd", f"={own_house}/../gate.mp4", "nonsense"]
    app.run()
    assert not app.exception
    assert app.session_state["choices"].clips == []


def test_an_upload_may_be_named_by_an_address(own_house: Path) -> None:
    kept = keep_upload("a.mp4", io.BytesIO(Path(clip_at(own_house).path).read_bytes()))
    app = page("run")
    app.query_params["clip"] = [f"={kept}"]
    app.run()
    assert "**Cameras:** a" in words(app)


def sample_at(clips: int = 3) -> Path:
    """A sample as it lies on disk when it was drawn, with other films in it."""
    folder = sample_folder()
    folder.mkdir(parents=True)
    for number in range(1, clips + 1):
        clip_at(folder, f"cam{number}.mp4", frames=5 + number)
    cameras = {f"cam{number}": {} for number in range(1, clips + 1)}
    (folder / "truth.json").write_text(json.dumps({"cameras": cameras}))
    return folder


def test_the_sample_is_one_click_away(own_house: Path) -> None:
    folder = sample_at()
    app = page("footage").run()
    next(button for button in app.button if button.label == "Open the sample").click().run()
    assert not app.exception
    assert app.session_state["choices"].clips == [str(folder / f"cam{n}.mp4") for n in (1, 2, 3)]
    assert "Picked: 3" in words(app)


def test_a_sample_that_cannot_be_drawn_says_why(own_house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_house.parent / "cache").mkdir(exist_ok=True)
    (own_house.parent / "cache" / "sample").write_text("in the way")
    app = page("footage").run()
    next(button for button in app.button if button.label == "Open the sample").click().run(timeout=60)
    assert not app.exception
    assert "could not be drawn" in words(app)
    assert app.session_state["choices"].clips == []
