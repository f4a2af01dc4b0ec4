"""The digest names the content, whatever the file is called, and is computed once."""

import hashlib
import os
import sqlite3
from pathlib import Path

import pytest

from core.base.errors import ClipError
from core.machine.paths import cache_dir
from core.vision.video import digest
from core.vision.video import probing as digests


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "clip.mp4"
    file.write_bytes(os.urandom(3 * digests._BLOCK_BYTES + 17))
    return file


def test_it_is_blake2b_of_the_content(clip: Path) -> None:
    assert digest(clip) == hashlib.blake2b(clip.read_bytes(), digest_size=16).hexdigest()


def test_the_name_does_not_matter(clip: Path) -> None:
    before = digest(clip)
    assert digest(clip.rename(clip.with_name("other.avi"))) == before


def test_it_is_computed_once(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(clip)
    monkeypatch.setattr(digests, "_content_digest", lambda files, with_names: "computed again")
    assert digest(str(clip)) == before


def test_new_content_of_the_same_size_is_noticed(clip: Path) -> None:
    before, stat = digest(clip), clip.stat()
    clip.write_bytes(os.urandom(stat.st_size))
    os.utime(clip, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert digest(clip) != before


def test_a_broken_index_only_costs_time(clip: Path) -> None:
    before = digest(clip)
    (cache_dir() / "digests.sqlite").write_bytes(b"not a database" * 100)
    assert digest(clip) == before


def test_a_locked_index_is_not_waited_for_by_readers(clip: Path) -> None:
    before = digest(clip)
    lock = sqlite3.connect(cache_dir() / "digests.sqlite")
    lock.execute("BEGIN IMMEDIATE")
    try:
        assert digest(clip) == before
    finally:
        lock.close()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match=r"gone\.mp4 cannot be read"):
        digest(tmp_path / "gone.mp4")


def test_a_sequence_is_its_names_and_contents_in_order(tmp_path: Path) -> None:
    for name, content in (("a", b"1"), ("b", b"2")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "1.png").write_bytes(content)
        (folder / "2.png").write_bytes(b"x")
        (folder / "notes.txt").write_bytes(os.urandom(8))
    first, second = digest(tmp_path / "a"), digest(tmp_path / "b")
    assert first != second
    (tmp_path / "b" / "1.png").write_bytes(b"1")
    assert digest(tmp_path / "b") == first
    (tmp_path / "b" / "1.png").rename(tmp_path / "b" / "3.png")
    assert digest(tmp_path / "b") != first
