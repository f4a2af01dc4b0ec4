"""The crops of a gallery as a training set: a flat folder or a zip in the naming of Market-1501.

    0002_c1s1_000451_01.jpg   person 2, camera 1, frame 451, the first crop of this person there
    cameras.csv               the number of each camera
    README.txt                what it is, and which models, settings and decisions grouped the people

It is written completely or not at all, into a new or empty folder or a zip file. Heads are blurred unless a reason
is given for showing them, as models that are trained on the crops may need.
"""

from __future__ import annotations

import secrets
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from core import __version__
from core.base.errors import SettingsError, StoreError
from core.base.progress import Progress
from core.base.text import csv_text, describe_day, describe_purpose, format_count, one_line
from core.export.facts import run_in_words
from core.export.images import full_size_jpeg
from core.export.zip import Archive
from core.machine.paths import open_atomically
from core.runs import Crop, Gallery
from core.vision.match import NO_PERSON

_README = """\
Crops in Market-1501's naming, written by sightline {version}: {counts}

0002_c1s1_000451_01.jpg is person 2 in camera 1, {frame} 451, the first crop of them there. cameras.csv says which
number is which camera.

WHO IS WHO WAS DECIDED BY A PROGRAM from what people look like, and these are candidates until a person has confirmed
them: a model that learns from them learns the mistakes as well. Look through them first. {heads}{reason}

Purpose: {purpose}
To be kept until: {keep_until}

How the people were named
-------------------------
{made}"""
_HEADS = {
    True: "Heads are covered where\nthe program finds or expects them: people may still be recognised.",
    False: "Heads are not blurred, and\npeople can be recognised: keep this folder to those who may see them.",
}


def write_market(gallery: Gallery, place: Path, progress: Progress | None = None, blur: bool = True) -> int:
    """Write the crops, with heads blurred if `blur`, to `place`, a new or empty folder or a file that ends in .zip;
    returns their number. Things are left out: nobody should learn people from them."""
    gallery = replace(gallery, sightings=tuple(s for s in gallery.sightings if s.status != NO_PERSON))
    total = sum(len(sighting.crops) for sighting in gallery.sightings)
    if not total:
        raise SettingsError("the run has no crops to write", "Choose a run in which people were found.")
    files = _files(gallery, total, blur, progress or Progress())
    if place.suffix.lower() == ".zip":
        with open_atomically(place) as file, Archive(file) as archive:
            for name, content in files:
                archive.add(name, [content])
    else:
        _write_folder(place, files)
    return total


def _files(gallery: Gallery, total: int, blur: bool, progress: Progress) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file, one picture in memory at a time."""
    progress.begin("export", total)
    for number, (name, crop) in enumerate(_named_crops(gallery), 1):
        yield name, full_size_jpeg(crop, blur)
        progress.at(number)
    yield "cameras.csv", _cameras(gallery).encode()
    yield "README.txt", _readme(gallery, total, blur).encode()


def _write_folder(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    require_empty(folder)
    new = folder.absolute().with_name(f".{secrets.token_hex(8)}.part")
    try:
        new.mkdir(parents=True)
        for name, content in files:
            (new / name).write_bytes(content)
        if folder.is_dir():
            folder.rmdir()  # some systems do not rename a folder over another
        new.rename(folder)
    except OSError as fault:
        raise StoreError(f"{folder} cannot be written ({fault.strerror})", "Name another folder.") from fault
    finally:
        shutil.rmtree(new, ignore_errors=True)


def require_empty(folder: Path) -> None:
    """`SettingsError` if `folder` is not empty."""
    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as fault:
        raise StoreError(f"{folder} cannot be read ({fault.strerror})", "Name another folder.") from fault
    if taken:
        raise SettingsError(f"{folder} is not empty", "Name a new folder for the crops; nothing is overwritten.")


def _named_crops(gallery: Gallery) -> Iterator[tuple[str, Crop]]:
    number = {camera: place for place, camera in enumerate(gallery.cameras, 1)}
    so_far: Counter[str] = Counter()
    for sighting in gallery.sightings:
        for crop in sighting.crops:
            name = f"{sighting.person:04d}_c{number[sighting.camera]}s1_{crop.frame:06d}"
            so_far[name] += 1
            yield f"{name}_{so_far[name]:02d}.jpg", crop


def _cameras(gallery: Gallery) -> str:
    crops = Counter(sighting.camera for sighting in gallery.sightings for _ in sighting.crops)
    rows = ((number, camera, crops[camera]) for number, camera in enumerate(gallery.cameras, 1))
    return csv_text([("number", "camera", "crops"), *rows])


def _readme(gallery: Gallery, total: int, blur: bool) -> str:
    counts = (
        format_count(gallery.people_count, "person", "people"),
        format_count(total, "crop", "crops"),
        format_count(len(gallery.cameras), "camera", "cameras"),
    )
    reason = one_line(str(gallery.about.get("heads_shown_because", "")))
    topics = run_in_words(gallery.about)
    rows = [f"{topic}: {name}: {one_line(value)}\n" for topic, facts in topics for name, value in facts]
    return _README.format(
        version=__version__,
        counts=", ".join(counts),
        heads=_HEADS[blur],
        frame="frame" if gallery.has_times else "picture",
        purpose=describe_purpose(str(gallery.about.get("purpose", ""))),
        keep_until=describe_day(str(gallery.about.get("keep_until", ""))),
        reason=f" The reason given: {reason}" if reason else "",
        made="".join(rows) or "Nothing is known of it.\n",
    )
