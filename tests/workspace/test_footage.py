"""Folders that clips may be opened from: all that lies below the root, and nothing that leads out of it."""

from pathlib import Path

import cv2
import pytest

from core.base.errors import ClipError
from core.workspace import clip_of, serve_with
from core.workspace.sources import footage_root, is_permitted, list_folder, resolve_folder
from tests.vision.video.making import drawn, write_clip


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "footage"
    folder.mkdir()
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(folder))
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.mark.parametrize("text", ["..", "/", "one/../..", "link", "~root"])
def test_no_path_leads_out_of_the_root(root: Path, text: str) -> None:
    (root / "one").mkdir()
    (root / "link").symlink_to(root.parent)
    with pytest.raises(ClipError):
        resolve_folder(text, footage_root())


def test_paths_inside_are_found_however_they_are_written(root: Path) -> None:
    folder = root / "one two"
    folder.mkdir()
    for text in ("one two", str(folder), f'"{folder}"', " one two/../one two/ "):
        assert resolve_folder(text, footage_root()) == folder.resolve()


def test_a_folder_lists_videos_and_folders_of_pictures(root: Path) -> None:
    for name in ("b.MP4", "a.avi", "notes.txt", ".hidden.mp4"):
        (root / name).touch()
    for name, count in (("frames", 3), ("one-picture", 1)):
        (root / name).mkdir()
        for number in range(count):
            cv2.imwrite(str(root / name / f"{number}.png"), drawn(number))
    (root / "secret.mp4").symlink_to("/etc/hostname")
    found = list_folder(root, footage_root())
    assert [path.name for path in found.clips] == ["a.avi", "b.MP4", "frames"]
    assert [path.name for path in found.folders] == ["one-picture"]


def test_what_may_be_opened(root: Path) -> None:
    own = root.parent / "cache" / "data" / "uploads" / "x" / "a.mp4"
    allowed = [str(root / "a.mp4"), str(own), f"{root}/../footage/a.mp4"]
    refused = ["/etc/passwd", f"{root}/../a.mp4", str(root.parent / "cache" / "a.mp4"), "\0"]
    assert [is_permitted(path) for path in (*allowed, *refused)] == [True] * 3 + [False] * 4


def test_a_clip_that_was_exchanged_for_a_link_out_of_the_root_is_not_opened(root: Path) -> None:
    """Permission is asked for at each opening, not only when a clip is added."""
    clip, outside = write_clip(root / "a.mp4", range(5)), write_clip(root.parent / "b.mp4", range(6))
    serve_with(None)
    assert clip_of(str(clip)).frames == 5
    clip.unlink()
    clip.symlink_to(outside)
    with pytest.raises(ClipError, match="cannot be opened"):
        clip_of(str(clip))
    serve_with(None)
