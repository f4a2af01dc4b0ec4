"""From footage to a data set: crops of the tracks of a run, by person, for training and for validation.

Reads what `core.output` left; `choosing` picks the crops. Owns the folder and who goes to which split; refuses to guess
who is who: that stands in `people.csv`, which a person edits. Nobody is in both splits.

    OUT/people.csv       written first, every track a person of its own; obeyed from then on, never written again
    OUT/train/<person>/cam1_000451.jpg, OUT/val/<person>/...
    OUT/card.md          what it is, from what, for what purpose, and what was left out
    OUT/prepared.json    the files that are ours to replace when it is prepared again
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ClipError, SettingsError, StoreError
from core.folders import write_atomically
from core.progress import Progress
from core.results import record_of, tracks_of
from core.train.card import Crop, Prepared, Sighting, card, read_table, table_of
from core.train.choosing import PrepareSettings, Source
from core.types import Clip, Tracks
from core.video import probe

__all__ = ["SPLITS", "PrepareSettings", "prepare"]

SPLITS = ("train", "val")
_TABLE, _RECORD, _CARD, _NEW = "people.csv", "prepared.json", "card.md", ".new"
_OTHER_OUT = "Choose another --out folder, or move that away."


def prepare(run: Path, out: Path, settings: PrepareSettings, progress: Progress) -> Prepared:
    """Crops of the run in folder `run`, at `out`. Again after an edit of the table, it replaces its own crops."""
    if not settings.purpose.strip():
        raise SettingsError(
            "these would be pictures of people who can be recognised, and no purpose is given",
            "Say what they are for (--purpose), and on what consent (--consent); both stand on the data card.",
        )
    record = record_of(run)
    if record.get("state") != "done":
        raise SettingsError(f"the run in {run} is not over", "Let it finish, or start it again.")
    cameras = {name: number for number, name in enumerate(sorted(record["cameras"]), 1)}
    cameras = {name: number for name, number in cameras.items() if "digest" in record["cameras"][name]}
    tracks = {name: tracks_of(run, name) for name in cameras}
    sightings = [(name, int(track)) for name in cameras for track in np.unique(tracks[name].track)]
    earlier = _earlier(out, identity := _identity(record, cameras, tracks))
    if not (out / _TABLE).exists():
        write_atomically(out / _TABLE, table_of(sightings, cameras).encode())
    people = read_table(out / _TABLE, sightings)
    _only_once(tracks, people)
    with _new_folder(out) as new:
        crops, left_out = [], Counter[str]()
        for number, name in enumerate(cameras, 1):
            progress.camera(name, number, len(cameras))
            clip = _clip(name, record["cameras"][name])
            source = Source(clip, tracks[name], {t: p for (c, t), p in people.items() if c == name}, cameras[name])
            crops += source.write(new, settings, progress)
            left_out += source.left_out
        made = Prepared(tuple(_split(crops, settings)), cameras, dict(left_out))
        _put(made, new, out, earlier, identity)
    write_atomically(out / _CARD, card(made, asdict(settings), record).encode())
    return made


def _split(crops: list[Crop], settings: PrepareSettings) -> Iterator[Crop]:
    """Each person's crops to one split. Of those seen by several cameras and of the others about the same share.

    The order is a digest of seed and name: the same people always split the same way. One person stays in train.
    """
    cameras: dict[str, set[int]] = {}
    for crop in crops:
        cameras.setdefault(crop.person, set()).add(crop.camera)

    def turn(person: str) -> tuple[bool, str]:
        return len(cameras[person]) < 2, hashlib.sha256(f"{settings.seed}:{person}".encode()).hexdigest()

    order = sorted(cameras, key=turn)
    count = min(max(1, round(settings.share * len(order))), len(order) - 1) if settings.share and order else 0
    aside = {order[number * len(order) // count] for number in range(count)}
    for crop in sorted(crops, key=lambda c: (c.person, c.camera, c.frame)):
        yield replace(crop, split="val" if crop.person in aside else "train")


def _only_once(tracks: Mapping[str, Tracks], people: Mapping[Sighting, str]) -> None:
    """Two boxes at one moment in one camera are two people: one name for both is a mistake of the table."""
    for camera, rows in tracks.items():
        seen = rows[rows.seen]
        at: dict[tuple[int, str], int] = {}
        for frame, track in zip(seen.frame.tolist(), seen.track.tolist(), strict=True):
            person = people.get((camera, track))
            if person is not None and (other := at.setdefault((frame, person), track)) != track:
                raise SettingsError(
                    f"{_TABLE}: {person} is track {other} and track {track} of {camera}, both seen in frame {frame}",
                    "Give one of them another person, or - to leave it out.",
                )


def _clip(camera: str, facts: Mapping[str, Any]) -> Clip:
    clip = probe(facts["clip"])
    if clip.digest != facts["digest"]:
        raise ClipError(f"the clip of {camera} is no longer the one that was tracked", "Track it again.")
    return clip


def _identity(record: Mapping[str, Any], cameras: Mapping[str, int], tracks: Mapping[str, Tracks]) -> str:
    """A digest of the run: its clips and its boxes."""
    running = hashlib.sha256()
    for name in cameras:
        running.update(f"{name}:{record['cameras'][name]['digest']};".encode())
        for column in (tracks[name].frame, tracks[name].track, tracks[name].xyxy):
            running.update(column.tobytes())
    return running.hexdigest()


def _earlier(out: Path, identity: str) -> list[str]:
    """The files of an earlier preparation of the same run in `out`; an error where anything else is there."""
    if not out.exists():
        return []
    strange = {p.name for p in out.iterdir()} - {_TABLE, _RECORD, _CARD, _NEW, *SPLITS} if out.is_dir() else {out.name}
    if strange:
        raise SettingsError(f"{out} holds something else already ({min(strange)})", _OTHER_OUT)
    try:
        record = json.loads((out / _RECORD).read_text(encoding="utf-8")) if (out / _RECORD).exists() else {}
    except (OSError, ValueError) as fault:
        raise StoreError(f"{out / _RECORD} cannot be read", _OTHER_OUT) from fault
    if record.get("run", identity) != identity:
        raise SettingsError(f"{out} holds the crops of another run", _OTHER_OUT)
    ours = set(record.get("files", []))
    found = [p.relative_to(out).as_posix() for split in SPLITS for p in (out / split).rglob("*") if not p.is_dir()]
    if foreign := sorted(set(found) - ours) or ([_CARD] if not record and (out / _CARD).exists() else []):
        raise SettingsError(f"{out} holds a file that was not prepared here ({foreign[0]})", _OTHER_OUT)
    return found


@contextlib.contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A place inside `out` for what is being made; gone afterwards, however it ends."""
    new = out / _NEW
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir(parents=True)
        yield new
    except OSError as fault:
        raise StoreError(f"{out} cannot be written ({fault.strerror})", "Free some space, then start again.") from fault
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _put(made: Prepared, new: Path, out: Path, earlier: list[str], identity: str) -> None:
    """Crops from `new` to their split, in place of earlier ones. The record names both until the change is done."""
    files = [crop.name for crop in made.crops]
    write_atomically(out / _RECORD, json.dumps({"run": identity, "files": sorted({*files, *earlier})}).encode())
    for split in SPLITS:
        if (out / split).exists():
            shutil.rmtree(out / split)
    for crop in made.crops:
        target = out / crop.name
        target.parent.mkdir(parents=True, exist_ok=True)
        (new / replace(crop, split="all").name).replace(target)
    write_atomically(out / _RECORD, json.dumps({"run": identity, "files": files}, indent=1).encode())
