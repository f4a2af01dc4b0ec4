"""`cases` on the command line: the same cases that the app shows."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from core.cli import main
from core.workspace import serve_with
from core.workspace.cases import Cases
from tests.vision.video.making import write_clip


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(tmp_path))
    yield
    serve_with(None)


def test_there_and_back_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = Cases().new("Till 3")
    file = tmp_path / "till.zip"
    assert main(["cases", "--back-up", case.key, "--to", str(file)]) == 0
    assert main(["cases", "--delete", case.key]) == 0
    assert Cases().all() == []
    assert main(["cases", "--restore", str(file)]) == 0
    assert main(["cases"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("0 clips, not run  Till 3")


def test_a_case_is_created_filled_and_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(("gate", "yard"), 12):
        write_clip(tmp_path / f"{name}.mp4", range(number), Fraction(1, 10))
    assert main(["cases", "--new", "Till 3", "--purpose", "theft on 31 May"]) == 0
    key, name = capsys.readouterr().out.strip().split("  ")
    monkeypatch.chdir(tmp_path)
    assert main(["cases", "--add", key, "gate.mp4", "yard.mp4"]) == 0
    assert main(["cases", "--rename", key, " Till 4 "]) == 0
    assert capsys.readouterr().out == f"added: gate\nadded: yard\n{key}  Till 4\n"
    case = Cases().load(key)
    assert (name, case.name, case.purpose) == ("Till 3", "Till 4", "theft on 31 May")
    assert [clip.path for clip in case.clips] == [str(tmp_path / f"{name}.mp4") for name in ("gate", "yard")]
    entries = [line.split(" ", 1)[1] for line in Cases().log_lines(key)]
    digests = [clip.digest for clip in case.clips]
    added = [f"clip added: {name}.mp4 ({digest})" for name, digest in zip(("gate", "yard"), digests, strict=True)]
    assert entries == ["made: Till 3", *added, "named Till 4"]
    # The same recording twice is refused, as on the Footage page.
    assert main(["cases", "--add", key, "gate.mp4"]) == 2
    assert "already in this case" in capsys.readouterr().err and Cases().load(key) == case


def test_the_day_until_which_a_case_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "--new", "Till 3", "--purpose", "a theft", "--keep-until", "2020-05-31"]) == 0
    key = capsys.readouterr().out.split()[0]
    assert main(["cases"]) == 0
    assert "Till 3 (a theft; was to be kept until 31 May 2020)" in capsys.readouterr().out
    assert main(["cases", "--keep-until", key, "2120-05-31"]) == 2
    assert "reason" in capsys.readouterr().err
    assert main(["cases", "--keep-until", key, "2120-05-31", "--reason", "the appeal"]) == 0
    assert Cases().load(key).keep_until == "2120-05-31" and "the appeal" in Cases().log_lines(key)[-1]
    assert main(["cases", "--keep-until", "soon", "--new", "x"]) == 2 and len(Cases().all()) == 1


def test_the_first_command_moves_what_0_1_0_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = Cases(tmp_path / "cache" / "cases").new("Till 3")
    assert main(["cases"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{case.key}  0 clips, not run  Till 3\n"
    assert "were moved" in said.err and said.err.count("\n") == 1
    assert main(["cases"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "words",
    [
        ["--back-up", "5f00aa11"],
        ["--to", "x.zip"],
        ["--recordings"],
        ["--delete", "5f00aa11"],
        ["--purpose", "theft"],
        ["--add", "5f00aa11"],
        ["--add", "5f00aa11", "gate.mp4"],
        ["--rename", "5f00aa11", "Till"],
        ["--rename", "5f00aa11", " "],
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", *words]) == 2
    assert capsys.readouterr().err.startswith("sightline: ")
