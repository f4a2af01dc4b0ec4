"""`cache` and `data`: everything in the two folders is listed, and `cache --trim` does what it says."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.cli import main
from core.machine.artifacts import stored_entries
from core.machine.paths import CACHE_ENTRIES, DATA_ENTRIES, cache_dir, data_dir, write_atomically
from core.workspace.cases import CaseClip, Cases
from core.workspace.jobs import Export, Exports, Job, Jobs, Order, Source

DIGEST, OTHER = "ab" * 16, "cd" * 16
RUN = "0123456789" * 2
WAIT = [sys.executable, "-c", "import time; time.sleep(60)"]
KINDS = {
    "stages": f"{DIGEST}/detect-00/00000-x.npz",
    "runs": f"{RUN}/out/crops/gate/t1.jpg",
    "exports": f"{RUN}-{RUN}/out/gallery.zip",
    "proxies": f"{DIGEST}.mp4",
    "stills": f"{DIGEST}/5.jpg",
    "strips": f"{DIGEST}.jpg",
    "exported": "osnet-00-openvino/model.xml",
    "sample": "plaza-1/cam1.mp4",
    "speed": "00.json",
    "probes": f"{DIGEST}.npz",
    "checksums": f"{DIGEST}.txt",
    "lists": f"{DIGEST}.recordings",
    "notebooks": "quickstart/run.json",
    "ultralytics": "settings.json",
}


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(tmp_path))


def fill(size: int = 1000) -> None:
    """Something of every kind, the kinds in the order in which they were used."""
    files = [f"{kind}/{name}" for kind, name in KINDS.items()]
    for hours, name in enumerate([*files, "digests.sqlite", "tracker.log", "tracker.log.1"]):
        path = cache_dir() / name
        write_atomically(path, b"x" * size)
        moment = time.time() - (20 - hours) * 3600
        for place in (path, *path.parents[: len(Path(name).parts) - 1]):
            os.utime(place, (moment, moment))


def left(folder: Path) -> set[str]:
    """All files; those of locks are empty and say nothing."""
    return {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"
    }


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(words) == 0
    return capsys.readouterr().out


def test_trim_0_leaves_nothing_of_any_kind_and_no_data_goes(capsys: pytest.CaptureFixture[str]) -> None:
    fill()
    case = Cases().new("Shop")
    for kind in DATA_ENTRIES[1:]:
        write_atomically(data_dir() / kind / DIGEST / "x", b"data")
    data = left(data_dir())
    assert set(KINDS) | {"digests.sqlite", "tracker.log"} == set(CACHE_ENTRIES)
    assert "Removed 17 entries, 17.0 kB" in said(capsys, "cache", "--trim", "0")
    assert left(cache_dir()) == {f"data/{name}" for name in data} and left(data_dir()) == data
    assert Cases().load(case.key) == case
    assert "0 entries, 0 B" in said(capsys, "cache")


def test_the_least_recently_used_go_first_whatever_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    fill()
    assert "Removed 5 entries, 5.0 kB" in said(capsys, "cache", "--trim", "12kB")
    kinds = [entry.kind for entry in stored_entries(cache_dir(), CACHE_ENTRIES)]
    assert kinds == [*list(KINDS)[5:], "digests.sqlite", "tracker.log", "tracker.log"]
    assert "Removed 0 entries" in said(capsys, "cache", "--trim", "12kB")


def test_what_is_read_was_used(capsys: pytest.CaptureFixture[str]) -> None:
    fill()
    run = cache_dir() / "runs" / RUN / "out" / "crops" / "gate" / "t1.jpg"
    os.utime(run, (time.time(), run.stat().st_mtime))
    said(capsys, "cache", "--trim", "1kB")
    assert left(cache_dir()) == {run.relative_to(cache_dir()).as_posix()}


def test_every_kind_is_listed_with_its_size(capsys: pytest.CaptureFixture[str]) -> None:
    fill()
    lines = said(capsys, "cache").splitlines()
    assert [re.split(r" {2,}", line)[4] for line in lines[:-2]] == [*KINDS, "digests.sqlite", "tracker.log"]
    assert "17 entries, 17.0 kB" in lines[-2] and str(cache_dir()) in lines[-2]
    assert f"stages/{DIGEST}/detect-00" in said(capsys, "cache", "--list")


def test_files_of_the_users_own_in_the_folder_stay(capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody may have named a folder for the cache in which there is something else."""
    fill()
    write_atomically(cache_dir() / "thesis.odt", b"years")
    write_atomically(cache_dir() / "pictures" / "a.jpg", b"years")
    said(capsys, "cache", "--trim", "0")
    assert left(cache_dir()) == {"thesis.odt", "pictures/a.jpg"}


def test_what_is_being_written_stays(capsys: pytest.CaptureFixture[str]) -> None:
    part, old = cache_dir() / "proxies" / ".00.part", cache_dir() / "proxies" / ".11.part"
    for path in (part, old):
        write_atomically(path, b"x")
    os.utime(old, (time.time() - 3600, time.time() - 3600))
    said(capsys, "cache", "--trim", "0")
    assert part.is_file() and not old.exists()


@pytest.fixture
def job() -> Iterator[Job]:
    """A run in progress, of one clip."""
    jobs = Jobs(command=WAIT)
    started = jobs.start(Order((Source("gate", "gate.mp4", DIGEST),), "person-yolo11n-2", "person-osnet"))
    yield started
    for _ in range(2):
        jobs.cancel(started.key)


def test_what_a_run_in_progress_uses_stays(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    fill()
    write_atomically(cache_dir() / "stages" / OTHER / "detect-00" / "00000-x.npz", b"x")
    assert job.is_active
    assert "A job in progress uses" in said(capsys, "cache")
    said(capsys, "cache", "--trim", "0")
    kinds = {"stages", "runs", "exported", "sample"}
    assert {path.name for path in cache_dir().iterdir() if path.is_dir()} - {"data", "locks"} == kinds
    assert (cache_dir() / "stages" / DIGEST).is_dir() and not (cache_dir() / "stages" / OTHER).exists()
    assert [path.name for path in (cache_dir() / "runs").iterdir()] == [job.key]
    assert Jobs().get(job.key).is_active


def test_what_an_export_in_progress_uses_stays(capsys: pytest.CaptureFixture[str]) -> None:
    fill()
    shutil.rmtree(cache_dir() / "exports")
    exports = Exports(command=WAIT)
    export = exports.start(Export("gallery", RUN, "s"), cache_dir() / "runs" / RUN / "out")
    try:
        said(capsys, "cache", "--trim", "0")
        assert (cache_dir() / "runs" / RUN / "out" / "crops" / "gate" / "t1.jpg").is_file()
        assert export.folder.is_dir() and not (cache_dir() / "stages").exists()
    finally:
        for _ in range(2):
            exports.cancel(export.key)


def test_data_says_what_is_there_and_what_no_case_uses(capsys: pytest.CaptureFixture[str]) -> None:
    case = Cases().new("Shop")
    for digest in (DIGEST, OTHER):
        write_atomically(data_dir() / "uploads" / digest / "gate.mp4", b"film")
    for key in (case.key, "5f00aa11"):
        write_atomically(data_dir() / "backups" / f"{key}.zip", b"zip")
    clip = CaseClip("gate", str(data_dir() / "uploads" / DIGEST / "gate.mp4"), DIGEST)
    Cases().change(case.key, lambda old: replace(old, clips=(clip,)))
    text = said(capsys, "data")
    assert f"Uploads that no case uses: 1 entry, 4 B ({OTHER})." in text
    assert "Back-ups of cases that were deleted: 1 entry, 3 B (5f00aa11.zip)." in text
    assert str(data_dir()) in text and "SIGHTLINE_DATA" in text and "uploads" in text
    assert DIGEST not in text
    # A case that cannot be read may need any of it.
    write_atomically(Cases().folder("5f00aa22") / "case.json", b"damaged")
    text = said(capsys, "data")
    assert "1 case cannot be read" in text and "no case uses" not in text
