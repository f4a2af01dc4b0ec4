"""What all screens share: times, numbers, and which rows of a long list are in the page."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.base.text import Clocks
from pages.parts.footage.clip_fields import parse_seconds
from tests.wall_clocks import BERLIN, DAY_BEFORE, DRIFTING, MOMENTS
from tests.web.running import Node


@pytest.mark.parametrize(
    ("name", "seconds", "text"),
    [
        ("formatClock", 0, "0:00"),
        ("formatClock", 59.99, "0:59"),
        ("formatClock", 59.9999999, "1:00"),
        ("formatClock", 3725, "1:02:05"),
        ("formatClock", -3, "0:00"),
        ("formatClockTenths", 83.25, "1:23.3"),
        ("formatClockTenths", 59.96, "1:00.0"),
        ("formatClockTenths", 3601, "1:00:01.0"),
        ("formatFrameTime", 0.98, "0:00.9"),
        ("formatFrameTime", 0.3, "0:00.3"),
        ("formatFrameTime", 61.2, "1:01.2"),
        ("formatDuration", 12.4, "12 s"),
        ("formatDuration", 185, "3 min 5 s"),
        ("formatDuration", 7800, "2 h 10 min"),
    ],
)
def test_times(web: Node, name: str, seconds: float, text: str) -> None:
    assert web.call("shell/time.js", name, seconds) == text


@pytest.mark.parametrize(("zone", "began", "seconds", "text", "with_tenths"), MOMENTS)
def test_times_of_day_are_those_of_python(
    web: Node, zone: str, began: str, seconds: float, text: str, with_tenths: str
) -> None:
    clocks = Clocks.read({"gate": began, "yard": DAY_BEFORE}, zone).for_browser()
    assert web.call("shell/time.js", "formatMoment", clocks, "gate", seconds) == text
    assert web.call("shell/time.js", "formatMoment", clocks, "gate", seconds, True) == with_tenths
    assert web.call("shell/time.js", "formatMoment", clocks, "shed", seconds) == ""
    assert web.call("shell/time.js", "formatMoment", None, "gate", seconds) == ""


@pytest.mark.parametrize(("drift", "seconds", "text"), DRIFTING)
def test_times_of_a_clock_that_drifts_are_those_of_python(web: Node, drift: float, seconds: float, text: str) -> None:
    clocks = Clocks.read({"gate": DAY_BEFORE}, BERLIN, {"gate": drift}).for_browser()
    assert web.call("shell/time.js", "formatMoment", clocks, "gate", seconds, True) == text


@pytest.mark.parametrize(
    ("text", "last", "seconds"),
    [
        ("01:59:50", False, 0),
        (" 1:59 ", False, -50),
        ("2026-10-24 23:59:50", False, -7200),
        ("02:00:05", False, 15),
        ("02:00:05", True, 3615),
        ("3:00:00", False, 7210),
        ("90", False, None),
        ("14:3", False, None),
        ("25:00", False, None),
    ],
)
def test_typed_times_of_day(web: Node, text: str, last: bool, seconds: float | None) -> None:
    clocks = Clocks.read({"gate": "2026-10-25T01:59:50"}, BERLIN).for_browser()
    assert clocks
    epoch = web.call("shell/time.js", "parseEpoch", clocks, text, last)
    assert (None if epoch is None else epoch - clocks["began"]["gate"]) == seconds


def test_a_typed_time_that_clocks_skip_is_within_an_hour_of_it(web: Node) -> None:
    clocks = Clocks.read({"gate": "2027-03-28T01:59:50"}, BERLIN).for_browser()
    assert clocks
    epoch = web.call("shell/time.js", "parseEpoch", clocks, "02:30:00")
    assert web.call("shell/time.js", "formatEpoch", clocks, epoch) in ("01:30:00", "03:30:00")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), (" 1:30 ", 90), ("1:02:03.5", 3723.5), ("", None), ("1:2x", None)]
)
def test_typed_times(web: Node, text: str, seconds: float | None) -> None:
    assert web.call("shell/time.js", "parseTime", text) == seconds


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.integers(0, 200_000))
def test_a_clock_is_read_as_the_seconds_that_it_shows(web: Node, seconds: int) -> None:
    text = web.call("shell/time.js", "formatClock", seconds)
    assert web.call("shell/time.js", "parseTime", text) == seconds == parse_seconds(text)


@pytest.mark.parametrize(
    ("value", "digits", "text"), [(0.525, 2, "0.53"), (-0.001, 2, "0.00"), (-0.12, 2, "-0.12"), (1, 3, "1.000")]
)
def test_similarities(web: Node, value: float, digits: int, text: str) -> None:
    assert web.call("shell/text.js", "formatSimilarity", value, digits) == text


def test_other_texts(web: Node) -> None:
    assert web.call("shell/text.js", "personName", 7) == "P007"
    assert web.call("shell/text.js", "formatCount", 1, "person", "people") == "1 person"
    assert web.call("shell/text.js", "formatCount", 1204, "sighting") == "1,204 sightings"
    assert web.call("shell/text.js", "formatBytes", 2_340_000) == "2.3 MB"
    assert web.call("shell/text.js", "formatBytes", 12) == "12 B"
    assert web.call("shell/text.js", "fileAddress", "/crops/t", "cam 1/a#b.jpg") == "/crops/t/cam%201/a%23b.jpg"


def test_colours_go_round(web: Node) -> None:
    found = [web.call("shell/colors.js", "personColor", number) for number in (1, 2, 8)]
    assert found == ["#E69F00", "#56B4E9", "#E69F00"]


RANGE = "shell/visible_range.js"


@pytest.mark.parametrize(
    ("wide", "columns", "lines"),
    [
        ([], 3, []),
        ([0, 0, 0, 0], 3, [[0, 3], [3, 4]]),
        ([1, 1], 1, [[0, 1], [1, 2]]),
        ([0, 0, 1, 0, 0, 0, 0], 3, [[0, 2], [2, 3], [3, 6], [6, 7]]),
        ([1, 0, 1], 2, [[0, 1], [1, 2], [2, 3]]),
    ],
)
def test_items_in_lines(web: Node, wide: list[int], columns: int, lines: list[list[int]]) -> None:
    """Whoever is wide has a line alone."""
    assert web.call(RANGE, "packLines", wide, columns) == lines


def test_a_short_list_is_whole(web: Node) -> None:
    assert web.call(RANGE, "visibleRange", [100] * 20, 5000, 6000) == [0, 20]
    assert web.call(RANGE, "visibleRange", [], 0, 100) == [0, 0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    heights=st.lists(st.integers(40, 400), min_size=21, max_size=80),
    top=st.integers(-2000, 20_000),
    window=st.integers(1, 2000),
)
def test_every_row_in_the_window_is_in_the_page(web: Node, heights: list[int], top: int, window: int) -> None:
    first, end = web.call(RANGE, "visibleRange", heights, top, top + window)
    assert 0 <= first < end <= len(heights)
    offset = 0
    for row, height in enumerate(heights):
        if offset + height > top and offset < top + window:
            assert first <= row < end
        offset += height


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    heights=st.lists(st.integers(1, 50), min_size=1, max_size=30),
    first=st.integers(0, 30),
    length=st.integers(0, 10),
    pinned=st.lists(st.integers(-1, 35), max_size=3),
)
def test_gaps_are_as_high_as_what_is_left_out(
    web: Node, heights: list[int], first: int, length: int, pinned: list[int]
) -> None:
    first = min(first, len(heights))
    shown = [first, min(first + length, len(heights))]
    layout = web.call(RANGE, "layoutWithGaps", heights, shown, pinned)
    rows = [part for part in layout if isinstance(part, int)]
    assert rows == sorted({*range(*shown), *(row for row in pinned if 0 <= row < len(heights))})
    assert sum(heights[part] if isinstance(part, int) else part["height"] for part in layout) == sum(heights)


ROOTS = """
const { mounter } = await load("shell/mounting.js");
const log = [];
class Root {
  constructor(name) { this.name = name; }
  cloneNode() { return new Root(`${this.name}'`); }
  replaceWith(other) { page.root = other; }
}
const page = { root: new Root("first") }, component = { parentElement: { querySelector: () => page.root } };
const made = (name) => (root) => ({
  update: () => log.push(`${name} updates ${root.name}`), destroy: () => log.push(`${name} ends`),
});
"""


def test_a_view_is_made_once_and_only_the_last_call_ends_it(web: Node) -> None:
    body = ROOTS + 'const mount = mounter(".x", made("a")); const first = mount(component), second = mount(component);'
    body += "first(); second(); second(); return log;"
    assert web.run(body) == ["a updates first", "a updates first", "a ends"]


def test_the_module_of_a_new_server_takes_the_place_of_the_old_one(web: Node) -> None:
    """It has another address, so that the browser has loaded it a second time; nobody ends the first."""
    body = ROOTS + 'const end = mounter(".x", made("old"))(component), next = mounter(".x", made("new"));'
    body += "next(component); end(); next(component)(); return log;"
    assert web.run(body) == ["old updates first", "old ends", "new updates first'", "new updates first'", "new ends"]


def test_others_decisions_are_looked_for_twice_a_second(web: Node) -> None:
    body = """
    const { Watch } = await load("shell/watch.js");
    const each = [];
    globalThis.setInterval = (_, milliseconds) => each.push(milliseconds);
    new Watch({ onChange: () => {}, isPaused: () => true }).end();
    return each;
    """
    assert web.run(body) == [500]


def test_others_decisions_are_announced_once_and_not_while_our_own_are_on_their_way(web: Node) -> None:
    """A tab that was drawn with state a, while the case goes on to b; then the page is drawn with b."""
    body = """
    const { Watch } = await load("shell/watch.js");
    const announced = [], asked = [];
    let paused = false, state = "a";
    const watch = new Watch({
      onChange: (news) => announced.push(news), isPaused: () => paused,
      fetchState: async (address) => { asked.push(address); return { state }; },
    });
    watch.end();
    const look = async () => { await watch.look(); return announced.length; };
    const counts = [await look()];
    watch.drawn("/state", "a");
    counts.push(await look());
    state = "b"; paused = true;
    counts.push(await look());
    paused = false;
    counts.push(await look(), await look());
    watch.drawn("/state", "b");
    counts.push(await look());
    state = "";
    counts.push(await look());
    return { counts, announced, asked: asked.length };
    """
    assert web.run(body) == {"counts": [0, 0, 0, 1, 1, 1, 1], "announced": [{"state": "b"}], "asked": 5}
