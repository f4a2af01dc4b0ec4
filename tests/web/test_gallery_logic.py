"""The gallery without a page: who passes the filters, actions until they are processed, doubtful pairs, selection."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.base.text import Clocks
from tests.web.running import Node, ScriptError

# Two cameras, the second 10 s behind; sightings 0 and 1 join at 0.8, and 2 joins them at 0.5. Sighting 3 is alone.
CONTENT: dict[str, Any] = {
    "run": "r1",
    "cameras": ["gate", "yard"],
    "timed": True,
    "offsets": [0, 10],
    "rows": {
        "camera": [0, 1, 0, 1],
        "track": [1, 1, 2, 7],
        "start": [5, 0, 30, 50],
        "end": [9, 4, 35, 58],
        "rank": [1, 2, 3, 4],
        "numbers": [[1], [2], [3], [4]],
        "upper": ["red", "red and blue", "red", ""],
        "lower": ["black", "", "black", "white"],
        "name": ["", "Ada", "", ""],
        "note": ["", "", "limps", ""],
        "thing": [False, False, False, False],
        "crops": [[["a.jpg", 5, 1]], [["b.jpg", 1, 1]], [["c.jpg", 31, 1]], []],
    },
    "tree": {"leaf_a": [0, 1], "leaf_b": [1, 2], "level": [0.8, 0.5]},
    "bundle": [0, 0, 1, 2],
    "merged": [],
    "suggested": 0.6,
}
ANSWER = {
    "status": ["doubtful", "candidate", "alone", "alone"],
    "similarity": [0.8, 0.7, None, None],
    "rival": [3, 0, 1, 0],
    "rival_similarity": [0.55, None, 0.5, None],
    "doubts": [],
}
PEOPLE = 'const { People } = await load("gallery/people.js"); const people = new People(content); '


def groups(web: Node, threshold: float, pick: str) -> Any:
    return web.run(f"{PEOPLE} return people.at(threshold).map((g) => {pick});", content=CONTENT, threshold=threshold)


def test_people_at_thresholds(web: Node) -> None:
    assert groups(web, 0.6, "g.rows") == [[0, 1], [2], [3]]
    assert groups(web, 0.5, "g.rows") == [[0, 1, 2], [3]]
    assert groups(web, 0.9, "g.title") == ["P001", "Ada", "P003", "P004"]


def test_a_person_has_the_lowest_number_of_the_sightings_and_keeps_merged_ones_as_aliases(web: Node) -> None:
    """Numbers belong to sightings, in whatever order these were seen; a merged number is found by search."""
    content = json.loads(json.dumps(CONTENT))
    content["rows"]["numbers"], content["merged"] = [[7], [3, 12], [5], [4]], [5, 3]
    body = PEOPLE + "return people.at(threshold).map((g) => [g.number, g.aliases, g.title]);"
    found = web.run(body, content=content, threshold=0.5)
    assert found == [[3, [5], "Ada"], [4, [], "P004"]]
    assert web.run(body, content=content, threshold=0.9) == [
        [7, [], "P007"],
        [3, [], "Ada"],
        [5, [], "P005"],
        [4, [], "P004"],
    ]
    body = PEOPLE + (
        'const rules = await load("gallery/filter_rules.js"); const groups = people.at(0.5);'
        "return texts.map((text) => { const filters = rules.activeFilters({ ...rules.NO_FILTERS, text }, people);"
        'return rules.applyFilters(groups, filters, "first seen", (g) => people.factsOf(g)).map((g) => g.number); });'
    )
    assert web.run(body, content=content, texts=["p005", "P012", "p00", "p01", "p099"]) == [[3], [3], [3, 4], [], []]


def test_a_person_has_name_note_clothes_and_times_of_all_sightings(web: Node) -> None:
    found = groups(web, 0.5, "[g.title, g.note, g.upper, g.lower, g.first, g.last, g.seconds, g.cameras, g.id]")
    assert found[0] == ["Ada", "limps", "red", "black", 5, 35, 13, [0, 1], "gate:1"]


@pytest.mark.parametrize(
    ("cameras", "words"),
    [(1, "36 s on camera"), (2, "36 s on camera, both cameras added"), (3, "36 s on camera, all 3 cameras added")],
)
def test_seconds_of_several_cameras_are_said_to_be_added(web: Node, cameras: int, words: str) -> None:
    group = {"first": 3, "last": 28, "seconds": 36, "cameras": list(range(cameras))}
    assert web.call("gallery/person_parts.js", "seenText", group) == f"0:03 to 0:28, {words}"


def test_before_python_answers_only_the_certain_is_known(web: Node) -> None:
    assert groups(web, 0.6, "people.factsOf(g).status") == ["confirmed", "alone", "alone"]
    assert groups(web, 0.5, "people.factsOf(g).status") == ["candidate", "alone"]


def test_the_same_group_is_the_same_object(web: Node) -> None:
    body = PEOPLE + "const [a] = people.at(0.6), [b] = people.at(0.7), [c] = people.at(0.9); return [a === b, a === c];"
    assert web.run(body, content=CONTENT) == [True, False]


def test_answers_are_summed_up_by_group(web: Node) -> None:
    body = PEOPLE + "people.takeAnswer(0.6, answer); return people.at(0.6).map((g) => people.factsOf(g));"
    first, second, _ = web.run(body, content=CONTENT, answer=ANSWER)
    assert first["status"] == "doubtful"
    assert first["similarity"] == pytest.approx(0.75)
    assert first["margin"] == pytest.approx(0.25)
    # A sighting without a similarity of its own stands at the threshold.
    assert second["margin"] == pytest.approx(0.1)
    assert second["similarity"] is None


def test_no_people(web: Node) -> None:
    empty = json.loads(json.dumps(CONTENT))
    empty["rows"] = {name: [] for name in empty["rows"]}
    empty["tree"] = {"leaf_a": [], "leaf_b": [], "level": []}
    assert web.run(PEOPLE + "return people.at(0.5);", content=empty) == []


FILTER = PEOPLE + (
    'const rules = await load("gallery/filter_rules.js"); people.takeAnswer(0.6, answer);'
    "const groups = people.at(0.6), filters = rules.activeFilters({ ...rules.NO_FILTERS, ...values }, people);"
)


def passing(web: Node, order: str = "first seen", **values: Any) -> list[int]:
    body = FILTER + (
        "return rules.applyFilters(groups, filters, order, (g) => people.factsOf(g)).map((g) => g.number);"
    )
    found: list[int] = web.run(body, content=CONTENT, answer=ANSWER, values=values, order=order)
    return found


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        ({}, [1, 3, 4]),
        ({"text": " ADA "}, [1]),
        ({"text": "limps"}, [3]),
        ({"text": "p004"}, [4]),
        ({"text": "yard"}, [1, 4]),
        ({"camera": "gate"}, [1, 3]),
        ({"text": "blue top"}, [1]),
        ({"text": "Black bottom"}, [1, 3]),
        ({"text": "black top"}, []),
        ({"text": "seen once"}, [3, 4]),
        ({"upper": "blue"}, [1]),
        ({"lower": "black"}, [1, 3]),
        ({"upper": "black"}, []),
        ({"upper": "red and blue"}, []),
        ({"status": "doubtful"}, [1]),
        ({"from": "20"}, [3, 4]),
        ({"from": "0:36"}, [4]),
        ({"to": "29"}, [1, 3]),
        ({"to": "28"}, [1]),
        ({"from": "never"}, [1, 3, 4]),
        ({"matched": True}, [1]),
        ({"matched": True, "camera": "gate", "lower": "white"}, []),
    ],
)
def test_filters(web: Node, values: dict[str, Any], numbers: list[int]) -> None:
    assert passing(web, **values) == numbers


@pytest.mark.parametrize(
    ("order", "numbers"),
    [
        ("first seen", [1, 3, 4]),
        ("most cameras", [1, 3, 4]),
        ("most similar", [1, 3, 4]),
        ("most doubtful", [1, 3, 4]),
        ("seen longest", [1, 4, 3]),
    ],
)
def test_orders(web: Node, order: str, numbers: list[int]) -> None:
    assert passing(web, order) == numbers


@pytest.mark.parametrize("order", ["first seen", "most cameras", "most similar", "most doubtful", "seen longest"])
def test_things_come_last_in_every_order(web: Node, order: str) -> None:
    content = json.loads(json.dumps(CONTENT))
    content["rows"]["thing"][2] = True
    answer = {**ANSWER, "status": ["doubtful", "candidate", "thing", "alone"]}
    body = FILTER + (
        "const factsOf = (g) => people.factsOf(g), listed = rules.applyFilters(groups, filters, order, factsOf);"
        "return listed.map((g) => [g.number, g.isThing, factsOf(g).status, g.certain.status]);"
    )
    found = web.run(body, content=content, answer=answer, values={}, order=order)
    assert found[-1] == [3, True, "thing", "thing"] and [each[0] for each in found[:2]] == [1, 4]


@pytest.mark.parametrize(
    ("marks", "hide", "listed", "count", "hidden"),
    [
        ([0, 0, 1, 1], False, 4, 2, False),
        ([0, 0, 1, 1], True, 2, 2, True),
        ([0, 0], True, 2, 0, True),
        ([1, 1], True, 2, 2, False),
        ([], True, 0, 0, False),
    ],
)
def test_things_are_hidden_unless_there_is_nothing_else(
    web: Node, marks: list[int], hide: bool, listed: int, count: int, hidden: bool
) -> None:
    """Whoever searches for a thing finds it, and never an empty list."""
    groups = [{"number": number, "isThing": bool(mark)} for number, mark in enumerate(marks)]
    found = web.call("gallery/filter_rules.js", "hideThings", groups, hide)
    assert (len(found["listed"]), found["count"], found["isHidden"]) == (listed, count, hidden)


def test_a_thing_is_marked_as_a_person_and_a_person_as_a_thing(web: Node) -> None:
    body = """
    const { Actions } = await load("gallery/actions.js"), sent = [];
    const actions = new Actions({
      state: { people: { sighting: (row) => ["gate", row] }, failures: new Map() }, context: () => ({}),
      outbox: { add: (action) => sent.push(action) }, deliver: () => {}, onChange: () => {}, announce: () => {},
    });
    for (const isThing of [true, false]) actions.mark({ rows: [7], id: "gate:7", isThing });
    return sent;
    """
    assert web.run(body) == [
        {"command": "mark_person", "person": ["gate", 7]},
        {"command": "mark_thing", "person": ["gate", 7]},
    ]


@pytest.mark.parametrize(
    ("people", "order", "filtered", "listed", "folded"),
    [
        (13, "most cameras", False, 3, 10),
        (12, "most cameras", False, 12, 0),
        (13, "first seen", False, 13, 0),
        (13, "most cameras", True, 13, 0),
    ],
)
def test_of_many_people_those_seen_once_are_folded(
    web: Node, people: int, order: str, filtered: bool, listed: int, folded: int
) -> None:
    """Not where the user looks for somebody, nor in an order that has them between the others."""
    groups = [{"number": number, "rows": [number, 99][: 2 if number < 3 else 1]} for number in range(people)]
    found = web.call("gallery/filter_rules.js", "splitSeenOnce", groups, {"order": order, "isFiltered": filtered})
    assert (len(found["others"]), len(found["seenOnce"])) == (listed, folded)
    assert all(len(group["rows"]) == 1 for group in found["seenOnce"])


def test_things_are_not_folded_with_people(web: Node) -> None:
    groups = [{"number": number, "rows": [number, 99][: 2 if number < 3 else 1]} for number in range(15)]
    groups[-1]["isThing"] = True
    found = web.call("gallery/filter_rules.js", "splitSeenOnce", groups, {"order": "most cameras", "isFiltered": False})
    assert (len(found["others"]), len(found["seenOnce"]), found["things"]) == (3, 11, groups[-1:])


def test_where_everybody_was_seen_once_nobody_is_folded(web: Node) -> None:
    groups = [{"number": number, "rows": [number]} for number in range(20)]
    found = web.call("gallery/filter_rules.js", "splitSeenOnce", groups, {"order": "most cameras", "isFiltered": False})
    assert len(found["others"]) == 20


@pytest.mark.parametrize(
    ("count", "by_time", "found"),
    [
        (29, True, []),
        (120, False, [[0, "1: P1"], [10, "11: P11"], [110, "111: P111"], 12]),
        (1000, False, [[0, "1: P1"], [50, "51: P51"], [950, "951: P951"], 20]),
        (30, True, [[0, "0"], [2, "80"], [29, "1160"], 20]),
        (1000, True, [[0, "0"], [90, "3600"], [990, "39600"], 12]),
    ],
)
def test_a_long_list_is_jumped_through_by_time_or_by_tens(web: Node, count: int, by_time: bool, found: Any) -> None:
    """Somebody every 40 s: by minutes as long as there are few, then by hours."""
    groups = [{"title": f"P{n + 1}", "first": 40 * n} for n in range(count)]
    body = (
        'const { jumpTargets } = await load("gallery/jump.js"); const found = jumpTargets(groups, byTime, String);'
        "return found.length ? [found[0], found[1], found.at(-1), found.length] : [];"
    )
    assert web.run(body, groups=groups, byTime=by_time) == found


def test_each_filter_says_how_many_would_pass_without_it(web: Node) -> None:
    values = {"camera": "gate", "lower": "white"}
    body = FILTER + "return rules.passingWithout(groups, filters);"
    found = web.run(body, content=CONTENT, answer=ANSWER, values=values)
    assert found == [
        {"name": "camera", "label": "camera gate", "count": 1},
        {"name": "lower", "label": "white bottom", "count": 2},
    ]


def test_times_that_cannot_be_read(web: Node) -> None:
    body = FILTER + "return rules.unreadableTimes({ ...rules.NO_FILTERS, ...values }, people);"
    for values, names in (({"from": "1:xx", "to": "5"}, ["from"]), ({"from": " "}, []), ({"to": "1:2:3:4"}, ["to"])):
        assert web.run(body, content=CONTENT, answer=ANSWER, values=values) == names


def test_colours_that_occur(web: Node) -> None:
    body = FILTER + "return [rules.coloursOf(people, 'upper'), rules.coloursOf(people, 'lower')];"
    found = web.run(body, content=CONTENT, answer=ANSWER, values={})
    assert found == [["blue", "red"], ["black", "white"]]


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        (["", ""], ["Named P001 Ada", ""], "Done: Named P001 Ada."),
        (["Cut gate/track 1", ""], ["Confirmed P001", "Cut gate/track 1"], "Undone: Cut gate/track 1."),
        (["Confirmed P001", ""], ["", "Confirmed P001"], "Undone: Confirmed P001."),
        (["", "Confirmed P001"], ["Confirmed P001", ""], "Redone: Confirmed P001."),
        (["A", "B"], ["C", ""], "Done: C."),
        (["A", "B"], ["A", "B"], ""),
    ],
)
def test_what_is_read_out_after_an_action(web: Node, before: list[str], now: list[str], message: str) -> None:
    """An undo is not announced as if the action before it had just been done."""
    states = [dict(zip(("undo", "redo"), state, strict=True)) for state in (before, now)]
    assert web.call("gallery/actions.js", "describeHistory", *states) == message


OUTBOX = """
const { Outbox } = await load("shell/outbox.js");
const kept = { entries: [], read() { return structuredClone(this.entries); }, write(entries) {
  this.entries = structuredClone(entries);
} };
let time = 0;
const outbox = new Outbox("page", { store: kept, now: () => time });
const numbers = (box) => box.message.actions.map((action) => action.number);
"""


def test_actions_are_numbered_and_sent_again_until_they_are_processed(web: Node) -> None:
    body = (
        OUTBOX
        + """
    const id = outbox.add({ command: "confirm" }, "gate:1"); outbox.add({ command: "name", text: "Ada", id: "n" });
    const before = structuredClone(outbox.message), busy = outbox.isPendingAt("gate:1");
    outbox.acknowledge({ page: "page", number: 1, failures: [] });
    return [id, before, busy, structuredClone(outbox.message), outbox.isPendingAt("gate:1")];
    """
    )
    id_, before, busy, after, still = web.run(body)
    confirm = {"number": 1, "id": id_, "command": "confirm"}
    name = {"number": 2, "id": "n", "command": "name", "text": "Ada"}
    assert len(id_) == 32
    assert before == {"page": "page", "actions": [confirm, name]}
    assert after == {"page": "page", "actions": [name]}
    assert (busy, still) == (True, False)


def test_only_the_newest_threshold_of_a_case_is_sent(web: Node) -> None:
    body = (
        OUTBOX
        + """
    for (const [key, threshold] of [["a", 0.4], ["b", 0.4], ["a", 0.5]]) {
      outbox.add({ command: "set_threshold", threshold, case: key }); outbox.add({ command: "undo", case: key });
    }
    return [numbers(outbox), outbox.pendingThreshold("a") ?? -1, outbox.pendingThreshold("c") ?? -1];
    """
    )
    assert web.run(body) == [[2, 3, 4, 5, 6], 0.5, -1]


def test_failures_are_told_once_and_where_the_action_was_made(web: Node) -> None:
    body = (
        OUTBOX
        + """
    outbox.add({ id: "m", command: "merge" }, "gate:1"); outbox.add({ id: "s", command: "same" }, "queue");
    outbox.add({ id: "u", command: "undo" });
    const failures = [{ number: 1, message: "no" }, { number: 2, message: "not that" }];
    const told = (found) => found.map(({ action, number, ...rest }) => ({ ...rest, command: action.command }));
    const first = told(outbox.acknowledge({ page: "page", number: 2, failures }));
    const again = told(outbox.acknowledge({ page: "page", number: 2, failures }));
    const all = [...failures, { number: 3, message: "late" }];
    const later = told(outbox.acknowledge({ page: "page", number: 3, failures: all }));
    return [first, again, later, kept.entries];
    """
    )
    first, again, later, kept = web.run(body)
    assert first == [
        {"id": "m", "place": "gate:1", "message": "no", "command": "merge"},
        {"id": "s", "place": "queue", "message": "not that", "command": "same"},
    ]
    assert again == kept == []
    assert later == [{"id": "u", "place": "", "message": "late", "command": "undo"}]


@pytest.mark.parametrize(
    "receipt", [None, {"page": "another", "number": 5, "failures": []}, {"page": "", "number": 0, "failures": []}]
)
def test_a_receipt_for_another_page_processes_nothing(web: Node, receipt: dict[str, Any] | None) -> None:
    body = (
        OUTBOX + 'outbox.add({ command: "undo" }); outbox.acknowledge(receipt); return outbox.message.actions.length;'
    )
    assert web.run(body, receipt=receipt) == 1


def test_what_was_not_processed_is_taken_over_by_the_next_page_with_its_ids(web: Node) -> None:
    body = (
        OUTBOX
        + """
    outbox.add({ id: "done", command: "confirm" }, "gate:1");
    outbox.add({ id: "c", command: "name", text: "Ada" }, "p");
    outbox.add({ id: "passing", command: "show_moment" }); outbox.add({ id: "d", command: "undo" });
    outbox.acknowledge({ page: "page", number: 1, failures: [] });
    time = 100_000; const next = new Outbox("reloaded", { store: kept, now: () => time });
    const taken = next.message.actions.map(({ id, number }) => [id, number]);
    const state = [next.isPendingAt("p"), next.isOverdueAt("p"), next.overdue.length];
    next.acknowledge({ page: "reloaded", number: 2, failures: [] });
    return [taken, state, kept.entries.length];
    """
    )
    assert web.run(body) == [[["c", 1], ["d", 2]], [True, True, 2], 0]


def test_what_is_not_confirmed_in_a_few_seconds_is_not_saved_yet(web: Node) -> None:
    body = (
        OUTBOX
        + """
    time = 100_000; outbox.add({ command: "confirm" }, "p"); const counts = [];
    for (const later of [0, 3000, 5000]) { time = 100_000 + later; counts.push(outbox.overdue.length); }
    outbox.acknowledge({ page: "page", number: 1, failures: [] });
    return [...counts, outbox.overdue.length];
    """
    )
    assert web.run(body) == [0, 0, 1, 0]


def test_an_action_is_named_by_what_the_user_said(web: Node) -> None:
    actions: list[tuple[dict[str, Any], str]] = [
        ({"command": "name", "text": "Ada"}, "the name “Ada”"),
        ({"command": "set_threshold", "threshold": 0.5}, "the similarity threshold 0.5"),
        ({"command": "set_threshold", "threshold": None}, "the suggested threshold"),
        ({"command": "of a later version"}, "an action"),
    ]
    for action, words in actions:
        assert web.call("shell/outbox.js", "describeAction", action) == words


PAIRS = """
const { DoubtfulPairs } = await load("gallery/doubtful_pairs.js");
const doubts = new DoubtfulPairs(["a", "b", "c"].map((name) => ({ name }))), open = () => true;
"""


def test_pairs_go_on_and_back(web: Node) -> None:
    body = (
        PAIRS
        + """
    doubts.answer("same", "d", open); doubts.answer("different", "e", open);
    const at = doubts.current.name, undone = doubts.undo();
    return [at, undone, doubts.current.name, doubts.answeredCount, doubts.undo(), doubts.undo(), doubts.hasAnswers];
    """
    )
    assert web.run(body) == ["c", "e", "b", 1, "d", None, False]


def test_pairs_that_are_decided_meanwhile_are_skipped(web: Node) -> None:
    body = PAIRS + 'doubts.answer("same", "d", (pair) => pair.name !== "b"); return doubts.current.name;'
    assert web.run(body) == "c"


def test_a_refused_answer_has_nothing_to_take_back(web: Node) -> None:
    body = (
        PAIRS
        + """
    doubts.answer("same", "d", open);
    const found = [doubts.refuse("x", "unknown"), doubts.refuse("", "none"), doubts.refuse("d", "no")];
    return [found, doubts.refused.failure, doubts.answeredCount, doubts.undo(), doubts.refused ?? null];
    """
    )
    assert web.run(body) == [[False, False, True], "no", 0, "", None]


def test_a_refused_pair_stays_until_its_refusal_was_read(web: Node) -> None:
    body = (
        PAIRS
        + """
    doubts.answer("same", "d", open); doubts.answer("same", "e", open);
    doubts.refuse("d", { message: "no" });
    const during = [doubts.current.name, doubts.position]; doubts.dismiss();
    return [...during, doubts.current.name, doubts.position, doubts.answeredCount];
    """
    )
    assert web.run(body) == ["a", 0, "c", 2, 1]


def test_after_the_last_pair_there_is_none(web: Node) -> None:
    body = (
        PAIRS
        + "for (const id of [1, 2, 3]) doubts.answer('unsure', `${id}`, open); return [doubts.current, doubts.index];"
    )
    assert web.run(body) == [None, 3]


@pytest.mark.parametrize(
    ("title", "more", "question", "end"),
    [
        ("", False, "Is this the same person?", "2 pairs answered. Your answers apply at every threshold."),
        ("P003", False, "Is this P003?", "2 pairs answered. There is nobody else to compare with P003."),
        (
            "Ada",
            True,
            "Is this Ada?",
            "2 pairs answered. These were the most similar people; the others are less alike.",
        ),
    ],
)
def test_pairs_of_the_run_and_pairs_of_one_person(web: Node, title: str, more: bool, question: str, end: str) -> None:
    body = """
    const { describeAnswered, describeTopic } = await load("gallery/doubtful_pairs.js");
    const topic = describeTopic(title, more); return [topic.question, describeAnswered(2, topic), topic.none];
    """
    found = web.run(body, title=title, more=more)
    assert found[:2] == [question, end]
    assert found[2].startswith(f"There is nobody to compare with {title}:" if title else "There are no doubtful pairs")


def test_a_pair_whose_people_cannot_be_joined_says_what_to_do_first(web: Node) -> None:
    pair = {"similarity": 0.7, "unsure": False, "joinable": False}
    sentence = web.call("gallery/doubtful_pairs.js", "describePair", pair, "P001", "P002", 0.58)
    assert sentence.endswith("before you say yes, split this one off P002.")


@pytest.mark.parametrize(
    ("similarity", "unsure", "titles", "sentence"),
    [
        (0.523, False, ["P001", "P002"], "Now two people, P001 and P002. Similarity 0.52: below the threshold, 0.58."),
        (0.58, False, ["Ada", "Ada"], "Now one person, Ada. Similarity 0.58: at or above the threshold, 0.58."),
        # Two people all the same, and one although they are less alike, for the user has said so.
        (0.6, False, ["Ada", "Bo"], "Now two people, Ada and Bo. Similarity 0.60: at or above the threshold, 0.58."),
        (0.3, True, ["Ada", "Ada"], "You were not sure about this pair before. Now one person, Ada. "
                                    "Similarity 0.30: below the threshold, 0.58."),
    ],
)  # fmt: skip
def test_the_sentence_about_a_pair_compares_the_numbers_that_it_names(
    web: Node, similarity: float, unsure: bool, titles: list[str], sentence: str
) -> None:
    pair = {"similarity": similarity, "unsure": unsure}
    assert web.call("gallery/doubtful_pairs.js", "describePair", pair, *titles, 0.58) == sentence


STATE = (
    PEOPLE
    + """
const { GalleryState } = await load("gallery/state.js"); const state = new GalleryState();
state.people = people; state.setGroups(people.at(0.5)); state.listed = state.groups;
const [first, second] = state.groups;
"""
)


def test_whoever_stays_keeps_open_and_takes_the_focus(web: Node) -> None:
    body = (
        STATE
        + """
    state.toggleExpanded(first); state.toggleTicked(0);
    state.takeOut(first, [0]);
    return [[...state.expanded], [...state.ticked], state.followed];
    """
    )
    assert web.run(body, content=CONTENT) == [["yard:1"], [], "yard:1"]


def test_the_focus_stays_when_another_sighting_leaves(web: Node) -> None:
    body = STATE + "state.takeOut(first, [2]); return state.followed ?? null;"
    assert web.run(body, content=CONTENT) is None


def test_what_is_gone_is_not_selected(web: Node) -> None:
    body = (
        STATE
        + """
    state.toggleSelected(first); state.selected.add("gone:1"); state.forgetMissing();
    return [[...state.selected], state.selectedGroups.length];
    """
    )
    assert web.run(body, content=CONTENT) == [["gate:1"], 1]


def test_steps_end_at_the_ends_of_the_list(web: Node) -> None:
    body = (
        STATE
        + """
    const numbers = [state.neighbour(1).number, state.neighbour(-1).number];
    state.current = second; numbers.push(state.neighbour(1).number, state.neighbour(-1).number);
    state.listed = []; return [...numbers, state.neighbour(1) ?? null];
    """
    )
    assert web.run(body, content=CONTENT) == [1, 4, 4, 1, None]


def test_selected_people_are_found_in_turn(web: Node) -> None:
    body = (
        STATE
        + """
    state.toggleSelected(first); state.toggleSelected(second);
    const numbers = [];
    for (let n = 0; n < 3; n++) { state.current = state.nextSelected(); numbers.push(state.current.number); }
    return numbers;
    """
    )
    assert web.run(body, content=CONTENT) == [1, 4, 1]


@pytest.mark.parametrize(
    ("key", "row", "on_row", "command"),
    [
        ("j", False, False, "next"),
        ("ArrowDown", False, False, ""),
        ("ArrowDown", True, False, "below"),
        ("ArrowRight", True, False, ""),
        ("ArrowRight", True, True, "next"),
        ("Enter", True, False, ""),
        ("Enter", True, True, "expand"),
        (" ", True, True, "select"),
        ("?", False, False, "help"),
        ("f", False, False, "find"),
        ("t", True, False, "mark"),
        ("w", True, True, ""),
    ],
)
def test_keys(web: Node, key: str, row: bool, on_row: bool, command: str) -> None:
    body = """
    const { commandOf } = await load("gallery/keys.js");
    const person = {}; return commandOf(key, row ? person : undefined, onRow ? person : {});
    """
    assert web.run(body, key=key, row=row, onRow=on_row) == command


CURVE = {"levels": [0.2, 0.4, 0.6], "share": [0.5, 0.1, 0.0], "low": [0.4, 0.05, 0.0], "high": [0.7, 0.2, 0.01]}


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.5), (0.2, 0.5), (0.3, 0.3), (0.4, 0.1), (0.5, 0.05), (0.9, 0.0)])
def test_curves_go_on_level_beyond_their_ends(web: Node, x: float, y: float) -> None:
    found = web.call("gallery/error_rate.js", "interpolate", CURVE["levels"], CURVE["share"], x)
    assert found == pytest.approx(y)


def test_a_curve_without_points(web: Node) -> None:
    assert web.call("gallery/error_rate.js", "interpolate", [], [], 0.5) == "NaN"


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0"), (0.01, "1 in 100"), (0.03, "1 in 35"), (0.1, "1 in 10"), (0.5, "1 in 2"), (0.9, "nearly all")],
)
def test_shares_in_words(web: Node, share: float, words: str) -> None:
    assert web.call("gallery/error_rate.js", "oneIn", share) == words


@pytest.mark.parametrize(
    ("threshold", "links", "words"),
    [
        (0.4, 3, "About 1 in 10 links is expected to be wrong (between 1 in 20 and 1 in 5)."),
        (0.9, 3, "Hardly any link is expected to be wrong (between 0 and 1 in 100)."),
        (0.4, 0, "No sightings are linked at this threshold, so no link can be wrong."),
    ],
)
def test_the_error_rate_in_words(web: Node, threshold: float, links: int, words: str) -> None:
    about = {"enough": True, "pairs": 5, "calibration": CURVE}
    assert web.call("gallery/error_rate.js", "describeErrorRate", about, threshold, links) == words


def test_too_little_evidence_is_said(web: Node) -> None:
    about = {"enough": False, "pairs": 1, "calibration": CURVE}
    words = web.call("gallery/error_rate.js", "describeErrorRate", about, 0.4, 3)
    assert "only 1 known-different pair." in words


@pytest.mark.parametrize(("lowest_bin", "lowest"), [(0, -1.0), (1, -0.5), (2, 0.0), (3, 0.2)])
def test_the_slider_begins_under_all_that_occurs(web: Node, lowest_bin: int, lowest: float) -> None:
    counts = [0] * 4
    counts[lowest_bin] = 1
    histogram = {"edges": [-1, -0.5, 0, 0.5, 1], "known_different": counts, "possible": [0] * 4}
    assert web.call("gallery/threshold_scale.js", "lowestThreshold", histogram, 0.6) == lowest


@pytest.mark.parametrize(
    ("text", "value"), [("0.526", 0.53), ("7", 1), ("-3", 0.1), ("", None), ("x", None), (".3", 0.3)]
)
def test_typed_thresholds(web: Node, text: str, value: float | None) -> None:
    assert web.call("gallery/threshold_scale.js", "parseThreshold", text, 0.1) == value


def test_what_throws_says_where(web: Node) -> None:
    with pytest.raises(ScriptError, match="no such thing"):
        web.run('throw new Error("no such thing");')


def test_rows_and_filters_go_by_the_time_of_day_once_it_is_known(web: Node) -> None:
    """The run took the second camera to be 10 s behind; by the clocks it is 20 s."""
    clocks = Clocks.read({"gate": "2026-11-28T14:03:10", "yard": "2026-11-28T14:03:30"}, "Europe/Berlin")
    body = (
        'const { People } = await load("gallery/people.js"); const rules = await load("gallery/filter_rules.js");'
        "const people = new People(content, clocks), groups = people.at(0.9);"
        "const filters = (from, to) => rules.activeFilters({ ...rules.NO_FILTERS, from, to }, people);"
        'const passing = (from, to) => rules.applyFilters(groups, filters(from, to), "first seen",'
        "(g) => people.factsOf(g)).map((g) => g.number);"
        "return [people.time(1, 0), people.clipTime(0), groups.map((g) => people.commonTime(g.first)),"
        'passing("14:03:41", ""), passing("", "14:03:29"), passing("14:04", ""), passing("14:03:35", "14:03:40"),'
        'rules.unreadableTimes({ from: "noon", to: "14:03:10" }, people)];'
    )
    assert web.run(body, content=CONTENT, clocks=clocks.for_browser()) == [
        "14:03:30",
        "0:00",
        ["14:03:15", "14:03:30", "14:03:40", "14:04:20"],
        [3, 4],
        [1, 2],
        [4],
        [3],
        ["from"],
    ]


def test_a_typed_time_finds_whom_a_drifting_camera_saw_then(web: Node) -> None:
    """The yard's clock gains an hour a day: 50 s of its clip are 48 s, so that person 4 came at 14:04:18."""
    began = {"gate": "2026-11-28T14:03:10", "yard": "2026-11-28T14:03:30"}
    clocks = Clocks.read(began, "Europe/Berlin", {"yard": 3600.0})
    body = (
        'const { People } = await load("gallery/people.js"); const rules = await load("gallery/filter_rules.js");'
        "const people = new People(content, clocks), groups = people.at(0.9);"
        "const filters = (from) => rules.activeFilters({ ...rules.NO_FILTERS, from }, people);"
        'const passing = (from) => rules.applyFilters(groups, filters(from), "first seen",'
        "(g) => people.factsOf(g)).map((g) => g.number);"
        'return [people.time(3, 50), people.commonTime(groups[3].first), passing("14:04:25"), passing("14:04:26")];'
    )
    assert web.run(body, content=CONTENT, clocks=clocks.for_browser()) == ["14:04:18", "14:04:18", [4], []]
