"""What 0.1.0 left in the cache folder is moved to the data folder once, and is whole whatever happens meanwhile."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.base.errors import StoreError
from core.machine import relocate
from core.machine.paths import DATA_ENTRIES, cache_dir, data_dir
from core.machine.relocate import move_old_data, take_notice
from core.review import load_review
from core.runs import read_record
from core.vision.video import digest
from core.workspace.cases import Case, Cases
from core.workspace.jobs import Jobs
from core.workspace.jobs import job as job_module
from core.workspace.sources import is_permitted
from tests.machine.two_disks import two_disks

ROOT = Path(__file__).resolve().parents[2]
BACKUP = ROOT / "tests" / "data" / "v0.1.0" / "case-backup.zip"
KEY = "6b0c58871e7e2144"
KILLED = -9

# Ends itself as a power cut would, before a chosen one of its steps on disk.
CHILD = """
import os, signal, sys
from core.machine import relocate
from tests.machine.two_disks import two_disks
import filelock, psutil
last, disks, root = int(sys.argv[1]), sys.argv[2], os.environ["SIGHTLINE_CACHE"]
steps = 0

def count(event, arguments):
    global steps
    on_disk = event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.symlink")
    if on_disk or event == "open" and str(arguments[0]).startswith(root):
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
if disks == "two":
    with two_disks():
        print(relocate.move_old_data())
else:
    print(relocate.move_old_data())
sys.stderr.write(str(steps))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache that 0.1.0 has filled: a case with its run, decisions, uploads and a back-up, and a model."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SIGHTLINE_CACHE", str(folder))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(tmp_path / "footage"))
    fill(folder)
    yield folder
    while relocate._IN_USE_LOCKS:
        relocate._IN_USE_LOCKS.pop().release()


def fill(folder: Path) -> None:
    with zipfile.ZipFile(BACKUP) as archive:
        content = json.loads(archive.read("case.json"))
        places = {"run": f"runs/{content['run']}", "clips": "uploads"}
        paths = {
            clip["path"]: str(folder / "uploads" / clip["digest"] / Path(clip["path"]).name).encode()
            for clip in content["clips"]
        }
        for name in archive.namelist():
            top, _, rest = name.partition("/")
            path = folder / places[top] / rest if rest else folder / "cases" / KEY / name
            path.parent.mkdir(parents=True, exist_ok=True)
            entry = archive.read(name)
            if path.suffix == ".json":
                # The clips of that case lay in the user's footage; here they were uploaded.
                for old, new in paths.items():
                    entry = entry.replace(old.encode(), new)
            path.write_bytes(entry)
    for name in ("backups/" + KEY + ".zip", "weights/own.safetensors", "weights/pins.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(name.encode() * 1000)


def content_of(folder: Path) -> dict[str, str]:
    """The digest of every file of data below `folder`, by its path."""
    files = [path for kind in DATA_ENTRIES for path in (folder / kind).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def shown() -> dict[str, Any]:
    """What somebody sees of the case, places of its clips left out; all clips must be there."""
    # Every look is that of another process, which has read nothing yet.
    job_module._read_ended_job.cache_clear()
    case = Cases().load(KEY)
    review = load_review(Cases().review_file(KEY))
    job, record = Jobs().get(case.run), read_record(Jobs().get(case.run).out)
    paths = [clip.path for clip in case.clips] + [source.path for source in job.order.sources]
    paths += [camera.clip for camera in record.cameras.values()]
    assert all(Path(path).is_file() and is_permitted(path) for path in paths)
    assert all(Path(path).is_relative_to(data_dir()) for path in paths)
    actions = [(action.kind, action.description) for action in (*review.done, *review.undone)]
    plain = case.with_clips(replace(clip, path="") for clip in case.clips)
    return {"case": plain, "offsets": dict(case.offsets), "decided": actions, "job": job.key, "state": job.state}


def move(disks: str) -> str:
    """As a start of the program does."""
    if disks == "one":
        return move_old_data()
    with two_disks():
        return move_old_data()


def start(step: int, disks: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", CHILD, str(step), disks]
    return subprocess.Popen(words, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


both = pytest.mark.parametrize("disks", ["one", "two"])


@both
def test_it_moves_once_and_shows_the_same(cache: Path, disks: str) -> None:
    files, before = content_of(cache), shown()
    assert data_dir() == cache
    message = move(disks)
    assert "were moved" in message and (take_notice(), take_notice()) == (message, "")
    assert data_dir() == cache / "data" and content_of(cache / "data") == files
    assert shown() == before
    assert not any((cache / kind).exists() for kind in DATA_ENTRIES)
    assert not list(cache.glob("data/.moving*")) and not (cache / ".moving.json").exists()
    assert move(disks) == ""
    assert "were moved" in (cache / "tracker.log").read_text()


def test_uploads_that_were_moved_are_not_read_again_to_know_them(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = {Path(clip.path).name: digest(clip.path) for clip in Cases().load(KEY).clips}
    move_old_data()
    monkeypatch.setattr("core.vision.video.probing._content_digest", lambda files, with_names: "computed again")
    clips = [Path(clip.path) for clip in Cases().load(KEY).clips]
    assert {clip.name: digest(clip) for clip in clips} == digests
    # A file that was written since is read.
    clips[0].write_bytes(b"another film")
    assert digest(clips[0]) == "computed again"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
@both
def test_only_the_owner_may_read_what_was_moved(cache: Path, disks: str) -> None:
    move(disks)
    for path in (cache / "data").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.timeout(300)
@both
def test_killed_at_any_step_it_is_whole_after_the_next_start(cache: Path, tmp_path: Path, disks: str) -> None:
    files, before = content_of(cache), shown()
    shutil.copytree(cache, tmp_path / "original")
    child = start(10**9, disks)
    steps = int(child.communicate()[1])
    assert child.returncode == 0 and steps > 20
    for step in sorted(random.Random(7).sample(range(1, steps), 14)):
        shutil.rmtree(cache)
        shutil.copytree(tmp_path / "original", cache)
        child = start(step, disks)
        child.communicate()
        assert child.returncode == KILLED, step
        move(disks)
        assert content_of(cache / "data") == files, step
        assert not any((cache / kind).exists() for kind in DATA_ENTRIES), step
        assert shown() == before, step


class Failing:
    """Stands in for a function that meets a full disk at one of its calls, or from then on."""

    def __init__(self, function: Callable[..., Any], at: int, again: bool = False) -> None:
        self.function, self.at, self.again, self.calls = function, at, again, 0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        if self.calls == self.at or (self.again and self.calls > self.at):
            raise OSError(errno.ENOSPC, "the disk is full")
        return self.function(*arguments, **named)


@pytest.mark.parametrize(
    ("disks", "function", "at"),
    [
        *(("one", "_rename", at) for at in range(1, 7)),
        *(("two", "_rename", at) for at in range(2, 8)),
        *(("two", "_copy_file", at) for at in range(1, 9, 2)),
        ("one", "write_atomically", 1),
    ],
)
def test_one_that_fails_is_undone(
    cache: Path, monkeypatch: pytest.MonkeyPatch, disks: str, function: str, at: int
) -> None:
    files, before = content_of(cache), shown()
    failing = Failing(getattr(relocate, function), at)
    monkeypatch.setattr(relocate, function, failing)
    message = move(disks)
    assert failing.calls >= at
    assert "could not be moved" in message and "the disk is full" in message and str(cache) in message
    assert content_of(cache) == files and content_of(cache / "data") == {}
    # The cases open from where they were, in every process.
    assert data_dir() == cache and shown() == before
    assert move(disks) == ""


def test_after_a_failure_others_leave_the_data_where_it_is_in_use(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = content_of(cache)
    with monkeypatch.context() as patch:
        patch.setattr(relocate, "_rename", Failing(relocate._rename, 2))
        move_old_data()
    child = start(10**9, "one")
    assert child.communicate()[0].strip() == ""
    assert content_of(cache) == files
    # Once this process has ended, the next start moves it.
    relocate._IN_USE_LOCKS.pop().release()
    assert "were moved" in start(10**9, "one").communicate()[0]
    assert content_of(cache / "data") == files


def test_one_that_can_neither_go_on_nor_back_is_said_and_goes_on_later(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, before = content_of(cache), shown()
    with monkeypatch.context() as patch:
        patch.setattr(relocate, "_rename", Failing(relocate._rename, 3, again=True))
        for _ in range(2):
            with pytest.raises(StoreError, match="Part of your data"):
                move_old_data()
    assert "were moved" in move_old_data()
    assert content_of(cache / "data") == files and shown() == before


def test_a_move_that_was_killed_and_then_fails_is_undone_as_a_whole(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = content_of(cache)

    def die(*paths: Path) -> None:
        raise KeyboardInterrupt

    rename = relocate._rename
    calls = iter([rename, rename, die])
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(relocate, "_rename", lambda *paths: next(calls)(*paths))
        move_old_data()
    assert content_of(cache / "data") and content_of(cache) != files
    with monkeypatch.context() as patch:
        patch.setattr(relocate, "_rename", Failing(rename, 2))
        assert "could not be moved" in move_old_data()
    assert content_of(cache) == files and content_of(cache / "data") == {}


def test_what_was_copied_leaves_nothing_beside_it_if_a_move_is_killed_at_its_end(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = shutil.rmtree

    def die(path: Path, *rest: Any, **named: Any) -> None:
        if path.name == ".moving":
            raise KeyboardInterrupt
        remove(path, *rest, **named)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", die)
        move("two")
    assert (cache / "data" / ".moving").exists()
    move("two")
    assert not (cache / "data" / ".moving").exists() and content_of(cache) == {}


def test_too_little_space_is_known_before_anything_is_copied(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = content_of(cache)
    usage = shutil.disk_usage(cache)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr(relocate, "_copy_file", Failing(relocate._copy_file, 1))
    assert "No space left" in move("two")
    assert content_of(cache) == files and data_dir() == cache


def test_of_two_that_start_at_once_one_moves(cache: Path) -> None:
    files = content_of(cache)
    children = [start(10**9, "two") for _ in range(3)]
    said = [child.communicate()[0].strip() for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert sorted(bool(text) for text in said) == [False, False, True]
    assert content_of(cache / "data") == files


def test_what_0_1_0_adds_later_follows_and_nothing_is_overwritten(cache: Path) -> None:
    move_old_data()
    Cases().change(KEY, lambda case: replace(case, name="Renamed since"))
    new = content_of(cache / "data")
    fill(cache)
    shutil.copytree(cache / "cases" / KEY, cache / "cases" / "5f00aa11")
    message = move_old_data()
    assert "were moved" in message and f"cases/{KEY}" in message and "1 entry stays" in message
    assert new.items() <= content_of(cache / "data").items()
    assert Cases().load(KEY).name == "Renamed since" and Cases().load("5f00aa11").name == "Plaza, 3 May"
    assert set(content_of(cache)) == {f"cases/{KEY}/{name}" for name in ("case.json", "review.json", "log.txt")}


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@both
def test_a_folder_that_is_a_link_to_a_larger_disk_stays_there(cache: Path, tmp_path: Path, disks: str) -> None:
    before = shown()
    (cache / "uploads").rename(tmp_path / "large")
    (cache / "uploads").symlink_to("../large")
    assert "were moved" in move(disks)
    assert (cache / "data" / "uploads").resolve() == tmp_path / "large"
    assert not os.path.lexists(cache / "uploads")
    assert {**shown(), "case": before["case"]} == before


def test_the_two_folders_may_be_on_two_disks(
    cache: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or memory.stat().st_dev == cache.stat().st_dev:
        pytest.skip("needs a second disk")
    files, data = content_of(cache), memory / f"sightline-test-{os.getpid()}"
    monkeypatch.setenv("SIGHTLINE_DATA", str(data))
    announced: list[str] = []
    try:
        assert "were moved" in move_old_data(announced.append)
        assert "Copying" in announced[0] and content_of(data) == files
        assert not any((cache / kind).exists() for kind in DATA_ENTRIES)
    finally:
        shutil.rmtree(data)


@contextmanager
def running(folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, *words], cwd=folder)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def checkout(folder: Path, paths: str) -> Path:
    """A checkout of Sightline, as far as a server's command line tells; `paths` is its core/machine/paths.py."""
    (folder / "core" / "machine").mkdir(parents=True)
    (folder / "app.py").write_text("")
    (folder / "streamlit").write_text("import time; time.sleep(100)")
    if paths:
        (folder / "core" / "machine" / "paths.py").write_text(paths)
        os.utime(folder / "core" / "machine" / "paths.py", (1, 1))
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="environments of processes")
def test_it_is_refused_while_a_server_of_0_1_0_runs(cache: Path, tmp_path: Path) -> None:
    files = content_of(cache)
    with running(checkout(tmp_path / "old", ""), "streamlit", "run", "app.py") as server:
        wait_until_named(server, "app.py")
        for _ in range(2):
            with pytest.raises(StoreError, match=rf"process {server.pid}.*End it"):
                move_old_data()
        assert content_of(cache) == files
    assert "were moved" in move_old_data()


@pytest.mark.skipif(sys.platform == "win32", reason="environments of processes")
def test_a_server_of_today_or_on_other_data_is_no_obstacle(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(checkout(tmp_path / "new", "def data_dir(): ..."), "streamlit", "run", "app.py") as today:
        monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "elsewhere"))
        with running(checkout(tmp_path / "old", ""), "streamlit", "run", "app.py") as elsewhere:
            monkeypatch.setenv("SIGHTLINE_CACHE", str(cache))
            wait_until_named(today, "app.py")
            wait_until_named(elsewhere, "app.py")
            assert "were moved" in move_old_data()


def wait_until_named(process: subprocess.Popen[bytes], word: str) -> None:
    """Until the process has its own command line, a moment after it was started."""
    import psutil

    while word not in psutil.Process(process.pid).cmdline():
        time.sleep(0.01)


def test_it_is_refused_while_a_run_of_0_1_0_goes_on(cache: Path, tmp_path: Path) -> None:
    import psutil

    job = next(cache.glob("runs/*/job.json"))
    with running(tmp_path, "-c", "import time; time.sleep(100)") as process:
        about = json.loads(job.read_text())
        identity = {"pid": process.pid, "born": psutil.Process(process.pid).create_time()}
        job.write_text(json.dumps({**about, **identity}))
        with pytest.raises(StoreError, match="in progress"):
            move_old_data()
    assert "were moved" in move_old_data()


def test_a_case_is_found_that_was_moved_by_hand(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move_old_data()
    before = shown()
    cache.rename(tmp_path / "other place")
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "other place"))
    assert shown() == before and cache_dir() == tmp_path / "other place"


def test_a_folder_of_the_users_own_called_uploads_is_no_upload(cache: Path) -> None:
    case: Case = Cases().load(KEY)
    assert is_permitted(case.clips[0].path)
    assert not is_permitted(str(cache / "uploads" / ".." / "cases" / KEY / "case.json"))
