"""Finished runs of any size as they lie on disk, and the case that shows one: for tests, benches and a look at the app.

python -m tests.review.making 4 40 160 6     cameras, people, tracklets, crops of each; into SIGHTLINE_CACHE
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.base.types import Clip, Image, Ints, Seconds, Tracklets, Tracks
from core.machine.paths import cache_dir
from core.runs import (
    CROPS_FOLDER,
    Choice,
    Crops,
    Evidence,
    build_gallery,
    match_people,
    people_csv,
    save_evidence,
    similarity_npz,
    write_parquet,
)
from core.vision.appearance import COLOURS
from core.vision.match import Presence
from core.vision.models import DETECTOR, EMBEDDER, ModelKind, find
from core.vision.video import probe
from core.workspace.cases import Case, CaseClip, Cases
from core.workspace.jobs import order_of
from tests.vision.match.making import unit
from tests.vision.video.making import HEIGHT, WIDTH, write_clip

STEP = 0.5
"""Seconds between two boxes of a track, and two pictures of a clip."""
LONGEST = 120
_BGR = (
    *((25, 25, 25), (235, 235, 235), (128, 128, 128), (40, 40, 210), (30, 130, 240), (50, 220, 235)),
    *((60, 160, 50), (210, 110, 40), (160, 50, 130), (190, 150, 245), (40, 75, 120)),
)


def big_case(
    cameras: int = 4,
    people: int = 40,
    tracklets: int = 160,
    crops: int = 4,
    seconds: int = 60,
    noise: float = 0.8,
    seed: int = 0,
) -> Case:
    """A case that shows a finished run, both below the cache folder. Everybody comes by every camera, where there are
    `tracklets` enough, and whoever is in a picture twice is so at different times."""
    clips = [_clip(number, seconds) for number in range(cameras)]
    case = _case(f"{people} people, {cameras} cameras, {tracklets} tracks", clips)
    order = order_of(case)
    folder = cache_dir() / "runs" / order.key
    write_run(folder / "out", made(cameras, people, tracklets, crops, seconds, noise, seed), clips)
    about = {"order": asdict(order), "began": 1_700_000_000.0, "pid": 0, "born": 0.0}
    (folder / "job.json").write_text(json.dumps(about))
    return Cases().change(case.key, lambda old: replace(old, run=order.key))


def made(
    cameras: int, people: int, tracklets: int, crops: int, seconds: int = 60, noise: float = 0.8, seed: int = 0
) -> Evidence:
    """What such a run knows of its tracklets; person n wears the nth of all pairs of colours."""
    rng = np.random.default_rng(seed)
    place = np.arange(tracklets)
    who, camera, visit = place % people, place // people % cameras, place // (people * cameras)
    start, end = _times(rng, visit, seconds)
    order = np.lexsort((start, camera))
    who, camera, start, end = (column[order] for column in (who, camera, start, end))
    track = place - np.searchsorted(camera, camera) + 1
    look = rng.standard_normal((people, 128))
    vector = unit(look[who] + noise * rng.standard_normal((tracklets, 128)))
    clothes = np.eye(len(COLOURS), dtype=np.float32)
    colours = np.stack([clothes[who % len(COLOURS)], clothes[who // len(COLOURS) % len(COLOURS)]], axis=1)
    found = Tracklets(camera, track, start, end, vector)
    names = tuple(f"cam{number + 1}" for number in range(cameras))
    usual = np.zeros((cameras, 128), np.float32)
    first, last = (np.round(moment / STEP).astype(np.int64) for moment in (start, end))
    presence = Presence(np.arange(tracklets), first, last, start, end)
    parts = found, colours, _crops(rng, found, names, colours, crops), usual
    return Evidence(names, np.zeros(cameras), *parts, presence=presence)


def _times(rng: np.random.Generator, visit: Ints, seconds: int) -> tuple[Seconds, Seconds]:
    """Each visit of a person has a share of the time of its own."""
    share = seconds / (int(visit.max(initial=0)) + 1)
    stay = max(min(share * 0.3, 6.0), STEP)
    start = np.floor((visit * share + rng.uniform(0, max(share - stay - STEP, 0), len(visit))) / STEP) * STEP
    return start, start + np.floor(stay / STEP) * STEP


def _crops(rng: np.random.Generator, tracklets: Tracklets, names: Sequence[str], colours: Any, each: int) -> Crops:
    row, number = np.repeat(np.arange(len(tracklets)), each), np.tile(np.arange(each), len(tracklets))
    start, end = tracklets.start[row], tracklets.end[row]
    seconds = np.round((start + (end - start) * number / max(each - 1, 1)) / STEP) * STEP
    frame = np.round(seconds / STEP).astype(np.int64)
    file = [
        f"{names[c]}/t{t:04d}_f{f:06d}_{n}.jpg"
        for c, t, f, n in zip(tracklets.camera[row], tracklets.track[row], frame, number, strict=True)
    ]
    vector = unit(tracklets.vector[row] + 0.03 * rng.standard_normal((len(row), tracklets.vector.shape[1])))
    quality = rng.uniform(0.3, 1, len(row))
    return Crops(row, frame, seconds, quality, np.array(file, str), vector.astype(np.float16), colours[row])


def write_run(out: Path, evidence: Evidence, clips: Sequence[Clip]) -> None:
    """What a run leaves below `out`, as far as the pages read it."""
    (out / "tracks").mkdir(parents=True, exist_ok=True)
    save_evidence(evidence, out)
    for camera in evidence.cameras:
        (out / CROPS_FOLDER / camera).mkdir(parents=True, exist_ok=True)
    pictures = [
        _figure(colours, track) for colours, track in zip(evidence.colours, evidence.tracklets.track, strict=True)
    ]
    for row, name in zip(evidence.crops.row.tolist(), evidence.crops.name.tolist(), strict=True):
        (out / CROPS_FOLDER / name).write_bytes(pictures[row])
    tracks = {camera: _tracks(evidence, number) for number, camera in enumerate(evidence.cameras)}
    write_parquet(out, tracks)
    cameras = {camera: _facts(clip, tracks[camera]) for camera, clip in zip(evidence.cameras, clips, strict=True)}
    models = {"detector": _model(DETECTOR, "detector"), "embedder": _model(EMBEDDER, "embedder")}
    record = {"program": "sightline", "state": "done", "began": "2026-01-01T00:00:00+0000", "models": models}
    plain = {"settings": {"video": {}, "detect": {}, "embed": {}, "track": {}}, "regions": {}, "versions": {}}
    (out / "run.json").write_text(json.dumps({**record, **plain, "cameras": cameras}))
    _, found = match_people(evidence, out, find(EMBEDDER, "embedder").prior, Choice())
    (out / "people.csv").write_text(people_csv(build_gallery(evidence, found, out, {})))
    (out / "similarity.npz").write_bytes(similarity_npz(evidence, found, {}))


def _tracks(evidence: Evidence, camera: int) -> Tracks:
    """Boxes of one camera, each track in a column of the picture of its own."""
    rows = np.flatnonzero(evidence.tracklets.camera == camera)
    tracklets = evidence.tracklets[rows]
    first, last = (np.round(moment / STEP).astype(np.int64) for moment in (tracklets.start, tracklets.end))
    count = last - first + 1
    frame = np.repeat(first, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    track = np.repeat(tracklets.track, count)
    order = np.lexsort((track, frame))
    frame, track = frame[order], track[order]
    left = (track * 7 % (WIDTH - 14)).astype(np.float32)
    box = np.stack([left, np.full_like(left, 14), left + 12, np.full_like(left, HEIGHT - 4)], axis=1)
    return Tracks(frame, frame * STEP, track, box, np.full(len(frame), 0.9, np.float32), np.ones(len(frame), bool))


def _figure(colours: Any, number: int) -> bytes:
    """Somebody in clothes of two colours, as a JPEG."""
    picture: Image = np.full((96, 48, 3), 190, np.uint8)
    upper, lower = (_BGR[int(half.argmax())] for half in colours)
    cv2.circle(picture, (24, 13), 8, (150, 180, 220), -1)
    cv2.rectangle(picture, (12, 22), (36, 54), upper, -1)
    cv2.rectangle(picture, (15, 55), (33, 90), lower, -1)
    cv2.putText(picture, str(number), (2, 94), cv2.FONT_HERSHEY_PLAIN, 0.8, (0, 0, 0), 1, cv2.LINE_AA)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


def _facts(clip: Clip, tracks: Tracks) -> dict[str, Any]:
    facts = {"clip": clip.path, "file": Path(clip.path).name, "fps": clip.fps, "frames": clip.frames}
    size = {"digest": clip.digest, "width": clip.width, "height": clip.height}
    counts = {"analysed": clip.frames, "unreadable": 0, "boxes": len(tracks), "tracks": len(np.unique(tracks.track))}
    stages = {"detect": {"seconds": 1.5, "frames": clip.frames, "kept": 0, "by": "a detector on a runtime"}}
    return {**facts, **size, **counts, "notes": [], "stages": stages}


def _model(name: str, kind: ModelKind) -> dict[str, Any]:
    model = find(name, kind)
    facts = {"name": model.name, "sha256": model.digest, "licence": model.licence, "trained_on": model.trained_on}
    return {**facts, "assumed": [], "runtime": "openvino", "precision": "f32"}


def _clip(number: int, seconds: int) -> Clip:
    """Each camera's has a picture more than the one before, so that no two are alike."""
    path = cache_dir() / "sample" / f"cam{number + 1}-{seconds}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = round(min(seconds, LONGEST) / STEP) + number
    return probe(write_clip(path, range(pictures), Fraction(STEP)))


def _case(name: str, clips: Sequence[Clip]) -> Case:
    cases = Cases()
    listed = [CaseClip(f"cam{number + 1}", clip.path, clip.digest) for number, clip in enumerate(clips)]
    return cases.change(cases.new(name).key, lambda old: old.with_clips(listed))


if __name__ == "__main__":
    sys.stdout.write(f"{big_case(*map(int, sys.argv[1:])).key}\n")
