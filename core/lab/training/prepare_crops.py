"""From footage to a data set: crops of the tracks of a run, by person, split for training and validation.

Who is who stands in `people.csv`, which people edit. Nobody is in both splits. For every crop a few boxes of a track
are compared and the sharpest is taken; why other boxes were left out is counted.

    OUT/people.csv       written first, with a person for every track; read from then on and never written again
    OUT/train/<person>/cam1_000451.jpg, OUT/val/<person>/...
    OUT/card.md          the data card: content, sources, purpose, and what was left out
    OUT/prepared.json    the files that may be replaced when the data set is prepared again"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import ClipError, SettingsError, StoreError
from core.base.progress import Progress
from core.base.types import Clip, Image, Ints, Timeline, Tracks
from core.lab.training.card import Crop, Prepared, Sighting, card, read_table, table_of
from core.machine.paths import write_atomically
from core.machine.records import RecordFormat
from core.runs import CameraRecord, RunRecord, check_layout, load_all_tracks, read_record
from core.vision.appearance import is_inside_picture, occlusion, sharpness_of
from core.vision.video import jpeg, probe, read

TRIES_PER_CROP = 3
"""Pictures compared for each crop; the sharpest is kept."""
_QUALITY = 95
SPLITS = ("train", "val")
_TABLE, _RECORD, _CARD, _NEW = "people.csv", "prepared.json", "card.md", ".new"
_CHOOSE_ANOTHER = "Choose another --out folder, or move it away."


@dataclass(frozen=True)
class PrepareSettings:
    """What becomes a crop, and on what ground. The field names are written to the data card.

    purpose     what the pictures are for; required
    consent     how the people in them agreed, or on what ground they are used
    most        largest number of crops of a track, spread over its time
    min_height  smallest height of a box, in pixels
    overlap     largest share of a box that another box may cover, 0 to 1
    sharpness   smallest sharpness (`sharpness_of`). Of the crops of Market-1501, 20 keeps all, 19 in 20 at a third of
                their brightness, 1 in 10 when they are blurred by two pixels and none at three
    share       share of the people that go to validation, 0 to 1
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
            raise SettingsError("crops per track and the smallest height must be 1 or more", "Give larger numbers.")
        if not (0 <= self.overlap <= 1 and 0 <= self.share < 1 and self.sharpness >= 0):
            raise SettingsError(
                "overlap and share must be from 0 to 1, and sharpness 0 or more", "Try overlap 0.25 and share 0.2."
            )


@dataclass(frozen=True)
class _FilesRecord:
    """Which run the crops in a folder are from, by a digest, and their files, so that only these are replaced."""

    run: str
    files: tuple[str, ...] = ()


_FORMAT = RecordFormat(_FilesRecord, "record of crops", remedy=_CHOOSE_ANOTHER, unversioned=1)


def prepare(run: Path, out: Path, settings: PrepareSettings, progress: Progress) -> Prepared:
    """Write a data set from the run in folder `run` to `out`; call again after an edit of the table to replace it."""
    if not settings.purpose.strip():
        raise SettingsError(
            "the data set would show people who can be recognised, and no purpose is given",
            "State the purpose (--purpose) and the consent (--consent); both are written to the data card.",
        )
    record = read_record(run)
    if record.state != "done":
        raise SettingsError(f"the run in {run} is not finished", "Let it finish, or start it again.")
    cameras = {name: number for number, name in enumerate(sorted(record.cameras), 1) if name in record.analysed}
    tracks = {
        name: found.without(record.cameras[name].objects) for name, found in load_all_tracks(run, cameras).items()
    }
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
            clip = _clip(name, record.cameras[name])
            source = CameraCrops(clip, tracks[name], {t: p for (c, t), p in people.items() if c == name}, cameras[name])
            crops += source.write(new, settings, progress)
            left_out += source.left_out
        data_set = Prepared(tuple(assign_splits(crops, settings)), cameras, dict(left_out))
        _replace_crops(data_set, new, out, earlier, identity)
    write_atomically(out / _CARD, card(data_set, asdict(settings), record).encode())
    return data_set


def assign_splits(crops: list[Crop], settings: PrepareSettings) -> Iterator[Crop]:
    """The crops with a split for each person: about the same share of people seen by several cameras and of others.

    The order follows from a digest of seed and name, so the same people are always split in the same way. At least one
    person stays in train.
    """
    cameras: dict[str, set[int]] = {}
    for crop in crops:
        cameras.setdefault(crop.person, set()).add(crop.camera)

    def order_key(person: str) -> tuple[bool, str]:
        return len(cameras[person]) < 2, hashlib.sha256(f"{settings.seed}:{person}".encode()).hexdigest()

    order = sorted(cameras, key=order_key)
    count = min(max(1, round(settings.share * len(order))), len(order) - 1) if settings.share and order else 0
    validation = {order[number * len(order) // count] for number in range(count)}
    for crop in sorted(crops, key=lambda c: (c.person, c.camera, c.frame)):
        yield replace(crop, split="val" if crop.person in validation else "train")


def _check_one_place(tracks: Mapping[str, Tracks], people: Mapping[Sighting, str]) -> None:
    """`SettingsError` where the table gives two boxes of the same frame and camera the same person."""
    for camera, rows in tracks.items():
        detected = rows[rows.detected]
        track_of: dict[tuple[int, str], int] = {}
        for frame, track in zip(detected.frame.tolist(), detected.track.tolist(), strict=True):
            person = people.get((camera, track))
            if person is not None and (earlier := track_of.setdefault((frame, person), track)) != track:
                raise SettingsError(
                    f"{_TABLE}: {person} is both track {earlier} and track {track} of {camera} in frame {frame}",
                    "Give one of them another person, or - to leave it out.",
                )


def _clip(camera: str, facts: CameraRecord) -> Clip:
    clip = probe(facts.clip)
    if clip.digest != facts.digest:
        raise ClipError(f"the clip of {camera} has changed since it was tracked", "Track it again.")
    check_layout(clip, facts)
    return clip


def _identity(record: RunRecord, cameras: Mapping[str, int], tracks: Mapping[str, Tracks]) -> str:
    """A digest of the run: of its clips and its boxes."""
    digest = hashlib.sha256()
    for name in cameras:
        digest.update(f"{name}:{record.cameras[name].digest};".encode())
        for column in (tracks[name].frame, tracks[name].track, tracks[name].xyxy):
            digest.update(column.tobytes())
    return digest.hexdigest()


def _earlier_files(out: Path, identity: str) -> list[str]:
    """The files in `out` of an earlier data set of the same run; an error where `out` has anything else."""
    if not out.exists():
        return []
    foreign_names = (
        {p.name for p in out.iterdir()} - {_TABLE, _RECORD, _CARD, _NEW, *SPLITS} if out.is_dir() else {out.name}
    )
    if foreign_names:
        raise SettingsError(f"{out} has other content ({min(foreign_names)})", _CHOOSE_ANOTHER)
    record = _FORMAT.read(out / _RECORD) if (out / _RECORD).exists() else None
    if record and record.run != identity:
        raise SettingsError(f"{out} has the crops of another run", _CHOOSE_ANOTHER)
    own_files = set(record.files) if record else set()
    found = [p.relative_to(out).as_posix() for split in SPLITS for p in (out / split).rglob("*") if not p.is_dir()]
    if foreign_file := sorted(set(found) - own_files) or ([_CARD] if not record and (out / _CARD).exists() else []):
        raise SettingsError(f"{out} has a file that was not written here ({foreign_file[0]})", _CHOOSE_ANOTHER)
    return found


@contextlib.contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A temporary folder inside `out`, removed in the end."""
    new = out / _NEW
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir(parents=True)
        yield new
    except OSError as fault:
        raise StoreError(f"{out} cannot be written ({fault.strerror})", "Free some space, then start again.") from fault
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _replace_crops(data_set: Prepared, new: Path, out: Path, earlier: list[str], identity: str) -> None:
    """Move crops from `new` to their splits, in place of earlier ones. Until then the record names both."""
    files = [crop.name for crop in data_set.crops]
    write_atomically(out / _RECORD, _FORMAT.to_json(_FilesRecord(identity, tuple(sorted({*files, *earlier})))))
    for split in SPLITS:
        if (out / split).exists():
            shutil.rmtree(out / split)
    for crop in data_set.crops:
        target = out / crop.name
        target.parent.mkdir(parents=True, exist_ok=True)
        (new / replace(crop, split="all").name).replace(target)
    write_atomically(out / _RECORD, _FORMAT.to_json(_FilesRecord(identity, tuple(files))))


class CameraCrops:
    """The crops of one camera. `left_out` counts the boxes that became no crop, by reason."""

    def __init__(self, clip: Clip, tracks: Tracks, people: Mapping[int, str], camera: int) -> None:
        self._clip, self._tracks, self._people, self._camera = clip, tracks, people, camera
        self.left_out = Counter[str]()

    def write(self, folder: Path, settings: PrepareSettings, progress: Progress) -> list[Crop]:
        """Write the crops below `folder`/<person>/, one for each stretch of a track with a sharp picture."""
        reasons = self._reasons(settings)
        stretches = list(self._stretches(reasons == "", settings.most))
        best: dict[int, tuple[float, int, bytes]] = {}
        examined = 0
        for row, stretch, crop in self._pictures(stretches, progress):
            examined += 1
            sharpness = sharpness_of(crop)
            if sharpness < settings.sharpness:
                reasons[row] = "blurred"
            elif stretch not in best or sharpness > best[stretch][0]:
                content = jpeg(crop, _QUALITY)
                best[stretch] = (sharpness, row, content)
        crops = [self._crop(row) for _, row, _ in best.values()]
        for best_crop, (_, _, content) in zip(crops, best.values(), strict=True):
            write_atomically(folder / best_crop.name, content)
        unused = int((reasons == "").sum()) - len(crops)
        unreadable = sum(map(len, stretches)) - examined
        self.left_out.update(Counter(reasons[reasons != ""].tolist()))
        self.left_out.update({"in frames that cannot be read": unreadable, "more than needed": unused - unreadable})
        self.left_out = +self.left_out
        return crops

    def _reasons(self, settings: PrepareSettings) -> NDArray[np.object_]:
        """Why each box is unsuitable, (n,): the first reason that applies, empty where there is none."""
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

    def _stretches(self, is_suitable: NDArray[np.bool_], most: int) -> Iterator[Ints]:
        """The suitable boxes of each track in at most `most` stretches of time; a few rows of each, evenly spread."""
        for track in self._people:
            rows = np.flatnonzero(is_suitable & (self._tracks.track == track))
            for part in np.array_split(rows, min(most, len(rows))) if len(rows) else ():
                tries = min(TRIES_PER_CROP, len(part))
                yield part[((np.arange(tries) + 0.5) / tries * len(part)).astype(int)]

    def _pictures(self, stretches: list[Ints], progress: Progress) -> Iterator[tuple[int, int, Image]]:
        """Row, number of its stretch, and crop (BGR), in the order of the clip."""
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
