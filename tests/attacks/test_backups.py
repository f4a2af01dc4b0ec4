"""What somebody else's back-up, or folder of a run, may not do: write or read a file outside of where it belongs."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.base.errors import SightlineError, StoreError
from core.machine.paths import cache_dir
from core.review import StoredTracks
from core.runs import TRACKLETS_FILE, load_evidence, read_record, save_evidence
from core.vision.video import LIST_SUFFIX, content_digest, probe
from core.workspace import Services, back_up, restore, serve_with
from core.workspace.cases import Case, CaseClip, Cases
from core.workspace.jobs import Order, Source
from tests.review.making import made, write_run
from tests.vision.video.making import write_clip

OUT = "../../../../victim/settings"
RUN = "12" * 10
Entries = dict[str, bytes]


@pytest.fixture
def victim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder beside the program's, with files of somebody who restores the back-up."""
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "a" / "b" / "cache"))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(tmp_path / "a" / "footage"))
    (tmp_path / "a" / "footage").mkdir(parents=True)
    serve_with(None)
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "settings.json").write_text("mine")
    (folder / "family.mp4").write_text("mine")
    (folder / "passport.jpg").write_text("mine")
    return folder


@pytest.fixture
def case(victim: Path) -> Case:
    """A case with a run of two cameras."""
    clips = [probe(write_clip(victim.parent / "a" / "footage" / f"cam{n}.mp4", range(60 + n))) for n in (1, 2)]
    sources = tuple(Source(f"cam{n}", clip.path, clip.digest) for n, clip in enumerate(clips, 1))
    folder = cache_dir() / "runs" / RUN
    write_run(folder / "out", made(2, 2, 4, 2), clips)
    job = {"order": asdict(Order(sources, "a detector")), "began": 1.0, "pid": 0, "born": 0.0}
    (folder / "job.json").write_text(json.dumps(job))
    listed = tuple(CaseClip(source.camera, source.path, source.digest) for source in sources)
    return Cases().change(Cases().new("Shop").key, lambda old: replace(old, clips=listed, run=RUN))


def entries_of(case: Case, tmp_path: Path) -> Entries:
    back_up(Cases(), case, tmp_path / "case.zip", clips=True)
    with zipfile.ZipFile(tmp_path / "case.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def restored(entries: Entries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """The back-up as a machine restores it that has nothing of it."""
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "a" / "c" / "cache"))
    serve_with(None)
    return restore(Services(), tmp_path / "evil.zip")


def untouched(victim: Path) -> bool:
    return {path.read_text() for path in victim.iterdir()} == {"mine"} and len(list(victim.iterdir())) == 3


def with_json(name: str, *keys: str | int, value: Any) -> Callable[[Entries], None]:
    """Puts a value into a JSON file of the back-up."""

    def change(entries: Entries) -> None:
        content = place = json.loads(entries[name])
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
        entries[name] = json.dumps(content).encode()

    return change


def with_camera_in_record(entries: Entries) -> None:
    content = json.loads(entries["run/out/run.json"])
    content["cameras"][OUT] = content["cameras"].pop("cam1")
    entries["run/out/run.json"] = json.dumps(content).encode()


def with_arrays(**changed: Any) -> Callable[[Entries], None]:
    """Puts other names into tracklets.npz."""

    def change(entries: Entries) -> None:
        folder = cache_dir() / "evil"
        folder.mkdir()
        (folder / TRACKLETS_FILE).write_bytes(entries[f"run/out/{TRACKLETS_FILE}"])
        with_names(folder, **changed)
        entries[f"run/out/{TRACKLETS_FILE}"] = (folder / TRACKLETS_FILE).read_bytes()

    return change


def with_names(folder: Path, **changed: Any) -> None:
    with np.load(folder / TRACKLETS_FILE) as file:
        arrays = {name: file[name] for name in file.files}
    for name, value in changed.items():
        names = arrays[name].tolist()
        names[0] = value
        arrays[name] = np.array(names, str)
    np.savez(folder / TRACKLETS_FILE, allow_pickle=False, **arrays)


ATTACKS: dict[str, Callable[[Entries], None]] = {
    "regions are written where the camera's name leads": with_json(
        "run/job.json", "order", "sources", 0, "camera", value=OUT
    ),
    "regions that are no regions": with_json("run/job.json", "order", "sources", 0, "regions", value='{"a": "evil"}'),
    "the digest of an order leads out": with_json("run/job.json", "order", "sources", 0, "digest", value=OUT),
    "the digest of a record leads out": with_json("run/out/run.json", "cameras", "cam1", "digest", value=OUT),
    "the camera of a record leads out": with_camera_in_record,
    "a film is written where the camera's name leads": with_arrays(cameras="../../victim/family"),
    "a picture is read where the crop's name leads": with_arrays(crop_name="../../../../../victim/passport.jpg"),
    "a picture is read from the root": with_arrays(crop_name="/etc/passport.jpg"),
    "a picture is read as Windows has it": with_arrays(crop_name="cam1\\..\\..\\passport.jpg"),
    "boxes without their columns": lambda entries: entries.update(
        {"run/out/tracks.parquet": entries["run/out/frames.parquet"]}
        if "run/out/frames.parquet" in entries
        else {"run/out/tracks.parquet": b"PAR1"}
    ),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_back_up_with_names_that_lead_out_is_refused_whole(
    case: Case, victim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: Callable[[Entries], None]
) -> None:
    entries = entries_of(case, tmp_path)
    attack(entries)
    with pytest.raises(SightlineError):
        restored(entries, tmp_path, monkeypatch)
    assert untouched(victim)
    assert [path for path in cache_dir().rglob("*") if path.is_file() and path.name != "digests.sqlite"] == []


def test_a_back_up_that_is_in_order_is_restored(
    case: Case, victim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or else the attacks would prove nothing."""
    back = restored(entries_of(case, tmp_path), tmp_path, monkeypatch)
    out = cache_dir() / "runs" / RUN / "out"
    assert [clip.camera for clip in back.clips] == ["cam1", "cam2"]
    assert load_evidence(out).cameras == ("cam1", "cam2") and len(read_record(out).cameras) == 2
    assert len(list((out / "crops").rglob("*.jpg"))) == 8


@pytest.mark.parametrize(
    "name",
    [
        "run/run.sh",
        "run/out/__init__.py",
        "run/out/tracks/cam1.txt.exe",
        "run/out/crops/cam1/a.svg",
        "run/out/crops/.hidden/a.jpg",
        "run/regions/deep/er.json",
        "tracks/x.npz",
        "other.json",
    ],
)
def test_only_files_of_a_run_are_taken(
    case: Case, victim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    restored({**entries_of(case, tmp_path), name: b"evil"}, tmp_path, monkeypatch)
    assert untouched(victim)
    assert [path for path in cache_dir().rglob("*") if path.is_file() and path.read_bytes() == b"evil"] == []


def test_a_run_that_is_here_stays_whatever_else_a_back_up_brings(case: Case, tmp_path: Path) -> None:
    """Files that are never taken are not missed either."""
    entries = {**entries_of(case, tmp_path), "run/out/evil.sh": b"evil"}
    mark = cache_dir() / "runs" / RUN / "out" / "mark"
    mark.write_text("here")
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    restore(Services(), tmp_path / "evil.zip")
    assert mark.is_file()


def test_a_link_in_a_back_up_is_a_file(
    case: Case, victim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = entries_of(case, tmp_path)
    link = zipfile.ZipInfo("run/out/tracks/cam1.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    entries.pop(link.filename, None)
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
        archive.writestr(link, str(victim / "passport.jpg"))
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "a" / "c" / "cache"))
    serve_with(None)
    restore(Services(), tmp_path / "evil.zip")
    assert [path for path in cache_dir().rglob("*") if path.is_symlink()] == [] and untouched(victim)


def test_a_list_of_recordings_does_not_come_as_a_recording(
    case: Case, victim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would name files anywhere: the program would read them, and show them as footage of the case."""
    outside = write_clip(tmp_path / "private.mp4", range(9))
    text = json.dumps({"recordings": [{"file": str(outside)}]}).encode()
    evil = tmp_path / f"evil{LIST_SUFFIX}"
    evil.write_bytes(text)
    digest = content_digest(evil)
    entries = entries_of(case, tmp_path)
    with_json("case.json", "clips", 0, "digest", value=digest)(entries)
    with pytest.raises(SightlineError):
        restored({**entries, f"clips/{digest}/evil{LIST_SUFFIX}": text}, tmp_path, monkeypatch)
    assert list(cache_dir().rglob(f"*{LIST_SUFFIX}")) == []


@pytest.mark.parametrize("digest", ["../../victim/tracks", "/victim/tracks", "x"])
def test_decisions_about_tracks_elsewhere_find_none(victim: Path, digest: str) -> None:
    folder = cache_dir() / "cases" / "1" / "tracks"
    folder.mkdir(parents=True)
    np.savez(folder / "x.npz", cameras=np.array([], str), digests=np.array([], str))
    stored = StoredTracks(folder)
    assert stored.load(digest) is None and not stored.has(digest)


def test_a_folder_of_a_run_is_not_trusted_either(tmp_path: Path) -> None:
    """Commands read one that was never restored."""
    evidence = made(2, 2, 4, 2)
    for name, value in (("cameras", "../family"), ("crop_name", "../../passport.jpg")):
        save_evidence(evidence, tmp_path)
        with_names(tmp_path, **{name: value})
        with pytest.raises(StoreError):
            load_evidence(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"cameras": {OUT: {"clip": "x"}}}))
    with pytest.raises(StoreError):
        read_record(tmp_path)
    with pytest.raises(ValueError, match="camera"):
        Source(OUT, "x", "ab" * 16)
