"""The house keeps its shape: imports go down its wings and through faces only, and no file says more than it should."""

import ast
import hashlib
import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from core import __version__
from core.vision.models import MODEL_SUFFIXES

ROOT = Path(__file__).resolve().parent.parent

# From the doors down. A wing may import from wings below it; `cli` and `http` are doors side by side.
WINGS: list[set[str]] = [
    {"app"},
    {"pages", "core.__main__"},
    {"core.cli", "core.http"},
    {"core.workspace"},
    {"core.review"},
    {"core.export"},
    {"core.lab"},
    {"core.runs"},
    {"core.vision"},
    {"core.machine"},
    {"core.base"},
    {"core"},
]
LEVEL = {wing: len(WINGS) - number for number, wings in enumerate(WINGS) for wing in wings}
# Wings without a face of their own: each module or package directly below is a room.
SHELVES = {"core.base", "core.machine", "core.vision", "core.lab"}
# What rooms of `vision` may know of each other: the list of models, and modules that lie directly in the wing.
SHARED_IN_VISION = {"core.vision.models", "core.vision.regions", "core.vision.mot"}
ONLY_IN = {"streamlit": ("app", "pages"), "fastapi": ("core.http",), "ray": ("core.workspace.jobs.ray_executor",)}
# Rooms of one file, in wings whose other files stand behind a face.
ONE_FILE_ROOMS = {"core.runs.estimate", "core.workspace.media", "core.workspace.sources"}
OURS = {"app", "core", "notebooks", "pages", "tests"}
SOURCES = sorted([*ROOT.glob("app.py"), *ROOT.glob("core/**/*.py"), *ROOT.glob("pages/**/*.py")])


def module_name(path: Path) -> str:
    """The module in `path`: core/vision/video/reading.py is core.vision.video.reading."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in SOURCES}
PACKAGES = {name for name, path in MODULES.items() if path.name == "__init__.py"}


def wing_of(module: str) -> str:
    """The wing that a module belongs to: the first two parts of it in core, the first one elsewhere."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "core" and len(parts) > 1 else parts[0]


def room_of(module: str) -> str:
    """The innermost room that a module belongs to: a package with a face, or a module that stands by itself.

    Pages are one room. In `core.workspace`, `core.runs` and their like, packages below are rooms of their own.
    """
    if not module.startswith("core."):
        return module.split(".")[0]
    if module in ONE_FILE_ROOMS:
        return module
    parts = module.split(".")
    for end in range(len(parts), 1, -1):
        name = ".".join(parts[:end])
        if name in PACKAGES and name not in SHELVES:
            return name
        if ".".join(parts[: end - 1]) in SHELVES and name in MODULES:
            return name
    return module


@cache
def imports(source: str, module: str) -> tuple[tuple[str, str], ...]:
    """Every import in `source`, anywhere in it, as (module, name); the name is empty for `import module`."""
    return tuple(_imports(source, module))


def _imports(source: str, module: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # Relative imports are read from the package's point of view: one dot is the module's own folder.
            base = module.split(".")[: -node.level] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((start, alias.name) for alias in node.names)


def complaints(source: str, module: str) -> list[str]:
    """What is wrong with the imports of one module."""
    return [
        f"{module} imports {target}: {why}"
        for start, name in imports(source, module)
        for target in [f"{start}.{name}" if f"{start}.{name}" in MODULES else start]
        if (why := objection(module, target))
    ]


def objection(module: str, target: str) -> str:
    """Why `module` may not import the module `target`; empty if it may."""
    top = target.split(".")[0]
    if top in ONLY_IN and not module.startswith(ONLY_IN[top]):
        return f"only {' and '.join(ONLY_IN[top])} may"
    if top not in OURS or target == "core":
        return ""
    here, there = room_of(module), room_of(target)
    if here == there:
        return ""
    if wing_of(target) not in LEVEL:
        return "nothing may"
    if wing_of(module) != wing_of(target):
        if LEVEL[wing_of(target)] >= LEVEL[wing_of(module)]:
            return "it does not lie below"
    elif wing_of(module) == "core.vision" and there not in SHARED_IN_VISION:
        return "rooms of vision do not know each other"
    return "" if there in (target, "pages") else f"past the face of {there}"


def test_every_room_has_its_floor() -> None:
    assert {wing_of(module) for module in MODULES} <= set(LEVEL)


def test_imports_go_downward() -> None:
    found = [line for name, path in MODULES.items() for line in complaints(path.read_text(encoding="utf-8"), name)]
    assert found == []


def test_rooms_do_not_import_in_a_circle() -> None:
    below: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        targets = {
            room_of(f"{start}.{x}" if f"{start}.{x}" in MODULES else start)
            for start, x in imports(path.read_text(encoding="utf-8"), name)
            if start.split(".")[0] in OURS
        }
        below.setdefault(room_of(name), set()).update(targets - {room_of(name)})
    assert list(TopologicalSorter(below).static_order())


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("core.vision.detect.base", "from core.base.types import Image", 0),
        ("core.vision.detect.base", "from core.vision.detect.opening import open_detector", 0),
        ("core.vision.detect.base", "from core.vision.track import track", 1),  # rooms of vision do not know each other
        ("core.vision.detect.base", "from core.vision.models import find", 0),  # but all know the models
        ("core.vision.detect.base", "from core.vision import track, regions", 1),
        ("core.vision.detect.base", "def late():\n    import core.vision.video.reading", 1),
        ("core.vision.detect.base", "from . import opening", 0),
        ("core.vision.detect.base", "from ..video import read", 1),
        ("core.lab.evaluate.measures", "from core.vision.mot import Doubles", 0),
        ("core.base.types", "from core.machine.paths import cache_dir", 1),  # the ground floor imports nothing above
        ("core.runs.cameras", "from core.cli import main", 1),
        ("core.runs.cameras", "from core.export import write_zip", 1),  # a run decides, an export writes
        ("core.runs.cameras", "from core.vision.video import probe", 0),
        ("core.runs.cameras", "from core.vision.video.probing import probe", 1),  # past the face
        ("core.cli.track", "import streamlit as st", 1),
        ("core.http.guard", "import streamlit as st", 1),
        ("core.cli.track", "import fastapi", 1),
        ("pages.run", "import streamlit as st\nfrom core.runs import run_cameras", 0),
        ("pages.run", "from notebooks import tracks", 1),
        ("core.runs.record", "from tests.vision.video import making", 1),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str, wrong: int) -> None:
    assert len(complaints(source, module)) == wrong


def test_faces_give_what_they_name() -> None:
    """Each name of a face comes from its room, and none is hidden by a module of the same name."""
    faces = {
        name: ROOT.joinpath(*name.split("."), "__init__.pyi") for name in PACKAGES - SHELVES - {"core", "core.cli"}
    }
    assert len(faces) > 12
    for name, stub in faces.items():
        room = importlib.import_module(name)
        assert room.__all__ and stub.is_file()
        beside = {module.removeprefix(f"{name}.").split(".")[0] for module in MODULES if module.startswith(f"{name}.")}
        assert set(room.__all__) & beside == set()
        for exported in room.__all__:
            assert getattr(room, exported) is not None


def test_the_architecture_names_files_that_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:core|pages|tests|docs)/[\w./]*|app\.py)`", text))
    assert len(named) > 30
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_what_is_imported_is_asked_for() -> None:
    """A package that only happens to be there, because another one needs it, can go with the next lock."""
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    asked = {canonicalize_name(Requirement(text).name) for line in lines if (text := line.split("#")[0].strip())}
    tops = {
        start.split(".")[0]
        for name, path in MODULES.items()
        for start, _ in imports(path.read_text(encoding="utf-8"), name)
    }
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
    folders = {name: row for name, row in shipped.items() if (ROOT / "weights" / name).is_dir()}
    here = {p.relative_to(ROOT / "weights").as_posix(): p for p in files() if p.is_relative_to(ROOT / "weights")}
    models = {name: path for name, path in here.items() if path.suffix in MODEL_SUFFIXES or path.suffix == ".bin"}
    # A model of OpenVINO is a folder with two files, called like it, whose digest is that of both.
    parts = {f"{name}/{name}{suffix}" for name in folders for suffix in (".xml", ".bin")}
    assert set(models) == (set(shipped) - set(folders)) | parts and shipped
    for name in shipped:
        content = [f"{name}/{name}.xml", f"{name}/{name}.bin"] if name in folders else [name]
        digest = hashlib.sha256(b"".join(models[part].read_bytes() for part in content)).hexdigest()
        assert digest == shipped[name]["sha256"]
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
