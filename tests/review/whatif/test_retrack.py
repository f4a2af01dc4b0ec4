"""Tracked again from what a run stored: its own tracks at its own settings, a real run's at others, no network."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from core.base.errors import StoreError
from core.cli import main
from core.machine.artifacts import Store
from core.review import Action, Review
from core.review.whatif import LoadedRun, compare_camera, compare_runs, load_run, retrack_run, unused_detections
from core.runs import (
    DIFFERENT,
    Link,
    MatchRules,
    Setup,
    TrackKey,
    TravelTime,
    collect_evidence,
    load_tracks,
    track_clips,
)
from core.vision.track import iou_matrix
from tests.export.replay_making import setup
from tests.review.tracked import lanes

LOWER = 0.6
"""How sure the detector is of the second figure of each camera; of the first it is surer."""


def run(made: Setup, out: Path, store: Store) -> None:
    collect_evidence(track_clips(made, out, with_crops=True, store=store), made.offsets, out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in out/ with regions, offsets and a store beside it."""
    path = tmp_path_factory.mktemp("retrack")
    run(setup(path, LOWER), path / "out", Store(path / "store"))
    return path


@pytest.fixture
def held(folder: Path, monkeypatch: pytest.MonkeyPatch) -> LoadedRun:
    """Any way to open a network or a clip is an error."""

    def refused(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("a network or a clip was opened")

    for name in (
        "core.runs.network_stages.open_detector",
        "core.runs.network_stages.open_embedder",
        "core.vision.video.reading.read",
    ):
        monkeypatch.setattr(name, refused)
    monkeypatch.setattr("core.machine.offline.import_openvino", refused)
    monkeypatch.setattr("core.runs.network_stages.Networks.detector", refused)
    monkeypatch.setattr("core.runs.network_stages.Networks.embedder", refused)
    return load_run(folder / "out", Store(folder / "store"))


def test_detections_that_no_track_uses_are_found(held: LoadedRun, folder: Path) -> None:
    """Each detection lies on a box of a track in its frame, or is among them."""
    for data in held.cameras:
        seconds, unused = unused_detections(folder / "out", data.camera, Store(folder / "store"))
        tracks = held.tracks[data.camera]
        expected = [
            row
            for row in range(len(data.detections))
            if (
                iou_matrix(data.detections.xyxy[[row]], tracks.xyxy[tracks.frame == data.detections.frame[row]]) < 0.5
            ).all()
        ]
        np.testing.assert_array_equal(unused.xyxy, data.detections.xyxy[expected])
        moments = dict(zip(data.timeline.frame.tolist(), data.timeline.seconds.tolist(), strict=True))
        assert seconds.tolist() == [moments[frame] for frame in unused.frame.tolist()]
    with pytest.raises(StoreError, match="no longer in the cache"):
        unused_detections(folder / "out", "gate", Store(folder / "elsewhere"))


def same_tracks(held: LoadedRun, out: Path, found: Any) -> None:
    for camera in held.tracks:
        theirs, mine = load_tracks(out, camera), found.tracks[camera]
        for name in ("frame", "track", "xyxy", "detected"):
            assert np.array_equal(getattr(mine, name), getattr(theirs, name)), (camera, name)


def test_at_its_own_settings_it_is_the_run(held: LoadedRun) -> None:
    found = retrack_run(held, held.settings)
    same_tracks(held, held.out, found)
    assert found.evidence and held.evidence
    assert np.allclose(found.evidence.tracklets.vector, held.evidence.tracklets.vector, atol=1e-3)
    assert np.array_equal(found.evidence.walks.feet, held.evidence.walks.feet, equal_nan=True)
    changes = compare_runs(held, found)
    assert changes.unchanged and changes.description == "Nothing changes"
    assert changes.people_before == changes.people_after


OTHER = [
    # what is set otherwise, and how many of the run's four tracks there are then
    ({"iou": 0.8}, 4),
    ({"iou": 0.95}, 0),  # figures go too far from one frame to the next
    ({"conf": 0.7}, 2),
    ({"conf": 0.95}, 0),
    ({"n_init": 20}, 4),
    ({"n_init": 30}, 2),  # of the shorter clip nobody is left
    ({"max_age": 0.0}, 0),
]


@pytest.mark.parametrize(("other", "tracks"), OTHER, ids=lambda value: str(value) if isinstance(value, dict) else "")
def test_at_other_settings_it_is_what_a_run_would_find(
    folder: Path, held: LoadedRun, other: dict[str, float], tracks: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = retrack_run(held, replace(held.settings, **other))
    monkeypatch.undo()
    made = setup(folder, LOWER)
    made = replace(made, recipe=replace(made.recipe, track=replace(made.recipe.track, **other)))
    run(made, tmp_path / "out", Store(folder / "store"))
    same_tracks(held, tmp_path / "out", found)
    assert sum(len(np.unique(one.track)) for one in found.tracks.values()) == tracks


def test_how_far_it_is_is_told(held: LoadedRun) -> None:
    told: list[int] = []
    retrack_run(held, held.settings, told.append)
    assert told == sorted(told) and told[-1] == held.frames == 36 - 2 + 30 - 2


def test_a_track_without_a_picture_of_its_own_looks_like_its_boxes(held: LoadedRun) -> None:
    assert held.evidence
    crops = held.evidence.crops
    bare = replace(held, evidence=replace(held.evidence, crops=crops[crops.row != 0]))
    found = retrack_run(bare, held.settings).evidence
    assert found and len(found.tracklets) == len(held.evidence.tracklets)
    assert float(found.tracklets.vector[0] @ held.evidence.tracklets.vector[0]) > 0.99


def test_vectors_of_long_footage_stay_on_disk(folder: Path, held: LoadedRun) -> None:
    small = load_run(folder / "out", Store(folder / "store"), max_bytes=0)
    assert all(camera.cached_vectors is None for camera in small.cameras) and all(
        camera.cached_vectors for camera in held.cameras
    )
    same_tracks(held, held.out, retrack_run(small, held.settings))


def test_what_is_not_stored_any_more_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no longer in the cache.*Run it again"):
        load_run(folder / "out", Store(tmp_path))


LONG = (0, range(60))
TABLE = [
    ([LONG], [LONG], "gate: no change"),
    ([LONG], [], "gate: 1 track becomes 0. 1 track removed (1); 60 fewer boxes"),
    ([], [LONG], "gate: 0 tracks become 1. 1 track added; 60 more boxes"),
    ([LONG], [(0, range(30)), (0, range(30, 60))], "gate: 1 track becomes 2. Track 1 is split in 2"),
    ([(0, range(30)), (0, range(30, 60))], [LONG], "gate: 2 tracks become 1. Tracks 1 and 2 are joined"),
    # A part of a track goes on with it; one that shares less than half with it does not.
    ([LONG], [(0, range(50, 60))], "gate: 1 track. 50 fewer boxes"),
    ([(0, range(40))], [(0, range(20, 60))], "gate: 1 track. 1 track removed (1); 1 track added"),
    ([(0, range(40))], [(0, range(19, 60))], "gate: 1 track. 1 more box"),
    ([LONG, (1, range(60))], [(1, range(60)), LONG], "gate: no change"),
]


@pytest.mark.parametrize(("before", "after", "words"), TABLE)
def test_what_changed_in_words(before: Any, after: Any, words: str) -> None:
    assert compare_camera("gate", lanes(*before), lanes(*after)).description == words


def test_what_was_said_counts_on_both_sides(held: LoadedRun) -> None:
    found = retrack_run(held, held.settings)
    free = compare_runs(held, found, 0.9, Review())
    assert free.people_before == free.people_after == 2
    link = Link(TrackKey("hall", 1), DIFFERENT, TrackKey("gate", 1))
    told = compare_runs(held, found, 0.9, Review((Action("different", "two", 0.0, (link,)),)))
    assert told.people_before == told.people_after == 3
    rules = MatchRules((TravelTime("hall", "gate", 1000.0),))
    ruled = compare_runs(held, found, 0.9, Review(), people_counts=None, rules=rules)
    assert ruled.people_before == ruled.people_after == 4


def test_the_command_line_says_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("core.review.whatif.retrack.Store", lambda: Store(folder / "store"))
    before = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*")}
    assert main(["retrack", str(folder / "out"), "--conf", "0.95"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "hall: 2 tracks become 0. 2 tracks removed (1 and 2); 68 fewer boxes"
    assert said[-1] == "4 tracks become 0, and 2 people become 0"
    assert before == {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*")}


@pytest.mark.parametrize(("flags", "words"), [([], "no other setting"), (["--iou", "2"], "outside 0 to 1")])
def test_the_command_line_refuses_in_words(
    folder: Path, flags: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retrack", str(folder / "out"), *flags]) == 2
    assert words in capsys.readouterr().err
