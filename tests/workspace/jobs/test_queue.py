"""Jobs of several servers: each starts once, is known whatever the clock says, and the rest wait in order."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from core.base.errors import SettingsError, StoreError
from core.workspace import Services, serve_with, start_run
from core.workspace.cases import Cases
from core.workspace.jobs import (
    ATTEMPT,
    RUN_JOB,
    ExportJob,
    Exports,
    Job,
    Jobs,
    RunJob,
    Work,
    find_job,
)
from core.workspace.jobs import runs as runs_module
from core.workspace.jobs.processes import max_jobs, process_of
from tests.launching import FakeLauncher
from tests.workspace.jobs.test_jobs import CHILD, act, order, over, starts, until, working

ROOT = Path(__file__).resolve().parents[3]
START = """
import sys, time
from pathlib import Path
from core.workspace.jobs import *

root, number = Path(sys.argv[1]), sys.argv[2]
jobs, exports = Jobs(root / "runs", [sys.executable, root / "child.py"]), Exports(root / "exports", WAIT)
(root / f"ready {number}").touch()
while not (root / "go").exists():
    time.sleep(0.001)
jobs.start(Order((Source("gate", "/g.mp4", "d"),), "wait"))
exports.start(Export("gallery", "0123456789" * 2, "s"), Path("results"))
"""
WAIT = (sys.executable, "-c", "import sys, time; print('started', flush=True); time.sleep(60)")


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Jobs]:
    (tmp_path / "child.py").write_text(CHILD)
    jobs = Jobs(tmp_path / "runs", [sys.executable, str(tmp_path / "child.py")])
    yield jobs
    for job in jobs.all():
        jobs.cancel(job.key)
        jobs.cancel(job.key)


@pytest.fixture
def launcher() -> FakeLauncher:
    return FakeLauncher(act)


@pytest.fixture
def jobs(tmp_path: Path, launcher: FakeLauncher) -> Iterator[Jobs]:
    """Jobs done in this process, one at a time."""
    made = Jobs(tmp_path / "runs", [], launcher, limit=1)
    yield made
    for job in made.all():
        made.cancel(job.key)


def about(job: Job | ExportJob) -> dict[str, object]:
    content: dict[str, object] = json.loads((job.folder / "job.json").read_text())
    return content


def record(job: Job) -> RunJob:
    found = find_job(RUN_JOB, job.folder)
    assert found is not None
    return found


@pytest.mark.slow
def test_what_eight_processes_start_runs_once(real: Jobs, tmp_path: Path) -> None:
    script = START.replace("WAIT", repr(WAIT))
    children = [subprocess.Popen([sys.executable, "-c", script, tmp_path, f"{n}"], cwd=ROOT) for n in range(8)]
    until(lambda: len(list(tmp_path.glob("ready *"))) == 8, 60)
    (tmp_path / "go").touch()
    assert [child.wait(60) for child in children] == [0] * 8
    exports = Exports(tmp_path / "exports")
    (job,), (making,) = real.all(), exports.of("0123456789" * 2)
    working(real, job.key)
    until((making.folder / "progress").read_text)
    marks = {about(job)["attempt"], about(making)["attempt"]}
    try:
        assert sum(_attempt(process) in marks for process in psutil.process_iter()) == 2
        assert starts(job) == 1
    finally:
        exports.cancel(making.key)
        exports.cancel(making.key)


def _attempt(process: psutil.Process) -> str:
    try:
        return str(process.environ().get(ATTEMPT))
    except (psutil.Error, OSError):
        return ""


def test_a_job_stands_back_behind_the_server(real: Jobs) -> None:
    job = working(real, real.start(order("wait")).key)
    process = process_of(record(job))
    assert process is not None
    if sys.platform == "win32":
        assert process.nice() == psutil.BELOW_NORMAL_PRIORITY_CLASS
    else:
        assert process.nice() == min(19, psutil.Process().nice() + 10)


def test_a_clock_that_is_set_back_does_not_make_a_live_job_dead(real: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    job = working(real, real.start(order("wait")).key)
    true_time = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: true_time(process) - 3600)
    assert real.get(job.key).state == "running"
    assert starts(real.start(job.order)) == 1
    real.cancel(job.key)
    assert over(real, job.key).state == "stopped"


def test_a_number_that_another_process_has_now_is_not_the_jobs(real: Jobs) -> None:
    job = working(real, real.start(order("wait")).key)
    assert process_of(record(job)) is not None and process_of(replace(record(job), pid=os.getpid())) is None


def test_a_child_of_0_1_0_is_known_by_its_birth() -> None:
    process = psutil.Process()
    assert process_of(Work(pid=process.pid, born=process.create_time())) == process
    assert process_of(Work(pid=process.pid, born=process.create_time() - 60)) is None


def test_a_child_whose_server_died_while_it_started_is_found(real: Jobs) -> None:
    """Between the start of a process and the note of its number the server may be killed."""
    job = working(real, real.start(order("wait")).key)
    before = {name: value for name, value in about(job).items() if name != "pid"}
    (job.folder / "job.json").write_text(json.dumps({**before, "starting": True}))
    assert real.get(job.key).state == "running"
    assert starts(real.start(job.order)) == 1
    real.cancel(job.key)
    assert over(real, job.key).state == "stopped"


def test_a_server_that_died_before_the_child_was_there_leaves_a_job_that_can_be_started(real: Jobs) -> None:
    job = over(real, real.start(order()).key)
    before = {name: value for name, value in about(job).items() if name != "pid"}
    (job.folder / "job.json").write_text(json.dumps({**before, "attempt": "none", "starting": True}))
    assert real.get(job.key).state == "failed"
    assert over(real, real.start(job.order).key).state == "done"


def test_more_than_the_limit_wait_in_order(jobs: Jobs) -> None:
    first = jobs.start(order("wait", ("gate",)))
    second, third = (jobs.start(order("quick", (name,))) for name in ("hall", "yard"))
    assert (first.state, second.state, third.state) == ("running", "waiting", "waiting")
    assert (second.place, third.place) == (1, 2) and second.is_active
    assert {camera.state for camera in third.cameras} == {"waiting"}
    assert jobs.start(second.order).place == 1, "it joins the one that waits"
    jobs.cancel(first.key)
    assert not jobs.advance()
    assert [jobs.get(job.key).state for job in (first, second, third)] == ["stopped", "done", "done"]


def test_nobody_overtakes_who_waits(jobs: Jobs) -> None:
    first, second = jobs.start(order("wait", ("gate",))), jobs.start(order("wait", ("hall",)))
    jobs.cancel(first.key)
    third = jobs.start(order("quick", ("yard",)))
    assert (jobs.get(second.key).place, third.place) == (1, 2)
    assert jobs.advance()
    assert (jobs.get(second.key).state, jobs.get(third.key).place) == ("running", 1)


def test_one_that_waits_can_be_cancelled_and_leaves_nothing(jobs: Jobs, tmp_path: Path) -> None:
    jobs.start(order("wait", ("gate",)))
    second, third = (jobs.start(order("quick", (name,))) for name in ("hall", "yard"))
    with pytest.raises(StoreError, match="still in progress"):
        jobs.forget(second.key)
    jobs.cancel(second.key)
    with pytest.raises(StoreError, match="there is no run"):
        jobs.get(second.key)
    assert jobs.get(third.key).place == 1 and not (tmp_path / "runs" / second.key).exists()


def test_one_that_waits_to_be_tried_again_is_what_it_was_when_it_is_cancelled(jobs: Jobs) -> None:
    partly = jobs.start(order("one-fails"))
    jobs.start(order("wait", ("gate",)))
    assert jobs.start(order("one-fails")).state == "waiting"
    jobs.cancel(partly.key)
    again = jobs.get(partly.key)
    assert again.state == "partly" and (again.out / "run.json").is_file() and starts(again) == 1


def test_what_waits_goes_on_with_the_next_server(jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody but a look at some run is needed, and the work of the earlier server goes on."""
    monkeypatch.setattr(runs_module, "_POLL_SECONDS", 0.05)
    first = jobs.start(order("wait", ("gate",)))
    key = jobs.start(order("quick", ("hall",))).key
    launcher = jobs._launcher
    restarted = Jobs(tmp_path / "runs", [], launcher, limit=1)
    assert restarted.get(key).state == "waiting"
    time.sleep(0.2)
    assert restarted.get(key).state == "waiting"
    restarted.cancel(first.key)
    until(lambda: restarted.get(key).state == "done")


def test_one_whose_start_fails_says_why_and_the_next_one_has_its_turn(
    jobs: Jobs, launcher: FakeLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = jobs.start(order("wait", ("gate",)))
    second, third = (jobs.start(order("quick", (name,))) for name in ("hall", "yard"))

    def refuse(command: object, arguments: object, folder: Path, **variables: str) -> int:
        monkeypatch.undo()
        raise OSError(12, "Cannot allocate memory")

    jobs.cancel(first.key)
    monkeypatch.setattr(launcher, "start", refuse)
    jobs.advance()
    failed = jobs.get(second.key)
    assert failed.state == "failed" and "Cannot allocate memory" in failed.fault
    assert not jobs.advance() and jobs.get(third.key).state == "done"


def test_the_limit_is_that_of_the_computer_or_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_JOBS", "3")
    assert max_jobs() == 3
    monkeypatch.setenv("SIGHTLINE_JOBS", "none")
    with pytest.raises(SettingsError, match="SIGHTLINE_JOBS"):
        max_jobs()
    monkeypatch.delenv("SIGHTLINE_JOBS")
    for processors, memory, expected in ((2, 4e9, 1), (16, 128e9, 4), (16, 17e9, 2)):
        monkeypatch.setattr(os, "cpu_count", lambda processors=processors: processors)
        monkeypatch.setattr(psutil, "virtual_memory", lambda memory=memory: type("Memory", (), {"total": memory}))
        assert max_jobs() == expected


def test_a_job_that_has_ended_is_read_once(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages list all runs of the computer again and again."""
    key = jobs.start(order()).key
    assert [job.key for job in jobs.all()] == [key]

    def read(*_: object, **__: object) -> str:
        raise AssertionError("a file was read again")

    monkeypatch.setattr(Path, "read_text", read)
    monkeypatch.setattr(Path, "read_bytes", read)
    assert [job.state for job in jobs.all()] == ["done"]
    monkeypatch.undo()
    (jobs.get(key).folder / "status.json").unlink()
    assert jobs.get(key).state == "failed"


@pytest.fixture
def cases(tmp_path: Path, jobs: Jobs) -> Iterator[Cases]:
    """Those of a server whose runs are `jobs`."""
    made = Cases(tmp_path / "cases")
    serve_with(Services(cases=made, jobs=jobs))
    yield made
    serve_with(None)


def test_a_case_waits_for_the_run_that_was_started_for_it(cases: Cases, jobs: Jobs) -> None:
    case = cases.new("Shop")
    found = start_run(case.key, order("wait"), "tried again", lambda current: replace(current, purpose="a theft"))
    assert found == cases.load(case.key)
    assert (found.wanted, found.purpose) == (order("wait").key, "a theft") and jobs.is_active(found.wanted)
    assert cases.log_lines(case.key)[-1].endswith("tried again")


def test_a_run_that_cannot_be_started_changes_nothing_in_the_case(
    cases: Cases, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = cases.new("Shop")
    monkeypatch.setenv("SIGHTLINE_JOBS", "none")
    monkeypatch.setattr(jobs, "_limit", None)
    with pytest.raises(SettingsError, match="SIGHTLINE_JOBS"):
        start_run(case.key, order("wait"), edit=lambda current: replace(current, purpose="a theft"))
    assert cases.load(case.key) == case
