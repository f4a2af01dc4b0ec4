"""Killed at any moment, nothing that was called saved is lost; the same step, repeated, ends as if never interrupted.

Changes of a case, decisions, runs, exports, uploads, restores, deletions and the move of 0.1.0's data, which
tests/machine/test_relocate.py kills at chosen steps too. `make faults` kills a hundred times at random moments; without
it, each step is killed once or twice.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import pytest

from core.export import verify_zip
from core.machine.paths import DATA_ENTRIES, cache_dir, chosen_data_dir, data_dir
from core.review import load_review
from core.runs import load_tracks
from core.vision.mot import write_tracks
from core.vision.video import digest
from core.workspace import Services, add_clip, back_up, restore, sweep
from core.workspace.cases import Case, Cases
from core.workspace.sources import receive
from tests.review.making import big_case
from tests.runs.fakes import write_scene
from tests.vision.video.making import write_clip

ROOT = Path(__file__).resolve().parents[1]
KILLS = int(os.environ.get("SIGHTLINE_FAULTS", "10"))

CHANGE = """
from dataclasses import replace
from core.workspace.cases import Cases

key = sys.argv[1]
ready()
for number in range(int(sys.argv[2])):
    Cases().change(key, lambda case: replace(case, purpose=f"purpose {number}"), f"purpose {number}")
    print(number, flush=True)
"""
DECIDE = """
from core.review import name
from core.workspace import Saved, act, services

case = services().cases.load(sys.argv[1])
ready()
for number in range(int(sys.argv[2])):
    assert isinstance(act(case, lambda session: name(session, 1, f"name {number}")), Saved)
    print(number, flush=True)
"""
RUN = """
from pathlib import Path
from core.runs import Camera, Setup, track_clips
from tests.runs.fakes import BrightDetector, ColourEmbedder, networks

ready()
setup = Setup([Camera("gate", Path(sys.argv[1]))], networks(BrightDetector(), ColourEmbedder()))
track_clips(setup, Path(sys.argv[2]))
"""
EXPORT = """
from core.cli import main

ready()
sys.exit(main(["gallery", sys.argv[1], "--to", sys.argv[2], "--progress", "none"]))
"""
UPLOAD = """
from pathlib import Path
from core.workspace import add_clip
from core.workspace.sources import receive

content = Path(sys.argv[2]).read_bytes()
ready()
with receive("new.mp4", len(content)) as upload:
    for start in range(0, len(content), 64):
        upload.add(content[start : start + 64])
    stored = upload.finish(len(content))
    add_clip(sys.argv[1], stored.path, "new.mp4")
print("saved", flush=True)
"""
RESTORE = """
from pathlib import Path
from core.workspace import Services, restore

services = Services()
ready()
restore(services, Path(sys.argv[1]))
print("saved", flush=True)
"""
DELETE = """
from core.workspace import Services, erase

services = Services()
case = services.cases.load(sys.argv[1])
ready()
erase(services, case)
print("saved", flush=True)
"""
MOVE = """
import filelock, psutil
from core.machine.relocate import move_old_data
from tests.machine.two_disks import two_disks

disks = sys.argv[1]
ready()
if disks == "one":
    move_old_data()
else:
    with two_disks():
        move_old_data()
print("saved", flush=True)
"""
START = "import sys\n\ndef ready():\n    print('ready', flush=True)\n"


@dataclass(frozen=True)
class World:
    """A cache with a case that shows a run, a back-up of it, and a recording that is not in the case."""

    case: Case
    back_up: Path
    recording: Path

    @property
    def run(self) -> Path:
        return cache_dir() / "runs" / self.case.run / "out"


class Step(NamedTuple):
    """What is killed: a script with its arguments, within how many seconds, and what must hold then and at its end.

    `holds` gets the numbers or words that the script has printed, each of which it called saved. `begin` prepares what
    the script finds.
    """

    script: str
    arguments: Callable[[World, Path], list[object]]
    seconds: float
    holds: Callable[[World, Path, list[str]], None]
    ends: Callable[[World, Path], None]
    begin: Callable[[], None] = lambda: None


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("faults")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTLINE_CACHE", str(folder / "cache"))
        patch.setenv("SIGHTLINE_FOOTAGE", str(folder))
        case = big_case(2, 4, 12, 6, 20)
        out = cache_dir() / "runs" / case.run / "out"
        for camera in ("cam1", "cam2"):
            write_tracks(out / "tracks" / f"{camera}.txt", load_tracks(out, camera))
        big_case(3, 2, 6, 1, 24)
        # No other case has these two.
        recording = write_scene(folder / "new.mp4", 41)
        with receive("gate.mp4") as upload:
            upload.add(write_clip(folder / "gate.mp4", range(23), Fraction(1, 2)).read_bytes())
            add_clip(case.key, upload.finish().path, "gate.mp4")
        case = Cases().load(case.key)
        back_up(Cases(), case, folder / "back-up.zip", clips=True)
    return World(case, folder / "back-up.zip", recording)


@pytest.fixture
def world(template: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(shutil.copytree(template.back_up.parent / "cache", tmp_path / "cache")))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(template.back_up.parent))
    return template


def changes_hold(world: World, to: Path, said: list[str]) -> None:
    number = int(Cases().load(world.case.key).purpose.split()[-1]) if said else -1
    assert number >= int(said[-1] if said else -1)
    logged = " ".join(Cases().log_lines(world.case.key))
    assert [word for word in said if f"purpose {word}" not in logged] == []
    log_goes_on(world)


def log_goes_on(world: World) -> None:
    """Whatever the kill left half written, the next entry mends it and the chain holds."""
    Cases().log(world.case.key, "after the kill")
    assert Cases().read_log(world.case.key).fault is None


def decisions_hold(world: World, to: Path, said: list[str]) -> None:
    review = load_review(Cases().review_file(world.case.key))
    assert len(review.done) in ((len(said), len(said) + 1) if said else (0, 1))
    assert all(action.names[0].name == f"name {number}" for number, action in enumerate(review.done))
    log_goes_on(world)


def nothing_more(world: World, to: Path, said: list[str]) -> None:
    assert Cases().load(world.case.key) == world.case


def tracks_are_whole(world: World, to: Path) -> None:
    whole = to.with_name("whole")
    child(RUN, [world.recording, whole]).communicate()
    found, expected = load_tracks(to, "gate"), load_tracks(whole, "gate")
    assert 0 < len(found) == len(expected)
    assert (found.frame == expected.frame).all() and (found.xyxy == expected.xyxy).all()


def zip_is_whole(world: World, to: Path) -> None:
    verify_zip(to / "gallery.zip")


def zip_holds(world: World, to: Path, said: list[str]) -> None:
    nothing_more(world, to, said)
    if (to / "gallery.zip").exists():
        zip_is_whole(world, to)


def upload_holds(world: World, to: Path, said: list[str]) -> None:
    sweep(Services())
    case = Cases().load(world.case.key)
    new = [clip for clip in case.clips if clip not in world.case.clips]
    assert len(new) == 1 if said else len(new) <= 1
    assert all(digest(Path(clip.path)) == clip.digest for clip in new)
    stored = {path.name for path in (data_dir() / "uploads").iterdir()}
    assert stored == {Path(clip.path).parent.name for clip in case.clips if "uploads" in clip.path}


def upload_is_whole(world: World, to: Path) -> None:
    upload_holds(world, to, ["saved"])


def restore_holds(world: World, to: Path, said: list[str]) -> None:
    sweep(Services())
    assert Cases().unreadable() == [] and len(Cases().all()) >= (3 if said else 2)
    assert not [path for path in cache_dir().rglob(".*") if path.suffix in (".part", ".new")]


def restore_is_whole(world: World, to: Path) -> None:
    restore_holds(world, to, ["saved"])
    new = restore(Services(), world.back_up)
    assert all(digest(Path(clip.path)) == clip.digest for clip in new.clips)


def deletion_holds(world: World, to: Path, said: list[str]) -> None:
    assert Cases().unreadable() == []
    if said:
        deletion_is_whole(world, to)


def deletion_is_whole(world: World, to: Path) -> None:
    sweep(Services())
    uploaded = next(clip for clip in world.case.clips if "uploads" in clip.path)
    words = (world.case.key, world.case.run, uploaded.digest)
    left = [str(path) for path in cache_dir().rglob("*") if any(word in str(path) for word in words)]
    assert left == [] and len(Cases().all()) == 1


def as_0_1_0_left_it() -> None:
    """Version 0.1.0 had no data folder."""
    data = data_dir()
    for kind in DATA_ENTRIES:
        if (data / kind).is_dir():
            (data / kind).rename(cache_dir() / kind)
    shutil.rmtree(data)


def data_below(folder: Path) -> dict[str, bytes]:
    """The content of every file of data in the folder, by its path."""
    files = [path for kind in DATA_ENTRIES for path in (folder / kind).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def move_holds(world: World, to: Path, said: list[str]) -> None:
    if said:
        move_is_whole(world, to)
    there = {**data_below(chosen_data_dir()), **data_below(cache_dir())}
    assert there == data_below(world.back_up.parent / "cache" / "data")


def move_is_whole(world: World, to: Path) -> None:
    assert data_below(chosen_data_dir()) == data_below(world.back_up.parent / "cache" / "data")
    assert data_below(cache_dir()) == {} and Cases().load(world.case.key) == world.case
    assert not list(cache_dir().glob(".moving.json")) and not list(chosen_data_dir().glob(".moving"))


STEPS = {
    "change": Step(CHANGE, lambda w, to: [w.case.key, 400], 1.5, changes_hold, lambda w, to: None),
    "decide": Step(DECIDE, lambda w, to: [w.case.key, 400], 1.5, decisions_hold, lambda w, to: None),
    "run": Step(RUN, lambda w, to: [w.recording, to], 1.2, nothing_more, tracks_are_whole),
    "export": Step(EXPORT, lambda w, to: [w.run, to], 0.8, zip_holds, zip_is_whole),
    "upload": Step(UPLOAD, lambda w, to: [w.case.key, w.recording], 0.4, upload_holds, upload_is_whole),
    "restore": Step(RESTORE, lambda w, to: [w.back_up], 0.5, restore_holds, restore_is_whole),
    "delete": Step(DELETE, lambda w, to: [w.case.key], 0.3, deletion_holds, deletion_is_whole),
    "move": Step(MOVE, lambda w, to: ["one"], 0.15, move_holds, move_is_whole, as_0_1_0_left_it),
    "copy": Step(MOVE, lambda w, to: ["two"], 0.15, move_holds, move_is_whole, as_0_1_0_left_it),
}


def child(script: str, arguments: list[object]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", START + script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE)


def killed(script: str, arguments: list[object], seconds: float) -> list[str]:
    """What the script has said before it was killed, so many seconds after it was ready."""
    process = child(script, arguments)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    time.sleep(seconds)
    process.kill()
    lines = process.stdout.read().splitlines(keepends=True)
    process.wait()
    process.stdout.close()
    return [line.strip() for line in lines if line.endswith("\n")]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(KILLS))
def test_killed_at_any_moment_nothing_is_lost(number: int, world: World, tmp_path: Path) -> None:
    name = list(STEPS)[number % len(STEPS)]
    step, to = STEPS[name], tmp_path / "out"
    step.begin()
    moment = random.Random(number).uniform(0, step.seconds)
    said = killed(step.script, step.arguments(world, to), moment)
    step.holds(world, to, said)
    if name == "delete" and world.case.key not in {case.key for case in Cases().all()}:
        # There is nothing left to repeat: the next start of a server removes the rest.
        step.ends(world, to)
        return
    if name in ("change", "decide"):
        return
    again = child(step.script, step.arguments(world, to))
    words, _ = again.communicate(timeout=60)
    if name == "upload" and again.returncode:
        # The clip is in the case already, and cannot be added twice.
        words = "saved"
    assert again.returncode == 0 or name == "upload", words
    step.ends(world, to)
