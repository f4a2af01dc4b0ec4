"""The bench's judgement: what differs is named and ends with 1, and so does what is below its floor."""

import json
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench.accuracy import plazas_summary
from tests.bench.checkout import Figures
from tests.bench.compared import Floor, below, differing, table

BEFORE: Figures = {"pets/shipped/IDF1": 0.9083, "pets/shipped/MOTA": 0.868, "plaza0/who is who": "0a07"}


@pytest.mark.parametrize(
    ("after", "names"),
    [
        (BEFORE, []),
        ({**BEFORE, "pets/shipped/IDF1": 0.9083000000000001}, ["pets/shipped/IDF1"]),
        ({**BEFORE, "plaza0/who is who": "0a08"}, ["plaza0/who is who"]),
        ({name: BEFORE[name] for name in list(BEFORE)[:2]}, ["plaza0/who is who"]),
        ({**BEFORE, "room_hall/people": 7}, ["room_hall/people"]),
    ],
    ids=["equal", "the last digit", "text", "missing", "new"],
)
def test_the_last_digit_counts(after: Figures, names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert differing(BEFORE, after) == names
    assert bench.said(BEFORE, after, {"pets", "plaza0", "room_hall"}) == (1 if names else 0)
    assert ("NO" in capsys.readouterr().out) == bool(names)


def test_parts_that_were_not_measured_again_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    after = {name: figure for name, figure in BEFORE.items() if name.startswith("pets")}
    assert bench.said(BEFORE, after, bench.groups(["pets", "plazas"], [1])) == 0
    assert bench.said(BEFORE, after, bench.groups(["pets", "plazas"], [0, 1])) == 1


def test_figures_are_read_as_they_were_written(tmp_path: Path) -> None:
    bench.write(tmp_path / "figures.json", BEFORE)
    assert bench.loaded(tmp_path / "figures.json") == BEFORE
    assert json.loads((tmp_path / "figures.json").read_text())["machine"]["cores"] >= 1


def test_floors_hold_from_both_sides() -> None:
    floors = [Floor("rate", least=10), Floor("seconds", most=1), Floor("not measured", least=1)]
    assert list(below({"rate": 10.0, "seconds": 1.0}, floors)) == []
    low = list(below({"rate": 9.5, "seconds": 1.25}, floors))
    assert low == ["rate is 9.5, and must be at least 10", "seconds is 1.25, and must be at most 1"]


def test_plazas_have_a_mean_and_a_worst() -> None:
    found: Figures = {"plaza0/people/boxes/IDF1": 0.8, "plaza0/as foretold": "yes"}
    found |= {"plaza1/people/boxes/IDF1": 0.9, "plaza1/as foretold": "no"}
    summary = plazas_summary(found)
    assert summary["plazas/worst IDF1"] == 0.8 and summary["plazas/as foretold"] == "1 of 2"
    assert plazas_summary({**found, **summary}) == summary and plazas_summary({}) == {}


def test_a_part_that_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.parsed(["palzas"])
    assert "palzas" in capsys.readouterr().err


def test_a_table_shows_both_sides() -> None:
    assert table({"a": 1}, {"a": 1}, ["a"]).splitlines()[1].split() == ["a", "1", "1", "yes"]
