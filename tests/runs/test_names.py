"""Names and notes: read, written as a spreadsheet may have them, given to people, and handed out with the zip."""

from pathlib import Path

import pytest

from core.base.errors import SettingsError
from core.base.text import Clocks
from core.export import ExportOptions, load_manifest, verify_zip
from core.export.replay import parse_manifest
from core.runs import Choice, names_by_person, names_csv, read_names
from core.vision.models import EmbedderPrior
from tests.export.making import unpacked
from tests.runs.making import decide_and_write, run

KNOWN = EmbedderPrior(impostor_mean=0.5, impostor_spread=0.2, threshold=0.9)
NAMES = (("gate", 1, "Änna <b>", "=1+1"), ("hall", 2, "", "wears a hat"), ("hall", 1, 'a "comma", and -', ""))
ROW_OF = {("gate", 1): 0, ("hall", 1): 1, ("hall", 2): 2}


def test_what_is_written_is_read_back_and_is_no_formula(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text(names_csv(NAMES), encoding="utf-8")
    assert read_names(tmp_path / "n.csv") == NAMES
    assert ",'=1+1\n" in names_csv(NAMES)


@pytest.mark.parametrize(
    ("person", "names", "notes"),
    [
        ([1, 2, 3], {1: "Änna <b>", 2: 'a "comma", and -'}, {1: "=1+1", 3: "wears a hat"}),
        ([1, 1, 1], {1: 'Änna <b>, a "comma", and -'}, {1: "=1+1; wears a hat"}),  # both, where two are one now
    ],
)
def test_a_name_is_that_of_its_tracks(person: list[int], names: dict[int, str], notes: dict[int, str]) -> None:
    assert names_by_person(NAMES, ROW_OF, person) == (names, notes)


def test_the_same_name_twice_is_said_once() -> None:
    twice = (("gate", 1, "Anna", ""), ("hall", 1, "Anna", ""), ("hall", 2, " \n", ""))
    assert names_by_person(twice, ROW_OF, [1, 1, 1]) == ({1: "Anna"}, {})


def test_a_track_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsError, match="no track 9 of camera gate"):
        names_by_person([("gate", 9, "Anna", "")], ROW_OF, [1, 1, 1])


@pytest.mark.parametrize("text", ["camera,track,name,note\ngate,x,Anna,\n", "a,b\n1,2\n", "\xff"])
def test_a_file_that_names_no_tracks_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match="names"):
        read_names(tmp_path / "n.csv")


def test_names_reach_the_zip_and_no_file_name(tmp_path: Path) -> None:
    evidence = run(tmp_path)
    said = Choice(0.9, names=NAMES[:2], purpose="find\n a bag")
    options = ExportOptions(blur=False, reason="asked <for>", to=tmp_path / "to")
    gallery = decide_and_write(evidence, tmp_path / "out", KNOWN, said, options).gallery
    named = gallery.sightings[0].person
    assert gallery.people[named] == "Änna <b>" and gallery.remarks[named] == "=1+1"
    assert not (tmp_path / "out" / "gallery.zip").exists()
    content = unpacked(tmp_path / "to" / "gallery.zip")
    report, readme = content["report.html"].decode(), content["README.txt"].decode()
    assert (
        "<bdi>Änna &lt;b&gt;</bdi>" in report
        and "<bdi>=1+1</bdi>" in report
        and "<dt>Purpose</dt><dd>find a bag</dd>" in report
    )
    assert "Purpose: find a bag\n" in readme and "The reason given: asked <for>\n" in readme
    assert ",Änna <b>,'=1+1\n" in content["sightings.csv"].decode()
    assert not [name for name in content if "nna" in name]


def test_an_older_manifest_without_names_is_still_read(tmp_path: Path) -> None:
    decide_and_write(run(tmp_path), tmp_path / "out", KNOWN, Choice(0.9))
    manifest = verify_zip(tmp_path / "out" / "gallery.zip")
    del manifest.about["choice"]["names"]
    for camera in manifest.about["run"]["cameras"]:
        camera.setdefault("file", "x.mp4")
    manifest.about["known_of_the_embedder"] = None
    assert parse_manifest(manifest).choice == Choice(0.9)
    assert parse_manifest(load_manifest(tmp_path / "out" / "gallery.zip")).choice.names == ()


def test_a_repetition_has_the_clocks_of_the_export(tmp_path: Path) -> None:
    clocks = Clocks.read({"gate": "2026-10-25T02:30:00+01:00", "hall": "2026-10-25T03:00:00"}, "Europe/Berlin")
    decide_and_write(run(tmp_path), tmp_path / "out", KNOWN, Choice(0.9, clocks=clocks))
    manifest = verify_zip(tmp_path / "out" / "gallery.zip")
    for camera in manifest.about["run"]["cameras"]:
        camera.setdefault("file", "x.mp4")
    manifest.about["known_of_the_embedder"] = None
    assert parse_manifest(manifest).choice == Choice(0.9, clocks=clocks)
