"""A case as a file: it comes back whole as another case, also on a machine that has nothing of it."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from core.cases import Case, CaseClip, Cases, back_up, erase, restore, what_goes
from core.errors import SightlineError

NONE = {"regions": []}
RUN, GATE, YARD = "12" * 10, "ab" * 16, "cd" * 16


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
    upload = written(home / "uploads" / GATE / "gate.mp4", "film")
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
    assert "restored" in Cases().logged(back.key)[-1]


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
    assert not any(path.exists() for path in (stage, film, home / "runs" / RUN, home / "uploads" / GATE))
    assert stranger.exists() and Path(case.clips[1].path).exists() and Cases().all() == []


def test_what_another_case_needs_stays(home: Path) -> None:
    case = made(home)
    other = Cases().new("Other")
    Cases().change(other.key, lambda old: replace(old, clips=case.clips[:1], run=RUN))
    stage = written(home / "stages" / GATE / "detect-1" / "00000.npz", "x")
    film = written(home / "proxies" / f"{YARD}.mp4", "x")
    assert film in what_goes(Cases(), case).places
    erase(Cases(), case)
    assert stage.exists() and Path(case.clips[0].path).exists() and (home / "runs" / RUN).is_dir()
    assert not film.exists()
