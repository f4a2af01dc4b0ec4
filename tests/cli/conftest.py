"""What several commands are tried on."""

from pathlib import Path

import pytest

from core.cli import main
from tests.cli.making import lay


@pytest.fixture(scope="session")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with crops in in/, one of which cannot be read, and in out/ what came of them."""
    folder = tmp_path_factory.mktemp("brought")
    cameras = lay(folder / "in")
    (folder / "in" / "one" / "somebody 1" / "torn.jpg").write_bytes(b"torn")
    words = ["gallery", "--from-crops", *map(str, cameras), "--out", str(folder / "out"), "--cos", "0.5"]
    assert main([*words, "--device", "torch", "--progress", "none"]) == 1
    return folder
