"""Small runs as they lie on disk, made of boxes: a track is a range of frames in a lane of the picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.base.types import Tracklets, Tracks
from core.runs import Crops, Evidence, save_evidence, write_parquet
from core.vision.match import Presence, find_presence

RATE = 10.0
Lane = tuple[int, Sequence[int]]
"""Which lane of the picture, and the frames."""


def lanes(*found: Lane) -> Tracks:
    """Track n, from 1, is the nth; lanes lie so far apart that no boxes of two overlap."""
    rows = [(frame, number, lane) for number, (lane, frames) in enumerate(found, 1) for frame in frames]
    frame, track, lane = np.array(sorted(rows), np.int64).reshape(-1, 3).T
    left = (lane * 100 + frame % 40).astype(np.float32)
    box = np.stack([left, np.full_like(left, 10), left + 40, np.full_like(left, 100)], axis=1)
    return Tracks(frame, frame / RATE, track, box, np.full(len(frame), 0.9), np.ones(len(frame), bool))


def write_lanes(out: Path, cameras: Mapping[str, Sequence[Lane]], digests: Mapping[str, str] | None = None) -> Path:
    """A run in folder `out`, where all look unlike. Clips are called like their cameras, or as `digests` say."""
    tracks = {name: lanes(*found) for name, found in cameras.items()}
    write_parquet(out, tracks)
    known = digests or {}
    about = {
        name: {"digest": known.get(name, name), "clip": f"{name}.mp4", "tracks": len(found), "stages": {}}
        for name, found in cameras.items()
    }
    (out / "run.json").write_text(
        json.dumps({"state": "done", "cameras": about, "models": {"embedder": {"sha256": "0"}}})
    )
    save_evidence(_evidence(tracks), out)
    return out


def _evidence(tracks: Mapping[str, Tracks]) -> Evidence:
    """A picture of each track every half second."""
    rows, crops = [], []
    for camera, found in enumerate(tracks.values()):
        for track in np.unique(found.track).tolist():
            mine = found[found.track == track]
            crops += [(len(rows), frame, frame / RATE) for frame in mine.frame[::5].tolist()]
            rows.append((camera, track, mine.seconds[0], mine.seconds[-1]))
    camera, track, start, end = np.array(rows).reshape(-1, 4).T
    row, frame, seconds = np.array(crops).reshape(-1, 3).T
    vector, plain = np.eye(len(rows), 64), np.full((len(row), 2, 11), 1 / 11)
    name = np.array([f"x/{number}.jpg" for number in range(len(row))], str)
    kept = Crops(row, frame, seconds, np.ones(len(row)), name, vector[row.astype(int)], plain)  # type: ignore[arg-type]
    found = Tracklets(camera, track, start, end, vector)  # type: ignore[arg-type]
    colours, usual = np.full((len(rows), 2, 11), 1 / 11, np.float32), np.zeros((len(tracks), 64), np.float32)
    first = np.cumsum([0, *(len(np.unique(each.track)) for each in tracks.values())]).tolist()
    seen = [find_presence(each, np.unique(each.track)) for each in tracks.values()]
    presence = Presence.concatenate([replace(part, row=part.row + at) for part, at in zip(seen, first, strict=False)])
    return Evidence(tuple(tracks), np.zeros(len(tracks)), found, colours, kept, usual, presence=presence)
