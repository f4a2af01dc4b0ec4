"""Uploads on their way to the disk: whole or gone, kept once, under safe names; and the room that a case takes."""

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest

from core.base.errors import ClipError, StoreError
from core.machine.paths import data_dir
from core.vision.video import digest
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
    """Also after a sleep, or when the clock was put forward: nothing depends on times."""
    folder = data_dir() / "uploads"
    folder.mkdir()
    (folder / ".left.part").write_bytes(b"x")
    with receive("b.mp4") as slow:
        slow.add(CONTENT[:10])
        (part,) = (path for path in folder.glob(".*.part") if path.name != ".left.part")
        os.utime(part, (0, 0))
        sent("a.mp4")
        assert left() == [part.name, "a.mp4"]
        slow.add(CONTENT[10:20])
        assert slow.finish(20).path.read_bytes() == CONTENT[:20]


@pytest.mark.parametrize("junk", [".DS_Store", "Thumbs.db"])
def test_what_a_file_manager_leaves_is_not_taken_for_the_clip(junk: str) -> None:
    folder = data_dir() / "uploads" / hashlib.blake2b(CONTENT, digest_size=16).hexdigest()
    folder.mkdir(parents=True)
    (folder / junk).write_bytes(b"junk")
    assert sent("z.mp4").path == folder / "z.mp4" and (folder / "z.mp4").read_bytes() == CONTENT


@pytest.mark.parametrize("stump", [CONTENT[:100], bytes(len(CONTENT))], ids=["short", "zeros"])
def test_a_stump_is_replaced_and_no_digest_is_remembered_for_it(stump: bytes) -> None:
    content = hashlib.blake2b(CONTENT, digest_size=16).hexdigest()
    path = data_dir() / "uploads" / content / "first.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(stump)
    assert digest(path) != content
    again = sent("b.mp4")
    # Under the name that cases have.
    assert again.path == path and again.is_new and path.read_bytes() == CONTENT
    assert digest(path) == content and left() == ["first.mp4"]


def test_two_bad_uploads_of_one_content_at_once_take_turns() -> None:
    """The second waits until the first has been refused and removed."""
    order = []

    def second() -> None:
        with receive("b.mp4") as upload:
            upload.add(CONTENT)
            found = upload.finish()
            order.append(("second", found.is_new, found.path.read_bytes() == CONTENT))

    with receive("a.mp4") as first:
        first.add(CONTENT)
        stored = first.finish()
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        order.append(("first", stored.is_new, True))
        stored.remove()
    thread.join(10)
    assert order == [("first", True, True), ("second", True, True)]


@pytest.mark.parametrize("name", ["CON.mp4", "con.1.mp4", "Aux.MP4"])
def test_a_name_that_windows_reserves_is_changed(name: str) -> None:
    path = sent(name).path
    assert path.name.split(".")[0].lower() not in ("con", "aux") and path.suffix == Path(name).suffix


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
