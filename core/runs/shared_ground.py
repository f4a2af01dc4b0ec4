"""What cameras that see the same ground add: who stood at one place at one time, and which tracks mixed two people.

Tracks that went on as somebody else are cut before anybody sees them: what a run leaves in its folder is numbered as
they are after that, and its record says where and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from core.base.types import Floats, Tracks
from core.machine.paths import write_atomically
from core.runs.cameras import CameraResult
from core.runs.cutting import CutPoint, cut, split_tracks
from core.runs.evidence import Cut, Evidence, gather, save_evidence
from core.runs.record import read_record, write_parquet
from core.vision.camera_overlap import distances, find_overlaps, find_identity_swaps
from core.vision.match import TOGETHER, cosine_similarity, reasons
from core.vision.mot import write_tracks


def collect_evidence(
    results: Sequence[CameraResult], offsets: Mapping[str, float], out: Path, looks_only: bool = False
) -> Evidence:
    """Gather what the cameras' artifacts hold, learn which of them see the same ground (unless `looks_only`), cut what
    that shows to be mixed, and write all of it below `out`, in place of what an older run left."""
    evidence = gather(results, offsets, out)
    cuts: tuple[Cut, ...] = ()
    if not looks_only:
        tracks = {result.camera.name: result.tracks for result in results}
        evidence = learn_overlaps(evidence, tracks)
        cuts, evidence = evidence.cuts, replace(evidence, cuts=())
        if cuts:
            _rewrite_tracks(tracks, cuts, out)
        _record_overlaps(evidence, cuts, out)
    save_evidence(evidence, out)
    return evidence


def learn_overlaps(evidence: Evidence, tracks: Mapping[str, Tracks]) -> Evidence:
    """`evidence` with the overlaps of its cameras, and with the cuts that they call for; `tracks` are by camera."""
    tracklets = evidence.tracklets
    together = reasons(tracklets) == TOGETHER
    found = tuple(find_overlaps(tracklets, evidence.walks, cosine_similarity(tracklets), together))
    return cut_mixed_tracks(replace(evidence, overlaps=found), tracks)


def cut_mixed_tracks(evidence: Evidence, tracks: Mapping[str, Tracks]) -> Evidence:
    """`evidence` with the cuts that its overlaps call for: at another place at the same moment is somebody else."""
    return cut(evidence, _feasible_cuts(evidence, find_identity_swaps(evidence.tracklets, evidence.walks, evidence.overlaps)), tracks)


def foot_distances(evidence: Evidence) -> Floats | None:
    """Body heights between the feet of each pair at one moment, (n, n), NaN where nobody knows."""
    if not evidence.overlaps:
        return None
    return distances(evidence.tracklets, evidence.walks, evidence.overlaps)


def overlap_facts(evidence: Evidence) -> list[dict[str, Any]]:
    """The overlaps in words that a record can hold."""
    return [
        {
            "cameras": [evidence.cameras[found.one], evidence.cameras[found.other]],
            "clock_of_the_second_forward_seconds": round(found.shift_seconds, 1),
            "people_who_agree": round(found.worth, 2),
            "at_wrong_times": round(found.by_chance, 2),
            "feet_apart_in_body_heights": round(found.off, 3),
        }
        for found in evidence.overlaps
    ]


def _feasible_cuts(evidence: Evidence, moments: Sequence[tuple[int, float]]) -> Iterator[CutPoint]:
    """Those moments, in seconds of the clip, that leave every part of the track a crop."""
    for row, group in groupby(moments, key=lambda moment: moment[0]):
        camera = int(evidence.tracklets.camera[row])
        pictures = np.round(evidence.crops.seconds[evidence.crops.row == row], 3)
        before = -np.inf
        for seconds in sorted(round(moment - float(evidence.offsets[camera]), 3) for _, moment in group):
            if ((pictures >= before) & (pictures < seconds)).any() and (pictures >= seconds).any():
                yield CutPoint(evidence.cameras[camera], int(evidence.tracklets.track[row]), seconds)
                before = seconds


def _rewrite_tracks(tracks: Mapping[str, Tracks], cuts: Sequence[Cut], out: Path) -> None:
    """The run's tracks, each part of a cut one with a number of its own."""
    now = {name: split_tracks(found, [one for one in cuts if one.camera == name]) for name, found in tracks.items()}
    for name in {one.camera for one in cuts}:
        write_tracks(out / "tracks" / f"{name}.txt", now[name])
    write_parquet(out, now)


def _record_overlaps(evidence: Evidence, cuts: Sequence[Cut], out: Path) -> None:
    record = read_record(out)
    record["same_ground"] = overlap_facts(evidence)
    record["cut_where_views_disagree"] = [cut.plain() for cut in cuts]
    for one in cuts:
        record["cameras"][one.camera]["tracks"] += 1
    write_atomically(out / "run.json", json.dumps(record, indent=1, ensure_ascii=False).encode())
