"""The case on the left: begun, opened, changed, backed up, restored, deleted; and nothing shown where none is open."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import asdict, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from core.base.errors import StoreError
from core.machine.paths import cache_dir, data_dir, write_atomically
from core.workspace.cases import Case, Cases
from core.workspace.jobs import Order, Source
from core.workspace.sources import footage_root
from pages.parts.shell.session import GO_TO_FOOTAGE
from tests.pages.making import words


def bar(case: Case | None = None, unfolded: bool = True) -> AppTest:
    def script() -> None:
        from pages.parts.shell.case_bar import case_bar

        case_bar()

    app = AppTest.from_function(script, default_timeout=30)
    if case is not None:
        app.query_params["case"] = case.key
    for each in Cases().all():
        app.session_state[f"this case {each.key}"] = unfolded
    return app.run()


def test_what_concerns_a_case_as_a_whole_is_drawn_once_it_is_unfolded() -> None:
    case = Cases().new("Shop")
    assert "Keep until" not in [field.label for field in bar(case, unfolded=False).date_input]
    assert "Keep until" in [field.label for field in bar(case).date_input]


def button(app: AppTest, label: str) -> AppTest:
    found = next(one for one in app.button if one.label.removeprefix(":red[").startswith(label))
    return found.click().run()


def new_case() -> AppTest:
    """What the dialog shows: run headless, Streamlit keeps no dialog open."""

    def script() -> None:
        from pages.parts.shell.welcome import new_case_form

        new_case_form()

    return AppTest.from_function(script, default_timeout=30).run()


def test_a_new_case_is_asked_for_its_name_and_purpose() -> None:
    app = bar()
    assert not app.exception and len(app.selectbox) == 0 and "Name" not in [field.label for field in app.text_input]
    app = button(app, "New case")
    assert [field.label for field in app.text_input][-2:] == ["Name", "Purpose or legal basis"] and Cases().all() == []


def test_a_new_case_is_open_and_its_clips_come_next() -> None:
    app = new_case()
    app.text_input[0].input("Till 3")
    app.text_input[1].input("a theft")
    button(app, "Create case")
    (case,) = Cases().all()
    assert (case.name, case.purpose) == ("Till 3", "a theft")
    assert app.query_params["case"] == case.key
    # Whatever page was open.
    assert app.session_state[GO_TO_FOOTAGE.key]


def test_without_a_name_it_is_called_after_the_day() -> None:
    button(new_case(), "Create case")
    (case,) = Cases().all()
    assert case.name.startswith("Case of ")


def _expander(block: Any, label: str) -> str:
    """What the browser knows an expander by: with another name it is another one, and closed."""
    for child in getattr(block, "children", {}).values():
        if child.type == "expander" and child.proto.label == label:
            return str(child.proto.id)
        if found := _expander(child, label):
            return found
    return ""


def test_the_one_worked_on_last_is_open_and_another_can_be_chosen() -> None:
    older, newer = Cases().new("older"), Cases().new("newer")
    app = bar()
    assert app.selectbox[0].value == newer.key
    app.selectbox[0].select(older.key).run()
    assert app.query_params["case"] == older.key
    assert app.selectbox[0].value == older.key


def test_cases_that_are_called_alike_are_told_apart() -> None:
    first, second = Cases().new("Shop"), Cases().new("Shop")
    app = bar()
    assert app.selectbox[0].options == ["Shop (2)", "Shop"]
    app.selectbox[0].select(first.key).run()
    assert app.query_params["case"] == first.key != second.key


def test_an_address_with_a_case_that_is_gone_opens_another() -> None:
    case = Cases().new("there")
    app = bar(replace(case, key="5f00aa11"))
    assert not app.exception and app.selectbox[0].value == case.key


def test_name_purpose_and_day_are_kept() -> None:
    case = Cases().new("Till 3")
    app = bar(case)
    fields = {field.label: field for field in app.text_input}
    assert fields["Name"].value in ("", "Till 3")
    named = [field for field in app.text_input if field.label == "Name"][-1]
    named.input("Till 4")
    app.date_input[0].set_value(date(2020, 1, 31))
    button(app, "Save")
    found = Cases().load(case.key)
    assert (found.name, found.expires) == ("Till 4", "2020-01-31")
    assert "was to be kept until 31 January 2020" in words(app)


def test_a_new_case_is_asked_how_long_it_is_kept() -> None:
    app = new_case()
    app.get("button_group")[0].set_value("30 days")
    button(app, "Create case")
    (case,) = Cases().all()
    assert case.keep_until == (date.today() + timedelta(30)).isoformat()
    app = new_case()
    app.date_input[0].set_value(date.today() + timedelta(3))
    button(app, "Create case")
    assert {case.keep_until for case in Cases().all()} > {(date.today() + timedelta(3)).isoformat()}


def test_a_case_is_kept_beyond_its_day_only_for_a_reason() -> None:
    case = Cases().new("Till 3", keep_until="2020-01-31")
    app = bar(case)
    app.date_input[0].set_value(date(2030, 1, 31))
    button(app, "Save")
    assert Cases().load(case.key).keep_until == "2020-01-31" and "Give the reason" in app.toast[0].value
    next(field for field in app.text_input if field.label == "Reason to keep it longer").input("the appeal")
    button(app, "Save")
    assert Cases().load(case.key).keep_until == "2030-01-31"
    assert "keep until: 31 January 2030 (the appeal)" in Cases().log_lines(case.key)[-1]
    assert "was to be kept" not in words(app)


def test_other_cases_past_their_day_are_named_too() -> None:
    Cases().new("Old *shop*", keep_until="2020-01-31")
    app = bar(Cases().new("Till 3"))
    assert r"Old \*shop\* (31 January 2020)" in words(app) and len(Cases().all()) == 2


def test_a_backup_is_made_and_restored(own_house: Path) -> None:
    case = Cases().new("Till 3")
    app = button(bar(case), "Create back-up")
    made = data_dir() / "backups" / f"{case.key}.zip"
    assert "case.json" in zipfile.ZipFile(made).namelist()
    made.rename(footage_root() / "kept.zip")
    next(field for field in app.text_input if "path" in field.label).input("kept.zip").run()
    button(app, "Restore")
    assert [found.name for found in Cases().all()] == ["Till 3", "Till 3"]


def test_a_backup_made_again_is_not_taken_for_the_one_before(own_house: Path) -> None:
    case = Cases().new("Till 3")
    app = button(bar(case), "Create back-up")
    made = data_dir() / "backups" / f"{case.key}.zip"
    first = made.stat().st_mtime_ns
    os.utime(made, ns=(first, first + 10**9))
    assert any(f"?{first + 10**9}" in one.proto.body for one in app.run().get("html"))


@pytest.mark.parametrize("text", ["../../etc/hosts", "missing.zip", "~nobody-here/a.zip", "a\0b"])
def test_a_file_that_is_no_backup_is_refused_in_words(own_house: Path, text: str) -> None:
    app = bar(Cases().new("Till 3"))
    next(field for field in app.text_input if "path" in field.label).input(text).run()
    button(app, "Restore")
    assert app.error and not app.exception and len(Cases().all()) == 1


def test_deleting_takes_two_steps() -> None:
    case = Cases().new("Till 3")
    app = bar(case)
    assert not [one for one in app.button if one.label.startswith("Delete")]
    next(box for box in app.checkbox if "permanently" in box.label).check().run()
    button(app, "Delete")
    with pytest.raises(StoreError):
        Cases().load(case.key)
    assert not app.exception and len(app.selectbox) == 0


def test_a_case_can_be_kept_for_a_day_and_restored() -> None:
    case = Cases().new("Till 3")
    app = bar(case)
    next(box for box in app.checkbox if "permanently" in box.label).check().run()
    next(box for box in app.checkbox if "for a day" in box.label).check().run()
    button(app, "Delete")
    assert not app.exception and Cases().all() == []
    button(app, "Restore “Till 3”")
    assert Cases().all() == [case]


@pytest.mark.parametrize(("text", "advice"), [("{", "Start the run again."), ('{"format": 99}', "Update Sightline.")])
def test_a_run_that_cannot_be_read_is_named(text: str, advice: str) -> None:
    file = cache_dir() / "runs" / ("0a" * 10) / "job.json"
    write_atomically(file, text.encode())
    app = bar(Cases().new("Till 3"))
    assert not app.exception and f"**1 run cannot be read.** {advice}" in words(app)
    assert str(file) in app.code[-1].value and file.read_text() == text


def test_work_in_progress_is_stopped_and_deleted_too() -> None:
    case = Cases().new("Till 3")
    app = bar(case)
    next(box for box in app.checkbox if "permanently" in box.label).check().run()
    folder = cache_dir() / "runs" / ("0a" * 10)
    order = Order((Source("gate", "gate.mp4", "ab" * 16),), "yolo")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        about = {"pid": child.pid, "born": psutil.Process(child.pid).create_time()}
        content = json.dumps({"order": asdict(order), "began": 1.0, **about})
        write_atomically(folder / "job.json", content.encode())
        Cases().change(case.key, lambda now: replace(now, wanted=folder.name))
        assert "It will be stopped" in words(app.run())
        button(app, "Delete")
        assert child.wait(10) != 0
    assert not folder.exists() and Cases().all() == []


def test_the_button_names_the_case_and_the_panel_closes(own_house: Path) -> None:
    case, other = Cases().new("Till [3]"), Cases().new("Other")
    app = bar(case)
    before = _expander(app._tree, "This case")
    next(box for box in app.checkbox if "permanently" in box.label).check().run()
    assert any(r"Delete “Till \[3\]” for good" in one.label for one in app.button)
    button(app, "Delete")
    assert app.selectbox[0].value == other.key
    assert _expander(app._tree, "This case") not in ("", before)
    assert app.session_state["go to footage"] is True


def test_a_case_that_cannot_be_read_is_named_and_stops_nothing() -> None:
    case, broken = Cases().new("Till 3"), Cases().new("broken")
    file = Cases().folder(broken.key) / "case.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "made": "x"}))
    app = bar(case)
    assert not app.exception and "1 case cannot be read" in words(app)
    assert any(str(file) in block.value for block in app.code)
    next(box for box in app.checkbox if "permanently" in box.label).check().run()
    button(app, "Delete")
    assert Cases().all() == [] and file.is_file()
