"""What the app asks of `run` and `track`: ranges per camera, no zip, and regions of a clip that cannot be read."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.base.errors import SettingsError
from core.cli import parser
from core.cli.track import parse_setup
from core.export import ExportOptions, load_manifest, prepare_replay
from core.machine.artifacts import Store
from core.runs import Camera, Choice, collect_evidence, load_people, read_record, remove_results, track_clips
from core.vision.regions import Region, Regions, save_regions
from tests.export.replay_making import setup
from tests.runs.making import decide_and_write

TRACK = ["track", "--name", "gate=a.mp4", "--name", "hall=b.mp4", "--out", "x"]


@pytest.mark.parametrize(
    ("word", "span"),
    [("5-20", (5.0, 20.0)), ("5-", (5.0, None)), ("-20", (0.0, 20.0)), ("0.25-0.5", (0.25, 0.5))],
)
def test_a_range_is_of_one_camera(word: str, span: tuple[float, float | None]) -> None:
    cameras = parse_setup(parser().parse_args([*TRACK, f"--range=gate={word}"])).cameras
    assert [camera.span for camera in cameras] == [span, None]


@pytest.mark.parametrize("word", ["yard=1-2", "gate=5", "gate=1-2-3", "gate=a-b", "gate=9-3"])
def test_a_range_that_means_nothing_is_refused(word: str) -> None:
    with pytest.raises(SettingsError):
        parse_setup(parser().parse_args([*TRACK, f"--range={word}"]))


def test_one_clip_for_two_cameras_is_refused() -> None:
    with pytest.raises(SettingsError, match="given to two cameras"):
        parse_setup(parser().parse_args(["track", "--name", "gate=a.mp4", "--name", "hall=a.mp4", "--out", "x"]))


def test_regions_of_a_clip_that_cannot_be_read_keep_no_other_from_its_turn(tmp_path: Path) -> None:
    save_regions(tmp_path / "r.json", Regions((Region("box", ((0, 0), (1, 1))),)))
    words = [*TRACK, f"--roi=gate={tmp_path / 'r.json'}"]
    assert parse_setup(parser().parse_args(words)).regions == {}


def test_a_range_is_looked_at_told_and_obeyed_again(tmp_path: Path) -> None:
    """Only those seconds are looked at; the zip says so, and a run like it does the same."""
    whole = setup(tmp_path)
    hall, gate = whole.cameras
    ranged = replace(whole, cameras=[hall, replace(gate, span=(1.0, 2.0))])
    results = track_clips(ranged, tmp_path / "out", with_crops=True, store=Store(tmp_path / "store"))
    assert [result.analysed for result in results] == [34, 10]
    assert float(results[1].timeline.seconds[0]) == 1.0
    assert json.loads((tmp_path / "out" / "run.json").read_text())["cameras"]["gate"]["range"] == [1.0, 2.0]
    evidence = collect_evidence(results, ranged.offsets, tmp_path / "out")
    decide_and_write(evidence, tmp_path / "out", ranged.prior, ranged.choice)
    found = prepare_replay(load_manifest(tmp_path / "out" / "gallery.zip"), [hall.clip, gate.clip])
    assert [camera.span for camera in found.setup.cameras] == [None, (1.0, 2.0)]


def test_without_the_zip_all_else_is_there(tmp_path: Path) -> None:
    out, plain = tmp_path / "out", replace(setup(tmp_path), choice=Choice())
    results = track_clips(plain, out, with_crops=True, store=Store(tmp_path / "store"))
    (out / "gallery.zip").write_bytes(b"of an older run")
    evidence = collect_evidence(results, plain.offsets, out)
    decide_and_write(evidence, out, plain.prior, plain.choice, ExportOptions(zipped=False))
    assert (out / "people.csv").is_file() and (out / "similarity.npz").is_file()
    assert not (out / "gallery.zip").exists()
    people = load_people(out)
    assert len(people.person) == len(people.gallery.sightings) > 0


def test_a_second_run_into_a_folder_leaves_nothing_of_the_first_and_all_of_the_users(tmp_path: Path) -> None:
    """The second one fails. Before, the people, crops and zip of the first stood under its record."""
    out, first = tmp_path / "out", setup(tmp_path)
    results = track_clips(first, out, with_crops=True, store=Store(tmp_path / "store"))
    evidence = collect_evidence(results, first.offsets, out)
    decide_and_write(evidence, out, first.prior, first.choice)
    assert (out / "gallery.zip").is_file() and list((out / "crops").rglob("*.jpg"))
    users = {"notes.txt", "crops/mine.jpg", "crops/gate/mine.jpg", "tracks/mine.txt", "report.pdf"}
    for name in users:
        (out / name).write_text("the user's own")
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    (failed,) = track_clips(replace(first, cameras=[Camera("yard", tmp_path / "broken.mp4")], regions={}), out)
    assert failed.fault
    left = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert left == {"run.json", "tracks.parquet", "frames.parquet", *users}
    assert list(read_record(out).cameras) == ["yard"]


def test_a_folder_that_is_not_that_of_a_run_keeps_its_files(tmp_path: Path) -> None:
    (tmp_path / "gallery.zip").write_bytes(b"an export that somebody keeps")
    remove_results(tmp_path)
    assert (tmp_path / "gallery.zip").is_file()
