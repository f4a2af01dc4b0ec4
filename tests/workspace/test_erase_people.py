"""A person or a clip deleted for good: nothing that was made of them stays, and no later run finds them again."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import StoreError
from core.cli import main
from core.machine.paths import cache_dir, data_dir
from core.review import ReviewSession, cut, merge, name, note
from core.runs import TrackKey, load_all_tracks, load_evidence, load_people, read_record
from core.vision.regions import from_json, on_trails
from core.workspace import (
    Services,
    act,
    back_up,
    erase_clip,
    erase_person,
    plan_person,
    redo,
    review_of,
    serve_with,
    session_of,
    undo,
)
from core.workspace.cases import Case, Cases
from core.workspace.jobs import order_of
from tests.review.making import big_case

SECRET = "Zebedee Quux"


@pytest.fixture(autouse=True)
def own_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(tmp_path))
    services = Services()
    serve_with(services)
    yield services
    serve_with(None)


@pytest.fixture
def case(own_house: Services) -> Case:
    """Two cameras, four people in each, somebody named; with stored results, stills, an export and a back-up."""
    case = big_case(2, 4, 8, 2, 20, noise=0.2)
    home = cache_dir()
    for clip in case.clips:
        for stage in ("detect-1", "embed-1", "crops-1", "faces-1"):
            put(home / "stages" / clip.digest / stage / "00000-x.npz")
        put(home / "stills" / clip.digest / "5.jpg")
    act(case, lambda session: name(session, person(session), SECRET))
    act(case, lambda session: note(session, person(session), f"{SECRET} limps"))
    put(home / "exports" / f"{case.run}-{'0' * 20}" / "out" / "gallery.zip")
    back_up(own_house.cases, case, data_dir() / "backups" / f"{case.key}.zip")
    return own_house.cases.load(case.key)


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("somebody")


def person(session: ReviewSession) -> int:
    return int(session.people.person[session.row("cam1", 1)])


def session(case: Case) -> ReviewSession:
    found = session_of(Cases().load(case.key))
    assert found is not None
    return found


def vectors(found: ReviewSession) -> np.ndarray[tuple[int, ...], np.dtype[np.float16]]:
    row = found.row("cam1", 1)
    return found.evidence.crops.vector[found.evidence.crops.row == row]


def everything(folder: Path) -> dict[str, bytes]:
    """The content of every file, and of every entry of a zip or a table of numbers."""
    found = {}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        found[str(path)] = path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                found |= {f"{path}/{entry}": archive.read(entry) for entry in archive.namelist()}
    return found


def test_nothing_that_was_made_of_a_person_stays(own_house: Services, case: Case, tmp_path: Path) -> None:
    before = session(case)
    number, keys = person(before), before.tracks(person(before))
    looks = [vector.tobytes() for vector in vectors(before)]
    pictures = [
        (before.out / "crops" / crop).read_bytes()
        for crop, row in zip(before.evidence.crops.name, before.evidence.crops.row, strict=True)
        if before.track_keys[row] in keys
    ]
    assert any(look in content for look in looks for content in everything(tmp_path / "cache").values())
    plan = plan_person(own_house, case, number)
    gone = erase_person(own_house, case, number)
    assert gone == plan and gone.tracks == len(keys) == 2 and gone.crops == len(pictures) and gone.decisions == 2
    assert gone.boxes > 0 and gone.bytes > 0 and "The recording still shows this person" in gone.lines[-1]
    left = everything(tmp_path / "cache")
    marks = [*looks, *pictures, SECRET.encode(), b"limps"]
    assert [path for path, content in left.items() if any(mark in content for mark in marks)] == []
    assert not list(cache_dir().glob("exports/*/*")) and not list((data_dir() / "backups").glob("*.zip"))
    assert sorted(path.name for path in cache_dir().glob("stages/*/*")) == ["detect-1", "detect-1"]
    assert all(not list((cache_dir() / "stills").glob(f"{clip.digest}*")) for clip in case.clips)
    entries = Cases().log_lines(case.key)
    assert f"P{number:03d}" not in "\n".join(entries) and "deleted a person for good: 2 tracks" in entries[-1]


def test_the_others_stay_with_their_decisions(own_house: Services, case: Case) -> None:
    found = session(case)
    kept = next(p for p in found.people.person.tolist() if p != person(found))
    act(case, lambda now: name(now, kept, "Anna"))
    keys, count = found.tracks(kept), len(set(found.people.person.tolist()))
    erase_person(own_house, case, person(found))
    after = session(case)
    assert after.tracks(kept) == keys and after.labels.names == {kept: "Anna"}
    assert len(set(after.people.person.tolist())) == count - 1
    # The files of the run say the same.
    assert len(load_people(after.out).gallery.by_person()) == count - 1
    assert {f"{key.camera}/t{key.track:04d}" for key in keys} <= {
        str(path.relative_to(after.out / "crops")).split("_")[0] for path in after.out.glob("crops/*/*.jpg")
    }
    # Numbers of people who are gone are not given to others.
    assert review_of(case).highest >= kept


def test_no_undo_no_redo_and_no_migration_brings_a_person_back(own_house: Services, case: Case) -> None:
    undo(case)
    erase_person(own_house, case, person(session(case)))
    now = Cases().load(case.key)
    for step in (redo, redo, undo, undo, undo):
        step(now)
        assert SECRET not in (Cases().review_file(case.key)).read_text()
    assert ("cam1", 1) not in session(case).row_of and not review_of(case).pending and not review_of(case).absent


def test_a_part_of_a_track_that_was_cut_goes_alone(own_house: Services, case: Case) -> None:
    found = session(case)
    row = found.row("cam1", 2)
    moment = float(found.evidence.crops.seconds[found.evidence.crops.row == row].max())
    act(case, lambda now: cut(now, "cam1", 2, moment))
    found = session(case)
    part = found.evidence.cuts[0].new_track
    boxes = load_all_tracks(found.out, ["cam1"])["cam1"]
    early = boxes[(boxes.track == 2) & (np.round(boxes.seconds, 3) < round(moment, 3))]
    erase_person(own_house, case, found.person_of(TrackKey("cam1", part)))
    after = session(case)
    left = load_all_tracks(after.out, ["cam1"])["cam1"]
    assert left[left.track == 2].frame.tolist() == early.frame.tolist()
    crops = after.evidence.crops[after.evidence.crops.row == after.row("cam1", 2)]
    assert len(crops) == 1 and (crops.seconds < moment).all()
    assert after.evidence.clip_seconds(after.row("cam1", 2))[1] == pytest.approx(float(early.seconds[-1]))


def test_later_runs_leave_the_person_out(own_house: Services, case: Case) -> None:
    found = session(case)
    keys, out = found.tracks(person(found)), found.out
    boxes, sizes = load_all_tracks(out, ["cam1", "cam2"]), read_record(out).cameras
    erase_person(own_house, case, person(found))
    now = Cases().load(case.key)
    # The run that is shown is the one that the same settings would give.
    order = order_of(now)
    assert order.key == now.run and own_house.jobs.get(now.run).state == "done"
    for source in order.sources:
        tracks, about = boxes[source.camera], sizes[source.camera]
        hit = on_trails(from_json(source.regions), tracks.seconds, tracks.xyxy, about.width, about.height)
        mine = np.isin(tracks.track, [key.track for key in keys if key.camera == source.camera])
        assert hit.tolist() == mine.tolist()
    # Back-ups have it, too.
    assert all(clip.regions.left_out for clip in now.clips)


def test_a_run_of_another_case_is_left_as_it_is(own_house: Services, case: Case) -> None:
    other = own_house.cases.new("Other")
    own_house.cases.change(other.key, lambda now: Case(**{**vars(case), "key": now.key, "name": "Other"}))
    before = everything(cache_dir() / "runs" / case.run)
    gone = erase_person(own_house, case, person(session(case)))
    assert gone.shared_with == ("Other",) and "Other" in "\n".join(gone.lines)
    assert everything(cache_dir() / "runs" / case.run) == before
    assert Cases().load(other.key).run == case.run != Cases().load(case.key).run
    assert ("cam1", 1) in session(Cases().load(other.key)).row_of
    assert ("cam1", 1) not in session(case).row_of
    # What stages stored is needed for the other case.
    assert list(cache_dir().glob("stages/*/embed-1"))


def test_a_person_is_not_deleted_while_a_run_is_awaited(own_house: Services, case: Case) -> None:
    own_house.cases.change(case.key, lambda now: Case(**{**vars(now), "wanted": "0a" * 10}))
    with pytest.raises(StoreError, match="in progress"):
        erase_person(own_house, case, person(session(case)))
    assert ("cam1", 1) in session(case).row_of


def test_decisions_that_joined_the_person_with_another_go(own_house: Services, case: Case) -> None:
    found = session(case)
    both = [found.person_of(TrackKey("cam1", 1)), found.person_of(TrackKey("cam2", 2))]
    if both[0] == both[1]:
        both[1] = found.person_of(TrackKey("cam2", 3))
    act(case, lambda now: merge(now, both))
    erase_person(own_house, case, person(session(case)))
    assert not any("P001" in action.description for action in review_of(case).done)


def test_a_clip_goes_with_all_that_was_made_of_it(own_house: Services, case: Case, tmp_path: Path) -> None:
    clip = case.clip("cam1")
    gone = erase_clip(own_house, case, "cam1")
    now = Cases().load(case.key)
    assert gone.tracks == 4 and "Your own file stays" in gone.lines[-1] and Path(clip.path).is_file()
    assert [each.camera for each in now.clips] == ["cam2"] and clip.digest not in now.removed
    assert not [path for path in cache_dir().rglob(f"*{clip.digest}*") if path.parent.name != "runs"]
    after = session(now)
    assert after.evidence.cameras == ("cam2",) and set(read_record(after.out).cameras) == {"cam2"}
    assert load_evidence(after.out).tracklets.camera.tolist() == [0] * 4 and SECRET in str(review_of(now).names)
    assert order_of(now).key == now.run
    erase_clip(own_house, now, "cam2")
    assert Cases().load(case.key).run == "" and SECRET not in json.dumps(str(review_of(now)))


def test_a_person_is_deleted_from_the_command_line(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    number = person(session(case))
    assert main(["cases", "--delete-person", case.key, f"P{number:03d}"]) == 2
    assert "--yes" in capsys.readouterr().err and ("cam1", 1) in session(case).row_of
    assert main(["cases", "--delete-person", case.key, f"P{number:03d}", "--yes"]) == 0
    assert "2 tracks" in capsys.readouterr().out
    serve_with(Services())
    assert ("cam1", 1) not in session(case).row_of
