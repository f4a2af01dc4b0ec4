"""Every test of the routes has a cache, a folder of footage and services of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.workspace import serve_with


@pytest.fixture(autouse=True)
def own_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of footage."""
    footage = tmp_path / "footage"
    footage.mkdir()
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(footage))
    serve_with(None)
    yield footage
    serve_with(None)
