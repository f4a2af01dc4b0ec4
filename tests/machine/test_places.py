"""The cache and the data folder: where each is on every platform, who may read them, and what is said when one cannot
be made."""

import re
import stat
import sys
from pathlib import Path

import platformdirs
import pytest

from core.base.errors import StoreError
from core.machine.paths import (
    CACHE_ENTRIES,
    DATA_ENTRIES,
    cache_dir,
    current_path,
    data_dir,
    make_folder,
    open_atomically,
    platform_cache_dir,
    platform_data_dir,
    write_atomically,
)

ROOT = Path(__file__).resolve().parents[2]
HOME = Path("home")

needs_modes = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SIGHTLINE_DATA", raising=False)


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, "home/.cache/sightline"),
        ("linux", {"XDG_CACHE_HOME": "x"}, "x/sightline"),
        ("linux", {"XDG_CACHE_HOME": "x", "SIGHTLINE_CACHE": "own"}, "own"),
        ("linux", {"SIGHTLINE_CACHE": ""}, "home/.cache/sightline"),  # empty counts as not set
        ("linux", {"SIGHTLINE_DATA": "data"}, "home/.cache/sightline"),
        ("darwin", {}, "home/Library/Caches/Sightline"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/Sightline"),
        ("win32", {}, "home/AppData/Local/Sightline"),
    ],
)
def test_each_platform_has_its_cache_where_0_1_0_had_it(
    platform: str, environment: dict[str, str], folder: str
) -> None:
    assert platform_cache_dir(platform, HOME, environment).as_posix() == folder


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, "usual/sightline"),
        ("darwin", {}, "usual/Sightline"),
        ("win32", {}, "usual/Sightline/data"),  # the folder around it is the cache
        ("linux", {"SIGHTLINE_CACHE": "disk"}, "disk/data"),
        ("linux", {"SIGHTLINE_CACHE": "disk", "SIGHTLINE_DATA": "own"}, "own"),
        ("linux", {"SIGHTLINE_CACHE": "", "SIGHTLINE_DATA": ""}, "usual/sightline"),
    ],
)
def test_each_platform_has_its_data(
    platform: str, environment: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name, appauthor: Path("usual") / name)
    assert platform_data_dir(platform, environment).as_posix() == folder


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
def test_the_data_folder_obeys_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGHTLINE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "d"))
    assert (cache_dir(), data_dir()) == (tmp_path / "c" / "sightline", tmp_path / "d" / "sightline")


@pytest.mark.parametrize("place", [cache_dir, data_dir])
def test_the_folders_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: object) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "a" / "b"))
    monkeypatch.setenv("SIGHTLINE_DATA", str(tmp_path / "c" / "d"))
    assert (cache_dir(), data_dir()) == (tmp_path / "a" / "b", tmp_path / "c" / "d")
    assert cache_dir().is_dir() and data_dir().is_dir()


@pytest.mark.parametrize("variable", ["SIGHTLINE_CACHE", "SIGHTLINE_DATA"])
def test_a_folder_that_cannot_be_made_comes_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(variable, str(tmp_path / "file" / "folder"))
    with pytest.raises(StoreError, match=variable):
        data_dir()


def modes(folder: Path) -> dict[str, int]:
    return {p.relative_to(folder).as_posix(): stat.S_IMODE(p.stat().st_mode) for p in [folder, *folder.rglob("*")]}


@needs_modes
@pytest.mark.parametrize("place", [cache_dir, data_dir])
def test_what_is_written_there_is_for_its_owner_alone(tmp_path: Path, place: type[Path]) -> None:
    write_atomically(place() / "cases" / "5f00" / "case.json", b"{}")
    with open_atomically(place() / "film.mp4") as file:
        file.write(b"film")
    make_folder(place() / "uploads" / "aa")
    for path in [place(), *place().rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@needs_modes
def test_elsewhere_the_users_umask_decides(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "file").touch()
    write_atomically(tmp_path / "out" / "file", b"")
    assert modes(tmp_path / "out") == modes(tmp_path / "made")


@needs_modes
def test_a_link_to_the_folder_is_that_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "link"))
    write_atomically(tmp_path / "disk" / "runs" / "x", b"")
    assert modes(tmp_path / "disk" / "runs") == {".": 0o700, "x": 0o600}


@needs_modes
def test_folders_of_0_1_0_are_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "cache" / "data").mkdir(parents=True, mode=0o755)
    data_dir()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (cache_dir(), data_dir())] == [0o700, 0o700]


@needs_modes
def test_a_folder_for_everybody_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o1777)
    assert stat.S_IMODE(cache_dir().stat().st_mode) == 0o1777
    assert stat.S_IMODE(data_dir().stat().st_mode) == 0o700
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path))
    tmp_path.chmod(0o755)
    assert stat.S_IMODE(cache_dir().stat().st_mode) == 0o755


def test_an_upload_is_found_by_its_digest(tmp_path: Path) -> None:
    upload = data_dir() / "uploads" / "0a1b" / "gate.mp4"
    write_atomically(upload, b"film")
    assert current_path(str(tmp_path / "cache" / "uploads" / "0a1b" / "gate.mp4")) == str(upload)
    for path in (str(upload), "/old/uploads/0a1b/other.mp4", "/footage/0a1b/gate.mp4", "gate.mp4", "C:\\a\\b"):
        assert current_path(path) == path
    write_atomically(tmp_path / "uploads" / "0a1b" / "gate.mp4", b"")
    assert current_path(str(tmp_path / "uploads" / "0a1b" / "gate.mp4")) == str(
        tmp_path / "uploads" / "0a1b" / "gate.mp4"
    )


def test_every_place_in_the_folders_is_listed() -> None:
    """`cache` and `data` list these; what is on neither list would be found by nobody."""
    places: dict[str, set[str]] = {"cache": set(), "data": set()}
    for path in [*ROOT.glob("core/**/*.py"), *ROOT.glob("pages/**/*.py"), *ROOT.glob("notebooks/*.ipynb")]:
        for folder, name in re.findall(r'(cache|data)_dir\(\) / \\?"([\w.]+)', path.read_text(encoding="utf-8")):
            places[folder].add(name)
    assert places["data"] == set(DATA_ENTRIES)
    assert len(places["cache"]) > 10
    # Where 0.1.0 had models.
    assert places["cache"] - {"weights"} <= set(CACHE_ENTRIES)
