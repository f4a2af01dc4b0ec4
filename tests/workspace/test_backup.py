"""A case as a file: it comes back whole as another case, also on a machine that has nothing of it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import asdict, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from core.base.errors import SightlineError, StoreError
from core.review import Review, load_review, save_review
from core.vision.video import remember_digest
from core.workspace import Services, back_up, erase, plan_erasure, restore, sweep
from core.workspace.cases import Case, CaseClip, Cases
from core.workspace.jobs import Order, Source
from tests.machine.refusing_disk import FULL, READ_ONLY, refusing

ROOT = Path(__file__).resolve().parents[2]
NONE = {"regions": []}
RUN, GATE, YARD = "12" * 10, *(blake2b(film, digest_size=16).hexdigest() for film in (b"film", b"other film"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_to(tmp_path / "cache", monkeypatch)


def move_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder.mkdir()
    monkeypatch.setenv("SIGHTLINE_CACHE", str(folder))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(folder / "footage"))
    return folder


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def made(home: Path) -> Case:
    """A case with an upload and a clip of the user's own, and a run."""
    upload = written(home / "data" / "uploads" / GATE / "gate.mp4", "film")
    own = written(home / "footage" / "yard.mp4", "other film")
    clips = CaseClip("gate", str(upload), GATE), CaseClip("yard", str(own), YARD)
    case = Cases().new("Shop")
    save_review(Cases().review_file(case.key), Review(run=RUN))
    written(home / "runs" / RUN / "out" / "crops" / "gate" / "t1.jpg", "crop")
    return Cases().change(case.key, lambda old: replace(old, clips=clips, run=RUN))


@pytest.mark.parametrize("clips", [False, True])
def test_a_case_goes_on_elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clips: bool) -> None:
    case = made(home)
    back_up(Cases(), case, tmp_path / "case.zip", clips)
    there = move_to(tmp_path / "there", monkeypatch)
    back = restore(Services(), tmp_path / "case.zip")
    assert replace(back, key=case.key, clips=case.clips) == case
    assert load_review(Cases().review_file(back.key)) == Review(run=RUN)
    assert (there / "runs" / RUN / "out" / "crops" / "gate" / "t1.jpg").read_text() == "crop"
    assert [Path(clip.path).is_file() for clip in back.clips] == [clips, clips]
    assert all(Path(clip.path).is_relative_to(there) for clip in back.clips)
    assert "restored" in Cases().log_lines(back.key)[-1]


def test_on_the_same_machine_clips_stay_where_they_are(home: Path, tmp_path: Path) -> None:
    case = made(home)
    back_up(Cases(), case, tmp_path / "case.zip")
    back = restore(Services(), tmp_path / "case.zip")
    assert back.key != case.key and back.clips == case.clips


def test_a_back_up_is_of_one_moment(home: Path, tmp_path: Path) -> None:
    """It waits for a change in progress, of which it would have the log line and not the decision."""
    case = made(home)
    maker = threading.Thread(target=back_up, args=(Cases(), case, tmp_path / "case.zip"))
    with Cases().logging(case.key, "named Ada"):
        maker.start()
        maker.join(0.3)
        assert maker.is_alive()
        save_review(Cases().review_file(case.key), Review(run="34" * 10))
    maker.join(20)
    with zipfile.ZipFile(tmp_path / "case.zip") as archive:
        assert b"named Ada" in archive.read("log_texts.jsonl") and b"34" * 10 in archive.read("review.json")


def test_a_back_up_holds_the_run_and_the_clips_of_the_case_as_it_is_now(home: Path, tmp_path: Path) -> None:
    case = made(home)
    Cases().change(case.key, lambda old: replace(old.with_clips(old.clips[:1]), run=""))
    back_up(Cases(), case, tmp_path / "case.zip", clips=True)
    names = zipfile.ZipFile(tmp_path / "case.zip").namelist()
    assert [name for name in names if "/" in name] == [f"clips/{GATE}/gate.mp4"]


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EFBIG, errno.EROFS])
def test_where_a_back_up_cannot_be_written_its_own_place_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    """Not the clip, as where a file grows larger than a memory stick can hold."""
    case = made(home)

    def refuse(*_: object) -> int:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr("zipfile._ZipWriteFile.write", refuse)
    with pytest.raises(StoreError) as refused:
        back_up(Cases(), case, tmp_path / "case.zip", clips=True)
    assert f"case.zip cannot be written ({os.strerror(fault)})" in refused.value.message
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_clip_that_cannot_be_backed_up_is_named(home: Path, tmp_path: Path) -> None:
    case = made(home)
    Path(case.clips[1].path).unlink()
    with pytest.raises(StoreError, match=r"yard\.mp4 cannot be read"):
        back_up(Cases(), case, tmp_path / "case.zip", clips=True)
    assert not list(tmp_path.glob("*.zip")) and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"run": "../../x"},
        {"clips": [{"camera": "a", "path": "x", "digest": "../..", "regions": NONE}]},
        {"format": 9},
    ],
)
def test_what_is_no_backup_leaves_nothing(home: Path, tmp_path: Path, wrong: dict[str, object]) -> None:
    case = made(home)
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        content = json.loads((Cases().folder(case.key) / "case.json").read_text())
        archive.writestr("case.json", json.dumps({**content, **wrong}))
    (tmp_path / "none.zip").write_text("no zip")
    for name in ("bad.zip", "none.zip"):
        with pytest.raises(SightlineError):
            restore(Services(), tmp_path / name)
    assert [found.key for found in Cases().all()] == [case.key]


def test_entries_that_lead_out_are_left_out(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = made(home)
    back_up(Cases(), case, tmp_path / "case.zip")
    with zipfile.ZipFile(tmp_path / "case.zip", "a") as archive:
        for name in ("run/../../../out.txt", "/run/out.txt", f"clips/{GATE}/../../out.txt", "other.txt"):
            archive.writestr(name, "out")
    there = move_to(tmp_path / "there", monkeypatch)
    restore(Services(), tmp_path / "case.zip")
    assert list(tmp_path.rglob("out.txt")) == [] and not list(there.rglob("other.txt"))


def test_a_case_is_deleted_with_what_was_made_of_its_clips(home: Path) -> None:
    case = made(home)
    stage = written(home / "stages" / GATE / "detect-1" / "00000.npz", "x")
    film = written(home / "proxies" / f"{YARD}.mp4", "x")
    stranger = written(home / "proxies" / f"{'ef' * 16}.mp4", "x")
    other = Cases().new("Other")
    Cases().change(other.key, lambda old: old.with_clips([CaseClip("x", "x.mp4", "ef" * 16)]))
    assert erase(Services(), case).bytes > 0
    assert not any(path.exists() for path in (stage, film, home / "runs" / RUN, home / "data" / "uploads" / GATE))
    assert stranger.exists() and Path(case.clips[1].path).exists()
    assert [found.key for found in Cases().all()] == [other.key]


def test_what_another_case_needs_stays(home: Path) -> None:
    case = made(home)
    other = Cases().new("Other")
    Cases().change(other.key, lambda old: replace(old, clips=case.clips[:1], run=RUN))
    stage = written(home / "stages" / GATE / "detect-1" / "00000.npz", "x")
    film = written(home / "proxies" / f"{YARD}.mp4", "x")
    assert film in plan_erasure(Services(), case).paths
    erase(Services(), case)
    assert stage.exists() and Path(case.clips[0].path).exists() and (home / "runs" / RUN).is_dir()
    assert not film.exists()


def run_of(home: Path, path: str) -> None:
    """What a run says of the machine: where the clip lies, and which process did it."""
    order = asdict(Order((Source("gate", path, GATE),), "a detector"))
    about = {"order": order, "began": 1.0, "pid": 1, "born": 2.0}
    written(home / "runs" / RUN / "job.json", json.dumps(about))
    record = {"cameras": {"gate": {"clip": path, "digest": GATE, "tracks": 1}}}
    written(home / "runs" / RUN / "out" / "run.json", json.dumps(record))


@pytest.mark.parametrize("clips", [False, True])
def test_a_run_that_came_along_knows_its_clips_here_and_no_process(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clips: bool
) -> None:
    case = made(home)
    run_of(home, case.clips[0].path)
    back_up(Cases(), case, tmp_path / "case.zip", clips)
    there = move_to(tmp_path / "there", monkeypatch)
    back = restore(Services(), tmp_path / "case.zip")
    job = json.loads((there / "runs" / RUN / "job.json").read_text())
    record = json.loads((there / "runs" / RUN / "out" / "run.json").read_text())
    assert job["order"]["sources"][0]["path"] == record["cameras"]["gate"]["clip"] == back.clips[0].path
    assert job["pid"] is None and job["born"] is None


def test_a_run_of_a_clip_that_the_case_has_not_names_nothing_outside(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = made(home)
    run_of(home, str(tmp_path / "elsewhere.mp4"))
    Cases().change(case.key, lambda old: old.with_clips(old.clips[1:]))
    back_up(Cases(), Cases().load(case.key), tmp_path / "case.zip")
    there = move_to(tmp_path / "there", monkeypatch)
    restore(Services(), tmp_path / "case.zip")
    job = json.loads((there / "runs" / RUN / "job.json").read_text())
    assert Path(job["order"]["sources"][0]["path"]).is_relative_to(there)


def test_a_run_that_is_here_already_stays_as_it_is(home: Path, tmp_path: Path) -> None:
    case = made(home)
    run_of(home, case.clips[0].path)
    back_up(Cases(), case, tmp_path / "case.zip")
    before = (home / "runs" / RUN / "job.json").read_bytes()
    restore(Services(), tmp_path / "case.zip")
    assert (home / "runs" / RUN / "job.json").read_bytes() == before


@pytest.mark.parametrize("damaged", ["clips", "run"])
def test_a_damaged_backup_leaves_nothing_that_a_whole_one_would_miss(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: str
) -> None:
    case = made(home)
    back_up(Cases(), case, tmp_path / "case.zip", clips=True)
    content, what = (tmp_path / "case.zip").read_bytes(), {"clips": b"film", "run": b"crop"}[damaged]
    at = content.index(what, content.index(b"t1.jpg" if damaged == "run" else b"gate.mp4"))
    (tmp_path / "bad.zip").write_bytes(content[:at] + b"xxxx" + content[at + 4 :])
    there = move_to(tmp_path / "there", monkeypatch)
    with pytest.raises(SightlineError):
        restore(Services(), tmp_path / "bad.zip")
    assert (
        not Cases().all() and not (there / "runs" / RUN).exists() and not (there / "data" / "uploads" / GATE).exists()
    )
    back = restore(Services(), tmp_path / "case.zip")
    assert (there / "runs" / RUN / "out" / "crops" / "gate" / "t1.jpg").read_text() == "crop"
    assert Path(back.clips[0].path).read_text() == "film"


def test_a_recording_that_is_another_one_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = made(home)
    Path(case.clips[0].path).write_text("a film that has changed")
    back_up(Cases(), case, tmp_path / "case.zip", clips=True)
    move_to(tmp_path / "there", monkeypatch)
    with pytest.raises(SightlineError, match="gate is damaged"):
        restore(Services(), tmp_path / "case.zip")


def test_a_clip_of_a_recorder_without_a_clock_is_backed_up(home: Path, tmp_path: Path) -> None:
    case = made(home)
    os.utime(case.clips[0].path, (0, 0))
    back_up(Cases(), case, tmp_path / "case.zip", clips=True)
    assert f"clips/{GATE}/gate.mp4" in zipfile.ZipFile(tmp_path / "case.zip").namelist()


def test_a_backup_that_would_fill_memory_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = made(home)
    back_up(Cases(), case, tmp_path / "case.zip")
    monkeypatch.setattr("core.workspace.backup.ENTRY_BYTES", 10)
    with pytest.raises(SightlineError, match="too large"):
        restore(Services(), tmp_path / "case.zip")


def test_backups_and_earlier_runs_go_with_a_case(home: Path) -> None:
    case = made(home)
    earlier, shared = home / "runs" / ("34" * 10), home / "runs" / ("56" * 10)
    order = {"order": {"sources": [{"digest": GATE}, {"digest": YARD}]}}
    for folder in (earlier, shared):
        written(folder / "job.json", json.dumps(order))
    other = Cases().new("Other")
    Cases().change(other.key, lambda old: replace(old, run=shared.name))
    kept = written(home / "data" / "backups" / f"{case.key}.zip", "x")
    export = written(home / "exports" / f"{earlier.name}-{'0' * 20}" / "job.json", "x")
    erase(Services(), case)
    assert not (kept.exists() or earlier.exists() or export.exists()) and shared.is_dir()


def test_a_recording_stays_whose_folder_another_case_uses(home: Path) -> None:
    case = made(home)
    twin = Path(case.clips[0].path).with_name("gate-again.mp4")
    twin.write_text("film")
    other = Cases().new("Other")
    Cases().change(other.key, lambda old: old.with_clips([replace(case.clips[0], path=str(twin))]))
    erase(Services(), case)
    assert twin.is_file()


RESTORE = """
import sys
from pathlib import Path
from core.workspace import Services, restore
restore(Services(), Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_restore_that_is_killed_leaves_nothing_that_is_taken_for_whole(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = made(home)
    for number in range(2000):
        written(home / "runs" / RUN / "out" / "crops" / "gate" / f"c{number}.jpg", "crop")
    back_up(Cases(), case, tmp_path / "case.zip", clips=True)
    there = move_to(tmp_path / "there", monkeypatch)
    child = subprocess.Popen([sys.executable, "-c", RESTORE, str(tmp_path / "case.zip")], cwd=ROOT)
    end = time.monotonic() + 30
    while sum(1 for _ in there.rglob("c*.jpg")) < 300:
        assert child.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    child.kill()
    child.wait()
    assert Cases().all() == [] and Cases().unreadable() == []
    assert not (there / "runs" / RUN).exists() and not (there / "data" / "uploads" / GATE).exists()
    back = restore(Services(), tmp_path / "case.zip")
    assert len(list((there / "runs" / RUN / "out" / "crops" / "gate").iterdir())) == 2001
    assert Path(back.clips[0].path).read_text() == "film" and len(Cases().all()) == 1
    sweep(Services())
    assert not [path for path in there.rglob(".*") if path.suffix in (".part", ".new")]


def test_a_run_of_which_files_are_missing_here_is_replaced(home: Path, tmp_path: Path) -> None:
    case = made(home)
    whole = written(home / "runs" / RUN / "out" / "crops" / "gate" / "t2.jpg", "crop")
    back_up(Cases(), case, tmp_path / "case.zip")
    whole.unlink()
    restore(Services(), tmp_path / "case.zip")
    assert whole.read_text() == "crop"


@pytest.mark.parametrize("stump", ["fi", "FILM"], ids=["short", "other"])
def test_a_recording_that_is_cut_short_here_is_replaced_under_its_name(home: Path, tmp_path: Path, stump: str) -> None:
    case = made(home)
    back_up(Cases(), case, tmp_path / "case.zip", clips=True)
    Path(case.clips[0].path).unlink()
    there = written(home / "data" / "uploads" / GATE / "first.mp4", stump)
    written(home / "data" / "uploads" / GATE / ".DS_Store", "junk")
    # As version 0.1.0 remembered it.
    remember_digest(there, GATE)
    if stump == "FILM":
        os.utime(there)
    back = restore(Services(), tmp_path / "case.zip")
    assert back.clip("gate").path == str(there) and there.read_text() == "film"


@pytest.mark.parametrize("code", [FULL, READ_ONLY], ids=["full", "read-only"])
def test_a_disk_that_has_no_room_for_a_back_up_is_not_taken_for_a_bad_back_up(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    back_up(Cases(), made(home), tmp_path / "case.zip", clips=True)
    there = move_to(tmp_path / "there", monkeypatch)
    services = Services()
    with refusing(there, code), pytest.raises(StoreError) as refused:
        restore(services, tmp_path / "case.zip")
    assert os.strerror(code) in refused.value.message and "Free some space" in refused.value.remedy
    assert [path for path in there.rglob("*") if path.is_file()] == []
    assert restore(services, tmp_path / "case.zip").name == "Shop"


DEEP = "[" * 200_000
DAMAGED: list[tuple[str, Any]] = [
    ("made", "x"),
    ("made", float("nan")),
    ("name", ["x"]),
    ("purpose", {"a": 1}),
    ("run", 5),
    ("threshold", True),
    ("expires", 7),
    ("clips", {}),
    ("clips", [1]),
    ("plan", []),
    ("removed", "ab"),
    ("plan", {"detector": 5}),
    ("plan", {"video": {"fps": "ten"}}),
    ("clips", [{"camera": "a", "path": 5, "digest": GATE, "regions": NONE}]),
    ("clips", [{"camera": "a", "path": "x", "digest": GATE, "regions": 5}]),
    ("clips", [{"camera": "a", "path": "x", "digest": GATE, "end_seconds": "9", "regions": NONE}]),
]


@pytest.mark.parametrize(("name", "value"), DAMAGED)
def test_a_case_with_a_field_of_another_kind_is_refused_and_named(
    home: Path, tmp_path: Path, name: str, value: Any
) -> None:
    case = made(home)
    file = Cases().folder(case.key) / "case.json"
    content = json.loads(file.read_text())
    broken = json.dumps({**content, name: {**content[name], **value} if name == "plan" and value else value})
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("case.json", broken)
    with pytest.raises(StoreError):
        restore(Services(), tmp_path / "bad.zip")
    assert [found.key for found in Cases().all()] == [case.key]
    file.write_text(broken)
    with pytest.raises(StoreError):
        Cases().load(case.key)
    assert Cases().all() == [] and [found.folder.name for found in Cases().unreadable()] == [case.key]


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("case.json", DEEP),
        ("review.json", DEEP),
        ("review.json", "[1]"),
        ("review.json", '{"format": 1, "done": [5], "undone": []}'),
        ("run/out/run.json", '{"cameras": [1]}'),
        ("run/out/run.json", '{"cameras": {"gate": 5}}'),
        ("run/out/run.json", '{"cameras": {"../gate": {"clip": "x"}}}'),
        ("run/out/run.json", DEEP),
        ("run/out/tracklets.npz", "no arrays"),
        ("run/job.json", '{"order": {"sources": [{"camera": "../../x", "path": "x", "digest": "ab"}]}}'),
        ("run/job.json", '{"order": 5}'),
        ("run/job.json", "[]" * 2),
    ],
)
def test_a_file_of_a_backup_that_is_not_well_formed_is_refused_in_words(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, text: str
) -> None:
    case = made(home)
    run_of(home, case.clips[0].path)
    back_up(Cases(), case, tmp_path / "case.zip")
    with zipfile.ZipFile(tmp_path / "case.zip") as archive, zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        names = {*archive.namelist(), entry}
        for name in names:
            bad.writestr(name, text if name == entry else archive.read(name))
    there = move_to(tmp_path / "there", monkeypatch)
    with pytest.raises(SightlineError):
        restore(Services(), tmp_path / "bad.zip")
    assert Cases().all() == [] and Cases().unreadable() == []
    assert [path for path in there.rglob("*") if path.is_file() and path.name != "digests.sqlite"] == []
