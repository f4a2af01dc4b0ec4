"""The file of what was said: whole, read back as it was, refused in words where it cannot be."""

from pathlib import Path

import pytest

from core.base.errors import StoreError, WeightsError
from core.review import Action, Renumbering, Review, ReviewSession, load_review, open_session, save_review
from core.runs import CutPoint, Link, Name, TrackKey
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
