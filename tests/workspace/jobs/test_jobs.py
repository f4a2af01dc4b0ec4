"""Jobs: joined, stopped, resumed, explained when they fail, and found again by a server that did not start them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from core.base.errors import SettingsError, StoreError, WeightsError
from core.base.progress import Report
from core.base.settings import DetectSettings, MachineSettings, TrackSettings, VideoSettings
from core.machine.records import NewerVersionError
from core.vision.regions import Region, Regions, load_regions, to_json
from core.workspace.cases import CaseClip, Cases, Plan
from core.workspace.jobs import (
    ATTEMPT,
    RUN_JOB,
    CameraStatus,
    Job,
    Jobs,
    Order,
    RunJob,
    RunStatus,
    Source,
    SpeedTests,
    StatusWriter,
    describe_changes,
    order_of,
    read_status,
    write_status,
)
from tests.launching import FakeLauncher, flags

# Stands in for `python -m core`: the same flags, the same output, and orders of its own in the detector's name.
CHILD = """
import json, os, signal, sys, time
from pathlib import Path

sys.argv[1:] = json.load(sys.stdin)

def stop(*_):
    sys.stderr.write("sightline: stopped. What was done is kept.\\n")
    status("stopped")
    sys.exit(130)

signal.signal(signal.SIGTERM, stop)
flags = dict(word[2:].partition("=")[::2] for word in sys.argv[1:] if word.startswith("--") and "=" in word)
names = [sys.argv[i + 1].partition("=")[0] for i, word in enumerate(sys.argv) if word == "--name"]
out, act = Path(flags["out"]), flags["weights"]
with (out / "starts").open("a") as file:
    file.write("x")

def status(phase, cameras={}, fault=""):
    about = [dict(name=name, state="failed" if "failed" in c else "done", tracks=c.get("tracks", 0), boxes=0,
                  fault=c.get("failed", "")) for name, c in cameras.items()]
    about = dict(format=1, attempt=os.environ["SIGHTLINE_ATTEMPT"], phase=phase, fault=fault, cameras=about)
    part = Path(flags["watch"]) / "status.part"
    part.write_text(json.dumps(about))
    part.replace(Path(flags["watch"]) / "status.json")

def record(state, cameras):
    (out / "run.json").write_text(json.dumps({"state": state, "cameras": cameras}))

def report(camera, done, number):
    print(json.dumps(dict(camera=camera, number=number, cameras=len(names), stage="detect", done=done, total=10,
                          rate=5.0, left_seconds=1.0)), flush=True)

if act == "refuse":
    sys.stderr.write("a warning of some library\\nsightline: the model is missing. Put it there.\\n")
    status("failed", fault="the model is missing. Put it there.")
    sys.exit(2)
if act == "crash":
    sys.stderr.write("Traceback\\n  line\\nMemoryError: no more\\n")
    sys.exit(1)
if act == "vanish":
    sys.exit(9)
record("running", {})
status("tracking")
report(names[0], 4, 1)
print('{"camera": "half a li', flush=True)
while act == "wait" or (act == "wait-once" and len((out / "starts").read_text()) == 1):
    time.sleep(0.02)
faults = {"one-fails": names[:1], "all-fail": names}.get(act, [])
done = {n: {"failed": "no frames. Export it again."} if n in faults else {"tracks": 3} for n in names}
record("done", done)
if act == "half":
    status("people", done)
    sys.exit(2)
if sys.argv[1] == "run":
    (out / "people.csv").write_text("camera,track,person\\ngate,1,P001\\ngate,2,P001\\ngate,3,P002\\n")
    (out / "similarity.npz").write_bytes(b"")
if len(faults) == len(names):
    status("failed", done, "No clip could be analysed.")
    sys.exit(2)
status("done", done)
sys.exit(1 if faults else 0)
"""


STARTED = "x"
FAULTS = {
    # status of exit, what is said on the error stream, and in the status
    "refuse": (
        2,
        "a warning of some library\nsightline: the model is missing. Put it there.\n",
        "the model is missing. Put it there.",
    ),
    "crash": (1, "Traceback\n  line\nMemoryError: no more\n", ""),
    "vanish": (9, "", ""),
}


def act(words: Sequence[str], folder: Path, variables: dict[str, str]) -> int | None:
    """The same as CHILD, in this process: what it leaves behind, and how it ends. One that waits goes on."""
    said, status = flags(words), RunStatus(variables[ATTEMPT])
    names = [words[i + 1].partition("=")[0] for i, word in enumerate(words) if word == "--name"]
    out, how = Path(said["out"]), said["weights"]
    with (out / "starts").open("a") as file:
        file.write(STARTED)
    if how in FAULTS:
        ended, error, fault = FAULTS[how]
        (folder / "log").write_text(error)
        if fault:
            write_status(folder, replace(status, phase="failed", fault=fault))
        return ended
    write_status(folder, replace(status, phase="tracking"))
    about = {"camera": names[0], "number": 1, "cameras": len(names), "stage": "detect", "done": 4, "total": 10}
    report = json.dumps({**about, "rate": 5.0, "left_seconds": 1.0})
    (folder / "progress").write_text(f'{report}\n{{"camera": "half a li\n')
    if how == "wait" or (how == "wait-once" and (out / "starts").read_text() == STARTED):
        return None
    return finish(replace(status, phase="done"), words, folder, names, how)


def finish(status: RunStatus, words: Sequence[str], folder: Path, names: list[str], how: str) -> int:
    """The results of a run that comes to its end, or nearly."""
    out = folder / "out"
    faults = {"one-fails": names[:1], "all-fail": names}.get(how, [])
    cameras = tuple(
        CameraStatus(name, "failed", fault="no frames. Export it again.")
        if name in faults
        else CameraStatus(name, "done", tracks=3)
        for name in names
    )
    if how == "half":
        status = replace(status, phase="people")
    elif len(faults) == len(names):
        status = replace(status, phase="failed", fault="No clip could be analysed.")
    write_status(folder, replace(status, cameras=cameras))
    record = {c.name: {"failed": c.fault} if c.fault else {"tracks": 3} for c in cameras}
    (out / "run.json").write_text(json.dumps({"state": "done", "cameras": record}))
    if how != "half" and words[0] == "run":
        (out / "people.csv").write_text("camera,track,person\ngate,1,P001\ngate,2,P001\ngate,3,P002\n")
        (out / "similarity.npz").write_bytes(b"")
    return 2 if status.phase != "done" else 1 if faults else 0


@pytest.fixture
def launcher() -> FakeLauncher:
    return FakeLauncher(act)


@pytest.fixture
def jobs(tmp_path: Path, launcher: FakeLauncher) -> Jobs:
    """Jobs whose work is done in this process."""
    return Jobs(tmp_path / "runs", [], launcher)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Jobs]:
    """Jobs with child processes, as the program has them."""
    child = tmp_path / "child.py"
    child.write_text(CHILD)
    made = Jobs(tmp_path / "runs", [sys.executable, str(child)])
    yield made
    for job in made.all():
        if job.is_active:
            made.cancel(job.key)
            made.cancel(job.key)
            over(made, job.key)


def order(act: str = "quick", cameras: tuple[str, ...] = ("gate", "hall")) -> Order:
    return Order(tuple(Source(name, f"/clips/{name}.mp4", f"digest of {name}") for name in cameras), act)


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("it did not come about")
        time.sleep(0.02)


def over(jobs: Jobs, key: str) -> Job:
    until(lambda: not jobs.get(key).is_active)
    return jobs.get(key)


def working(jobs: Jobs, key: str) -> Job:
    until(lambda: jobs.get(key).cameras[0].state == "working")
    return jobs.get(key)


def starts(job: Job) -> int:
    return len((job.out / "starts").read_text())


def test_a_job_ends_with_its_results(jobs: Jobs) -> None:
    job = over(jobs, jobs.start(order()).key)
    assert job.state == "done"
    assert [(c.name, c.state, c.tracks) for c in job.cameras] == [("gate", "done", 3), ("hall", "done", 3)]
    assert job.order == order()
    assert [other.key for other in jobs.all()] == [job.key]


def test_a_child_ends_with_its_results(real: Jobs) -> None:
    """The same as above, by a child process."""
    job = over(real, real.start(order()).key)
    assert job.state == "done"
    assert [(c.name, c.state, c.tracks) for c in job.cameras] == [("gate", "done", 3), ("hall", "done", 3)]
    assert job.order == order()
    assert [other.key for other in real.all()] == [job.key]


def test_while_it_works_each_camera_says_how_far_it_is(jobs: Jobs) -> None:
    job = working(jobs, jobs.start(order("wait")).key)
    first, second = job.cameras
    assert job.is_active
    assert first.report is not None
    assert (first.report.stage, first.report.done, first.report.total) == ("detect", 4, 10)
    assert second.state == "waiting"


def test_while_a_child_works_each_camera_says_how_far_it_is(real: Jobs) -> None:
    """The same as above, by a child process."""
    job = working(real, real.start(order("wait")).key)
    first, second = job.cameras
    assert job.is_active
    assert first.report is not None
    assert (first.report.stage, first.report.done, first.report.total) == ("detect", 4, 10)
    assert second.state == "waiting"


def test_a_second_start_joins_the_first(jobs: Jobs) -> None:
    first = working(jobs, jobs.start(order("wait")).key)
    moved = replace(order("wait"), sources=tuple(replace(s, path="/else" + s.path) for s in order("wait").sources))
    again = jobs.start(moved)
    assert again.key == first.key
    assert starts(again) == 1


def test_what_is_done_is_not_done_again(jobs: Jobs) -> None:
    job = over(jobs, jobs.start(order()).key)
    assert jobs.start(order()).state == "done"
    assert starts(job) == 1


CHANGED = {
    "another model": {"models": ("abc",)},
    "another detector": {"detector": "other"},
    "another embedder": {"embedder": "osnet"},
    "another rate": {"video": VideoSettings(fps=5)},
    "another threshold": {"track": TrackSettings(conf=0.3)},
    "another offset": {"sources": (Source("gate", "/clips/gate.mp4", "digest of gate", offset_seconds=1.5),)},
    "another drift": {"sources": (Source("gate", "/clips/gate.mp4", "digest of gate", drift_seconds_per_day=2),)},
    "another range": {"sources": (Source("gate", "/clips/gate.mp4", "digest of gate", end_seconds=9.0),)},
    "another region": {"sources": (Source("gate", "/clips/gate.mp4", "digest of gate", regions="{}"),)},
    "another camera's name": {"sources": (Source("door", "/clips/gate.mp4", "digest of gate"),)},
    "another content": {"sources": (Source("gate", "/clips/gate.mp4", "other digest"),)},
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED.keys())
def test_whatever_decides_the_result_is_in_the_key(change: dict[str, object]) -> None:
    plain = order(cameras=("gate",))
    assert replace(plain, **change).key != plain.key  # type: ignore[arg-type]


def test_stopped_work_goes_on_when_started_again(jobs: Jobs) -> None:
    key = working(jobs, jobs.start(order("wait-once")).key).key
    jobs.cancel(key)
    assert over(jobs, key).state == "stopped"
    job = over(jobs, jobs.start(order("wait-once")).key)
    assert (job.state, starts(job)) == ("done", 2)


def test_a_child_that_was_stopped_goes_on_when_started_again(real: Jobs) -> None:
    """The same as above, by a child process."""
    key = working(real, real.start(order("wait-once")).key).key
    real.cancel(key)
    assert over(real, key).state == "stopped"
    job = over(real, real.start(order("wait-once")).key)
    assert (job.state, starts(job)) == ("done", 2)


FAILURES = {
    # what the child does: (state, the reason that is shown)
    "refuse": ("failed", "the model is missing. Put it there."),
    "crash": ("failed", "Traceback\nline\nMemoryError: no more"),
    "vanish": ("failed", "exit status 9"),
    "all-fail": ("failed", "No clip could be analysed."),
    "one-fails": ("partly", ""),
}


@pytest.mark.parametrize("act", FAILURES)
def test_failures_give_their_reason(jobs: Jobs, act: str) -> None:
    state, reason = FAILURES[act]
    job = over(jobs, jobs.start(order(act)).key)
    until(lambda: reason in jobs.get(job.key).fault)
    assert jobs.get(job.key).state == state


def test_a_clip_that_failed_says_why_beside_those_that_did_not(jobs: Jobs) -> None:
    job = over(jobs, jobs.start(order("one-fails")).key)
    assert [(c.state, c.fault) for c in job.cameras] == [("failed", "no frames. Export it again."), ("done", "")]
    assert starts(over(jobs, jobs.start(order("one-fails")).key)) == 2


def test_an_earlier_record_does_not_pass_for_a_later_attempt(jobs: Jobs) -> None:
    job = over(jobs, jobs.start(order("one-fails")).key)
    about = job.out.parent / "job.json"
    content = json.loads(about.read_text())
    content["order"]["detector"] = "one-fails"
    (job.out / "run.json").write_text(json.dumps({"state": "done", "cameras": {"gate": {"failed": "old"}}}))
    again = over(jobs, jobs.start(order("one-fails")).key)
    assert "old" not in [c.fault for c in again.cameras]


def test_another_server_finds_the_job_and_can_stop_it(real: Jobs, tmp_path: Path) -> None:
    """The server that started the child is gone; a new one sees it at work, joins it, and stops it."""
    starter = (
        "import sys; from pathlib import Path; from core.workspace.jobs import *; "
        "jobs = Jobs(Path(sys.argv[1]), [sys.executable, sys.argv[2]]); "
        "jobs.start(Order((Source('gate', '/g.mp4', 'd'),), 'wait'))"
    )
    root = Path(__file__).resolve().parents[3]
    words = [sys.executable, "-c", starter, str(tmp_path / "runs"), str(tmp_path / "child.py")]
    subprocess.run(words, check=True, cwd=root, timeout=60)
    (found,) = real.all()
    assert working(real, found.key).state == "running"
    assert starts(real.start(found.order)) == 1
    real.cancel(found.key)
    assert over(real, found.key).state == "stopped"


def test_a_killed_job_is_seen_as_failed_and_can_be_started_again(real: Jobs) -> None:
    job = working(real, real.start(order("wait-once")).key)
    psutil.Process(json.loads((job.out.parent / "job.json").read_text())["pid"]).kill()
    failed = over(real, job.key)
    assert failed.state == "failed"
    assert "Start it again" in failed.fault
    assert over(real, real.start(failed.order).key).state == "done"


def test_a_number_that_another_process_has_now_is_not_ours(real: Jobs) -> None:
    job = over(real, real.start(order("vanish")).key)
    about = job.out.parent / "job.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "pid": os.getpid()}))
    assert real.get(job.key).state == "failed"
    real.cancel(job.key)


def test_no_zombie_is_left(real: Jobs) -> None:
    """Whoever waits for the child notes how it ended after that: from then on it must be gone."""
    job = over(real, real.start(order()).key)
    about = json.loads((job.folder / "job.json").read_text())
    ended = job.folder / "ended"
    until(lambda: ended.is_file() and ended.read_text() == "0")
    assert about["pid"] not in [child.pid for child in psutil.Process().children()]


@pytest.mark.parametrize("key", ["", "../../etc", "0" * 20, "a/b"])
def test_unknown_runs_are_refused(jobs: Jobs, key: str) -> None:
    with pytest.raises(StoreError, match="there is no run"):
        jobs.get(key)


def test_a_live_job_is_not_removed_and_one_that_is_over_is(jobs: Jobs) -> None:
    job = working(jobs, jobs.start(order("wait")).key)
    with pytest.raises(StoreError, match="still in progress"):
        jobs.forget(job.key)
    jobs.cancel(job.key)
    over(jobs, job.key)
    until((job.out.parent / "ended").is_file)
    jobs.forget(job.key)
    assert jobs.all() == []


def test_a_damaged_record_hides_one_job_only(jobs: Jobs) -> None:
    over(jobs, jobs.start(order()).key)
    broken = over(jobs, jobs.start(order("one-fails")).key)
    file = broken.folder / "job.json"
    file.write_text("{")
    assert [job.order.detector for job in jobs.all()] == ["quick"]
    (fault,) = jobs.unreadable()
    assert str(file) in fault.message and fault.remedy == "Start the run again."
    with pytest.raises(StoreError, match="cannot be read"):
        jobs.get(broken.key)
    with pytest.raises(StoreError, match="cannot be read"):
        jobs.forget(broken.key)
    assert not jobs.is_active(broken.key) and file.read_text() == "{"
    assert over(jobs, jobs.start(order("one-fails")).key).state == "partly", "what is damaged is made again"


def test_a_record_of_a_newer_version_is_left_as_it_is(jobs: Jobs) -> None:
    job = over(jobs, jobs.start(order()).key)
    file = job.folder / "job.json"
    newer = json.dumps({**json.loads(file.read_text()), "format": 99, "order": "as it is written then"})
    file.write_text(newer)
    for touch in (jobs.get, jobs.cancel, jobs.forget, lambda key: jobs.start(order())):
        with pytest.raises(NewerVersionError, match="Update Sightline"):
            touch(job.key)
    assert file.read_text() == newer and jobs.all() == [] and (job.out / "run.json").is_file()


OLD = {
    # what 0.1.0 left: (its record, its exit status, whether people were compared, whether it was stopped), what it is
    "done": ({"state": "done", "cameras": {"gate": {"tracks": 3}, "hall": {"tracks": 1}}}, "0", True, False, "done"),
    "nobody saw it end": ({"state": "done", "cameras": {"gate": {"tracks": 3}}}, "", True, False, "done"),
    "one failed": (
        {"state": "done", "cameras": {"gate": {"failed": "x"}, "hall": {"tracks": 1}}},
        "1",
        True,
        False,
        "partly",
    ),
    "all failed": ({"state": "done", "cameras": {"gate": {"failed": "x"}}}, "2", False, False, "failed"),
    "before people": ({"state": "done", "cameras": {"gate": {"tracks": 3}}}, "2", False, False, "failed"),
    "stopped": ({"state": "running", "cameras": {"gate": {"tracks": 3}}}, "130", False, True, "stopped"),
    "killed": ({"state": "running", "cameras": {}}, "", False, False, "failed"),
}


@pytest.mark.parametrize(("record", "ended", "compared", "cancelled", "state"), OLD.values(), ids=OLD.keys())
def test_a_job_of_0_1_0_is_understood(
    jobs: Jobs, tmp_path: Path, record: dict[str, object], ended: str, compared: bool, cancelled: bool, state: str
) -> None:
    """It wrote no status.json: where it stands follows from the other files."""
    old = replace(order(), embedder="osnet")
    folder = tmp_path / "runs" / old.key
    (folder / "out").mkdir(parents=True)
    about = {"order": asdict(old), "began": 1.0, "pid": 1, "born": 0.0, "cancelled": cancelled}
    (folder / "job.json").write_text(json.dumps(about))
    (folder / "out" / "run.json").write_text(json.dumps(record))
    if ended:
        (folder / "ended").write_text(ended)
    if compared:
        (folder / "out" / "similarity.npz").write_bytes(b"")
        (folder / "out" / "people.csv").write_text("camera,track,person\ngate,1,P001\n")
    job = jobs.get(old.key)
    assert (job.state, job.people) == (state, 1 if compared else None)
    expected = {name: ("failed" if "failed" in c else "done") for name, c in record["cameras"].items()}  # type: ignore[attr-defined]
    assert {c.name: c.state for c in job.cameras if c.state != "waiting"} == expected


def test_what_an_earlier_attempt_wrote_is_not_this_ones(jobs: Jobs) -> None:
    job = over(jobs, jobs.start(order()).key)
    about = job.folder / "job.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "attempt": "another"}))
    assert jobs.get(job.key).state == "failed"


@pytest.mark.parametrize("phase", ["starting", "tracking", "people"])
def test_a_child_that_is_gone_without_a_last_word_failed(jobs: Jobs, phase: str) -> None:
    job = over(jobs, jobs.start(order()).key)
    status = read_status(job.folder, json.loads((job.folder / "job.json").read_text())["attempt"])
    write_status(job.folder, replace(status, phase=phase))  # type: ignore[arg-type]
    job = jobs.get(job.key)
    assert job.state == "failed" and "Start it again" in job.fault


def test_the_status_follows_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ATTEMPT, "a1")
    writer = StatusWriter(tmp_path)
    writer.tracking(["gate", "hall"])
    assert [c.state for c in read_status(tmp_path, "a1").cameras] == ["waiting", "waiting"]
    writer.on_report(Report("gate", 1, 2, "detect", 1, 10, 1.0, None))
    assert [c.state for c in read_status(tmp_path, "a1").cameras] == ["working", "waiting"]
    writer.camera(CameraStatus("gate", "done", 3, 40))
    writer.camera(CameraStatus("hall", "failed", fault="no frames"))
    writer.people()
    assert read_status(tmp_path, "a1").phase == "people"
    writer.done()
    status = read_status(tmp_path, "a1")
    assert status.phase == "done" and status.cameras[0] == CameraStatus("gate", "done", 3, 40)
    assert read_status(tmp_path, "a2") == RunStatus("a2")
    writer.camera(CameraStatus("gate", "failed", fault="torn"))
    writer.done()
    assert read_status(tmp_path, "a1").phase == "failed" and read_status(tmp_path, "a1").fault


DAMAGED_STATUS = ["", "{", "[]", "{}", '{"format": 1, "attempt": "a", "phase": "odd"}', '{"format": 2, "attempt": "a"}']


@pytest.mark.parametrize("text", DAMAGED_STATUS)
def test_a_damaged_status_is_named_and_the_run_can_be_started_again(jobs: Jobs, text: str) -> None:
    job = over(jobs, jobs.start(order()).key)
    (job.folder / "status.json").write_text(text)
    failed = jobs.get(job.key)
    assert failed.state == "failed" and f"{job.folder / 'status.json'} cannot be read (" in failed.fault
    assert over(jobs, jobs.start(order()).key).state == "done"


def test_a_running_job_goes_on_whatever_its_status_says(jobs: Jobs) -> None:
    job = working(jobs, jobs.start(order("wait")).key)
    (job.folder / "status.json").write_text("{")
    assert (jobs.get(job.key).state, jobs.get(job.key).fault) == ("running", "")
    jobs.cancel(job.key)


def test_a_status_that_cannot_be_written_does_not_hold_the_work_up(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    writer = StatusWriter(tmp_path / "file")
    writer.tracking(["gate"])
    writer.stopped()
    with pytest.raises(StoreError):
        writer.done()


def test_unusual_detection_reaches_the_child(tmp_path: Path) -> None:
    from core.cli import parser
    from core.cli.track import parse_setup

    unusual = replace(order("person-yolo11n-2"), detect=DetectSettings(320, 0.1, 0.6, 50))
    read = parser().parse_args(unusual.arguments(tmp_path, MachineSettings()))
    assert parse_setup(read).recipe.detect == unusual.detect


def test_a_file_of_settings_changes_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order says all that decides the result, its key included; only the device is this machine's own."""
    from core.cli import parser
    from core.cli.track import parse_setup

    monkeypatch.chdir(tmp_path)
    (tmp_path / "sightline.toml").write_text("conf = 0.9\nevery_box = true\nfps = 1\n")
    started = order("person-yolo11n-2")
    read = parser().parse_args(started.arguments(tmp_path, MachineSettings(buffer=3)))
    setup = parse_setup(read)
    assert (setup.recipe.video, setup.recipe.track) == (started.video, started.track)
    assert not setup.recipe.embed.every and setup.networks.buffer == 3


YARD = Regions((Region("box", ((0.0, 0.1), (1.0, 1.0)), name="yard"),))


def test_the_words_are_those_of_the_command_line(tmp_path: Path) -> None:
    """The real parser takes them, and reads back the same order."""
    from core.cli import parser

    full = replace(order(), embedder="osnet", video=VideoSettings(5, 1, 9), track=TrackSettings(0.3, 0.4, -0.5, 2, 3))
    gate = replace(full.sources[0], offset_seconds=-2.5, start_seconds=0.25, end_seconds=7.0, regions=to_json(YARD))
    full = replace(full, sources=(gate, full.sources[1]))
    full.write_regions(tmp_path)
    read = parser().parse_args(full.arguments(tmp_path, MachineSettings()))
    assert read.command == "run"
    assert read.name == ["gate=/clips/gate.mp4", "hall=/clips/hall.mp4"]
    assert (read.weights, read.features, read.progress) == ("quick", "osnet", "json")
    assert (read.out, read.watch, read.no_zip) == (tmp_path / "out", tmp_path, True)
    assert VideoSettings(read.fps, getattr(read, "from"), read.to) == full.video
    assert TrackSettings(read.conf, read.iou, read.track_cos, read.n_init, read.max_age) == full.track
    assert read.size == full.detect.size
    assert (read.offset, read.range) == (["gate=-2.5"], ["gate=0.250000-7.000000"])
    (word,) = read.roi
    assert word.startswith("gate=") and load_regions(Path(word.removeprefix("gate=")), 8, 8) == YARD


def test_without_an_embedder_people_are_only_tracked(tmp_path: Path) -> None:
    from core.cli import parser

    late = replace(order(), sources=(replace(order().sources[0], offset_seconds=3.0, start_seconds=2.0),))
    read = parser().parse_args(late.arguments(tmp_path, MachineSettings()))
    assert (read.command, read.features, read.range) == ("track", "none", ["gate=2.000000-"])


def test_people_are_counted_when_all_of_it_is_there(jobs: Jobs) -> None:
    job = over(jobs, jobs.start(replace(order(), embedder="osnet")).key)
    assert (job.state, job.people) == ("done", 2)


def test_a_run_that_ended_before_people_were_compared_is_not_done(jobs: Jobs) -> None:
    """The record of the clips says done by then; taking it for the end would show a gallery without people."""
    job = over(jobs, jobs.start(replace(order("half"), embedder="osnet")).key)
    assert (job.state, job.people) == ("failed", None)


@pytest.fixture
def cases(tmp_path: Path) -> Cases:
    return Cases(tmp_path / "cases")


def test_the_order_of_a_case_holds_all_that_was_said_of_its_clips(cases: Cases) -> None:
    gate = CaseClip("gate", "/clips/a.mp4", "a", began="2026-05-31 14:00:02", start_seconds=1, end_seconds=5)
    gate = replace(gate, clock_drift_seconds_per_day=-4)
    hall = CaseClip("hall", "/clips/b.mp4", "b", began="2026-05-31 14:00:00", regions=YARD)
    made = order_of(replace(cases.new(), clips=(gate, hall)))
    assert made.sources == (
        Source("gate", "/clips/a.mp4", "a", 2.0, 1, 5, drift_seconds_per_day=-4),
        Source("hall", "/clips/b.mp4", "b", regions=to_json(YARD)),
    )
    assert [len(digest) for digest in made.models] == [64, 64]
    record = RunJob(order=made, began=1.0)
    back = RUN_JOB.parse(RUN_JOB.to_json(record))
    assert back == record and back.order.key == made.key, "whole numbers stay whole: the key has their digits"


def test_a_case_that_cannot_be_run_says_why(cases: Cases) -> None:
    with pytest.raises(SettingsError, match="no clips"):
        order_of(cases.new())
    clips = (CaseClip("gate", "/clips/a.mp4", "a"),)
    with pytest.raises(WeightsError, match="no detector is called 'nothing'"):
        order_of(replace(cases.new(), clips=clips, plan=Plan(detector="nothing")))


def test_an_order_of_an_older_program_is_read() -> None:
    content = asdict(order())
    content["sources"] = [{name: s[name] for name in ("camera", "path", "digest")} for s in content["sources"]]
    assert RUN_JOB.parse(json.dumps({"order": content, "began": 1})).order == order()


OTHERWISE = {
    # what is changed: what is said
    "a rate": ({"video": VideoSettings(fps=5)}, "analysis frame rate: 5 (was 10)"),
    "an end": ({"video": VideoSettings(end_seconds=5)}, "end of the analysed part: 5 s (was the end)"),
    "a model": ({"embedder": "osnet"}, "re-identification model: osnet (was none)"),
    "its file": ({"models": ("x",)}, "a model file has changed"),
    "a camera more": ({"sources": (*order().sources, Source("yard", "/y", "y"))}, "yard: new"),
    "a camera less": ({"sources": order().sources[:1]}, "hall: removed"),
    "a name": (
        {"sources": (replace(order().sources[0], camera="door"), order().sources[1])},
        "gate: renamed to door",
    ),
    "their order": ({"sources": order().sources[::-1]}, "the order of the cameras"),
    "a region": ({"sources": (replace(order().sources[0], regions="{}"), order().sources[1])}, "gate: regions drawn"),
    "a drift": (
        {"sources": (replace(order().sources[0], drift_seconds_per_day=2.5), order().sources[1])},
        "gate: clock gains 2.5 s a day (was 0 s)",
    ),
    "a range": (
        {"sources": (replace(order().sources[0], end_seconds=4), order().sources[1])},
        "gate: analysed from 0 s to 4 s (was as a whole)",
    ),
}


@pytest.mark.parametrize(("change", "said"), OTHERWISE.values(), ids=OTHERWISE.keys())
def test_what_changed_is_said(change: dict[str, object], said: str) -> None:
    new = replace(order(), **change)  # type: ignore[arg-type]
    assert describe_changes(order(), new) == [said]
    assert new.key != order().key
    assert describe_changes(new, new) == []


def test_a_trial_is_made_once(tmp_path: Path) -> None:
    script = tmp_path / "trial.py"
    script.write_text("import json, sys, time; open(json.load(sys.stdin)[0], 'a').write('x'); time.sleep(0.3)")
    trials, noted = SpeedTests([sys.executable, str(script)]), tmp_path / "noted"
    assert trials.begin([str(noted)])
    assert trials.begin([str(noted)])
    until(lambda: not trials.begin([str(noted)]))
    assert noted.read_text() == "x"
