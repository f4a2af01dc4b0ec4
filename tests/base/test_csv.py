"""No cell of any table that goes out is a formula to a spreadsheet, and our readers read it as it was."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.base.text import csv_cell, csv_comment, csv_text
from core.export import similarity_csv
from core.lab.training.card import read_table, table_of
from core.runs import (
    Choice,
    Crop,
    Link,
    Lookalike,
    Name,
    PersonNumber,
    TrackKey,
    build_gallery,
    candidates_csv,
    links_csv,
    match_people,
    names_csv,
    numbers_csv,
    people_csv,
    read_links,
    read_names,
    read_numbers,
    sightings_csv,
)
from core.runs.tables import read_people
from core.vision.models import EMBEDDER, find
from tests.review.making import made

FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''+1", "＝1", "-cam", "--"]
PLAIN = ["Anna", "-1", "-0.25", "'tis", "", "a=b", "gate", "0017"]
EVIL = "-evil"  # camera names have no other sign of a formula


def cells(text: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(text)) for cell in row]


def has_formula(text: str) -> bool:
    """As a spreadsheet sees it: a number is a number, whatever its sign."""
    return any(cell[:1] in "=+-@\t\r＝＋－＠" and not is_number(cell) for cell in cells(text) if cell)


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text[:1].isdigit() or text[:1] == "-"


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_written_as_text_and_read_as_it_was(text: str) -> None:
    (cell,) = cells(csv_text([[text]]))
    assert cell == f"'{text}" and csv_cell(cell) == text


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_formula_stays(text: str) -> None:
    assert cells(csv_text([[text, "x"]]))[0] == text == csv_cell(text)


def test_numbers_stay_numbers() -> None:
    assert csv_text([[-1, -0.5, 2, "", "x"]]) == "-1,-0.5,2,,x\n"


def test_a_comment_begins_no_cell_with_a_formula() -> None:
    line = csv_comment('models: ["a,=cmd|\' /C calc\'!A0", "b;@x", [1, -2]]\n=1')
    assert line.startswith("# ") and line.endswith("\n") and line.count("\n") == 1
    assert not has_formula(line) and ";@" not in line and "[1, -2]" in line


def test_decisions_names_and_numbers_come_back(tmp_path: Path) -> None:
    links = (
        Link(TrackKey(EVIL, 1), "same", TrackKey("-b", 2)),
        Link(TrackKey("-b", 2), "different", TrackKey(EVIL, 3)),
        Link(TrackKey(EVIL, 1), "cut", seconds="2.500"),
    )
    names = tuple(Name(EVIL, number, text.strip(), text.strip()) for number, text in enumerate(FORMULAS + PLAIN))
    numbers = (PersonNumber(1, EVIL, 2, 0.5), PersonNumber(2, "gate", 2, 1.5))
    for made_text, read, content in (
        (links_csv(links), read_links, links),
        (names_csv(names), read_names, names),
        (numbers_csv(numbers), read_numbers, numbers),
    ):
        assert not has_formula(made_text)
        (tmp_path / "table.csv").write_text(made_text, newline="")
        assert read(tmp_path / "table.csv") == content  # type: ignore[operator]


def test_names_that_were_written_before_are_read_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("camera,track,name,note\ngate,1,'-1,'=1\n")
    assert read_names(tmp_path / "names.csv") == (Name("gate", 1, "-1", "=1"),)


def test_tables_of_a_gallery_have_no_formula(tmp_path: Path) -> None:
    evidence = replace(made(2, 2, 4, 2), cameras=(EVIL, "@home"[1:]))
    _, match = match_people(evidence, tmp_path, find(EMBEDDER, "embedder").prior, Choice())
    names = [Name(EVIL, 1, "=HYPERLINK(1)", "+49 30 1234")]
    gallery = build_gallery(evidence, match, tmp_path, {}, names)
    people = people_csv(gallery)
    similar = similarity_csv(match, {1: "@x"}, {"models": {"a": "b,=1"}})
    crop = Crop(1.0, 2, b"")
    candidates = candidates_csv([Lookalike(EVIL, 1, 1, 1, "-b", 2, 2, -0.5, 0.1, "", crop, crop, 0.4)])
    for text in (people, sightings_csv(gallery), similar, candidates, table_of([(EVIL, 1)], {EVIL: 1})):
        assert EVIL not in cells(text) and not has_formula(text)
    assert {sighting.camera for sighting in read_people(people)} == {EVIL, "home"}
    assert ",-0.5000," in candidates
    (tmp_path / "table.csv").write_text(table_of([(EVIL, 1)], {EVIL: 1}))
    assert read_table(tmp_path / "table.csv", [(EVIL, 1)]) == {(EVIL, 1): "cam1-0001"}
    assert np.isfinite(match.threshold)
