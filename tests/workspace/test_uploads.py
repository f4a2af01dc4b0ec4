"""Uploads on their way to the disk: whole or gone, kept once, under safe names; and the room that a case takes."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from core.base.errors import ClipError, StoreError
from core.machine.paths import data_dir
from core.workspace import sources as uploads
from core.workspace.sources import DiskSpace, disk_space_for, receive

CONTENT = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))


def sent(name: str, content: bytes = CONTENT, expected: int | None = None) -> uploads.StoredUpload:
    with receive(name, expected) as upload:
        for begin in range(0, len(content), 1000):
            upload.add(content[begin : begin + 1000])
        return upload.finish(expected)


def left() -> list[str]:
    return sorted(path.name for path in (data_dir() / "uploads").rglob("*") if path.is_file())


def test_it_is_kept_under_its_digest_and_a_safe_name() -> None:
    kept = sent("../../gate 3.mp4", expected=len(CONTENT))
    assert kept.digest == hashlib.blake2b(CONTENT, digest_size=16).hexdigest()
    assert kept.path == data_dir() / "uploads" / kept.digest / "gate_3.mp4"
    assert kept.path.read_bytes() == CONTENT
    assert (kept.size, kept.is_new, left()) == (len(CONTENT), True, ["gate_3.mp4"])


def test_the_same_content_is_kept_once_whatever_it_is_called() -> None:
    first, again = sent("a.mp4"), sent("b.mp4")
    assert (again.path, again.is_new, left()) == (first.path, False, ["a.mp4"])
    again.remove()
    assert left() == ["a.mp4"]
    first.remove()
    assert list((data_dir() / "uploads").iterdir()) == []


def test_what_breaks_off_leaves_nothing() -> None:
    with pytest.raises(RuntimeError), receive("a.mp4") as upload:
        upload.add(CONTENT)
        assert len(left()) == 1
        raise RuntimeError("the connection is gone")
    assert left() == []
    with pytest.raises(StoreError, match="is incomplete"):
        sent("a.mp4", CONTENT[:-1], expected=len(CONTENT))
    assert left() == []


def test_a_part_that_a_killed_server_left_is_cleared_and_one_in_the_making_is_not() -> None:
    folder = data_dir() / "uploads"
    folder.mkdir()
    for name, age in ((".old.part", 3600), (".new.part", 1)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age,) * 2)
    sent("a.mp4")
    assert left() == [".new.part", "a.mp4"]


@pytest.mark.parametrize("name", ["notes.txt", "clip", "a.mp4.exe", ".mp4", ""])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ClipError) as refused:
        sent(name)
    assert "Choose a video file" in refused.value.remedy


def test_a_file_larger_than_the_disk_is_refused_before_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "free_data_bytes", lambda: uploads.RESERVE_BYTES + 999)
    with pytest.raises(StoreError, match="but only"):
        sent("a.mp4", CONTENT[:1000], expected=1000)
    assert sent("a.mp4", CONTENT[:999], expected=999).size == 999


def test_a_disk_that_is_full_half_way_is_said_and_nothing_stays() -> None:
    with pytest.raises(StoreError, match="the disk is full") as full, receive("a.mp4") as upload:
        upload.add(CONTENT)
        raise OSError(28, "No space left on device")
    assert "Free some space" in full.value.remedy
    assert left() == []


def test_room_is_told_from_what_is_still_to_be_made() -> None:
    assert disk_space_for(0, 0).needed == 0
    assert disk_space_for(120, 60).needed == 2 * 8_000_000 + 5_000_000
    verdicts = [
        (room.is_insufficient, room.is_low)
        for room in (DiskSpace(2_000, 1_999), DiskSpace(2_000, 10**9), DiskSpace(0, 10**9))
    ]
    assert verdicts == [(True, True), (False, True), (False, False)]
