"""Crops of people with names on them: what a trainer reads and an evaluation ranks.

Two layouts are understood. Market-1501: one folder of pictures, `0002_c1s1_000451_03.jpg` is person 2 seen by camera 1
(person -1 is junk, 0 a distractor). A folder per person: `anna/cam2_000451.jpg`, where a leading `cam2_` or `c2_`
names the camera. A picture that names no camera was seen by camera 1. Nothing here opens a clip or a network."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.errors import SettingsError
from core.base.types import PICTURES, Bools, Image, Ints, Table

_MARKET = re.compile(r"^(-?\d+)_(?:c(\d+))?")
_CAMERA = re.compile(r"^c(?:am)?(\d+)[_-]", re.IGNORECASE)
JUNK, DISTRACTOR = -1, 0


@dataclass(frozen=True, eq=False)
class Crops(Table):
    """One row per picture, ordered by path. `person` and `camera` are numbers of this set.

    Person -1 is junk; 0 is a distractor: to be taken for somebody, but nobody to learn or to look for.
    """

    path: NDArray[np.object_]
    person: Ints
    camera: Ints

    def __post_init__(self) -> None:
        self._validate_columns(path=(object, ()), person=(np.int64, ()), camera=(np.int64, ()))

    @property
    def people(self) -> Ints:
        """The numbers of the people in it, rising, junk and distractors left out."""
        return np.unique(self.person[self.person > DISTRACTOR])


def read_crops(folder: Path) -> Crops:
    """The crops below `folder`, whichever layout it has."""
    return _read(folder, _people_of(folder))


def read_query_and_gallery(first: Path, second: Path) -> tuple[Crops, Crops]:
    """Two sets whose numbers mean the same people: in folders per person, those are numbered over both."""
    names = sorted({*_people_of(first), *_people_of(second)})
    if names and (_pictures(first) or _pictures(second)):
        raise SettingsError(f"{first} and {second} have different layouts", "Give both alike.")
    return _read(first, names), _read(second, names)


def _people_of(folder: Path) -> list[str]:
    """The names of the people in a folder per person; none in Market-1501's layout."""
    if not folder.is_dir():
        raise SettingsError(f"{folder} is no folder", "Name a folder of crops: Market-1501 layout or one per person.")
    return [] if _pictures(folder) else sorted(p.name for p in folder.iterdir() if p.is_dir() and _pictures(p))


def _read(folder: Path, names: list[str]) -> Crops:
    flat = _pictures(folder)
    crops = _market(flat) if flat else _folders(folder, names)
    if not len(crops):
        raise SettingsError(f"{folder} holds no crops", "Name a folder of crops: Market-1501 layout or one per person.")
    return crops


def _pictures(folder: Path) -> list[Path]:
    """Hidden files are none of them: archives made on a Mac bring a `._x.jpg` for each picture."""
    return [p for p in sorted(folder.iterdir()) if p.suffix.lower() in PICTURES and not p.name.startswith(".")]


def _market(paths: list[Path]) -> Crops:
    found = [(p, m) for p in paths if (m := _MARKET.match(p.name))]
    if len(found) < len(paths):
        strange = next(p for p in paths if not _MARKET.match(p.name))
        raise SettingsError(f"{strange.name} is not named as Market-1501 does", "Expected 0002_c1s1_000451_03.jpg.")
    return _crops([p for p, _ in found], [int(m[1]) for _, m in found], [int(m[2] or 1) for _, m in found])


def _folders(folder: Path, names: list[str]) -> Crops:
    here = [(folder / name, number) for number, name in enumerate(names, 1) if (folder / name).is_dir()]
    rows = [(path, number) for person, number in here for path in _pictures(person)]
    cameras = [int(m[1]) if (m := _CAMERA.match(path.name)) else 1 for path, _ in rows]
    return _crops([path for path, _ in rows], [number for _, number in rows], cameras)


def _crops(paths: list[Path], person: list[int], camera: list[int]) -> Crops:
    names = np.empty(len(paths), object)
    names[:] = paths
    return Crops(names, np.array(person, np.int64), np.array(camera, np.int64))


def hold_out(crops: Crops, aside: int) -> tuple[Crops, Crops]:
    """Training crops, and those of the last `aside` people: nobody is in both."""
    people = crops.people
    if not 0 <= aside < len(people):
        raise SettingsError(f"{aside} of {len(people)} people cannot be kept aside", "Keep fewer aside.")
    held: Bools = np.isin(crops.person, people[len(people) - aside :])
    return crops[~held & (crops.person > DISTRACTOR)], crops[held]


def join_crops(crops: Crops, others: Sequence[Crops]) -> Crops:
    """All in one set; nobody of one is in another, so the people of `others` are numbered on."""
    parts, last = [crops], int(crops.person.max(initial=0))
    for more in others:
        parts.append(Crops(more.path, more.person + last, more.camera)[more.person > DISTRACTOR])
        last += int(more.person.max(initial=0))
    return Crops(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("path", "person", "camera")))


def query_mask(crops: Crops) -> Bools:
    """Which crops ask, when a set brings no queries of its own: each person's first, by name, in each camera."""
    _, first = np.unique(np.stack([crops.person, crops.camera]), axis=1, return_index=True)
    asks = np.zeros(len(crops), bool)
    asks[first] = True
    return np.asarray(asks & (crops.person > DISTRACTOR))


def check_answerable(crops: Crops) -> None:
    """`SettingsError` where no query could be answered: nobody has a further picture from another camera."""
    asks = query_mask(crops)
    answers = {(int(p), int(c)) for p, c in zip(crops.person[~asks], crops.camera[~asks], strict=True)}
    cameras: dict[int, set[int]] = {}
    for person, camera in answers:
        cameras.setdefault(person, set()).add(camera)
    asked = zip(crops.person[asks].tolist(), crops.camera[asks].tolist(), strict=True)
    if not any(cameras.get(person, set()) - {camera} for person, camera in asked):
        raise SettingsError(
            "nobody can be looked for: no person has two pictures in one camera and one in another",
            "Name the cameras in the files (cam2_000451.jpg), and bring several pictures of a person.",
        )


def read_picture(path: Path) -> Image:
    """BGR, (height, width, 3) uint8."""
    content = np.fromfile(path, np.uint8)
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if picture is None:
        raise SettingsError(f"{path} is not a picture", "Take it out of the folder.")
    return np.asarray(picture, np.uint8)


def resized(picture: Image, height: int, width: int) -> Image:
    """The picture at that size; what is made smaller is averaged."""
    how = cv2.INTER_AREA if picture.shape[0] > height else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), np.uint8)


def load_pictures(crops: Crops, height: int, width: int, on_pictures: Callable[[int], None] = lambda n: None) -> Image:
    """All pictures at one size, (n, height, width, 3) uint8 BGR: small enough to hold, and decoded only once."""
    held = np.empty((len(crops), height, width, 3), np.uint8)
    for i, path in enumerate(crops.path):
        held[i] = resized(read_picture(path), height, width)
        if i % 256 == 255:
            on_pictures(i + 1)
    return held
