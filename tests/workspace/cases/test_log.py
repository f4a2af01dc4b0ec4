"""The log of a case: who did what and when, in a chain; what was logged before stays, and what must go is erased."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from core.base.errors import StoreError
from core.machine.chain import user_name
from core.workspace import Services, back_up, restore
from core.workspace.cases import Cases
from tests.workspace.cases.test_sharing import ADD, in_two_processes


@pytest.fixture
def cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cases:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path))
    return Cases()


def test_it_says_who_did_what(cases: Cases) -> None:
    key = cases.new("Shop").key
    cases.change(key, lambda case: replace(case, purpose="theft"), "purpose: theft")
    cases.log(key, "export begun", "export")
    log = cases.read_log(key)
    assert log.fault is None
    assert [(row.who, row.kind, row.text) for row in log.rows] == [
        (user_name(), "case", "made: Shop"),
        (user_name(), "change", "purpose: theft"),
        (user_name(), "export", "export begun"),
    ]


def test_two_processes_write_one_chain(tmp_path: Path) -> None:
    cases = Cases(tmp_path / "cases")
    key = cases.new("Shop").key
    added = in_two_processes(ADD, tmp_path / "cases", key, 100)
    log = cases.read_log(key)
    assert log.fault is None and [row.number for row in log.rows] == list(range(1, 202))
    assert {row.text.removeprefix("added ") for row in log.rows[1:]} == added


def test_a_change_that_fails_leaves_no_entry(cases: Cases) -> None:
    key = cases.new("Shop").key
    head = cases.read_log(key).head
    with pytest.raises(RuntimeError), cases.logging(key, "first", "second"):
        raise RuntimeError
    assert cases.read_log(key).head == head and cases.read_log(key).fault is None


def test_lines_from_before_stay_and_the_chain_begins_after_them(cases: Cases) -> None:
    key = cases.new("Shop").key
    for name in ("log.jsonl", "log_texts.jsonl"):
        (cases.folder(key) / name).unlink()
    old = "2026-01-01T08:00:00+0000 made: Shop\n2026-01-01T08:01:00+0000 named P001 Ana\n"
    (cases.folder(key) / "log.txt").write_text(old)
    cases.log(key, "since then")
    assert (cases.folder(key) / "log.txt").read_text() == old
    assert [line.split(" ", 1)[1] for line in cases.log_lines(key)] == ["made: Shop", "named P001 Ana", "since then"]
    assert cases.read_log(key).head.entry == 1
    table = cases.log_files(key)["log.csv"].decode().splitlines()
    assert table[1] == '2026-01-01T08:00:00+0000,,made: Shop,"from before, unverified",'


def test_what_is_erased_is_nowhere_and_the_chain_holds(cases: Cases) -> None:
    key = cases.new("Shop").key
    (cases.folder(key) / "log.txt").write_text("2026-01-01T08:00:00+0000 named P001 Ana\n2026 x\n")
    cases.log(key, "named P001 Ana", "decision")
    cases.log(key, "confirmed P002", "decision")
    assert cases.erase_payloads(key, lambda text: "Ana" in text) == 2
    assert not [path for path in cases.folder(key).iterdir() if b"Ana" in path.read_bytes()]
    log = cases.read_log(key)
    assert log.fault is None and log.rows[1].kind == "decision" and log.rows[1].text.startswith("erased on ")
    assert "erased on " in cases.earlier_log(key)[0] and cases.earlier_log(key)[1] == "2026 x"
    assert cases.erase_payloads(key, lambda text: "Ana" in text) == 0


def test_a_table_has_no_formulas(cases: Cases) -> None:
    key = cases.new("Shop").key
    cases.log(key, "=HYPERLINK(1)")
    assert ",'=HYPERLINK(1)," in cases.log_files(key)["log.csv"].decode()


def test_a_back_up_brings_the_chain_back(cases: Cases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = cases.new("Shop")
    cases.log(case.key, "named P001 Ana", "decision")
    head = cases.read_log(case.key).head
    back_up(cases, case, tmp_path / "shop.zip")
    with zipfile.ZipFile(tmp_path / "shop.zip") as archive:
        assert {"log.jsonl", "log_texts.jsonl"} <= set(archive.namelist())
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "there"))
    back = restore(Services(), tmp_path / "shop.zip")
    log = Cases().read_log(back.key)
    assert log.fault is None and log.fault_against(head) is None
    assert [row.text for row in log.rows] == ["made: Shop", "named P001 Ana", "restored from a back-up"]


def test_a_log_that_cannot_be_read_is_said(cases: Cases) -> None:
    key = cases.new("Shop").key
    (cases.folder(key) / "log.jsonl").unlink()
    (cases.folder(key) / "log.jsonl").mkdir()
    with pytest.raises(StoreError, match="log cannot be read"):
        cases.read_log(key)
