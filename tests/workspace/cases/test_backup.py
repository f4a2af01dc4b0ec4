"""A case as a file: it comes back whole as another case, also on a machine that has nothing of it."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import pytest

from core.base.errors import SightlineError
from core.workspace.cases import Case, CaseClip, Cases, back_up, erase, plan_erasure, restore

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
    written(Cases().review_file(case.key), "[]")
    written(home / "runs" / RUN / "out" / "crops" / "gate" / "t1.jpg", "crop")
    return Cases().change(case.key, lambda old: replace(old, clips=clips, run=RUN))


@pytest.mark.parametrize("clips", [False, True])
def test_a_case_goes_on_elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clips: bool) -> None:
    case = made(home)
    back_up(Cases(), case, tmp_path / "case.zip", clips)
    there = move_to(tmp_path / "there", monkeypatch)
    back = restore(Cases(), tmp_path / "case.zip")
    assert replace(back, key=case.key, clips=case.clips) == case
    assert Cases().review_file(back.key).read_text() == "[]"
    assert (there / "runs" / RUN / "out" / "crops" / "gate" / "t1.jpg").read_text() == "crop"
    assert [Path(clip.path).is_file() for clip in back.clips] == [clips, clips]
    assert all(Path(clip.path).is_relative_to(there) for clip in back.clips)
    assert "restored" in Cases().log_lines(back.key)[-1]


def test_on_the_same_machine_clips_stay_where_they_are(home: Path, tmp_path: Path) -> None:
    case = made(home)
    back_up(Cases(), case, tmp_path / "case.zip")
    back = restore(Cases(), tmp_path / "case.zip")
    assert back.key != case.key and back.clips == case.clips


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
            restore(Cases(), tmp_path / name)
    assert [found.key for found in Cases().all()] == [case.key]


def test_entries_that_lead_out_are_left_out(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = made(home)
    back_up(Cases(), case, tmp_path / "case.zip")
    with zipfile.ZipFile(tmp_path / "case.zip", "a") as archive:
        for name in ("run/../../../out.txt", "/run/out.txt", f"clips/{GATE}/../../out.txt", "other.txt"):
            archive.writestr(name, "out")
    there = move_to(tmp_path / "there", monkeypatch)
    restore(Cases(), tmp_path / "case.zip")
    assert list(tmp_path.rglob("out.txt")) == [] and not list(there.rglob("other.txt"))


def test_a_case_is_deleted_with_what_was_made_of_its_clips(home: Path) -> None:
    case = made(home)
    stage = written(home / "stages" / GATE / "detect-1" / "00000.npz", "x")
    film = written(home / "proxies" / f"{YARD}.mp4", "x")
    stranger = written(home / "proxies" / f"{'ef' * 16}.mp4", "x")
    assert erase(Cases(), case).bytes > 0
    assert not any(path.exists() for path in (stage, film, home / "runs" / RUN, home / "data" / "uploads" / GATE))
    assert stranger.exists() and Path(case.clips[1].path).exists() and Cases().all() == []


def test_what_another_case_needs_stays(home: Path) -> None:
    case = made(home)
    other = Cases().new("Other")
    Cases().change(other.key, lambda old: replace(old, clips=case.clips[:1], run=RUN))
    stage = written(home / "stages" / GATE / "detect-1" / "00000.npz", "x")
    film = written(home / "proxies" / f"{YARD}.mp4", "x")
    assert film in plan_erasure(Cases(), case).paths
    erase(Cases(), case)
    assert stage.exists() and Path(case.clips[0].path).exists() and (home / "runs" / RUN).is_dir()
    assert not film.exists()


def run_of(home: Path, path: str) -> None:
    """What a run says of the machine: where the clip lies, and which process did it."""
    sources = [{"camera": "gate", "path": path, "digest": GATE}]
    written(home / "runs" / RUN / "job.json", json.dumps({"order": {"sources": sources}, "pid": 1, "born": 2.0}))
    written(home / "runs" / RUN / "out" / "run.json", json.dumps({"cameras": {"gate": {"clip": path, "digest": GATE}}}))


@pytest.mark.parametrize("clips", [False, True])
def test_a_run_that_came_along_knows_its_clips_here_and_no_process(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clips: bool
) -> None:
    case = made(home)
    run_of(home, case.clips[0].path)
    back_up(Cases(), case, tmp_path / "case.zip", clips)
    there = move_to(tmp_path / "there", monkeypatch)
    back = restore(Cases(), tmp_path / "case.zip")
    job = json.loads((there / "runs" / RUN / "job.json").read_text())
    record = json.loads((there / "runs" / RUN / "out" / "run.json").read_text())
    assert job["order"]["sources"][0]["path"] == record["cameras"]["gate"]["clip"] == back.clips[0].path
    assert "pid" not in job and "born" not in job


def test_a_run_of_a_clip_that_the_case_has_not_names_nothing_outside(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = made(home)
    run_of(home, str(tmp_path / "elsewhere.mp4"))
    Cases().change(case.key, lambda old: old.with_clips(old.clips[1:]))
    back_up(Cases(), Cases().load(case.key), tmp_path / "case.zip")
    there = move_to(tmp_path / "there", monkeypatch)
    restore(Cases(), tmp_path / "case.zip")
    job = json.loads((there / "runs" / RUN / "job.json").read_text())
    assert Path(job["order"]["sources"][0]["path"]).is_relative_to(there)


def test_a_run_that_is_here_already_stays_as_it_is(home: Path, tmp_path: Path) -> None:
    case = made(home)
    run_of(home, case.clips[0].path)
    back_up(Cases(), case, tmp_path / "case.zip")
    before = (home / "runs" / RUN / "job.json").read_bytes()
    restore(Cases(), tmp_path / "case.zip")
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
        restore(Cases(), tmp_path / "bad.zip")
    assert (
        not Cases().all() and not (there / "runs" / RUN).exists() and not (there / "data" / "uploads" / GATE).exists()
    )
    back = restore(Cases(), tmp_path / "case.zip")
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
        restore(Cases(), tmp_path / "case.zip")


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
    monkeypatch.setattr("core.workspace.cases.backup._MAX_CASE_BYTES", 10)
    with pytest.raises(SightlineError, match="more disk space"):
        restore(Cases(), tmp_path / "case.zip")


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
    erase(Cases(), case)
    assert not (kept.exists() or earlier.exists() or export.exists()) and shared.is_dir()


def test_a_recording_stays_whose_folder_another_case_uses(home: Path) -> None:
    case = made(home)
    twin = Path(case.clips[0].path).with_name("gate-again.mp4")
    twin.write_text("film")
    other = Cases().new("Other")
    Cases().change(other.key, lambda old: old.with_clips([replace(case.clips[0], path=str(twin))]))
    erase(Cases(), case)
    assert twin.is_file()
