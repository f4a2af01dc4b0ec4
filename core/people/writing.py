"""Who is who, written down: the table, the similarities, and the zip that can be handed out."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.folders import write_atomically
from core.gallery import Crop, Gallery, Sighting, candidates_csv, people_csv, write_zip
from core.gallery.archive import Archive
from core.match import Identities, Match
from core.mot import write_tracks
from core.people.cutting import parted
from core.people.evidence import CROPS, Evidence
from core.people.lookalikes import lookalikes_of
from core.people.matrices import similarity_npz
from core.people.names import Name, people_named
from core.progress import Progress
from core.results import tracks_of
from core.tracklets import words

CUT = "cut"
"""Folder of the tracks of cameras in which one was cut; those in tracks/ stay as the run found them."""


def people_of(
    evidence: Evidence, match: Match, out: Path, about: Mapping[str, Any], names: Sequence[Name] = ()
) -> Gallery:
    """The gallery at the match's threshold; crops stay in their files below `out` until they are needed."""
    found = match.people()
    sightings = [_sighting(evidence, found, row, out) for row in range(len(evidence.tracklets))]
    cuts = {"cuts": [asdict(one) for one in evidence.cuts]} if evidence.cuts else {}
    matching = {**_matching(match), **cuts}
    called, noted = people_named(names, evidence.row_of, found.person.tolist())
    return Gallery(tuple(sightings), called, noted, tuple(_missing(about)), about={**about, "matching": matching})


def _missing(about: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each camera of the run that could not be worked on: whoever reads the report must know."""
    for camera in about.get("run", {}).get("cameras", ()):
        if "failed" in camera:
            yield f"{camera['camera']} could not be worked on, and is left out: {camera['failed']}"


def _sighting(evidence: Evidence, found: Identities, row: int, out: Path) -> Sighting:
    start, end = evidence.clip_seconds(row)
    upper, lower = words(evidence.colours[row])
    return Sighting(
        camera=evidence.cameras[evidence.tracklets.camera[row]],
        track=int(evidence.tracklets.track[row]),
        person=int(found.person[row]),
        start_seconds=float(np.maximum(start, 0)),
        end_seconds=float(np.maximum(end, 0)),
        similarity=float(found.similarity[row]),
        status=found.status(row),
        upper=upper,
        lower=lower,
        crops=pictures_of(evidence, row, out),
    )


def pictures_of(evidence: Evidence, row: int, out: Path) -> tuple[Crop, ...]:
    """The crops of a tracklet, best first, in their files below `out`."""
    mine = evidence.crops.of(row)
    return tuple(
        Crop(float(seconds), int(frame), out / CROPS / str(name))
        for seconds, frame, name in zip(mine.seconds, mine.frame, mine.name, strict=True)
    )


def _matching(match: Match) -> dict[str, Any]:
    """What the manifest says about the threshold and what is to be expected of it."""
    share, low, high = match.calibration.at(match.threshold)
    return {
        "threshold": round(match.threshold, 4),
        "suggested": round(match.calibration.threshold, 4),
        "words": match.calibration.words,
        "expected_false_share": {"share": round(share, 4), "low": round(low, 4), "high": round(high, 4)},
        "pairs_of_certain_strangers": match.calibration.pairs,
    }


def write_people(
    evidence: Evidence,
    match: Match,
    out: Path,
    about: Mapping[str, Any],
    blur: bool = True,
    progress: Progress | None = None,
    when: str | None = None,
    names: Sequence[Name] = (),
    to: Path | None = None,
    zipped: bool = True,
) -> Gallery:
    """`people.csv`, `candidates.csv`, `similarity.npz` and `gallery.zip`; `cut/` where tracks were cut.

    `out` is the run's folder. All of it is written there or, where a folder is named, below `to`; unless it is
    `zipped`, no zip is left there, for an older one would hold something else.
    """
    gallery = people_of(evidence, match, out, about, names)
    gallery = replace(gallery, lookalikes=tuple(lookalikes_of(evidence, match, out)))
    below = to or out
    write_atomically(below / "people.csv", people_csv(gallery).encode())
    write_atomically(below / "candidates.csv", candidates_csv(gallery.lookalikes).encode())
    write_atomically(below / "similarity.npz", similarity_npz(evidence, match, gallery.about))
    tracks, target = _tracks(evidence, out, below), below / "gallery.zip"
    if zipped:
        write_zip(gallery, tracks, target, blur=blur, progress=progress, when=when)
    else:
        target.unlink(missing_ok=True)
    return gallery


def _tracks(evidence: Evidence, out: Path, below: Path) -> dict[str, Path]:
    """MOT text of each camera; where a track is cut, one of its own, and none that an older cut left."""
    shutil.rmtree(below / CUT, ignore_errors=True)
    cameras = evidence.cameras if evidence.timed else ()  # pictures by themselves have no boxes
    files = {camera: out / "tracks" / f"{camera}.txt" for camera in cameras}
    for camera in {one.camera for one in evidence.cuts}:
        files[camera] = below / CUT / f"{camera}.txt"
        cuts = [one for one in evidence.cuts if one.camera == camera]
        write_tracks(files[camera], parted(tracks_of(out, camera), cuts))
    return files


def tracks_zip(out: Path, evidence: Evidence | None = None) -> bytes:
    """MOT text of each camera of the run in folder `out`, zipped; as `evidence` has been cut, where there is any."""
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as below, Archive(buffer) as archive:
        as_found = {path.stem: path for path in (out / "tracks").glob("*.txt")}
        files = _tracks(evidence, out, Path(below)) if evidence else as_found
        for camera, path in sorted(files.items()):
            archive.add(f"{camera}.txt", [path.read_bytes()])
    return buffer.getvalue()
