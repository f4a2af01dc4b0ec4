"""Whatever is wrong with a record on disk: it is read, or refused in words, and nothing else happens."""

from __future__ import annotations

import copy
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import StoreError
from core.export.replay import parse_manifest
from core.export.verify import RECORD as MANIFEST
from core.machine.records import NewerVersionError, RecordFormat
from core.review import Review
from core.review.history import RECORD as REVIEW
from core.review.history import AbsentNumber
from core.runs import SAME, Link, Name, PersonNumber, TrackKey
from core.runs.record import RECORD as RUN
from core.runs.record import CameraRecord, CutRecord, OverlapRecord
from core.workspace.cases import parse_case
from core.workspace.cases.case import RECORD as CASE
from core.workspace.jobs import RUN_JOB, CameraStatus, Export, RunStatus
from core.workspace.jobs.exports import RECORD as EXPORT
from core.workspace.jobs.exports import ExportRecord
from core.workspace.jobs.status import RECORD as STATUS

OLD = Path(__file__).resolve().parent / "data" / "v0.1.0"
BACKUP, EXPORTED = OLD / "case-backup.zip", OLD / "run" / "gallery.zip"


def _in(archive: Path, name: str) -> Any:
    with zipfile.ZipFile(archive) as file:
        return json.loads(file.read(name))


def _present(record: RecordFormat[Any], old: Any, **changes: Any) -> Any:
    """What is written today of an old record, with these changes."""
    return json.loads(record.to_json(replace(record.from_content(old), **changes)))


def _records() -> Iterator[tuple[str, RecordFormat[Any], Any]]:
    """A record of each kind, as 0.1.0 wrote it and as it is written now."""
    case, job, review = (_in(BACKUP, name) for name in ("case.json", "run/job.json", "review.json"))
    yield "case of 0.1.0", CASE, case
    yield "case", CASE, _present(CASE, case, removed=("ab" * 16,), expires="2027-05-31")
    yield "run's job of 0.1.0", RUN_JOB, job
    yield "run's job", RUN_JOB, _present(RUN_JOB, job, attempt="12ab", waiting=3)
    link, number = Link(TrackKey("gate", 1), SAME, TrackKey("hall", 2)), PersonNumber(1, "gate", 2, 1.5)
    export = Export("films", "0a" * 10, "s", 0.5, (link,), (Name("gate", 1, "Zo\u00eb", ""),), numbers=(number,))
    yield "export's job", EXPORT, json.loads(EXPORT.to_json(ExportRecord(export=export, began=1.5, pid=7)))
    cameras = (CameraStatus("gate", "done", 3, 120), CameraStatus("hall", "failed", fault="no frames"))
    yield "status", STATUS, json.loads(STATUS.to_json(RunStatus("12ab", "tracking", cameras=cameras)))
    yield "review of 0.1.0", REVIEW, review
    numbers = {"numbers": (number,), "absent": (AbsentNumber("ab", number),), "highest": 4, "action_ids": ("a",)}
    yield "review", REVIEW, _present(REVIEW, review, **numbers)
    run = json.loads((OLD / "run" / "run.json").read_text())
    yield "run of 0.1.0", RUN, run
    more = {
        "failed": CameraRecord("a.mp4", "a.mp4", failed="no frames", range=(1.0, None)),
        "crops": CameraRecord("crops", crops=3, people_told_apart=2, sha256_of_crops="ab"),
    }
    ground, cut = OverlapRecord(("a", "b"), 0.5, 3.0, 0.1, 0.25), CutRecord("a", 1, 2.5, 7)
    matched = {"same_ground": (ground,), "cut_where_views_disagree": (cut,)}
    yield "run", RUN, _present(RUN, run, cameras=RUN.from_content(run).cameras | more, **matched)
    manifest = _in(EXPORTED, "manifest.json")
    yield "manifest of 0.1.0", MANIFEST, {**manifest, "entries": manifest["entries"][:3]}


RECORDS = {name: (record, content) for name, record, content in _records()}


def read(record: RecordFormat[Any], content: Any) -> Any:
    """The record, with all that is read of it later; None if it is refused in words."""
    try:
        found = parse_case(json.dumps(content).encode(), "k") if record is CASE else record.parse(json.dumps(content))
        if record is MANIFEST:
            parse_manifest(found)
        return found
    except StoreError as fault:
        assert fault.message and fault.remedy
        return None


def places_of(content: Any) -> Iterator[tuple[Any, Any]]:
    """Each value within some JSON, as the list or object that holds it and its place there."""
    places = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for place, value in places:
        yield content, place
        yield from places_of(value)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from(["", "x", "3", "nan", "\ud800", "\0", "../x", [], {}, [[]], [{}], {"": []}, {"x": None}, [1, "x"]]),
)


@pytest.mark.parametrize(("record", "content"), RECORDS.values(), ids=RECORDS.keys())
def test_a_whole_record_is_read_and_comes_back_as_it_was(record: RecordFormat[Any], content: Any) -> None:
    found = read(record, content)
    assert found is not None
    if record is not MANIFEST:
        assert record.parse(record.to_json(found)) == found


@pytest.mark.parametrize(("record", "content"), RECORDS.values(), ids=RECORDS.keys())
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_record_with_one_other_value_is_read_or_refused(
    record: RecordFormat[Any], content: Any, data: st.DataObject
) -> None:
    damaged = copy.deepcopy(content)
    holder, place = data.draw(st.sampled_from(list(places_of(damaged))))
    if isinstance(holder, dict) and data.draw(st.booleans()):
        del holder[place]
    else:
        holder[place] = data.draw(VALUES)
    found = read(record, damaged)
    if found is not None and record is not MANIFEST:
        assert record.parse(record.to_json(found)) == found


WRONG: dict[str, tuple[str, Callable[[Any], None], str]] = {
    # the record, what is done to it, and the place that is told
    "case": ("case", lambda case: case["clips"][0].update(camera=5), "clips, 0, camera"),
    "setting": ("case", lambda case: case["plan"]["track"].update(n_init="3"), "plan, track, n_init"),
    "region": ("case", lambda case: case["clips"][0]["regions"].update(anchor="head"), "clips, 0, regions, anchor"),
    "order": ("run's job", lambda job: job["order"]["sources"][0].update(path=None), "order, sources, 0, path"),
    "process": ("run's job", lambda job: job.update(pid="7"), "pid"),
    "export": ("export's job", lambda job: job["export"].update(what="all"), "export, what"),
    "status": ("status", lambda status: status["cameras"][1].update(state="odd"), "cameras, 1, state"),
    "decision": ("review", lambda review: review["done"][0].update(time="noon"), "done, 0, time"),
    "link": ("review", lambda review: review["done"][0]["links"][0].update(second=["a", "1"]), "links, 0, second"),
    "run": ("run", lambda run: run["cameras"]["cam1"].update(width=4.5), "cameras, cam1, width"),
    "stage": ("run", lambda run: run["cameras"]["cam1"]["stages"]["track"].update(seconds=None), "track, seconds"),
    "manifest": ("manifest of 0.1.0", lambda manifest: manifest["entries"][1].pop("sha256"), "entries, 1, sha256"),
}


@pytest.mark.parametrize(("name", "damage", "place"), WRONG.values(), ids=WRONG.keys())
def test_the_field_that_is_wrong_is_named(name: str, damage: Callable[[Any], None], place: str) -> None:
    record, content = RECORDS[name]
    damaged = copy.deepcopy(content)
    damage(damaged)
    with pytest.raises(StoreError, match=place):
        record.parse(json.dumps(damaged))


@pytest.mark.parametrize(("record", "content"), RECORDS.values(), ids=RECORDS.keys())
def test_a_newer_record_is_refused_in_words_and_unknown_fields_are_not(record: RecordFormat[Any], content: Any) -> None:
    with pytest.raises(NewerVersionError, match="Update Sightline"):
        record.parse(json.dumps({**content, "format": 99}))
    assert record.parse(json.dumps({**content, "colour": ["red"]})) == record.parse(json.dumps(content))


def test_an_empty_review_is_written_and_read() -> None:
    assert REVIEW.parse(REVIEW.to_json(Review())) == Review()
