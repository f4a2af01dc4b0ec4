"""One case changed by several processes: servers and the command line lose nothing of each other."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.base.errors import StoreError
from core.machine.locks import lock
from core.machine.paths import open_atomically
from core.review import Action, Review, load_review, save_review
from core.workspace import Refused, Services, act, redo, serve_with, set_threshold, undo
from core.workspace.cases import Cases

ROOT = Path(__file__).resolve().parents[3]

# Adds words to the purpose of a case, and says so in its log.
ADD = """
import sys
from dataclasses import replace
from pathlib import Path
from core.workspace.cases import Cases

root, key, word, count = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
for number in range(count):
    text = f"{word}{number}"
    Cases(root).change(key, lambda case: replace(case, purpose=f"{case.purpose} {text}"), f"added {text}")
"""
# Decides about people by the actions of the pages, over a run that is not there.
DECIDE = """
import sys
from pathlib import Path
from types import SimpleNamespace
from core.review import Action, load_review
from core.workspace import Saved, Services, act, review_actions, serve_with
from core.workspace.cases import Cases

root, key, word, count = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
cases = Cases(root)
serve_with(Services(cases=cases))
open_review = lambda case: SimpleNamespace(review=load_review(cases.review_file(key)), preview=lambda review: review)
review_actions.session_of, review_actions.keep_session = open_review, lambda case, session: None
review_actions._with_tracks = lambda case, review, session: review
review_actions._keep_threshold = lambda case, session: None
for number in range(count):
    action = Action("note", f"noted {word}{number}", 0.0)
    assert act(cases.load(key), lambda session: session.review.act(action)) == Saved(True)
"""
# A server: changes the purpose and decides about people, in turns, as its pages do, once the command line is at work.
SERVE = (
    DECIDE.replace(
        "for number",
        """\
while "named" not in (root / key / "log_texts.jsonl").read_text():
    time.sleep(0.01)
for number""",
    )
    .replace(
        "    action =",
        """\
    if number % 2:
        text = f"{word}{number}"
        cases.change(key, lambda case: replace(case, purpose=f"{case.purpose} {text}"), f"added {text}")
        continue
    action =""",
    )
    .replace("import sys\n", "import sys, time\nfrom dataclasses import replace\n")
)
# The command line, whose words no server must take back.
RENAME = """
import subprocess, sys
from pathlib import Path
from core.cli import main
from core.workspace.cases import Cases

root, key, count, apart = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4] == "True"
for number in range(count):
    words = ["cases", "--rename", key, f"name{number}"]
    assert (subprocess.call([sys.executable, "-m", "core", *words]) if apart else main(words)) == 0
    assert Cases(root).load(key).name == f"name{number}"
"""
HOLD = """
import sys, time
from pathlib import Path
from core.machine.locks import lock

with lock(Path(sys.argv[1]), sys.argv[2], "no"):
    print("held", flush=True)
    time.sleep(60)
"""


def child(script: str, *words: object, **more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, text=True, **more)  # type: ignore[call-overload, no-any-return]


def ended(children: list[subprocess.Popen[str]]) -> list[int]:
    """The exit status of each; none of them goes on after this."""
    try:
        return [process.wait(200) for process in children]
    finally:
        for process in children:
            process.kill()


def in_two_processes(script: str, root: Path, key: str, count: int) -> set[str]:
    """Run the script in two processes at once, each with `count` changes; returns what they add."""
    children = [child(script, root, key, word, count) for word in ("gate", "yard")]
    assert ended(children) == [0, 0]
    return {f"{word}{number}" for word in ("gate", "yard") for number in range(count)}


def entries(cases: Cases, key: str) -> list[str]:
    return [line.split(" ", 1)[1] for line in cases.log_lines(key)]


def test_what_processes_add_at_once_is_all_there(tmp_path: Path) -> None:
    cases = Cases(tmp_path / "cases")
    key = cases.new("Shop").key
    added = in_two_processes(ADD, tmp_path / "cases", key, 200)
    words = cases.load(key).purpose.split()
    assert len(words) == len(added) and set(words) == added
    assert sorted(entries(cases, key)) == sorted(["made: Shop", *(f"added {word}" for word in words)])


def test_what_processes_decide_at_once_is_all_there(tmp_path: Path) -> None:
    cases = Cases(tmp_path / "cases")
    key = cases.new("Shop").key
    added = in_two_processes(DECIDE, tmp_path / "cases", key, 60)
    decisions = [action.description for action in load_review(cases.review_file(key)).done]
    assert sorted(decisions) == sorted(f"noted {word}" for word in added)
    assert entries(cases, key) == ["made: Shop", *decisions]


@pytest.mark.parametrize(
    ("count", "apart"),
    [(30, False), pytest.param(200, False, marks=pytest.mark.slow), pytest.param(20, True, marks=pytest.mark.slow)],
    ids=["30 each", "200 each", "a process for each command"],
)
def test_what_two_servers_and_the_command_line_change_at_once_is_all_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, apart: bool
) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path))
    root = tmp_path / "data" / "cases"
    cases = Cases(root)
    key = cases.new("Shop").key
    children = [child(SERVE, root, key, word, count) for word in ("gate", "yard")]
    children.append(child(RENAME, root, key, count, apart, stdout=subprocess.DEVNULL))
    assert ended(children) == [0, 0, 0]
    numbers = [(word, number) for word in ("gate", "yard") for number in range(count)]
    purpose = {f"{word}{number}" for word, number in numbers if number % 2}
    noted = {f"noted {word}{number}" for word, number in numbers if not number % 2}
    names = [f"named name{number}" for number in range(count)]
    case, decided = cases.load(key), [action.description for action in load_review(cases.review_file(key)).done]
    assert sorted(case.purpose.split()) == sorted(purpose) and sorted(decided) == sorted(noted)
    assert case.name == f"name{count - 1}"
    logged = entries(cases, key)
    assert sorted(logged) == sorted(["made: Shop", *names, *noted, *(f"added {word}" for word in purpose)])
    # They took turns: the command line was not done when the servers began.
    kinds = [entry.split()[0] for entry in logged]
    assert kinds.index("noted") < len(kinds) - 1 - kinds[::-1].index("named")


def test_of_two_changes_of_one_field_the_last_wins_and_both_are_logged(tmp_path: Path) -> None:
    first, second = Cases(tmp_path), Cases(tmp_path)
    key = first.new("Shop").key
    first.change(key, lambda case: replace(case, purpose="a theft"), "purpose: a theft")
    second.change(key, lambda case: replace(case, purpose="a loss"), "purpose: a loss")
    assert first.load(key).purpose == "a loss"
    assert entries(first, key)[1:] == ["purpose: a theft", "purpose: a loss"]


def holder(root: Path, key: str) -> subprocess.Popen[str]:
    process = child(HOLD, root, key, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_a_case_that_somebody_holds_for_long_is_refused_in_words(tmp_path: Path) -> None:
    process = holder(tmp_path, "abc")
    try:
        refusal = "another Sightline holds this case"
        with pytest.raises(StoreError, match=refusal), lock(tmp_path, "abc", refusal, seconds=0.1):
            pass
        with lock(tmp_path, "abd", "no", seconds=0.1):
            pass  # another case is free
    finally:
        process.kill()
        process.communicate()


def test_after_a_kill_the_next_one_gets_the_lock(tmp_path: Path) -> None:
    process = holder(tmp_path, "abc")
    process.kill()
    process.communicate()
    began = time.monotonic()
    with lock(tmp_path, "abc", "no"):
        assert time.monotonic() - began < 5


def test_whoever_holds_a_case_may_change_it(tmp_path: Path) -> None:
    cases = Cases(tmp_path)
    key = cases.new("Shop").key
    with cases.lock(key):
        cases.change(key, lambda case: replace(case, name="Till"), "named")
    assert cases.load(key).name == "Till"


def test_a_deleted_case_leaves_nothing_that_tells_of_it(tmp_path: Path) -> None:
    cases = Cases(tmp_path / "cases")
    key = cases.new("Shop").key
    cases.delete(key)
    assert not [path for path in tmp_path.rglob("*") if key in path.name]
    with pytest.raises(StoreError, match="no longer exists"):
        cases.change(key, lambda case: replace(case, name="back"))
    assert not (tmp_path / "cases" / key).exists()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cases]:
    """The cases of the server that this process is."""
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    services = Services(cases=Cases(tmp_path / "cases"))
    serve_with(services)
    yield services.cases
    serve_with(None)


def test_nothing_that_is_still_said_about_a_deleted_case_brings_it_back(served: Cases, tmp_path: Path) -> None:
    """As a tab does that knows nothing of the deletion yet, or a command in the middle of its work."""
    cases = served
    case = cases.new("Shop")
    save_review(cases.review_file(case.key), Review().act(Action("note", "seen", 0.0)))
    cases.delete(case.key)
    for attempt in (
        lambda: save_review(cases.review_file(case.key), Review()),
        lambda: cases.log(case.key, "export begun"),
        lambda: set_threshold(case, 0.5),
    ):
        with pytest.raises(StoreError, match="this case no longer exists"):
            attempt()
    for refused in (undo(case), redo(case), act(case, lambda session: session.review)):
        assert isinstance(refused, Refused) and "this case no longer exists" in refused.reason
    assert list((tmp_path / "cases").iterdir()) == []


def test_a_change_whose_log_line_cannot_be_written_is_not_made(tmp_path: Path) -> None:
    """Before, it was made, and the user read that it had failed."""
    cases = Cases(tmp_path)
    key = cases.new("Shop").key
    log = tmp_path / key / "log.jsonl"
    log.unlink()
    log.mkdir()
    with pytest.raises(StoreError, match="nothing was changed"):
        cases.change(key, lambda case: replace(case, name="Till"), "named Till")
    assert cases.load(key).name == "Shop"


def test_a_change_that_cannot_be_saved_is_not_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = Cases(tmp_path)
    key = cases.new("Shop").key

    def refuse(*_: object, **__: object) -> None:
        raise StoreError("the disk is full", "Free some space.")

    monkeypatch.setattr("core.workspace.cases.store.write_atomically", refuse)
    with pytest.raises(StoreError, match="full"):
        cases.change(key, lambda case: replace(case, name="Till"), "named Till")
    assert entries(cases, key) == ["made: Shop"]


def test_a_case_is_flushed_to_the_disk_before_and_after_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int | str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        steps.append(os.fstat(descriptor).st_ino)
        real_fsync(descriptor)

    def replace_file(source: Path, target: Path) -> Path:
        steps.append(f"rename to {target.name}")
        return real_replace(source, target)

    cases = Cases(tmp_path / "cases")
    key = cases.new("Shop").key
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace_file)
    cases.change(key, lambda case: replace(case, name="Till"), "named Till")
    folder = cases.folder(key)
    names = ("log_texts.jsonl", "log.jsonl", "case.json", ".")
    texts, log, file, place = ((folder / name).stat().st_ino for name in names)
    assert steps == [texts, log, file, "rename to case.json", place]


def test_windows_refuses_to_replace_a_file_that_is_being_read_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refusals = Path.replace, iter(range(3))

    def refuse(source: Path, target: Path) -> Path:
        if next(refusals, None) is not None:
            fault = PermissionError(13, "Access is denied")
            fault.winerror = 5  # type: ignore[attr-defined]
            raise fault
        return real(source, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with open_atomically(tmp_path / "case.json") as file:
        file.write(b"{}")
    assert (tmp_path / "case.json").read_bytes() == b"{}"
