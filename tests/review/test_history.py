"""The file of what was said: whole, read back as it was, refused in words where it cannot be."""

import json
import time
from pathlib import Path

import pytest

from core.base.errors import StoreError, WeightsError
from core.review import (
    Action,
    PendingAction,
    Renumbering,
    Review,
    ReviewSession,
    load_review,
    open_session,
    save_review,
)
from core.review.history import AbsentNumber
from core.runs import SAME, CutPoint, Link, Name, PersonNumber, TrackKey
from tests.review.making import made, write_run

FULL = Action(
    "cut",
    "cut gate track 3 at 0:02.0",
    1.5,
    (Link.cut(CutPoint("gate", 3, 2.0)),),
    (Name("gate", 4, "Zoë", "a note"),),
    ((TrackKey("gate", 1), TrackKey("hall", 2)),),
    (Renumbering("gate", 9, 10),),
)


def test_what_was_said_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "review.json"
    assert load_review(path) == Review()
    review = Review((FULL, Action("confirm", "confirmed P001", 2.0)), (FULL,))
    save_review(path, review)
    assert load_review(path) == review
    assert load_review(path).state == review.state


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"format": 1, "done": [{}], "undone": []}',
        '{"format": 1, "done": [{"kind": "x"}], "undone": 3}',
        '{"format": 2, "done": [{"kind": "x"}]}',
        '{"format": 2, "highest": "3"}',
    ],
)
def test_a_damaged_file_is_said_to_be_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "review.json"
    path.write_text(content)
    with pytest.raises(StoreError, match="back-up"):
        load_review(path)


def test_a_file_of_another_version_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "review.json"
    path.write_text('{"format": 99}')
    with pytest.raises(StoreError, match="Update Sightline"):
        load_review(path)


VERSION_1 = """
{"format": 1, "run": "12ab", "highest": 4, "numbers": [[4, "gate", 3, 0]], "absent": [["ab", [1, "gate", 2, 0.5]]],
 "done": [{"kind": "cut", "words": "cut gate track 3 at 0:02.0", "time": 1.5,
           "links": [{"camera": "gate", "track": "3", "decision": "cut", "seconds": "2.000"}],
           "names": [["gate", 4, "Zoë", "a note"]], "unsure": [[["gate", 1], ["hall", 2]]],
           "moved": [["gate", 9, 10]]}],
 "undone": [],
 "waiting": [{"run": "34cd", "why": "it is gone", "tracks": "ef",
              "cuts": [{"camera": "gate", "track": "3", "decision": "cut", "seconds": "2.000"}],
              "action": {"kind": "same", "words": "joined", "time": 2, "names": [], "unsure": [], "moved": [],
                         "links": [{"camera": "gate", "track": "1", "other_camera": "hall", "other_track": "2",
                                    "decision": "same"}]}}]}
"""


def test_a_file_of_version_1_says_the_same(tmp_path: Path) -> None:
    """Its fields had other names, and its links were texts by column."""
    path = tmp_path / "review.json"
    path.write_text(VERSION_1, encoding="utf-8")
    joined = Action("same", "joined", 2.0, (Link(TrackKey("gate", 1), SAME, TrackKey("hall", 2)),))
    review = load_review(path)
    assert review == Review(
        done=(FULL,),
        pending=(PendingAction("34cd", FULL.links, joined, "it is gone", "ef"),),
        run="12ab",
        numbers=(PersonNumber(4, "gate", 3, 0.0),),
        absent=(AbsentNumber("ab", PersonNumber(1, "gate", 2, 0.5)),),
        highest=4,
    )
    save_review(path, review)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["format"] == 2 and {"words", "waiting"}.isdisjoint({*content, *content["done"][0]})
    assert load_review(path) == review


@pytest.mark.parametrize(
    "cells",
    [
        {"camera": "gate", "track": "x", "decision": "cut", "seconds": "2"},
        {"camera": "gate", "track": "3", "decision": "cut", "seconds": "inf"},
        {"camera": "gate", "track": "3", "decision": "cut"},
        {"camera": "gate", "track": "3", "decision": ["cut"], "seconds": "2"},
        {"camera": 3, "track": "3", "decision": "cut", "seconds": "2"},
    ],
)
def test_a_link_of_version_1_that_says_nothing_is_damage(tmp_path: Path, cells: dict[str, object]) -> None:
    content = json.loads(VERSION_1)
    content["done"][0]["links"] = [cells]
    (tmp_path / "review.json").write_text(json.dumps(content))
    with pytest.raises(StoreError, match="cannot be read"):
        load_review(tmp_path / "review.json")


@pytest.mark.parametrize(
    ("decision", "second", "seconds"),
    [("alike", ("hall", 1), ""), ("cut", ("hall", 1), "2"), ("cut", None, ""), ("same", None, ""), ("cut", None, "x")],
)
def test_a_link_has_what_its_decision_needs(decision: str, second: tuple[str, int] | None, seconds: str) -> None:
    with pytest.raises(ValueError):
        Link(TrackKey("gate", 3), decision, second and TrackKey(*second), seconds)


def test_many_decisions_are_read_fast(tmp_path: Path) -> None:
    """5,000 of them in less than 0.2 s; here is four times the room, for a busy machine."""
    link = Link(TrackKey("gate", 3), SAME, TrackKey("hall", 2))
    actions = tuple(Action("same", f"joined P{n:03d} and P001", 1.5 + n, (link,), people=(n, 1)) for n in range(5_000))
    save_review(tmp_path / "review.json", Review(actions))
    began = time.process_time()
    assert load_review(tmp_path / "review.json").done == actions
    assert time.process_time() - began < 0.8


def test_a_new_word_after_undo_drops_what_was_taken_back() -> None:
    one, other = Action("confirm", "one", 1.0), Action("confirm", "other", 2.0)
    review = Review().act(one).undo()
    assert (review.done, review.undone) == ((), (one,))
    assert review.redo().done == (one,)
    assert (review.act(other).done, review.act(other).undone) == ((other,), ())
    assert Review().undo() == Review() == Review().redo()


def test_a_run_without_what_it_takes_has_to_be_done_again(tmp_path: Path, session: ReviewSession) -> None:
    (tmp_path / "run.json").write_bytes((session.out / "run.json").read_bytes())
    with pytest.raises(StoreError, match="Run it again"):
        open_session(tmp_path, Review(), None)
    (tmp_path / "tracklets.npz").write_bytes(b"PK")
    with pytest.raises(StoreError, match="Run it again"):
        open_session(tmp_path, Review(), None)
    (tmp_path / "run.json").write_text('{"models": {"embedder": "none: matched on motion alone"}}')
    (tmp_path / "tracklets.npz").write_bytes((session.out / "tracklets.npz").read_bytes())
    with pytest.raises(WeightsError, match="motion alone"):
        open_session(tmp_path, Review(), None)


def test_nobody_at_all(tmp_path: Path) -> None:
    write_run(tmp_path, made(0, 1, 0, 1), [])
    session = open_session(tmp_path, Review(), None)
    assert (len(session.people.person), session.labels) == (0, ({}, {}))
