"""Crops of named people, the sets that a trainer reads and an evaluation ranks, and the pictures in them.

Two layouts of folders are understood. Market-1501: one folder of pictures, `0002_c1s1_000451_03.jpg` is person 2 seen
by camera 1 (person -1 is junk, 0 a distractor). A folder per person: `anna/cam2_000451.jpg`, where a leading `cam2_` or
`c2_` names the camera. A picture that names no camera counts as seen by camera 1."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.errors import SettingsError
from core.base.types import IMAGE_SUFFIXES, Bools, Floats, Image, Ints, Table
from core.machine import canvas

_MARKET = re.compile(r"^(-?\d+)_(?:c(\d+))?")
_CAMERA = re.compile(r"^c(?:am)?(\d+)[_-]", re.IGNORECASE)
JUNK, DISTRACTOR = -1, 0


@dataclass(frozen=True, eq=False)
class Crops(Table):
    """A row per picture, ordered by path: `path`, `person` and `camera`, each (n,), numbered within this set.

    Person -1 is junk, 0 a distractor: neither is trained on or queried, but a distractor stays in the gallery.
    """

    path: NDArray[np.object_]
    person: Ints
    camera: Ints

    def __post_init__(self) -> None:
        self._validate_columns(path=(object, ()), person=(np.int64, ()), camera=(np.int64, ()))

    @property
    def people(self) -> Ints:
        """The numbers of its people, rising, without junk and distractors."""
        return np.unique(self.person[self.person > DISTRACTOR])


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Labelled crops with their pictures (n, height, width, 3) uint8 BGR, further pictures, and distillation targets.

    `unlabelled` (m, height, width, 3) are pictures without a person. `targets` (t, d) are the teacher's vectors of the
    last t of all n + m pictures; t may be 0. Unlabelled pictures that are `augmented` already are not changed again,
    because the teacher saw them as they are.
    """

    crops: Crops
    pictures: Image
    targets: Floats
    unlabelled: Image
    augmented: bool = False

    @property
    def first_target(self) -> int:
        """The number of the first picture, of all n + m, that has a target."""
        return len(self.pictures) + len(self.unlabelled) - len(self.targets)

    def fingerprint(self) -> str:
        """A digest of the whole content, which is part of a checkpoint's recipe."""
        running = hashlib.blake2b(b"finished" * self.augmented, digest_size=16)
        for part in (self.pictures, self.crops.person, self.crops.camera, self.targets, self.unlabelled):
            running.update(f"{part.shape} {part.dtype}".encode())
            running.update(np.ascontiguousarray(part).data if part.size else b"")
        return running.hexdigest()


def read_crops(folder: Path) -> Crops:
    """The crops below `folder`, in either layout."""
    return _read(folder, _people_of(folder))


def read_query_and_gallery(first: Path, second: Path) -> tuple[Crops, Crops]:
    """Two sets in which the same number means the same person: folders per person are numbered over both."""
    names = sorted({*_people_of(first), *_people_of(second)})
    if names and (_pictures(first) or _pictures(second)):
        raise SettingsError(f"{first} and {second} have different layouts", "Use the same layout for both.")
    return _read(first, names), _read(second, names)


def _people_of(folder: Path) -> list[str]:
    """The names of the people where each has a folder; none in the layout of Market-1501."""
    if not folder.is_dir():
        raise SettingsError(
            f"{folder} is not a folder", "Name a folder of crops: Market-1501 layout or one per person."
        )
    return [] if _pictures(folder) else sorted(p.name for p in folder.iterdir() if p.is_dir() and _pictures(p))


def _read(folder: Path, names: list[str]) -> Crops:
    direct = _pictures(folder)
    crops = _market(direct) if direct else _folders(folder, names)
    if not len(crops):
        raise SettingsError(f"{folder} holds no crops", "Name a folder of crops: Market-1501 layout or one per person.")
    return crops


def _pictures(folder: Path) -> list[Path]:
    """The pictures in `folder`, without hidden files: archives from a Mac have a `._x.jpg` for each picture."""
    return [p for p in sorted(folder.iterdir()) if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")]


def _market(paths: list[Path]) -> Crops:
    found = [(p, matched_name) for p in paths if (matched_name := _MARKET.match(p.name))]
    if len(found) < len(paths):
        misnamed = next(p for p in paths if not _MARKET.match(p.name))
        raise SettingsError(f"{misnamed.name} is not named as in Market-1501", "Name it like 0002_c1s1_000451_03.jpg.")
    return _crops(
        [p for p, _ in found],
        [int(matched_name[1]) for _, matched_name in found],
        [int(matched_name[2] or 1) for _, matched_name in found],
    )


def _folders(folder: Path, names: list[str]) -> Crops:
    here = [(folder / name, number) for number, name in enumerate(names, 1) if (folder / name).is_dir()]
    rows = [(path, number) for person, number in here for path in _pictures(person)]
    cameras = [int(m[1]) if (m := _CAMERA.match(path.name)) else 1 for path, _ in rows]
    return _crops([path for path, _ in rows], [number for _, number in rows], cameras)


def _crops(paths: list[Path], person: list[int], camera: list[int]) -> Crops:
    names = np.empty(len(paths), object)
    names[:] = paths
    return Crops(names, np.array(person, np.int64), np.array(camera, np.int64))


def hold_out(crops: Crops, people_held_out: int) -> tuple[Crops, Crops]:
    """Training crops, and those of the last `people_held_out` people: nobody is in both."""
    people = crops.people
    if not 0 <= people_held_out < len(people):
        raise SettingsError(f"{people_held_out} of {len(people)} people cannot be held out", "Hold out fewer.")
    is_held_out: Bools = np.isin(crops.person, people[len(people) - people_held_out :])
    return crops[~is_held_out & (crops.person > DISTRACTOR)], crops[is_held_out]


def join_crops(crops: Crops, further: Sequence[Crops]) -> Crops:
    """All in one set. No person is in two of the sets, so the people of `further` get new numbers."""
    parts, last = [crops], int(crops.person.max(initial=0))
    for more in further:
        parts.append(Crops(more.path, more.person + last, more.camera)[more.person > DISTRACTOR])
        last += int(more.person.max(initial=0))
    return Crops(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("path", "person", "camera")))


def query_mask(crops: Crops) -> Bools:
    """Which crops are queries, (n,), where a set names none: the first of each person in each camera."""
    _, first = np.unique(np.stack([crops.person, crops.camera]), axis=1, return_index=True)
    is_query = np.zeros(len(crops), bool)
    is_query[first] = True
    return np.asarray(is_query & (crops.person > DISTRACTOR))


def check_answerable(crops: Crops) -> None:
    """`SettingsError` unless some query has a right answer: a further picture of the person in another camera."""
    is_query = query_mask(crops)
    answers = {(int(p), int(c)) for p, c in zip(crops.person[~is_query], crops.camera[~is_query], strict=True)}
    cameras: dict[int, set[int]] = {}
    for person, camera in answers:
        cameras.setdefault(person, set()).add(camera)
    queries = zip(crops.person[is_query].tolist(), crops.camera[is_query].tolist(), strict=True)
    if not any(cameras.get(person, set()) - {camera} for person, camera in queries):
        raise SettingsError(
            "there is no query across cameras: nobody has two pictures in one camera and one in another",
            "Name the cameras in the files (cam2_000451.jpg), and add several pictures of each person.",
        )


def read_picture(path: Path) -> Image:
    """BGR, (height, width, 3) uint8."""
    picture = canvas.read_picture(path)
    if not len(picture):
        raise SettingsError(f"{path} is not a picture", "Remove it from the folder.")
    return picture


def resized(picture: Image, height: int, width: int) -> Image:
    """The picture at that size; pixels are averaged where it gets smaller."""
    interpolation = cv2.INTER_AREA if picture.shape[0] > height else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=interpolation), np.uint8)


def load_pictures(crops: Crops, height: int, width: int, on_pictures: Callable[[int], None] = lambda n: None) -> Image:
    """All pictures at one size, (n, height, width, 3) uint8 BGR, in memory, so that each is decoded only once."""
    pictures = np.empty((len(crops), height, width, 3), np.uint8)
    for i, path in enumerate(crops.path):
        pictures[i] = resized(read_picture(path), height, width)
        if i % 256 == 255:
            on_pictures(i + 1)
    return pictures
