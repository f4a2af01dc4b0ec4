"""Log: no case, verified, broken, from before, erased, searched for, and with texts that are somebody else's."""

from __future__ import annotations

import re
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

from core.workspace.cases import Case, Cases
from tests.pages.making import page, words


@pytest.fixture
def case() -> Case:
    case = Cases().new("Till 3")
    Cases().log(case.key, "named P001 Ana", "decision")
    Cases().log(case.key, "[x](http://elsewhere) <img src=x>")
    return case


def opened(case: Case) -> AppTest:
    app = page("log")
    app.session_state["case"] = case.key
    return app.run()


def table(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.get("html"))


def column(app: AppTest, name: str = "What") -> list[str]:
    at = ["No.", "When", "Who", "Kind", "What"].index(name)
    rows = re.findall("<tr[^>]*>(<td>.*?)</tr>", table(app))
    return [unescape(re.findall("<td>(.*?)</td>", row)[at]) for row in rows]


def test_without_a_case_it_says_so() -> None:
    app = page("log").run()
    assert not app.exception and "No case is open" in words(app)


def test_what_was_done_is_listed_newest_first(case: Case) -> None:
    app = opened(case)
    assert not app.exception and "**Verified: 3 entries.**" in words(app)
    assert column(app) == ["[x](http://elsewhere) <img src=x>", "named P001 Ana", "made: Till 3"]
    assert column(app, "Kind") == ["change", "decision", "case"] and column(app, "No.") == ["3", "2", "1"]
    assert Cases().read_log(case.key).head.hash[:16] in words(app)
    assert "<img" not in table(app) and "elsewhere" not in words(app)


def test_it_can_be_searched(case: Case) -> None:
    app = opened(case)
    app.text_input[0].set_value("ana DECISION").run()
    assert column(app) == ["named P001 Ana"] and "1 of 3 entries" in words(app)
    app.text_input[0].set_value("nobody").run()
    assert not app.exception and "No entry has these words" in words(app) and not table(app)


def test_a_broken_log_says_where_and_is_shown(case: Case) -> None:
    file = Cases().folder(case.key) / "log_texts.jsonl"
    file.write_bytes(file.read_bytes().replace(b"Ana", b"Eva"))
    app = opened(case)
    assert not app.exception and "The log is broken: entry 2 has another text" in words(app)
    assert "Verified" not in words(app) and len(column(app)) == 3


def test_lines_from_before_are_marked(case: Case) -> None:
    (Cases().folder(case.key) / "log.txt").write_text("2026-01-01T08:00:00+0000 made: Till\n")
    app = opened(case)
    assert "1 line is from before" in words(app)
    assert column(app)[-1] == "made: Till" and column(app, "Kind")[-1] == "unverified"


def test_erased_entries_say_so(case: Case) -> None:
    assert Cases().erase_payloads(case.key, lambda text: "Ana" in text) == 1
    app = opened(case)
    assert "Verified: 4 entries, 1 of them erased" in words(app)
    assert column(app)[2].startswith("erased on ") and "Ana" not in table(app)


def test_of_a_long_log_the_newest_are_shown_first(case: Case) -> None:
    with Cases().logging(case.key, *(f"step {number}" for number in range(250))):
        pass
    app = opened(case)
    assert len(column(app)) == 200 and column(app)[0] == "step 249" and "The 200 newest are shown" in words(app)
    app.toggle[0].set_value(True).run()
    assert len(column(app)) == 253


def test_nothing_yet(case: Case) -> None:
    for name in ("log.jsonl", "log_texts.jsonl"):
        (Cases().folder(case.key) / name).unlink()
    app = opened(case)
    assert not app.exception and "Nothing was done in this case yet" in words(app)
