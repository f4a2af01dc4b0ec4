"""Cameras that see the same ground: mixed tracks are cut before anybody sees them, and places tell where looks fail."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.base.types import Tracks
from core.runs import (
    Crops,
    Evidence,
    foot_distances,
    learn_overlaps,
    load_evidence,
    overlap_records,
    save_evidence,
    split_tracks,
)
from core.vision.camera_overlap import Walks
from core.vision.match import ELSEWHERE, match
from core.vision.models import EmbedderPrior
from tests.runs.making import run
from tests.vision.camera_overlap.making import EAST, SOUTH, paths, seen, square

KNOWN = EmbedderPrior(impostor_mean=0.0, impostor_spread=0.13, threshold=0.55)
SECONDS = 24


def looked_at(looks: np.ndarray, *cameras: Tracks) -> tuple[Evidence, dict[str, Tracks]]:
    """Evidence of tracks that are seen all the time, with a crop each second; `looks` (tracks, seconds, d)."""
    tracklets, walks = square(*cameras)
    count = len(tracklets)
    vectors = looks / np.linalg.norm(looks, axis=2, keepdims=True)
    mean = vectors.mean(axis=1)
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    crops = Crops(
        np.repeat(np.arange(count), SECONDS),
        np.tile(np.arange(SECONDS) * 10, count),
        np.tile(np.arange(SECONDS) + 0.0, count),
        np.ones(count * SECONDS, np.float32),
        np.array([f"{n}.jpg" for n in range(count * SECONDS)]),
        vectors.reshape(count * SECONDS, -1).astype(np.float16),
        np.full((count * SECONDS, 2, 11), 1 / 11, np.float16),
    )
    whole = replace(tracklets, vector=mean)
    plain, usual = np.zeros((count, 2, 11), np.float32), np.zeros((2, mean.shape[1]), np.float32)
    evidence = Evidence(("south", "east"), np.zeros(2), whole, plain, crops, usual, walks=walks)
    return evidence, dict(zip(("south", "east"), cameras, strict=True))


def square_of(mix: bool, alike: bool) -> tuple[Evidence, dict[str, Tracks]]:
    """Six people in two cameras: the east one may mix the first two, and these may be dressed so that looks mislead."""
    walked = paths(6, SECONDS, 1)
    half = len(walked[0]) // 2
    others = list(walked)
    if mix:
        others[0] = np.concatenate([walked[0][:half], walked[1][half:]])
        others[1] = np.concatenate([walked[1][:half], walked[0][half:]])
    who = np.tile(np.arange(6)[:, None], SECONDS)
    east = who.copy()
    if mix:
        east[:2, SECONDS // 2 :] = east[[1, 0], SECONDS // 2 :]
    looks = np.eye(8)[np.concatenate([who, east])]
    if alike:
        looks[[6, 7]] = looks[[7, 6]] + 0.1
    return looked_at(looks, seen(SOUTH, walked, 0.008), seen(EAST, others, 0.008, 2))


def test_mixed_tracks_are_cut_and_their_parts_find_their_own() -> None:
    evidence, tracks = square_of(mix=True, alike=False)
    found = learn_overlaps(evidence, tracks)
    assert {(one.camera, one.track) for one in found.cuts} >= {("east", 1), ("east", 2)}
    people = match(found.tracklets, KNOWN, threshold=0.5, foot_distance=foot_distances(found)).people()
    row = found.row_of
    second = {one.track: one.new_track for one in found.cuts if one.camera == "east"}
    south = {one.track: one.new_track for one in found.cuts if one.camera == "south"}
    assert people.person[row["east", 1]] == people.person[row["south", 1]]
    assert people.person[row["east", second[1]]] == people.person[row["south", south.get(2, 2)]]
    # The walks were cut with the tracks.
    assert found.walks.row.max() == len(found.tracklets) - 1
    assert len(found.walks) == len(evidence.walks)
    whole = split_tracks(tracks["east"], [one for one in found.cuts if one.camera == "east"])
    assert len(np.unique(whole.track)) == 6 + len(second)


def test_places_part_those_whom_looks_confuse() -> None:
    evidence, tracks = square_of(mix=False, alike=True)
    by_looks = match(evidence.tracklets, KNOWN, threshold=0.5).people().person
    assert by_looks[0] == by_looks[7] and by_looks[1] == by_looks[6]
    found = learn_overlaps(evidence, tracks)
    assert found.cuts == ()
    matched = match(found.tracklets, KNOWN, threshold=0.5, foot_distance=foot_distances(found))
    assert matched.why[0, 7] == ELSEWHERE
    people = matched.people()
    assert people.person[0] != people.person[7] and people.person[1] != people.person[6]
    # Whoever is told apart by nothing but where they stood is for a person to look at.
    assert people.doubtful[[0, 1, 6, 7]].all() and not people.doubtful[[2, 3, 8, 9]].any()


def test_what_was_learned_is_kept(tmp_path: Path) -> None:
    evidence, tracks = square_of(mix=False, alike=False)
    found = learn_overlaps(evidence, tracks)
    save_evidence(found, tmp_path)
    back = load_evidence(tmp_path)
    assert [overlap.to_dict() for overlap in back.overlaps] == [overlap.to_dict() for overlap in found.overlaps]
    assert np.array_equal(foot_distances(back), foot_distances(found), equal_nan=True)  # type: ignore[arg-type]
    assert overlap_records(back)[0].cameras == ("south", "east")


def test_a_run_says_that_it_found_no_common_ground(tmp_path: Path) -> None:
    evidence = run(tmp_path)
    assert evidence.overlaps == () and foot_distances(evidence) is None
    assert len(evidence.walks) and isinstance(evidence.walks, Walks)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["same_ground"] == [] and record["cut_where_views_disagree"] == []
