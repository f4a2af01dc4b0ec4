"""What cameras that see the same ground add: distances between feet, and cuts in tracks that mixed two people.

Where two cameras see one floor, two tracks at different places at the same moment are two people. A track that jumps
to another person is cut during the run, before anything is shown: the files of the run have the numbers after the cuts,
and its record says where the cuts are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np

from core.base.types import Floats, Tracks
from core.runs.cameras import CameraResult
from core.runs.cutting import CutPoint, cut, split_tracks
from core.runs.evidence import Cut, Evidence, gather, save_evidence
from core.runs.record import CutRecord, OverlapRecord, read_record, save_record
from core.runs.tables import write_parquet
from core.vision.camera_overlap import find_identity_swaps, find_overlaps, foot_distance_matrix
from core.vision.match import TOGETHER, cosine_similarity, reasons
from core.vision.mot import write_tracks


def collect_evidence(
    results: Sequence[CameraResult], offsets: Mapping[str, float], out: Path, ignore_positions: bool = False
) -> Evidence:
    """The evidence of a run, written below `out` in place of that of an earlier run.

    Unless `ignore_positions`, overlaps between cameras are learned and tracks that they show to be mixed are cut.
    """
    evidence = gather(results, offsets, out)
    cuts: tuple[Cut, ...] = ()
    if not ignore_positions:
        tracks = {result.camera.name: result.tracks for result in results}
        evidence = learn_overlaps(evidence, tracks)
        cuts, evidence = evidence.cuts, replace(evidence, cuts=())
        if cuts:
            _rewrite_tracks(tracks, cuts, evidence, out)
        _record_overlaps(evidence, cuts, out)
    save_evidence(evidence, out)
    return evidence


def learn_overlaps(evidence: Evidence, tracks: Mapping[str, Tracks]) -> Evidence:
    """`evidence` with the overlaps of its cameras and the cuts that follow from them; `tracks` are by camera."""
    tracklets = evidence.tracklets
    together = reasons(tracklets, presence=evidence.presence) == TOGETHER
    found = tuple(find_overlaps(tracklets, evidence.walks, cosine_similarity(tracklets), together))
    return cut_mixed_tracks(replace(evidence, overlaps=found), tracks)


def cut_mixed_tracks(evidence: Evidence, tracks: Mapping[str, Tracks]) -> Evidence:
    """`evidence` with tracks cut where the overlaps show that they went on as another person."""
    return cut(
        evidence,
        _feasible_cuts(evidence, find_identity_swaps(evidence.tracklets, evidence.walks, evidence.overlaps)),
        tracks,
    )


def foot_distances(evidence: Evidence) -> Floats | None:
    """Distance between the feet of each pair at one moment, in body heights, (n, n); NaN where unknown."""
    if not evidence.overlaps:
        return None
    return foot_distance_matrix(evidence.tracklets, evidence.walks, evidence.overlaps)


def overlap_records(evidence: Evidence) -> tuple[OverlapRecord, ...]:
    """The overlaps as records and manifests hold them."""
    return tuple(
        OverlapRecord(
            cameras=(evidence.cameras[found.camera_a], evidence.cameras[found.camera_b]),
            clock_of_the_second_forward_seconds=round(found.shift_seconds, 1),
            people_who_agree=round(found.agreeing, 2),
            at_wrong_times=round(found.agreeing_by_chance, 2),
            feet_apart_in_body_heights=round(found.residual, 3),
        )
        for found in evidence.overlaps
    )


def _feasible_cuts(evidence: Evidence, moments: Sequence[tuple[int, float]]) -> Iterator[CutPoint]:
    """The cuts that leave every part of a track a crop. `moments` are rows with seconds on the common clock."""
    for row, group in groupby(moments, key=lambda moment: moment[0]):
        camera = int(evidence.tracklets.camera[row])
        pictures = np.round(evidence.crops.seconds[evidence.crops.row == row], 3)
        previous = -np.inf
        for seconds in sorted(round(moment - float(evidence.offsets[camera]), 3) for _, moment in group):
            if ((pictures >= previous) & (pictures < seconds)).any() and (pictures >= seconds).any():
                yield CutPoint(evidence.cameras[camera], int(evidence.tracklets.track[row]), seconds)
                previous = seconds


def _rewrite_tracks(tracks: Mapping[str, Tracks], cuts: Sequence[Cut], evidence: Evidence, out: Path) -> None:
    """Write the tracks of the run with the numbers after the cuts; `evidence` says which are those of things."""
    renumbered = {
        name: split_tracks(camera_tracks, [each for each in cuts if each.camera == name])
        for name, camera_tracks in tracks.items()
    }
    for name in {each.camera for each in cuts}:
        write_tracks(out / "tracks" / f"{name}.txt", renumbered[name].without(evidence.objects_of(name)))
    write_parquet(out, renumbered)


def _record_overlaps(evidence: Evidence, cuts: Sequence[Cut], out: Path) -> None:
    record = read_record(out)
    new_tracks = Counter(each.camera for each in cuts)
    cameras = {name: replace(about, tracks=about.tracks + new_tracks[name]) for name, about in record.cameras.items()}
    cut_records = tuple(CutRecord(each.camera, each.track, each.seconds, each.new_track) for each in cuts)
    overlaps = overlap_records(evidence)
    save_record(out, replace(record, cameras=cameras, same_ground=overlaps, cut_where_views_disagree=cut_records))
