"""The cache folder: whose it is on each platform, and what is said when it cannot be made."""

from pathlib import Path

import pytest

from core.base.errors import StoreError
from core.machine.paths import _platform_cache_dir, cache_dir

HOME = Path("home")


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, "home/.cache/sightline"),
        ("linux", {"XDG_CACHE_HOME": "x"}, "x/sightline"),
        ("linux", {"XDG_CACHE_HOME": "x", "SIGHTLINE_CACHE": "own"}, "own"),
        ("linux", {"SIGHTLINE_CACHE": ""}, "home/.cache/sightline"),  # empty counts as not set
        ("darwin", {}, "home/Library/Caches/Sightline"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/Sightline"),
        ("win32", {}, "home/AppData/Local/Sightline"),
    ],
)
def test_each_platform_has_its_place(platform: str, environment: dict[str, str], folder: str) -> None:
    assert _platform_cache_dir(platform, HOME, environment).as_posix() == folder


def test_the_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "a" / "b"))
    assert cache_dir() == tmp_path / "a" / "b"
    assert cache_dir().is_dir()


def test_a_folder_that_cannot_be_made_comes_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(StoreError, match="SIGHTLINE_CACHE"):
        cache_dir()
