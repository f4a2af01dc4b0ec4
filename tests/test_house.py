"""The house keeps its shape: imports go downward, stage rooms stay apart, and no file says more than it should."""

import ast
import hashlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from core import __version__
from core.weights.model import SUFFIXES

ROOT = Path(__file__).resolve().parent.parent

# From the ground up. A room may import rooms of lower floors, never its own floor's.
FLOORS: list[set[str]] = [
    {"core", "core.types", "core.errors", "core.amounts", "core.memo"},
    {"core.settings"},
    {"core.folders", "core.device", "core.system", "core.progress"},
    {"core.log", "core.offline", "core.store", "core.footage", "core.mot", "core.crops"} | {"core.canvas"},
    {"core.watch", "core.weights"},
    {"core.video", "core.detect", "core.embed", "core.track", "core.score", "core.regions", "core.sample"}
    | {"core.match", "core.tracklets", "core.gallery", "core.ground"},
    {"core.pipeline"},
    {"core.output", "core.results"},
    {"core.people"},
    {"core.train", "core.runs", "core.cases", "core.review", "core.speed"},
    {"core.retrack"},
    {"core.jobs"},
    {"core.cli"},
    {"core.__main__", "pages"},
    {"app"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
OURS = {"app", "core", "notebooks", "pages", "tests"}
SOURCES = sorted([*ROOT.glob("app.py"), *ROOT.glob("core/**/*.py"), *ROOT.glob("pages/**/*.py")])


def named(path: Path) -> str:
    """The module in `path`: core/video/reading.py is core.video.reading, core/cli/__init__.py is core.cli."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str:
    """The room that a module belongs to: the first two parts of it in core, the first one elsewhere."""
    parts = module.split(".")
    inside = parts[0] == "core" and len(parts) > 1
    folder = ROOT.joinpath(*parts[:2])
    there = inside and (folder.is_dir() or folder.with_suffix(".py").is_file() or ".".join(parts[:2]) in FLOOR)
    return ".".join(parts[:2]) if there else parts[0]


def imports(source: str, module: str) -> Iterator[str]:
    """Every module that `source` imports, anywhere in it; `from core import x` counts as core.x."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # Relative imports are read from the package's point of view: one dot is the module's own folder.
            base = module.split(".")[: -node.level] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{start}.{alias.name}" for alias in node.names)


def complaints(source: str, module: str) -> list[str]:
    """What is wrong with the imports of one module."""
    room, wrong = room_of(module), []
    for name in imports(source, module):
        top, other = name.split(".")[0], room_of(name)
        if top == "streamlit" and module.startswith("core"):
            wrong.append(f"{module} imports streamlit")
        if top not in OURS or other == room:
            continue
        if other not in FLOOR:
            wrong.append(f"{module} imports {name}, which nothing may import")
        elif FLOOR[other] >= FLOOR[room]:
            wrong.append(f"{module} imports {name}, which does not lie below it")
    return wrong


def test_every_room_has_its_floor() -> None:
    """And every floor's room is there: a name in the table that no file answers to guards nothing."""
    rooms = {room_of(named(path)) for path in SOURCES}
    assert rooms - set(FLOOR) == set() and set(FLOOR) - rooms == set()
    assert sum(map(len, FLOORS)) == len(FLOOR)  # no room on two floors


def test_imports_go_downward() -> None:
    """Every complaint about every file, in one list."""
    assert len(SOURCES) > 100
    assert [wrong for path in SOURCES for wrong in complaints(path.read_text(encoding="utf-8"), named(path))] == []


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("core.detect.base", "from core.types import Image", 0),
        ("core.detect.base", "from core.detect.decode import boxes_of", 0),
        ("core.detect.base", "from core.track import track", 1),  # stage rooms stay apart
        ("core.detect.base", "from core import track, regions", 2),
        ("core.detect.base", "def late():\n    import core.video.reading", 1),
        ("core.detect.base", "from . import decode", 0),
        ("core.detect.base", "from ..video import read", 1),
        ("core.score.clear", "from core.mot import Doubles", 0),
        ("core.types", "from core.errors import ClipError", 1),  # the ground floor imports nothing of ours
        ("core.pipeline.run", "from core.cli import main", 1),
        ("core.cli.track", "import streamlit as st", 1),
        ("pages.run", "import streamlit as st\nfrom core.pipeline import run_cameras", 0),
        ("pages.run", "from notebooks import tracks", 1),
        ("core.output", "from tests.video import making", 1),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str, wrong: int) -> None:
    assert len(complaints(source, module)) == wrong


def test_what_is_imported_is_asked_for() -> None:
    """A package that only happens to be there, because another one needs it, can go with the next lock."""
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    asked = {canonicalize_name(Requirement(text).name) for line in lines if (text := line.split("#")[0].strip())}
    tops = {name.split(".")[0] for path in SOURCES for name in imports(path.read_text(encoding="utf-8"), named(path))}
    packages = importlib.metadata.packages_distributions()
    foreign = tops - OURS - set(sys.stdlib_module_names)
    assert {"numpy", "cv2", "yaml"} <= foreign
    unasked = {top for top in foreign if not asked & {canonicalize_name(name) for name in packages.get(top, [])}}
    assert unasked == set()


def files() -> list[Path]:
    """What git keeps or would keep of this checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs git's list of files, and this is no git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


# Written so that this line is no match for itself.
UNWANTED = re.compile(r"(?<![\w.])/(?:w[o]rk|r[o]ot|h[o]me|t[m]p|Us[e]rs)/|py[p]i\.|python[h]osted|in[d]ex-url \S*:")


def test_no_file_names_a_registry_or_a_folder_of_somebodys_machine() -> None:
    found = []
    for path in files():
        content = path.read_bytes()
        if b"\0" in content[:8192]:
            continue
        hits = UNWANTED.findall(content.decode("utf-8"))
        found += [f"{path.relative_to(ROOT)}: {hit}" for hit in hits]
    assert found == []


@pytest.mark.parametrize("root", ["w" + "ork", "r" + "oot", "t" + "mp", "h" + "ome"])
def test_a_folder_of_somebodys_machine_is_seen(root: str) -> None:
    assert UNWANTED.search(f'open("/{root}/x")') and not UNWANTED.search(f"a/{root}/x or ./{root}/x")


def test_models_and_manifest_agree() -> None:
    """Every model file kept here is in the manifest as ours, with its digest, licence and training; and vice versa."""
    rows = tomllib.loads((ROOT / "weights" / "manifest.toml").read_text(encoding="utf-8"))["model"]
    shipped = {row["file"]: row for row in rows if "comes with Sightline" in row["source"]}
    here = {p.relative_to(ROOT / "weights").as_posix(): p for p in files() if p.is_relative_to(ROOT / "weights")}
    models = {name: path for name, path in here.items() if path.suffix in SUFFIXES or path.suffix == ".bin"}
    assert set(models) == set(shipped) and shipped
    for name, path in models.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == shipped[name]["sha256"]
        assert shipped[name]["licence"] and shipped[name]["trained_on"] and shipped[name]["figures"]
        assert name in here["README.md"].read_text(encoding="utf-8")
        assert name in here["LICENSE.md"].read_text(encoding="utf-8")


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    heads = re.findall(r"^## (\d+\.\d+\.\d+)\b", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert heads[0] == __version__ == project["version"]
    assert len(heads) == len(set(heads))


def test_the_licence_is_the_one_that_is_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert project["license"] == "AGPL-3.0-or-later"
    assert re.search(r"GNU AFFERO GENERAL PUBLIC LICENSE\s+Version 3", text)
