"""Which boxes of a track become crops: what makes one fit, and which of several pictures is the sharpest.

Owns the rules, their settings, and why a box was left out; opens a clip only at the frames it needs, and writes crops
below the folder it is given. Refuses to guess who a person is, and to know splits and the rest of the data set.

From footage to a data set: crops of the tracks of a run, by person, for training and for validation.

Reads what `core.output` left; `choosing` picks the crops. Owns the folder and who goes to which split; refuses to guess
who is who: that stands in `people.csv`, which a person edits. Nobody is in both splits.

    OUT/people.csv       written first, every track a person of its own; obeyed from then on, never written again
    OUT/train/<person>/cam1_000451.jpg, OUT/val/<person>/...
    OUT/card.md          what it is, from what, for what purpose, and what was left out
    OUT/prepared.json    the files that are ours to replace when it is prepared again"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import ClipError, SettingsError, StoreError
from core.base.progress import Progress
from core.base.types import Clip, Image, Ints, Timeline, Tracks
from core.lab.training.card import Crop, Prepared, Sighting, card, read_table, table_of
from core.machine.paths import write_atomically
from core.runs import read_record, load_tracks
from core.vision.appearance import occlusion, sharpness_of, is_inside_picture
from core.vision.images import jpeg
from core.vision.video import probe, read

TRIES = 3
"""Pictures that are looked at for each crop; the sharpest is kept."""
_QUALITY = 95


@dataclass(frozen=True)
class PrepareSettings:
    """What becomes a crop, and why it may.

    purpose     what the pictures are for; without one nothing is written
    consent     how the people in them agreed, or on what ground they are used
    most        crops of a track, spread over its time
    min_height  pixels that a box must be high
    overlap     share of a box that another one may cover
    sharpness   what a crop must have (`sharpness_of`). Of crops of Market-1501, 20 keeps all, 19 in 20 at a third of
                their light, 1 in 10 once they are blurred by two pixels and none by three
    share       of the people that go to validation
    """

    purpose: str = ""
    consent: str = ""
    most: int = 12
    min_height: int = 64
    overlap: float = 0.25
    sharpness: float = 20.0
    share: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.most < 1 or self.min_height < 1:
            raise SettingsError("crops per track and their height start at 1", "Give larger numbers.")
        if not (0 <= self.overlap <= 1 and 0 <= self.share < 1 and self.sharpness >= 0):
            raise SettingsError("overlap and share are shares, sharpness is 0 or more", "Give overlap 0.25, share 0.2.")


class CameraCrops:
    """One camera: which boxes of it fit, and the crops of them. `left_out` counts the others by reason."""

    def __init__(self, clip: Clip, tracks: Tracks, people: Mapping[int, str], camera: int) -> None:
        self._clip, self._tracks, self._people, self._camera = clip, tracks, people, camera
        self.left_out = Counter[str]()

    def write(self, folder: Path, settings: PrepareSettings, progress: Progress) -> list[Crop]:
        """The crops below `folder`/<person>/, one for each stretch that has a sharp picture."""
        reasons = self._reasons(settings)
        stretches = list(self._stretches(reasons == "", settings.most))
        best: dict[int, tuple[float, int, bytes]] = {}
        looked = 0
        for row, stretch, crop in self._pictures(stretches, progress):
            looked += 1
            sharp = sharpness_of(crop)
            if sharp < settings.sharpness:
                reasons[row] = "blurred"
            elif stretch not in best or sharp > best[stretch][0]:
                content = jpeg(crop, _QUALITY)
                best[stretch] = (sharp, row, content)
        crops = [self._crop(row) for _, row, _ in best.values()]
        for crop_, (_, _, content) in zip(crops, best.values(), strict=True):
            write_atomically(folder / crop_.name, content)
        spare = int((reasons == "").sum()) - len(crops)
        unreadable = sum(map(len, stretches)) - looked
        self.left_out.update(Counter(reasons[reasons != ""].tolist()))
        self.left_out.update({"in frames that cannot be read": unreadable, "more than needed": spare - unreadable})
        self.left_out = +self.left_out
        return crops

    def _reasons(self, settings: PrepareSettings) -> NDArray[np.object_]:
        """Why each box does not fit: the first reason that holds, empty where it fits."""
        x1, y1, x2, y2 = self._tracks.xyxy.T
        inside = is_inside_picture(self._tracks.xyxy, self._clip.width, self._clip.height)
        checks = {
            "left out by people.csv": ~np.isin(self._tracks.track, list(self._people)),
            "filled in, not seen": ~self._tracks.detected,
            f"lower than {settings.min_height} pixels": y2 - y1 < settings.min_height,
            "cut off by the picture's edge": ~inside | (x2 - x1 < 2),
            "overlapped": occlusion(self._tracks) > settings.overlap,
        }
        chosen = np.select(list(checks.values()), list(range(len(checks))), len(checks)).astype(int)
        reasons: NDArray[np.object_] = np.array([*checks, ""], object)[chosen]
        return reasons

    def _stretches(self, fits: NDArray[np.bool_], most: int) -> Iterator[Ints]:
        """Each track's fitting boxes cut into at most `most` parts of its time; of each a few rows, evenly spread."""
        for track in self._people:
            rows = np.flatnonzero(fits & (self._tracks.track == track))
            for part in np.array_split(rows, min(most, len(rows))) if len(rows) else ():
                tries = min(TRIES, len(part))
                yield part[((np.arange(tries) + 0.5) / tries * len(part)).astype(int)]

    def _pictures(self, stretches: list[Ints], progress: Progress) -> Iterator[tuple[int, int, Image]]:
        """(row, its stretch, crop) in the order of the clip."""
        wanted: dict[int, list[tuple[int, int]]] = {}
        for stretch, rows in enumerate(stretches):
            for row in rows:
                wanted.setdefault(int(self._tracks.frame[row]), []).append((int(row), stretch))
        frames = np.array(sorted(wanted), np.int64)
        progress.begin("crops", len(frames))
        with read(self._clip, Timeline(frames, self._clip.times[frames])) as pictures:
            for picture in pictures:
                for row, stretch in wanted[picture.frame]:
                    x1, y1, x2, y2 = np.rint(self._tracks.xyxy[row]).astype(int)
                    yield row, stretch, picture.bgr[y1:y2, x1:x2]
                progress.at(picture.row + 1)

    def _crop(self, row: int) -> Crop:
        track = int(self._tracks.track[row])
        return Crop(self._people[track], self._camera, track, int(self._tracks.frame[row]), "all")


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
    record = read_record(run)
    if record.get("state") != "done":
        raise SettingsError(f"the run in {run} is not over", "Let it finish, or start it again.")
    cameras = {name: number for number, name in enumerate(sorted(record["cameras"]), 1)}
    cameras = {name: number for name, number in cameras.items() if "digest" in record["cameras"][name]}
    tracks = {name: load_tracks(run, name) for name in cameras}
    sightings = [(name, int(track)) for name in cameras for track in np.unique(tracks[name].track)]
    earlier = _earlier_files(out, identity := _identity(record, cameras, tracks))
    if not (out / _TABLE).exists():
        write_atomically(out / _TABLE, table_of(sightings, cameras).encode())
    people = read_table(out / _TABLE, sightings)
    _check_one_place(tracks, people)
    with _new_folder(out) as new:
        crops, left_out = [], Counter[str]()
        for number, name in enumerate(cameras, 1):
            progress.camera(name, number, len(cameras))
            clip = _clip(name, record["cameras"][name])
            source = CameraCrops(clip, tracks[name], {t: p for (c, t), p in people.items() if c == name}, cameras[name])
            crops += source.write(new, settings, progress)
            left_out += source.left_out
        made = Prepared(tuple(assign_splits(crops, settings)), cameras, dict(left_out))
        _replace_crops(made, new, out, earlier, identity)
    write_atomically(out / _CARD, card(made, asdict(settings), record).encode())
    return made


def assign_splits(crops: list[Crop], settings: PrepareSettings) -> Iterator[Crop]:
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


def _check_one_place(tracks: Mapping[str, Tracks], people: Mapping[Sighting, str]) -> None:
    """Two boxes at one moment in one camera are two people: one name for both is a mistake of the table."""
    for camera, rows in tracks.items():
        seen = rows[rows.detected]
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


def _earlier_files(out: Path, identity: str) -> list[str]:
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


def _replace_crops(made: Prepared, new: Path, out: Path, earlier: list[str], identity: str) -> None:
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
