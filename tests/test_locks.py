"""The locks: everything pinned and hashed, no address in them, whole on every platform that is promised."""

import importlib.metadata
import re
import shutil
import subprocess
from collections import defaultdict
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt")
TRAINING = "requirements-train.txt"
"""For Python 3.11 only."""
PIN = re.compile(r"[a-z0-9-]+==[\w.]+(?: ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")
# sys_platform, platform_system, os_name, platform_machine
PLATFORMS = [
    ("linux", "Linux", "posix", "x86_64"),
    ("linux", "Linux", "posix", "aarch64"),
    ("darwin", "Darwin", "posix", "arm64"),
    ("win32", "Windows", "nt", "AMD64"),
]


def lines(name: str) -> list[str]:
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


def pins(name: str) -> dict[str, list[Requirement]]:
    """Package -> its pins: several where versions differ by Python."""
    found = defaultdict(list)
    for line in lines(name):
        if not line.startswith(" "):
            pin = Requirement(line.removesuffix("\\"))
            found[canonicalize_name(pin.name)].append(pin)
    return found


def asked(name: str) -> list[Requirement]:
    return [Requirement(text) for line in lines(name) if (text := line.split("#")[0].strip()) and text[0] != "-"]


def environments() -> list[dict[str, str]]:
    keys = ("sys_platform", "platform_system", "os_name", "platform_machine")
    fixed = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    return [
        {**fixed, **dict(zip(keys, platform, strict=True)), "python_version": v, "python_full_version": f"{v}.4"}
        for platform, v in product(PLATFORMS, ("3.11", "3.12", "3.13"))
    ]


def holds(pin: Requirement, environment: dict[str, str], extra: str = "") -> bool:
    return pin.marker is None or pin.marker.evaluate({**environment, "extra": extra})


@pytest.mark.parametrize("name", [*LOCKS, TRAINING])
def test_everything_is_pinned_and_hashed_and_nothing_else_is_said(name: str) -> None:
    text = lines(name)
    assert [line for line in text if not (PIN.fullmatch(line) or HASH.fullmatch(line))] == []
    unhashed = [a for a, b in zip(text, [*text[1:], ""], strict=True) if PIN.fullmatch(a) and not HASH.fullmatch(b)]
    assert unhashed == []


def test_both_locks_name_the_same_versions() -> None:
    program, tools = (pins(name) for name in LOCKS)
    both = program.keys() & tools.keys()
    assert {"numpy", "scipy"} <= both
    for package in both:
        assert sorted(map(str, program[package])) == sorted(map(str, tools[package]))


def test_training_takes_the_versions_of_the_program() -> None:
    """Installing it changes nothing that is there; and it is whole, with the program's lock, on Python 3.11."""
    environment = next(each for each in environments() if each["python_version"] == "3.11")
    program, training = pins(LOCKS[0]), pins(TRAINING)
    for package in program.keys() & training.keys():
        used = [pin for pin in program[package] if holds(pin, environment)]
        assert [str(pin.specifier) for pin in used] == [str(pin.specifier) for pin in training[package]]
    missing = {need for package in training for need in needs(package, environment)} - program.keys() - training.keys()
    assert missing == set()


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_answers_what_was_asked_for(name: str) -> None:
    lock = pins(name)
    for wish, environment in product(asked(name.replace(".txt", ".in")), environments()):
        if not holds(wish, environment):
            continue
        here = [pin for pin in lock[canonicalize_name(wish.name)] if holds(pin, environment)]
        assert len(here) == 1, f"{wish} has {len(here)} pins for {environment}"
        assert wish.specifier.contains(str(here[0].specifier).removeprefix("==")), f"{here[0]} is not {wish}"


@pytest.mark.parametrize("names", [LOCKS[:1], LOCKS], ids=["program", "with test tools"])
def test_no_platform_lacks_a_package(names: tuple[str, ...]) -> None:
    """pip refuses a hashed lock that leaves out a dependency; what the installed packages ask for must be in it."""
    lock = {package: found for name in names for package, found in pins(name).items()}
    missing = set()
    for environment in environments():
        here = {package for package, found in lock.items() if any(holds(pin, environment) for pin in found)}
        for package in here:
            missing |= {f"{package}: {need}" for need in needs(package, environment) if need not in here}
    assert missing == set()


@cache
def requirements(package: str) -> tuple[Requirement, ...]:
    """What the installed version of `package` asks for; nothing where it is not installed on this platform."""
    try:
        return tuple(map(Requirement, importlib.metadata.requires(package) or []))
    except importlib.metadata.PackageNotFoundError:
        return ()


def needs(package: str, environment: dict[str, str]) -> set[str]:
    """What `package` needs in that environment."""
    return {canonicalize_name(r.name) for r in requirements(package) if holds(r, environment)}


def planned(folder: Path, target: str) -> str:
    """What `make` would do there."""
    command = ["make", "--no-print-directory", "--dry-run", target]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_installs_when_a_lock_changed_and_not_otherwise(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in LOCKS:
        (tmp_path / name).write_text("\n")
    fresh = planned(tmp_path, "test")
    assert "-m venv" in fresh and all(f"-r {name}" in fresh for name in LOCKS)

    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    for stamp in re.findall(r"touch (\S+)", fresh):
        (tmp_path / stamp).touch()
    ready = planned(tmp_path, "test")
    assert "install" not in ready and "-m pytest" in ready

    (tmp_path / LOCKS[1]).write_text("# other tools\n")
    assert f"-r {LOCKS[1]}" in planned(tmp_path, "test") and f"-r {LOCKS[0]}" not in planned(tmp_path, "test")
    assert "install" not in planned(tmp_path, "run")

    (tmp_path / LOCKS[0]).write_text("# another program\n")
    assert f"-r {LOCKS[0]}" in planned(tmp_path, "run") and f"-r {LOCKS[1]}" not in planned(tmp_path, "run")
