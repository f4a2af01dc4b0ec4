"""Fixtures that many tests share: the cache in a folder of its own, and the developers' footage where it is there."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the user's cache; exported models are kept for the whole session."""
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def shared() -> Path:
    """The developers' footage and models; tests that need them skip and say so on any other machine."""
    if not (SHARED / "data" / "README.md").is_file():
        pytest.skip("needs ../shared (the developers' footage), which is not on this machine")
    return SHARED
