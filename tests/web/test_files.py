"""The modules as files: lines within 120 columns, imports that exist, logic that needs no page, one linter."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pages.parts.shell.web_modules import web_files
from tests.web.running import MODULES, Node

ROOT = MODULES.parents[1]
FILES = sorted(MODULES.rglob("*.js")) + sorted(MODULES.rglob("*.css"))
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
# Modules that a page makes sense of; they are imported where one is.
NEEDS_PAGE = re.compile(r"\b(document\.|window\.|requestAnimationFrame|ResizeObserver|XMLHttpRequest|sessionStorage)")


def name(path: Path) -> str:
    return path.relative_to(MODULES).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name)
def test_lines_are_within_120_columns(path: Path) -> None:
    long = [number for number, line in enumerate(path.read_text("utf-8").splitlines(), 1) if len(line) > 120]
    assert long == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_a_module_of_a_folder_imports_from_there_or_from_the_shell(path: Path) -> None:
    for target in re.findall(r'from "([^"]+)"', path.read_text("utf-8")):
        found = (path.parent / target).resolve()
        assert found.is_file(), target
        assert found.parent in (path.parent, MODULES / "shell"), target


def test_every_module_can_be_loaded(web: Node) -> None:
    """Names that one module imports and the other does not export would throw here."""
    names = [name(path) for path in SCRIPTS]
    body = "const found = {}; for (const name of names) found[name] = Object.keys(await load(name)); return found;"
    found = web.run(body, names=names)
    mounted = {module for module, exports in found.items() if "mount" in exports}
    assert mounted == {
        "footage/uploader.js",
        "gallery/gallery.js",
        "player/player.js",
        "regions/drawing.js",
        "run/live_preview.js",
        "shell/delivery.js",
        "shell/dialog_focus.js",
        "similarity/heat_map.js",
        "similarity/projection_map.js",
    }


def test_what_is_tested_without_a_page_needs_none() -> None:
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    logic = set(re.findall(r'"(\w+/\w+\.js)"', tests)) - {
        name(path) for path in SCRIPTS if "mounter(" in path.read_text()
    }
    for module in logic - {"gallery/keys.js"}:
        assert not NEEDS_PAGE.search((MODULES / module).read_text("utf-8")), module


def test_all_files_are_served() -> None:
    assert set(web_files().content) == {name(path) for path in FILES}


def test_the_linter_finds_nothing() -> None:
    command = [str(Path(sys.executable).with_name("oxlint")), "--deny-warnings", "pages", "tests"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout
