"""Files sorted into cameras, moved by hand, found again, backed up, and deleted with their case."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from core.base.errors import ClipError, SettingsError
from core.vision.regions import Region, Regions
from core.workspace import (
    Services,
    add_clip,
    back_up,
    clip_of,
    erase,
    move_files,
    restore,
    serve_with,
    services,
    sweep,
)
from core.workspace.cases import Case, CaseClip
from core.workspace.jobs import describe_changes, order_of
from core.workspace.sources import receive, upload_folder
from tests.vision.video.making import write_clip

HOURS = [f"20261120_{hour:02d}0000" for hour in range(14, 20)]


@pytest.fixture(autouse=True)
def footage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "footage"
    folder.mkdir()
    for name in ("DATA", "CACHE"):
        monkeypatch.setenv(f"SIGHTLINE_{name}", str(tmp_path / name.lower()))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(folder))
    serve_with(Services())
    yield folder
    serve_with(None)


def film(path: Path, number: int = 0, seconds: int = 1) -> Path:
    """A clip whose content is its own; 10 frames a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_clip(path, range(seconds * 10), Fraction(1, 10), first=number)


def added(case: Case, *paths: Path) -> Case:
    for path in paths:
        add_clip(case.key, path)
    return services().cases.load(case.key)


def file_names(clip: CaseClip) -> list[str]:
    return [file.name for file in clip.files]


def uploaded(case: Case, path: Path) -> Case:
    with receive(path.name, path.stat().st_size) as upload:
        upload.add(path.read_bytes())
        add_clip(case.key, upload.finish().path, path.name)
    return services().cases.load(case.key)


def test_files_in_any_order_are_sorted_into_four_cameras(footage: Path) -> None:
    names = [f"{camera}_{hour}.mp4" for camera in ("gate", "door", "till", "yard") for hour in HOURS]
    files = [film(footage / name, number) for number, name in enumerate(names)]
    random.Random(4).shuffle(files)
    case = services().cases.new("many")
    for path in files:
        case = uploaded(case, path)
    assert sorted(clip.camera for clip in case.clips) == ["door", "gate", "till", "yard"]
    for clip in case.clips:
        assert file_names(clip) == [name for name in names if name.startswith(clip.camera)]
        video = clip_of(clip.path)
        assert (video.digest, video.frames) == (clip.digest, 60)
        assert video.times[::10].tolist() == [3600.0 * hour for hour in range(6)]
    assert len(order_of(case).sources) == 4


@pytest.mark.parametrize(
    ("names", "cameras"),
    [
        # The time of the name is its second, recorders are later by some: no gap.
        (["ch1_20261120140000.mp4", "ch1_20261120140002.mp4"], ["ch1"]),
        # Beginning and end in the name.
        (["NVR_ch2_20261120140000_20261120140001.mp4", "NVR_ch2_20261120140001_20261120140002.mp4"], ["NVR_ch2"]),
        # The folder names the camera.
        (["gate/20261120_140000.mp4", "gate/20261120_150000.mp4", "door/20261120_140000.mp4"], ["gate", "door"]),
        # Two cameras that recorded the same minute.
        (["a/cam_20261120_140000.mp4", "b/cam_20261120_140000.mp4"], ["cam", "cam-2"]),
        # Numbers alone may be those of cameras.
        (["cam1.mp4", "cam2.mp4", "cam3.mp4"], ["cam1", "cam2", "cam3"]),
        (["cam-001.mp4", "cam-002.mp4"], ["cam-001", "cam-002"]),
        (["entrance.mp4", "exit.mp4"], ["entrance", "exit"]),
    ],
)
def test_what_names_say(footage: Path, names: list[str], cameras: list[str]) -> None:
    case = added(services().cases.new(), *(film(footage / name, number) for number, name in enumerate(names)))
    assert [clip.camera for clip in case.clips] == cameras


def test_files_that_count_on_are_joined_where_containers_say_so(footage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = {"cam-001.mp4": "14:00:01", "cam-000.mp4": "14:00:00", "cam-002.mp4": "15:00:00"}

    def creation_time(path: Path) -> str:
        return f"2026-11-20T{began[path.name]}+00:00"

    monkeypatch.setattr("core.vision.video.first_look._creation_time", creation_time)
    case = added(services().cases.new(), *(film(footage / name, number) for number, name in enumerate(began)))
    assert [file_names(clip) for clip in case.clips] == [["cam-000.mp4", "cam-001.mp4"], ["cam-002.mp4"]]


def test_settings_stay_when_an_earlier_file_comes(footage: Path) -> None:
    late, early = film(footage / f"gate_{HOURS[1]}.mp4", 1), film(footage / f"gate_{HOURS[0]}.mp4", 2)
    case = added(services().cases.new(), late)
    square = Regions((Region("polygon", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))),))
    settings = {"began": "2026-11-20T15:00:07", "regions": square, "start_seconds": 0.5, "end_seconds": 0.8}
    services().cases.change(case.key, lambda now: now.with_clip("gate", replace(now.clip("gate"), **settings)))
    clip = added(case, early).clip("gate")
    assert file_names(clip) == [early.name, late.name]
    assert clip.regions == square
    # The clock was 7 s off for the later file, and so it is for the earlier one.
    assert clip.began == "2026-11-20T14:00:07"
    assert (clip.start_seconds, clip.end_seconds) == (3600.5, 3600.8)


def test_what_changed_since_a_run_names_recordings(footage: Path) -> None:
    files = [film(footage / f"gate_{hour}.mp4", number) for number, hour in enumerate(HOURS[:3])]
    case = added(services().cases.new(), *files[:2])
    before = order_of(case)
    assert describe_changes(before, order_of(added(case, files[2]))) == ["gate: other recordings"]


def test_the_same_file_is_noticed_and_a_moved_one_is_found_again(footage: Path) -> None:
    files = [film(footage / f"gate_{hour}.mp4", number) for number, hour in enumerate(HOURS[:3])]
    case = added(services().cases.new(), *files)
    with pytest.raises(SettingsError, match="is already in this case, as gate"):
        add_clip(case.key, shutil.copy(files[1], footage / "copy.mp4"))
    (footage / "new").mkdir()
    moved = files[1].rename(footage / "new" / "gate.mp4")
    (footage / "copy.mp4").unlink()
    with pytest.raises(ClipError, match="cannot be opened"):
        clip_of(case.clip("gate").path)
    # Another file is added meanwhile: as a camera of its own, since nobody knows how long the missing one is.
    late = film(footage / f"gate_{HOURS[5]}.mp4", 9)
    assert [clip.camera for clip in added(case, late).clips] == ["gate", "gate-2"]
    clip = added(case, moved).clip("gate")
    assert clip.digest == case.clip("gate").digest
    assert clip_of(clip.path).frames == 30


def test_a_file_that_was_replaced_since_is_noticed(footage: Path) -> None:
    files = [film(footage / f"gate_{hour}.mp4", number) for number, hour in enumerate(HOURS[:2])]
    clip = added(services().cases.new(), *files).clip("gate")
    assert clip_of(clip.path).frames == 20
    film(files[1], 7, seconds=2)
    with pytest.raises(ClipError, match="has changed since it was added"):
        clip_of(clip.path)


def test_files_are_put_elsewhere_by_hand(footage: Path) -> None:
    files = [film(footage / f"{name}.mp4", number) for number, name in enumerate(("a", "b", "c"))]
    case = added(services().cases.new(), *files)
    digests = {clip.camera: clip.digest for clip in case.clips}
    move_files(case.key, {digests["b"]: "a", digests["c"]: "door"})
    case = services().cases.load(case.key)
    assert {clip.camera: file_names(clip) for clip in case.clips} == {"a": ["a.mp4", "b.mp4"], "door": ["c.mp4"]}
    assert clip_of(case.clip("a").path).times[[9, 10]].tolist() == pytest.approx([0.9, 1.0])
    # And back.
    move_files(case.key, {digests["b"]: "b"})
    case = services().cases.load(case.key)
    assert {clip.camera: clip.digest for clip in case.clips} == {
        "a": digests["a"],
        "b": digests["b"],
        "door": digests["c"],
    }
    assert "files sorted into cameras" in "\n".join(services().cases.log_lines(case.key))


def test_a_list_itself_is_not_added(footage: Path) -> None:
    case = services().cases.new()
    path = footage / "evil.recordings"
    path.write_text('{"recordings": [{"file": "/etc/passwd"}]}')
    with pytest.raises(ClipError, match="is a list of recordings"):
        add_clip(case.key, path)


def test_a_back_up_brings_all_files_and_deleting_leaves_none(footage: Path, tmp_path: Path) -> None:
    case = services().cases.new("kept")
    for number, hour in enumerate(HOURS[:3]):
        case = uploaded(case, film(footage / f"gate_{hour}.mp4", number))
    clip = case.clip("gate")
    sweep(services())
    assert clip_of(clip.path).frames == 30
    back_up(services().cases, case, tmp_path / "kept.zip", clips=True)
    erase(services(), case)
    assert not Path(clip.path).exists()
    assert not any(upload_folder(digest).exists() for digest in clip.digests)
    restored = restore(services(), tmp_path / "kept.zip").clip("gate")
    assert restored.digest == clip.digest
    video = clip_of(restored.path)
    assert (video.digest, video.frames) == (clip.digest, 30)


def test_a_back_up_with_another_list_is_refused(footage: Path, tmp_path: Path) -> None:
    import json
    import zipfile

    from core.base.errors import StoreError

    case = services().cases.new()
    for number, hour in enumerate(HOURS[:2]):
        case = uploaded(case, film(footage / f"gate_{hour}.mp4", number))
    back_up(services().cases, case, tmp_path / "a.zip", clips=True)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive, zipfile.ZipFile(tmp_path / "b.zip", "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "case.json":
                record = json.loads(content)
                record["clips"][0]["recordings"][1]["starts"] = 5.0
                content = json.dumps(record).encode()
            changed.writestr(name, content)
    with pytest.raises(StoreError):
        restore(services(), tmp_path / "b.zip")
    assert len(services().cases.all()) == 1
