"""Session state has one door, and drawing a page changes nothing on disk."""

import ast
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.base.errors import StoreError
from core.machine.paths import cache_dir
from core.review import Review, save_review
from core.workspace import services
from core.workspace.cases import Case
from tests.pages.making import PAGES, page, words
from tests.review.making import big_case

SOURCES = sorted([*PAGES.glob("**/*.py"), PAGES.parent / "app.py"])
DOOR = PAGES / "parts" / "shell" / "session.py"
NAMES = ("footage", "regions", "run", "gallery", "similarity", "download")


def touches(source: str) -> bool:
    """Whether a module names session state in any way: `st.session_state`, an import of it, or by `getattr`."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr == "session_state")
        or (isinstance(node, ast.Name) and node.id == "session_state")
        or (isinstance(node, ast.alias) and node.name.split(".")[-1] == "session_state")
        or (isinstance(node, ast.Constant) and node.value == "session_state")
        for node in ast.walk(ast.parse(source))
    )


def test_one_module_touches_session_state() -> None:
    assert [path for path in SOURCES if touches(path.read_text(encoding="utf-8"))] == [DOOR]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("st.session_state['a'] = 1", True),
        ("from streamlit import session_state", True),
        ("getattr(st, 'session_state')", True),
        ("from pages.parts.shell.session import OPEN_CASE", False),
    ],
)
def test_the_check_sees_every_way_in(source: str, found: bool) -> None:
    assert touches(source) is found


def test_every_fixed_key_is_there_once() -> None:
    tree = ast.parse(DOOR.read_text(encoding="utf-8"))
    calls = [node.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)]
    keys = [call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)]
    assert len(keys) > 10 and len(keys) == len(set(keys))


@pytest.fixture
def case(own_house: Path) -> Case:
    """It shows a finished run, and waits for none."""
    return big_case(cameras=2, people=3, tracklets=8, crops=2, seconds=20, noise=0.1)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", NAMES)
def test_drawing_a_page_twice_changes_nothing_on_disk(case: Case, name: str) -> None:
    app = page(name)
    app.session_state["case"] = case.key
    cases = services().cases
    before = contents(cases.folder(case.key))
    assert not app.run().exception
    # Stills and strips of the clips are made when they are first shown.
    drawn = contents(cache_dir())
    assert contents(cases.folder(case.key)) == before
    assert not app.run().exception
    assert contents(cache_dir()) == drawn


def switched_in_vain(case: Case, name: str) -> None:
    """The page is drawn with the fault said once, and goes on with the run that it has."""
    app = page(name)
    app.session_state["case"] = case.key
    app.run()
    assert not app.exception and "cannot be shown" in app.toast[0].value
    assert app.title[0].value == name.title() and words(app)
    after = services().cases.load(case.key)
    assert (after.run, after.wanted) == (case.run, case.wanted)
    app.run()
    assert not app.exception and not app.toast


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_while_switching_blocks_no_page(case: Case, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = services().cases
    save_review(cases.review_file(case.key), Review())

    def refuse(path: Path, review: Review) -> None:
        raise StoreError("the disk is full", "Free some space.")

    monkeypatch.setattr("core.workspace.review_actions.save_review", refuse)
    switched_in_vain(cases.change(case.key, _waiting), name)


@pytest.mark.parametrize("name", ["footage", "regions", "run"])
def test_a_review_of_a_newer_version_blocks_no_page_that_reads_none(case: Case, name: str) -> None:
    cases = services().cases
    cases.review_file(case.key).write_text(json.dumps({"format": 99, "done": [], "undone": []}))
    switched_in_vain(cases.change(case.key, _waiting), name)


def _waiting(case: Case) -> Case:
    """It waits for another run, which is done: a copy of the one that it shows."""
    wanted = "f" * 20
    shutil.copytree(cache_dir() / "runs" / case.run, cache_dir() / "runs" / wanted)
    return replace(case, wanted=wanted)
