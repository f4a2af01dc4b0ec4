"""A folder that two processes make at once is there once, whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.machine.paths import publish


def made(path: Path, words: str) -> Path:
    path.mkdir(parents=True)
    for name in ("model.xml", "model.bin"):
        (path / name).write_text(words)
    return path


def test_it_appears_under_its_name(tmp_path: Path) -> None:
    publish(made(tmp_path / "room" / "new", "new"), tmp_path / "model")
    assert (tmp_path / "model" / "model.bin").read_text() == "new"


@pytest.mark.parametrize(("missing", "words"), [(None, "first"), ("model.bin", "second")])
def test_who_comes_second_takes_what_is_there_if_it_is_whole(tmp_path: Path, missing: str | None, words: str) -> None:
    first = made(tmp_path / "model", "first")
    if missing:
        (first / missing).unlink()
    publish(made(tmp_path / "room" / "new", "second"), first)
    assert (first / "model.xml").read_text() == (first / "model.bin").read_text() == words
