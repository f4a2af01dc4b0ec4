"""A zip that was changed says where."""

import json
import zipfile
from pathlib import Path

import pytest

from core.base.errors import StoreError
from core.export import verify_zip, write_zip
from tests.export.making import mot, rewritten, some, unpacked

CROP = "people/P002/cam1_00-00-20.0_t0004.jpg"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_zip(some(), mot(tmp_path), tmp_path / "g.zip")
    return tmp_path / "g.zip"


def test_packed_anew_it_is_still_the_same(path: Path) -> None:
    rewritten(path, {})
    assert verify_zip(path).people == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tracks/cam1.txt": b"1,4,0,0,1,1"}, r"changed: tracks/cam1\.txt"),
        ({CROP: None}, "missing: people/P002/cam1_00-00-20"),
        ({"people/P009/x.jpg": b""}, r"added: people/P009/x\.jpg"),
        (
            {CROP: b"", "sightings.csv": b"", "report.html": None},
            r"changed: people/P002/.*jpg, sightings\.csv; missing: report",
        ),
    ],
)
def test_what_was_changed_is_named(path: Path, change: dict[str, bytes | None], words: str) -> None:
    rewritten(path, change)
    with pytest.raises(StoreError, match=words):
        verify_zip(path)


def test_damage_inside_an_entry_is_named(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(unpacked(path)[CROP][-60:])  # its tables are like those of other JPEGs
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match=f"changed: {CROP}"):
        verify_zip(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_second_entry_of_the_same_name_is_seen(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("README.txt", unpacked(path)["README.txt"])
    with pytest.raises(StoreError, match=r"added: README\.txt"):
        verify_zip(path)


@pytest.mark.parametrize(
    "manifest", [b"", b"[]", b"{}", b'{"entries": [1]}', b'{"entries": [{"name": 1}]}', b"[" * 9999]
)
def test_a_manifest_that_is_none(path: Path, manifest: bytes) -> None:
    rewritten(path, {"manifest.json": manifest})
    with pytest.raises(StoreError, match=r"no readable manifest\.json"):
        verify_zip(path)


def test_other_files_are_refused(tmp_path: Path, path: Path) -> None:
    rewritten(path, {"manifest.json": None})
    (tmp_path / "text").write_text("no zip")
    for file, words in (
        (path, "no readable manifest"),
        (tmp_path / "text", "no zip"),
        (tmp_path / "-", "cannot be read"),
    ):
        with pytest.raises(StoreError, match=words):
            verify_zip(file)


def test_entries_that_are_promised_as_something_else(path: Path) -> None:
    manifest = json.loads(unpacked(path)["manifest.json"])
    manifest["entries"][0]["sha256"] = "0" * 64
    rewritten(path, {"manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(StoreError, match=r"changed: README\.txt"):
        verify_zip(path)
