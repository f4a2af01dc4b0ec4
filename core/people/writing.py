"""Who is who, written down: the table, the similarities, and the zip that can be handed out."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.folders import write_atomically
from core.gallery import Crop, Gallery, Sighting, people_csv, write_zip
from core.match import Identities, Match
from core.people.evidence import CROPS, Evidence
from core.progress import Progress
from core.tracklets import words


def people_of(evidence: Evidence, match: Match, out: Path, about: Mapping[str, Any]) -> Gallery:
    """The gallery at the match's threshold; crops stay in their files below `out` until they are needed."""
    found = match.people()
    sightings = [_sighting(evidence, found, row, out) for row in range(len(evidence.tracklets))]
    return Gallery(sightings=tuple(sightings), about={**about, "matching": _matching(match)})


def _sighting(evidence: Evidence, found: Identities, row: int, out: Path) -> Sighting:
    start, end = evidence.clip_seconds(row)
    upper, lower = words(evidence.colours[row])
    mine = evidence.crops.of(row)
    crops = [
        Crop(float(seconds), int(frame), out / CROPS / str(name))
        for seconds, frame, name in zip(mine.seconds, mine.frame, mine.name, strict=True)
    ]
    return Sighting(
        camera=evidence.cameras[evidence.tracklets.camera[row]],
        track=int(evidence.tracklets.track[row]),
        person=int(found.person[row]),
        start_seconds=max(start, 0.0),
        end_seconds=max(end, 0.0),
        similarity=float(found.similarity[row]),
        status=found.status(row),
        upper=upper,
        lower=lower,
        crops=tuple(crops),
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
        "decisions": asdict(match.decisions),
    }


def write_people(
    evidence: Evidence,
    match: Match,
    out: Path,
    about: Mapping[str, Any],
    blur: bool = True,
    progress: Progress | None = None,
    when: str | None = None,
) -> Gallery:
    """`people.csv`, `similarity.npz` and `gallery.zip` below `out`."""
    gallery = people_of(evidence, match, out, about)
    write_atomically(out / "people.csv", people_csv(gallery).encode())
    _write_similarity(evidence, match, out / "similarity.npz")
    tracks = {camera: out / "tracks" / f"{camera}.txt" for camera in evidence.cameras}
    write_zip(gallery, tracks, out / "gallery.zip", blur=blur, progress=progress, when=when)
    return gallery


def _write_similarity(evidence: Evidence, match: Match, path: Path) -> None:
    camera = np.array(evidence.cameras, str)[evidence.tracklets.camera]
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        similarity=match.similarity,
        why=match.why,
        camera=camera,
        track=evidence.tracklets.track,
    )
    write_atomically(path, buffer.getvalue())
