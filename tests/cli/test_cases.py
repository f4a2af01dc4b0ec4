"""`cases` on the command line: the same cases that the app shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.cli import main
from core.workspace.cases import Cases


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))


def test_there_and_back_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = Cases().new("Till 3")
    file = tmp_path / "till.zip"
    assert main(["cases", "--back-up", case.key, "--to", str(file)]) == 0
    assert main(["cases", "--delete", case.key]) == 0
    assert Cases().all() == []
    assert main(["cases", "--restore", str(file)]) == 0
    assert main(["cases"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("0 clips, not run  Till 3")


def test_the_first_command_moves_what_0_1_0_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = Cases(tmp_path / "cache" / "cases").new("Till 3")
    assert main(["cases"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{case.key}  0 clips, not run  Till 3\n"
    assert "were moved" in said.err and said.err.count("\n") == 1
    assert main(["cases"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "words", [["--back-up", "5f00aa11"], ["--to", "x.zip"], ["--recordings"], ["--delete", "5f00aa11"]]
)
def test_what_makes_no_sense_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", *words]) == 2
    assert capsys.readouterr().err.startswith("sightline: ")
