"""One small run for all tests of reviewing: nobody writes to it."""

from pathlib import Path

import pytest

from core.machine.paths import cache_dir
from core.review import Review, ReviewSession, open_session
from tests.review.making import big_case

LEVEL = 0.5


@pytest.fixture(scope="session")
def out(own_cache: None) -> Path:
    """Eight people, three cameras, each of them twice by each."""
    return cache_dir() / "runs" / big_case(3, 8, 48, 3, 30).run / "out"


@pytest.fixture
def session(out: Path) -> ReviewSession:
    return open_session(out, Review(), LEVEL)
