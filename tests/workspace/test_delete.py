"""A case deleted: nothing of any clip that it ever had stays, whatever was going on; what another case needs does."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import StoreError
from core.base.types import Clip
from core.cli import main
from core.machine.log import LOG, log_to_file
from core.machine.paths import cache_dir, living_part
from core.review import Review, save_review
from core.vision.video import content_digest, digest
from core.workspace import Services, back_up, erase, serve_with, set_aside, sweep, sweep_regularly, take_back
from core.workspace.cases import Case, CaseClip, Cases
from core.workspace.jobs import Export, Exports, Order, Source, find_job
from core.workspace.jobs.exports import RECORD
from core.workspace.jobs.processes import process_of
from core.workspace.media import Proxies
from core.workspace.sources import receive

ROOT = Path(__file__).resolve().parents[2]
# Stands in for a run, an export or a film: goes on until it is stopped, and writes as the program does.
CHILD = """
import json, sys, time
from pathlib import Path
from core.machine.paths import write_atomically
target = Path(next(word for word in json.load(sys.stdin) if word.startswith("--to=")).removeprefix("--to="))
print(flush=True)
while True:
    write_atomically(target / "part.bin" if not target.suffix else target, b"picture of gate")
    time.sleep(0.01)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(tmp_path / "footage"))
    (tmp_path / "footage").mkdir()
    return cache_dir()


def written(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def content(name: str) -> str:
    return blake2b(name.encode() * 100, digest_size=16).hexdigest()


def uploaded(services: Services, case: Case, name: str) -> CaseClip:
    """The clip `name` in the case, uploaded, with all that pages and runs make of a clip."""
    with receive(f"{name}.mp4") as upload:
        upload.add(name.encode() * 100)
        stored = upload.finish()
    return added(services, case, name, stored.path)


def added(services: Services, case: Case, name: str, path: Path) -> CaseClip:
    clip = CaseClip(name, str(path), digest(path))
    services.cases.change(
        case.key,
        lambda now: now.with_clips((*now.clips, clip)),
        f"clip added: {name}.mp4 ({clip.digest})",
    )
    home = cache_dir()
    written(home / "stages" / clip.digest / "embed-1" / "00000-x.npz", f"vectors of {name}")
    written(home / "proxies" / f"{clip.digest}.mp4", f"picture of {name}")
    written(home / "proxies" / f".{clip.digest}.mp4.77.part", f"picture of {name}")
    written(home / "stills" / clip.digest / "5.jpg", f"picture of {name}")
    written(home / "strips" / f"{clip.digest}.jpg", f"picture of {name}")
    written(home / "strips" / f"{clip.digest}.json")
    written(home / "checksums" / f"{clip.digest}.txt")
    return clip


def run_of(services: Services, case: Case, clips: list[CaseClip]) -> str:
    """A finished run of the clips, with crops, lines in the log and an export, shown by the case."""
    order = Order(tuple(Source(clip.camera, clip.path, clip.digest) for clip in clips), "a detector")
    folder = cache_dir() / "runs" / order.key
    written(folder / "job.json", json.dumps({"order": asdict(order), "began": 1.0}))
    written(folder / "out" / "crops" / clips[0].camera / "t1.jpg")
    written(cache_dir() / "exports" / f"{order.key}-{'0' * 20}" / "out" / "gallery.zip")
    with log_to_file(f"{order.key}/out"):
        LOG.info("begins: %s", " ".join(clip.path for clip in clips))
    services.cases.change(case.key, lambda now: replace(now, run=order.key), "run started")
    return order.key


def traces(home: Path, *texts: str) -> list[str]:
    """Every file below the folder whose path or content has one of the texts."""
    found = []
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        everything = path.relative_to(home).as_posix().encode() + b"\n" + path.read_bytes()
        found += [f"{path.relative_to(home)}: {text}" for text in texts if text.encode() in everything]
    return found


def busy(tmp_path: Path) -> Services:
    """Services whose exports and films go on for ever."""
    child = written(tmp_path / "child.py", CHILD)
    command = (sys.executable, str(child))
    return Services(exports=Exports(command=command), proxies=Proxies(command=command))


def film_of(clip: CaseClip) -> Clip:
    """The clip as somebody who wants a film of it has it."""
    return Clip(clip.path, clip.digest, 64, 48, np.array([0.0]), 0, "h264", "mp4")


def everything_of(home: Path, *names: str) -> dict[str, bytes]:
    """The content of every file below the folder whose path has one of the names; what nobody finished is left out."""
    files = [path for path in home.rglob("*") if path.is_file() and path.suffix != ".part"]
    return {str(path): path.read_bytes() for path in files if any(name in str(path) for name in names)}


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def test_nothing_stays_of_any_clip_that_a_case_ever_had(home: Path, tmp_path: Path, importable: None) -> None:
    """Clips were removed, it was exported and backed up elsewhere, and an export and a film of it are being made."""
    services = busy(tmp_path)
    other, case = services.cases.new("Other"), services.cases.new("Burglary")
    own = written(tmp_path / "footage" / "own.mp4", "own footage")
    clips = [uploaded(services, case, name) for name in ("gate", "yard", "shared")]
    clips.append(added(services, case, "own", own))
    services.cases.change(other.key, lambda now: now.with_clips([clips[2]]))
    kept_run = run_of(services, other, [clips[2]])
    earlier = run_of(services, case, clips[:2])
    run = run_of(services, case, clips)
    save_review(services.cases.review_file(case.key), Review(run=run))
    # Removed from the case, which forgets nothing.
    services.cases.change(case.key, lambda now: now.with_clips(now.clips[1:]), "clip removed: gate")
    back_up(services.cases, services.cases.load(case.key), home / "data" / "backups" / f"{case.key}.zip", clips=True)
    back_up(services.cases, services.cases.load(case.key), tmp_path / "elsewhere.zip", clips=True)
    for left in ("data/backups/.0011.part", "proxies/.22.part", f"data/uploads/{clips[0].digest}/.33.part"):
        written(home / left, "gate")
    written(home / "tmpab12cd34" / "back-up.zip", "gate")
    written(home / "data" / "uploads" / content("orphan") / "orphan.mp4", "orphan")
    (home / "proxies" / f"{clips[1].digest}.mp4").unlink()
    services.proxies.request(film_of(clips[1]))
    export = services.exports.start(Export("gallery", run, "s"), home / "runs" / run / "out")
    wait_until((home / "proxies" / f"{clips[1].digest}.mp4").exists)
    wait_until(lambda: any(export.folder.rglob("part.bin")))
    before = everything_of(home, clips[2].digest, kept_run)
    assert traces(home, clips[0].digest, str(own), "vectors of gate", "picture of yard")

    erase(services, services.cases.load(case.key))
    time.sleep(0.2)

    unshared = [clip for clip in clips if clip.camera != "shared"]
    texts = [text for clip in unshared for text in (clip.digest, clip.path, clip.camera + ".mp4", f"of {clip.camera}")]
    assert traces(home, *texts, case.key, earlier, run, "Burglary", "gate", "yard", "orphan") == []
    assert own.read_text() == "own footage" and (tmp_path / "elsewhere.zip").is_file()
    # What the other case needs is as it was: upload, pictures, vectors, run and export.
    assert everything_of(home, clips[2].digest, kept_run) == before
    assert content_digest(Path(clips[2].path)) == clips[2].digest and services.cases.load(other.key).run == kept_run
    with closing(sqlite3.connect(home / "digests.sqlite")) as index:
        assert [row[0] for row in index.execute("SELECT digest FROM digests")] == [clips[2].digest]


def test_clips_removed_under_the_first_version_are_known_by_the_activity_log(home: Path) -> None:
    services = Services()
    case = services.cases.new("Old")
    clip = uploaded(services, case, "gate")
    services.cases.change(case.key, lambda now: replace(now, clips=(), removed=()))
    erase(services, services.cases.load(case.key))
    assert traces(home, clip.digest) == []


def test_a_clip_that_is_put_back_is_no_longer_remembered_as_removed(home: Path) -> None:
    services = Services()
    case = services.cases.new("Shop")
    clip = uploaded(services, case, "gate")
    without = services.cases.change(case.key, lambda now: now.with_clips([]))
    assert without.removed == (clip.digest,) and services.cases.load(case.key) == without
    assert services.cases.change(case.key, lambda now: now.with_clips([clip])).removed == ()


def test_a_run_that_another_case_shows_keeps_its_clips(home: Path) -> None:
    """Also if that case has removed a clip of it since: its people are still shown."""
    services = Services()
    case, other = services.cases.new("a"), services.cases.new("b")
    clip = uploaded(services, case, "gate")
    run = run_of(services, other, [clip])
    erase(services, services.cases.load(case.key))
    assert (home / "stages" / clip.digest).is_dir() and (home / "runs" / run).is_dir() and Path(clip.path).is_file()


@pytest.mark.parametrize("text", ['{"format": 2, "clips": ["%s"]}', '{"format": 1, "clips": [{"digest": "%s'])
def test_what_a_case_that_cannot_be_read_may_need_stays(home: Path, text: str) -> None:
    services = Services()
    case, newer = services.cases.new("a"), services.cases.new("b")
    clip = uploaded(services, case, "gate")
    written(services.cases.folder(newer.key) / "case.json", text % clip.digest)
    erase(services, services.cases.load(case.key))
    assert Path(clip.path).is_file() and (home / "stages" / clip.digest).is_dir()
    (unreadable,) = services.cases.unreadable()
    assert unreadable.folder.name == newer.key and str(unreadable.folder / "case.json") in unreadable.reason
    sweep(services)
    assert Path(clip.path).is_file()


def test_nothing_is_deleted_while_nobody_knows_what_a_case_needs(home: Path) -> None:
    services = Services()
    case, empty = services.cases.new("a"), services.cases.new("b")
    clip = uploaded(services, case, "gate")
    written(services.cases.folder(empty.key) / "case.json", "")
    for name in ("log.jsonl", "log_texts.jsonl"):
        (services.cases.folder(empty.key) / name).unlink()
    with pytest.raises(StoreError, match="what it needs"):
        erase(services, services.cases.load(case.key))
    sweep(services)
    assert Path(clip.path).is_file() and services.cases.load(case.key)


def test_an_upload_is_swept_once_nobody_is_adding_it_to_a_case(home: Path) -> None:
    services = Services()
    with receive("gate.mp4") as upload:
        upload.add(b"gate")
        stored = upload.finish()
        sweep(services)
        assert stored.path.is_file()
    sweep(services)
    assert not stored.path.parent.exists()


def test_parts_that_somebody_writes_are_not_swept(home: Path) -> None:
    (home / "data" / "backups").mkdir(parents=True)
    part = home / "data" / "backups" / ".abc.part"
    with living_part(part):
        sweep(Services())
        assert part.exists()
    assert not part.exists()


@pytest.mark.parametrize("by_command_line", [False, True], ids=["app", "command line"])
def test_work_in_progress_is_stopped_and_brings_nothing_back(
    home: Path, tmp_path: Path, importable: None, by_command_line: bool
) -> None:
    services = busy(tmp_path)
    case = services.cases.new("Shop")
    clip = uploaded(services, case, "gate")
    run = run_of(services, case, [clip])
    (home / "proxies" / f"{clip.digest}.mp4").unlink()
    services.proxies.request(film_of(clip))
    export = services.exports.start(Export("gallery", run, "s"), home / "runs" / run / "out")
    wait_until((home / "proxies" / f"{clip.digest}.mp4").exists)
    wait_until(lambda: any(export.folder.rglob("part.bin")))
    if by_command_line:
        assert main(["cases", "--delete", case.key]) == 0
    else:
        erase(services, services.cases.load(case.key))
    time.sleep(0.5)
    assert traces(home, clip.digest, run, case.key, "picture of gate") == []
    assert not list((home / "exports").iterdir()) and not list((home / "proxies").iterdir())


def test_a_job_whose_folder_is_removed_ends_and_does_not_make_it_again(
    home: Path, tmp_path: Path, importable: None
) -> None:
    exports = busy(tmp_path).exports
    export = exports.start(Export("gallery", "0a" * 10, "s"), home)
    wait_until(lambda: any(export.folder.rglob("part.bin")))
    record = find_job(RECORD, export.folder)
    assert record is not None
    shutil.rmtree(export.folder, ignore_errors=True)
    end = time.monotonic() + 20
    while process_of(record):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert not (export.folder / "out").exists()


def test_an_upload_that_arrives_after_its_case_was_deleted_goes(home: Path) -> None:
    services = Services()
    case = services.cases.new("Shop")
    with receive("gate.mp4") as upload:
        upload.add(b"gate")
        erase(services, case)
        upload.finish()
    sweep(services)
    assert traces(home, "gate") == []


def test_a_case_that_was_set_aside_can_be_taken_back_for_a_day(home: Path) -> None:
    services = Services()
    case, other = services.cases.new("Shop"), services.cases.new("Other")
    clip = uploaded(services, case, "gate")
    services.cases.change(other.key, lambda now: now.with_clips([clip]))
    shown = services.cases.load(case.key)
    set_aside(services, shown)
    assert [found.key for found in services.cases.all()] == [other.key]
    # It needs its clips, whatever else is deleted.
    erase(services, services.cases.load(other.key))
    assert Path(clip.path).is_file()
    assert take_back(services, case.key) == shown == services.cases.load(case.key)
    set_aside(services, shown)
    file = services.deleted.folder(case.key) / "case.json"
    os.utime(file, (time.time() - 90_000,) * 2)
    sweep(services)
    assert traces(home, clip.digest, case.key, "gate") == []


@pytest.fixture
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """A server, which has started and sweeps all the time."""
    monkeypatch.setattr("core.workspace.delete._SWEEP_SECONDS", 0.05)
    services = Services()
    serve_with(services)
    import app

    with asyncio.Runner() as runner:
        running = app._start(app.app)
        runner.run(running.__aenter__())
        yield services
        runner.run(running.__aexit__(None, None, None))
    wait_until(lambda: "sightline-sweep" not in {thread.name for thread in threading.enumerate()})
    serve_with(None)


def test_a_case_that_was_set_aside_goes_when_its_day_is_over(
    home: Path, server: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a server that runs on, in which nobody deletes another case."""
    case = server.cases.new("Shop")
    clip = uploaded(server, case, "gate")
    set_aside(server, server.cases.load(case.key))
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 86_000)
    time.sleep(0.3)
    assert Path(clip.path).is_file() and server.deleted.load(case.key)
    monkeypatch.setattr(time, "time", lambda: now() + 86_500)
    wait_until(lambda: not server.deleted.folder(case.key).exists() and not traces(home, clip.digest))
    assert traces(home, clip.digest, case.key, "gate") == []


def test_a_server_goes_on_sweeping_after_a_sweep_that_failed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    stop = threading.Event()
    monkeypatch.setattr("core.workspace.delete._SWEEP_SECONDS", 0.0)

    def open_services() -> Services:
        calls.append(len(calls))
        if len(calls) == 1:
            raise StoreError("an earlier version of Sightline is running")
        stop.set()
        return Services()

    sweep_regularly(open_services, stop)
    assert calls == [0, 1]


def test_one_case_whose_day_is_over_and_that_cannot_be_erased_keeps_no_other(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Services()
    for name in ("Shop", "Till"):
        set_aside(services, services.cases.new(name))
    stuck = services.deleted.all()[0].key
    for case in services.deleted.all():
        os.utime(services.deleted.folder(case.key) / "case.json", (0, 0))
    delete = Cases.delete

    def refuse(cases: Cases, key: str) -> None:
        if key == stuck:
            raise StoreError("another Sightline holds this case")
        delete(cases, key)

    monkeypatch.setattr(Cases, "delete", refuse)
    sweep(services)
    assert [case.key for case in services.deleted.all()] == [stuck]


def test_what_cannot_be_deleted_is_said_and_the_case_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services = Services()
    case = services.cases.new("Shop")
    clip = uploaded(services, case, "gate")
    with monkeypatch.context() as patch:

        def refuse(path: Path) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        patch.setattr("core.workspace.delete.remove_path", refuse)
        with pytest.raises(StoreError, match="cannot be deleted"):
            erase(services, services.cases.load(case.key))
    erase(services, services.cases.load(case.key))
    assert traces(home, clip.digest, case.key) == []
