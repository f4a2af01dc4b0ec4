"""The attacks of docs/security.md. Where it can be, an attack is also made with its defence switched off, and then
succeeds: so each of these tests has been seen to notice what it is for.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import Address, at_home, serving


@pytest.fixture(scope="package")
def home() -> Iterator[Path]:
    """A folder that every user of the machine may enter, as /home is: what keeps them out lies below."""
    folder = Path(tempfile.mkdtemp(prefix="sightline-attacks-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
def server(home: Path) -> Iterator[Address]:
    with at_home(home), serving(home / "log") as address:
        yield address
