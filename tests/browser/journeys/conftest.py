"""Every journey has a server of its own, with a cache that is empty or has what the journey begins with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.machine.paths import cache_dir
from tests.browser.conftest import Address, serving
from tests.conftest import SHARED

ALONE = """
import socket
def guarded(call):
    def checked(self, address, *rest):
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            open({report!r}, "a").write(f"{{address}}\\n")
            raise OSError("there is no network here")
        return call(self, address, *rest)
    return checked
socket.socket.connect = guarded(socket.socket.connect)
socket.socket.connect_ex = guarded(socket.socket.connect_ex)
"""


@pytest.fixture
def house(fresh: Path) -> Path:
    return fresh


@pytest.fixture
def server(house: Path, tmp_path: Path) -> Iterator[Address]:
    with serving(tmp_path / "log") as address:
        yield address


@pytest.fixture
def ready(house: Path, exported: Path) -> None:
    """No first run: that one is in the way from the sample to the zip."""
    shutil.copytree(exported, cache_dir() / "exported")


@pytest.fixture
def two_clips(request: pytest.FixtureRequest) -> tuple[Path, ...]:
    """A few seconds of two cameras called cam1 and cam2 with people in them: real ones, or else the sample's."""
    room = SHARED / "data" / "room_hall"
    if room.is_dir():
        return tuple(room / f"cam{number}.mp4" for number in (1, 2))
    glimpses: tuple[Path, ...] = request.getfixturevalue("glimpses")
    return glimpses


@pytest.fixture
def cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Server and children reach this machine alone; the file names what they asked for beyond it."""
    report, site = tmp_path / "asked", tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(ALONE.format(report=str(report)))
    monkeypatch.setenv("PYTHONPATH", str(site))
    return report
