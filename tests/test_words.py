"""The words of docs/glossary.md are kept: no name that we define goes back to the old ones."""

import ast
import re
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
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("core/lab/training/reid.py", "settled"): "a field of recipes, written into checkpoints since 0.1.0",
    **{
        ("core/runs/record.py", name): "a field of run.json and of manifests since 0.1.0"
        for name in ("kept", "known", "strange", "few", "rest")
    },
}


# What users read no more: labels, messages, help texts and documents of earlier versions.
OLD_TEXTS = (
    "Least similarity|Least confidence|Least overlap|Who finds people|Who tells them apart|How people are followed|"
    "Boxes that make a track|Seconds unseen|Size looked at|Frames a second|surely two people|could be one person|"
    "certain strangers|What of a person must be inside|Where they stand|The middle of them|Began later by|"
    "When the recordings began|Picture before|Let go|Enter keeps|Map of looks|Show heads|Why must heads be seen|"
    "At work|done in part|of no case any more|Read it again|Back to what we recommend|What was done|nobody in it is|"
    "(?:things|everything) you said|too small to tell|what the work said|make nothing of|a word on what|"
    "where your word counts|can bear|told nothing about|tell apart by looks|the teacher speaks"
)
OLD_TEXT = re.compile(OLD_TEXTS)
OLD_FLAG = re.compile(r"--(?:looks-only|away|aside|beside|also|settled|towards|whole|most|alike)(?![\w-])")


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


def texts(path: Path) -> str:
    """What users may read of a file: strings but no docstrings, JavaScript without comments, documents as they are."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".js":
        return re.sub(r"(?m)^\s*(?://|/\*|\*).*$|\s//\s.*$", "", source)
    if path.suffix != ".py":
        return source
    tree = ast.parse(source)
    notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    strings = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes
    ]
    return "\n".join(strings)


def documents() -> list[Path]:
    screens = [*ROOT.glob("pages/**/*.js"), *ROOT.glob("core/**/*.j2")]
    return [*screens, ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("weights/*.md")]


def test_no_old_text_is_read() -> None:
    # The glossary and the table of former flags name them on purpose.
    allowed = {"docs/glossary.md", "core/cli/renamed_flags.py"}
    found = []
    for path in [*sources(), *documents()]:
        name, text = path.relative_to(ROOT).as_posix(), texts(path)
        found += [f"{name}: {match}" for match in OLD_TEXT.findall(text) if name not in allowed]
        if path.suffix == ".md" and name not in allowed:
            found += [f"{name}: {match}" for match in OLD_FLAG.findall(text)]
    assert found == []
