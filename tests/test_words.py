"""The words of docs/glossary.md are kept: no name that we define goes back to the old ones."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Names that said nothing, or something else, whatever they named. Leading underscores are left out of account.
NOWHERE = set(
    """told told_apart apart said saying fold heard hear deed deeds heir heirs chief carried carrying placing desk
    open_desk tried looks usual_looks set_apart settle settled settles settling to_go_by few strange way ways_of
    hindsight doubled is_thing sure decisive deciding bring brought look_into kept decided plane hold held seen again
    onlooker look_on watch foretell foretold ahead noting trying words one other mine its whose rest lesson school
    promise promises meeting thing things known whole lately""".split()  # noqa: SIM905
)
# Participles name no function: what it does is a verb, what it gives is a noun.
NO_FUNCTION = set(
    """shown counted drawn matched parted explained chained ranged filled listed given taken made found joined spanned
    moved renamed linked labelled blurred written""".split()  # noqa: SIM905
)
# Where such a name is right all the same: the file, the name, and why.
EXCEPTIONS: dict[tuple[str, str], str] = {}


def sources() -> list[Path]:
    return sorted([ROOT / "app.py", *ROOT.glob("core/**/*.py"), *ROOT.glob("pages/**/*.py")])


def definitions(tree: ast.Module) -> Iterator[tuple[int, str, bool]]:
    """Line, name and whether it is a function, of every name that a file defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name, True
            arguments = node.args
            for given in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
                yield given.lineno, given.arg, False
        elif isinstance(node, ast.Lambda):
            yield from ((given.lineno, given.arg, False) for given in node.args.args)
        elif isinstance(node, ast.ClassDef):
            yield node.lineno, node.name, False
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id, False
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr, False
        elif isinstance(node, ast.alias) and node.asname:
            yield node.lineno, node.asname, False


def old_names(source: str, path: str) -> list[str]:
    """What a file defines by a name that is out, a line each."""
    found = []
    for line, name, is_function in definitions(ast.parse(source)):
        plain = name.strip("_").lower()
        if (path, name) not in EXCEPTIONS and (plain in NOWHERE or (is_function and plain in NO_FUNCTION)):
            found.append(f"{path}:{line}: {name}")
    stem = Path(path).stem
    return [*found, *([f"{path}: the file's name"] if stem in NOWHERE else [])]


def test_no_old_name_is_defined() -> None:
    found = [
        line
        for path in sources()
        for line in old_names(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("def told(): ...", 1),
        ("class Told: ...", 1),
        ("def f(one, *, other): ...", 2),
        ("for one in rows: ...", 1),
        ("self.rest = 1", 1),
        ("key = lambda one: one", 1),
        ("def drawn(): ...", 1),
        ("drawn = 1", 0),  # a participle may be a thing, such as a mask
        ("x.clear(); np.flat", 0),  # somebody else's names
        ("import numpy as other", 1),
        ("named, one = 1, 2", 1),
    ],
)
def test_an_old_name_is_found(source: str, count: int) -> None:
    assert len(old_names(source, "core/x.py")) == count
