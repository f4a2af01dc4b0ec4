"""Exports: keyed by what is in them, joined, stopped, explained when they fail, and never one in another's place."""

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.base.errors import StoreError
from core.export import CaseFacts, DecisionFact, read_facts
from core.review import Action, Renumbering
from core.runs import (
    SAME,
    CutPoint,
    Link,
    Name,
    PersonNumber,
    TrackKey,
    TravelTime,
    read_links,
    read_names,
    read_numbers,
)
from core.workspace.jobs import Export, ExportJob, Exports, find_job
from core.workspace.jobs.exports import RECORD, ExportRecord, _decisions
from tests.launching import FakeLauncher, flags
from tests.workspace.jobs.test_jobs import until

# Stands in for `python -m core gallery`: what it does is written in a file beside it.
CHILD = """
import hashlib, json, signal, sys, time
from pathlib import Path

sys.argv[1:] = json.load(sys.stdin)

def stop(*_):
    sys.stderr.write("sightline: stopped.\\n")
    sys.exit(130)

signal.signal(signal.SIGTERM, stop)
act = Path(__file__).with_name("act").read_text()
flags = dict(word[2:].partition("=")[::2] for word in sys.argv[1:] if word.startswith("--") and "=" in word)
to = Path(flags["to"])
print(json.dumps(dict(camera="", number=1, cameras=1, stage="export", done=4, total=10, rate=5.0, left_seconds=1.2)))
sys.stdout.flush()
if act == "refuse":
    sys.stderr.write("sightline: The picture x.jpg cannot be read. Run the analysis again, then export.\\n")
    sys.exit(2)
while Path(__file__).with_name("act").read_text() == "wait":
    time.sleep(0.02)
(to / "said").write_text(json.dumps(sys.argv[1:]))
(to / "gallery.zip").write_bytes(b"zip")
(to / "SHA256SUMS").write_text(hashlib.sha256(b"zip").hexdigest() + "  gallery.zip\\n")
"""
LINK = Link(TrackKey("a", 1), SAME, TrackKey("b", 2))
NUMBERS = (PersonNumber(7, "a", 1, 0.5),)
EXPORT = Export("gallery", "0123456789" * 2, "s", 0.5, (LINK,), (("a", 1, "Anna", "=1"),), "a bag")


@pytest.fixture
def exports(tmp_path: Path) -> Iterator[Exports]:
    made = faked(tmp_path, "done")
    yield made
    for one in made.of(EXPORT.run):
        made.cancel(one.key)
        made.cancel(one.key)


def write(words: Sequence[str], folder: Path, variables: dict[str, str]) -> int:
    """The same as CHILD, in this process."""
    to = Path(flags(words)["to"])
    (to / "said").write_text(json.dumps(list(words)))
    (to / "gallery.zip").write_bytes(b"zip")
    (to / "SHA256SUMS").write_text(hashlib.sha256(b"zip").hexdigest() + "  gallery.zip\n")
    return 0


@pytest.fixture
def here(tmp_path: Path) -> Exports:
    """Exports that are made in this process."""
    return Exports(tmp_path / "exports", [], FakeLauncher(write))


def faked(folder: Path, act: str) -> Exports:
    (folder / "child.py").write_text(CHILD)
    (folder / "act").write_text(act)
    return Exports(folder / "exports", [sys.executable, str(folder / "child.py")])


def over(exports: Exports, export: Export = EXPORT) -> ExportJob:
    until(lambda: not look(exports, export).is_active)
    return look(exports, export)


def look(exports: Exports, export: Export = EXPORT) -> ExportJob:
    found = exports.get(export.key)
    assert found is not None
    return found


def test_what_is_made_is_found_again_and_not_made_twice(exports: Exports, tmp_path: Path) -> None:
    assert exports.get(EXPORT.key) is None
    exports.start(EXPORT, tmp_path)
    made = over(exports)
    assert made.state == "done" and made.file("gallery.zip") and made.file("said") is None
    began = made.began
    assert exports.start(EXPORT, tmp_path).began == began
    assert [one.key for one in Exports(tmp_path / "exports").of(EXPORT.run)] == [EXPORT.key]


def test_the_child_is_told_all_that_decides(here: Exports, tmp_path: Path) -> None:
    from core.cli import parser

    shown = replace(EXPORT, reason="--asked for", threshold=-0.25, numbers=NUMBERS)
    here.start(shown, tmp_path / "run")
    said = json.loads((over(here, shown).folder / "out" / "said").read_text())
    read = parser().parse_args(["gallery", *said])
    assert (read.done, read.cos, read.purpose, read.reason) == (tmp_path / "run", -0.25, "a bag", "--asked for")
    assert read.no_blur and read.what == "gallery" and read.progress == "json"
    assert read_links(read.links) == (LINK,) and read_names(read.names) == EXPORT.names
    assert read_numbers(read.numbers) == NUMBERS
    assert not parser().parse_args(["gallery", *EXPORT.arguments(tmp_path, tmp_path)]).no_blur
    alone = replace(EXPORT, what="films", reason="asked for", only_person=3)
    read = parser().parse_args(["gallery", *alone.arguments(tmp_path, tmp_path)])
    assert (read.no_blur, read.only_person, read.reason) == (False, 3, "asked for")


def test_the_child_is_told_the_rules_of_matching(tmp_path: Path) -> None:
    from core.cli import parser
    from core.cli.run import parse_choice
    from core.machine.settings_file import UserSettings

    cameras = ("hall", "back-yard", "hall-back", "yard")
    ruled = replace(EXPORT, travel=(TravelTime("hall", "back-yard", 2.5),), ignore_positions=True, links=(), names=())
    read = parser().parse_args(["gallery", *ruled.arguments(tmp_path, tmp_path)])
    assert parse_choice(read, cameras, UserSettings()).rules == (ruled.travel, True)
    plain = replace(ruled, travel=(), ignore_positions=False)
    assert len({ruled.key, plain.key, replace(plain, ignore_positions=True).key}) == 3
    # An export that has none keeps the key that it had before there were any.
    assert EXPORT.key == "01234567890123456789-16e2ebf2c9961bdd6fe1"


@pytest.mark.parametrize(
    "change",
    [
        {"what": "films"},
        {"stamp": "t"},
        {"threshold": None},
        {"links": ()},
        {"names": ()},
        {"purpose": ""},
        {"reason": "r"},
        {"numbers": NUMBERS},
    ],
    ids=str,
)
def test_whatever_decides_the_content_is_in_the_key(change: dict[str, object]) -> None:
    other = replace(EXPORT, **change)  # type: ignore[arg-type]
    assert other.key != EXPORT.key and other.key.startswith(EXPORT.run)


def test_keys_are_what_they_were() -> None:
    """Without numbers, as in 0.1.0."""
    assert EXPORT.key == "01234567890123456789-16e2ebf2c9961bdd6fe1"
    assert replace(EXPORT, numbers=NUMBERS).key == "01234567890123456789-ebda7f979c91de6f61f3"


def test_a_record_of_an_export_comes_back_as_it_was(here: Exports, tmp_path: Path) -> None:
    """Also one of version 1, whose links were texts by column."""
    export = replace(EXPORT, numbers=NUMBERS)
    folder = here.start(export, tmp_path / "run").folder
    record = find_job(RECORD, folder)
    assert record is not None and record.export == export and record.export.key == export.key
    content = json.loads((folder / "job.json").read_text())
    old = {**content["export"], "links": [link.to_dict() for link in export.links]}
    (folder / "job.json").write_text(json.dumps({"export": old, "began": 1, "attempt": "ab", "pid": 3}))
    assert find_job(RECORD, folder) == ExportRecord(export=export, began=1.0, attempt="ab", pid=3)


@pytest.mark.parametrize("text", ["{", '{"began": 1.0}', '{"format": 2, "began": "1", "export": {}}'])
def test_a_damaged_export_says_so_and_can_be_made_again(here: Exports, tmp_path: Path, text: str) -> None:
    file = here.start(EXPORT, tmp_path / "run").folder / "job.json"
    file.write_text(text)
    failed = look(here)
    assert failed.state == "failed" and f"{file} cannot be read (" in failed.fault
    assert here.start(EXPORT, tmp_path / "run").state == "done"


def test_an_export_of_a_newer_version_is_left_as_it_is(here: Exports, tmp_path: Path) -> None:
    file = here.start(EXPORT, tmp_path / "run").folder / "job.json"
    file.write_text('{"format": 99}')
    assert "Update Sightline" in look(here).fault
    with pytest.raises(StoreError, match="Update Sightline"):
        here.start(EXPORT, tmp_path / "run")
    assert file.read_text() == '{"format": 99}'


def test_it_says_how_far_it_is_and_stops(tmp_path: Path) -> None:
    exports = faked(tmp_path, "wait")
    exports.start(EXPORT, tmp_path)
    until(lambda: look(exports).report is not None)
    report = look(exports).report
    assert report and (report.done, report.total, report.left_seconds) == (4, 10, 1.2)
    with pytest.raises(StoreError, match="still in progress"):
        exports.forget(EXPORT.key)
    exports.cancel(EXPORT.key)
    made = over(exports)
    assert made.state == "stopped" and made.file("gallery.zip") is None
    (tmp_path / "act").write_text("done")
    exports.start(EXPORT, tmp_path)
    assert over(exports).state == "done"
    exports.forget(EXPORT.key)
    assert exports.get(EXPORT.key) is None and not list((tmp_path / "exports").iterdir())


def test_a_failure_is_said_in_its_own_words(tmp_path: Path) -> None:
    exports = faked(tmp_path, "refuse")
    exports.start(EXPORT, tmp_path)
    until(lambda: look(exports).state == "failed")
    assert over(exports).fault == "The picture x.jpg cannot be read. Run the analysis again, then export."


def test_a_file_that_went_missing_is_no_finished_export(here: Exports, tmp_path: Path) -> None:
    here.start(EXPORT, tmp_path)
    over(here)
    (look(here).folder / "out" / "gallery.zip").unlink()
    assert look(here).state == "failed"


@pytest.mark.parametrize("key", ["", "..", "../runs", EXPORT.run, f"{EXPORT.run}-{'z' * 20}", EXPORT.key.upper() + "/"])
def test_a_crooked_key_finds_nothing(key: str, here: Exports) -> None:
    assert here.get(key) is None


def test_films_and_galleries_are_told_where_the_clips_are(tmp_path: Path) -> None:
    """Galleries too: their reports show whole frames. Crops need no clip."""

    def told(export: Export) -> list[str]:
        return [word for word in export.arguments(tmp_path, tmp_path, ["a b.mp4"]) if "clip" in word]

    assert told(replace(EXPORT, what="films")) == told(EXPORT) == ["--clip=a b.mp4"]
    assert told(replace(EXPORT, what="crops")) == []


def test_the_child_gets_the_facts_of_the_case_in_a_file(here: Exports, tmp_path: Path) -> None:
    facts = CaseFacts("5f00aa11", "Bank", "kowalska", "2026-11-30T09:00:01+01:00")
    export = replace(EXPORT, case=facts.digest)
    said = json.loads((here.start(export, tmp_path / "run", case=facts).folder / "out" / "said").read_text())
    assert read_facts(Path(flags(said)["facts"])) == facts
    # Who makes it and when does not make another export of it; what is in it does.
    assert replace(facts, made_by="nowak", made_at="later").digest == facts.digest
    assert replace(facts, name="Shop").digest != facts.digest and export.key != EXPORT.key


def test_decisions_name_tracks_as_they_are_now(tmp_path: Path) -> None:
    """Track 31 of the first decision became 32 when a track before it was cut."""
    first = Action("same", "joined", 0.0, (Link(TrackKey("a", 31), SAME, TrackKey("b", 2)),))
    cut = Action("cut", "cut", 60.0, (Link.cut(CutPoint("a", 3, 2.5)),), renumbered=(Renumbering("a", 31, 32),))
    unsure = ((TrackKey("a", 1), TrackKey("a", 2)),)
    named = Action("name", "named", 90.0, names=(Name("b", 2, "Anna", ""),), unsure=unsure)
    berlin = ZoneInfo("Europe/Berlin")
    assert list(_decisions((first, cut, named), berlin)) == [
        DecisionFact("1970-01-01T01:00:00+01:00", "joined", (TrackKey("a", 32), TrackKey("b", 2))),
        DecisionFact("1970-01-01T01:01:00+01:00", "cut", (TrackKey("a", 3),)),
        DecisionFact("1970-01-01T01:01:30+01:00", "named", (TrackKey("b", 2), TrackKey("a", 1), TrackKey("a", 2))),
    ]
