"""Pictures to learn from that show nobody: drawn plazas, as crops of named people and as pictures with boxes.

`crops/` is in Market-1501's layout (a person's number is made of plaza and person), `images/` and `labels/` in YOLO's.
Seeds 0 to 9 are for tests: `seeds_to_learn_from` refuses them, so that nobody learns what they are judged by.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.crops import jpeg
from core.errors import SettingsError
from core.folders import write_atomically
from core.progress import Progress
from core.sample import SampleSettings, Shot, frames, scene_of
from core.train.boxes import write_labels
from core.types import Image

TESTED = range(10)
VISIBLE, TALL = 0.4, 40
"""A person is a crop from this share in view and this many pixels of height; a box from a quarter of each."""
QUALITY = 92


def seeds_to_learn_from(words: str) -> range:
    """
    >>> seeds_to_learn_from("10-12")
    range(10, 13)
    """
    first, _, last = words.partition("-")
    if not first.isdigit() or not (last or first).isdigit() or int(last or first) < int(first):
        raise SettingsError(f"{words} are no seeds", "Give a first and a last one: 10-29.")
    seeds = range(int(first), int(last or first) + 1)
    if set(seeds) & set(TESTED):
        raise SettingsError("seeds 0 to 9 are kept for tests", "Give others, for example 10-29.")
    return seeds


def draw_set(out: Path, seeds: Sequence[int], settings: SampleSettings, every: int, progress: Progress) -> int:
    """Every so many frames of each camera of each seed's plaza; how many crops there are."""
    if every < 1:
        raise SettingsError(f"every {every} frames means nothing", "Give 1 or more.")
    plazas = [SampleSettings(settings.cameras, settings.people, settings.seconds, seed) for seed in seeds]
    counts = [sum(-(-view.frames(one.seconds) // every) for view in scene_of(one).views) for one in plazas]
    progress.begin("draw", sum(counts))
    done = crops = 0
    for one in plazas:
        for camera in range(one.cameras):
            for shot in frames(one, camera, every):
                crops += _keep(out, one.seed, camera + 1, shot)
                done += 1
                progress.at(done)
    return crops


def _keep(out: Path, seed: int, camera: int, shot: Shot) -> int:
    """One frame's picture, label file and crops."""
    name = f"plaza{seed:04d}_cam{camera}_{shot.frame:06d}"
    rows = shot.rows
    tall = rows.xyxy[:, 3] - rows.xyxy[:, 1]
    boxed = (rows.visibility >= VISIBLE / 4) & (tall >= TALL / 4)
    height, width = shot.bgr.shape[:2]
    _write(out / "images" / "train" / f"{name}.jpg", shot.bgr)
    write_atomically(out / "labels" / "train" / f"{name}.txt", write_labels(rows.xyxy[boxed], width, height).encode())
    good = (rows.visibility >= VISIBLE) & (tall >= TALL)
    for person, (left, top, right, bottom) in zip(rows.id[good], rows.xyxy[good].round().astype(int), strict=True):
        crop = shot.bgr[max(top, 0) : bottom, max(left, 0) : right]
        _write(out / "crops" / f"{100 * seed + person:06d}_c{camera}s1_{shot.frame:06d}_00.jpg", crop)
    return int(good.sum())


def _write(path: Path, bgr: Image) -> None:
    write_atomically(path, jpeg(bgr, QUALITY))
