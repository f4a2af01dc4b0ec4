"""docs/security.md: each row of its table of attacks names a test that exists, and each test here has a row; its list
of dependencies is that of requirements.in, in versions of the lock."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = re.findall(r"^\| .* \| .* \| `(tests/[\w/]+\.py)::(\w+)` \|$", TEXT, re.M)
NO_ATTACK = ("tests/attacks/test_backups.py", "test_a_back_up_that_is_in_order_is_restored")
TEST = re.compile(r"^def (test_\w+)\(", re.M)


def rows(heading: str) -> list[str]:
    """The rows of the table below a heading."""
    section = re.split(r"^## ", TEXT.split(f"\n## {heading}\n")[1], flags=re.M)[0]
    return re.findall(r"^\| (?!---)(.*) \|$", section, re.M)[1:]


def test_every_attack_has_a_test() -> None:
    assert len(rows("What is defended")) == len(NAMED) > 25
    missing = [f"{path}::{name}" for path, name in NAMED if name not in TEST.findall((ROOT / path).read_text("utf-8"))]
    assert missing == []


def test_every_test_of_an_attack_is_in_the_table() -> None:
    files = [path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]
    tests = {
        (path.relative_to(ROOT).as_posix(), name) for path in files for name in TEST.findall(path.read_text("utf-8"))
    }
    assert tests - set(NAMED) == {NO_ATTACK}


def test_every_dependency_is_listed_in_a_version_of_the_lock() -> None:
    asked_for = (ROOT / "requirements.in").read_text("utf-8").splitlines()
    names = {Requirement(line.split("#")[0]).name for line in asked_for if line.split("#")[0].strip()}
    lock = (ROOT / "requirements.txt").read_text("utf-8")
    listed = dict(row.split(" | ")[0].split() for row in rows("Dependencies"))
    assert list(listed) == sorted(names)
    # Some have another version for later Pythons.
    assert [name for name, version in listed.items() if not re.search(rf"^{name}=={version} ", lock, re.M)] == []
