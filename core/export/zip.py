"""The zip that is exported: README, report, contact sheets, tables, crops, tracks and the manifest.

The same gallery always gives the same bytes: names, order and dates of the entries are fixed, and the date of the
export is in manifest.json alone. The zip is written completely or not at all, with one crop in memory at a time.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import IO

from core import __version__
from core.base.errors import StoreError
from core.base.progress import Progress
from core.base.text import describe_day, describe_purpose, format_count, one_line
from core.base.types import Image
from core.export.contact_sheets import count_crops, draw_sheets
from core.export.full_frames import FullFrames
from core.export.html_report import render_report, report_crops, thumbnail_size
from core.export.images import CropPictures, thumbnail_jpeg
from core.export.tables import crop_name, sheet_name
from core.export.verify import MANIFEST, RECORD, Manifest, ManifestEntry
from core.machine.chain import CHAIN, TEXTS, Head, parse_log
from core.machine.paths import open_atomically
from core.runs import Crop, Gallery, candidates_csv, require_camera, sightings_csv, sightings_parquet
from core.vision.video import jpeg

_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX, _READABLE = 3, 0o644 << 16
_STORED = (".jpg", MANIFEST)
"""Compressing a JPEG takes time and gains nothing; of the manifest, no byte may stand for several ways to pack it."""
_README = """\
Sightline: who was seen
=======================

{found}
Purpose: {purpose}
To be kept until: {keep_until}

THE MATCHES ARE CANDIDATES UNTIL A PERSON CONFIRMS THEM. The program groups sightings of people who look alike; only
somebody who compares the pictures can say whether two sightings show the same person. {heads}{reason}

What is in it
-------------
report.html            what was examined and with what; the people in time, each with an itinerary, full frames,
                       pictures, what was decided and what speaks against it; opens in any browser, prints, needs no
                       network
contact_sheet.jpg      a row per person (contact_sheet_2.jpg and so on when there are many)
people/P003/           the pictures of person 3: camera, clip time (hours-minutes-seconds), track
sightings.csv          a row per sighting: camera, track, person, start_s and end_s (seconds of the clip), similarity
                       (up to 1; empty for somebody alone), status, colours of upper and lower body, and the name and
                       the note typed for the person
sightings.parquet      the same for programs
candidates.csv         for each track, the most similar tracks of other people, at least five that could be the same
                       person: similarity, margin (how much more similar the track is to its own person), the reason if
                       the two cannot be one person, and their two most similar pictures
tracks/<camera>.txt    every box of every track: frame (from 1), track, left, top, width, height in pixels of the clip,
                       confidence, and three columns that are -1 (MOT text)
{log_files}manifest.json          how it was made, and the sha256 of the recordings and of every other file;
                       "digest" of a recording is BLAKE2b, 128 bits, of its content

Status: alone (no similar person was found), candidate (a match that the program proposes), doubtful (a match that the
program doubts), confirmed (a person has looked and agreed), thing (probably no person, because it never moves or
somebody has said so: it was compared with nobody, comes last, and is not in tracks/).
{times}
How to check it
---------------
    python -m core verify gallery.zip

compares the sha256 of each file with that in manifest.json. Whoever changes a file could change the manifest as well:
keep the sha256 of the whole zip elsewhere.
{log_head}{again}"""
_REPEAT_SECTION = """
How to repeat the run
---------------------
With the clips and models that manifest.json names:

    {command}

Clips are recognised by their content, under whatever name; settings, regions and decisions are in manifest.json. At the
end, the command says whether all files are the same. Only the date in manifest.json differs; another version of the
program may also word README.txt and report.html, or draw the contact sheets, differently.
"""
_UNTIMED = """
These pictures came without clips, so it is unknown when they were taken. p000012 in a name is the camera's twelfth
picture, in the order of their names; start_s and end_s are empty, and there is no tracks/. Where a camera had a folder
for each of two people, they are two people here.
"""
_CLOCKS = """
It is known when the recordings began. Times are local,
{zone}.
In sightings.csv, start_local and end_local (with a time zone also start_utc and end_utc) stand beside the seconds of
the clip, and so do crop_local and other_crop_local in candidates.csv; names of pictures have the local date and time
instead of the clip time. A time that clocks show twice has its offset from UTC.
"""
_LOG_FILES = """\
log.csv                what was done in the case: when, by whom, what; log.jsonl and log_texts.jsonl are the same for
                       programs, each entry with the hash of the one before
"""
_LOG_HEAD = """
The log ends with entry {entry}, whose hash is
{hash}. Whoever keeps it can tell later whether the log was written
anew: python -m core verify CASE --against gallery.zip
"""
_HEADS = {
    True: "Heads are\ncovered where the program finds or expects them. It misses some: look through all pictures "
    "before you hand\nthem out. Heads may be seen, and so may people in the background.",
    False: "Heads are\nnot blurred in this export: faces may be seen.",
}
_BLOCK = 1 << 20
_SHEET_QUALITY = 88


def write_zip(
    gallery: Gallery,
    tracks: Mapping[str, Path],
    out: Path,
    *,
    blur: bool = True,
    progress: Progress | None = None,
    when: str | None = None,
    log: Mapping[str, bytes] | None = None,
    frames: FullFrames | None = None,
) -> None:
    """Write `gallery` and the MOT text of each camera to `out`; with `blur`, no face can be recognised.

    `when` is the date in the manifest, `log` the files of the case's log by name, `frames` are the full frames in the
    report. Raises `StoreError` if a picture or `out` cannot be read or written, `Cancelled` if a stop was requested.
    """
    for camera in tracks:
        require_camera(camera, "tracks")
    step = _progress_steps(gallery, progress or Progress())
    head = parse_log(log.get(CHAIN, b""), log.get(TEXTS, b"")).head if log else None
    with open_atomically(out) as file, Archive(file) as archive:
        for name, pieces in _entries(gallery, tracks, blur, step, head, frames):
            archive.add(name, pieces)
        for name, content in sorted((log or {}).items()):
            archive.add(name, [content])
        file.flush()
        packed = _sha256_of_start(Path(file.name), file.tell())
        archive.add(MANIFEST, [_manifest(gallery, blur, when, archive.entries, head, packed)])


def _entries(
    gallery: Gallery,
    tracks: Mapping[str, Path],
    blur: bool,
    step: Callable[[], None],
    head: Head | None,
    frames: FullFrames | None,
) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Name and content of every entry but the manifest, in order; each is made when its turn comes."""
    pictures = CropPictures(blur)

    def load(crop: Crop) -> Image:
        step()
        return pictures.load(crop)

    def thumbnail(crop: Crop) -> bytes:
        return thumbnail_jpeg(load(crop), *thumbnail_size(gallery))

    def full_size(crop: Crop) -> bytes:
        step()
        return pictures.full_size_jpeg(crop)

    yield "README.txt", [readme(gallery, blur, head).encode()]
    yield "report.html", (piece.encode() for piece in render_report(gallery, thumbnail, blur, frames))
    for number, page in enumerate(draw_sheets(gallery, load), 1):
        yield sheet_name(number), [jpeg(page, _SHEET_QUALITY)]
    yield "sightings.csv", [sightings_csv(gallery).encode()]
    yield "sightings.parquet", [sightings_parquet(gallery)]
    yield "candidates.csv", [candidates_csv(gallery.lookalikes, gallery.clocks).encode()]
    for sighting in gallery.sightings:
        for crop in sighting.crops:
            yield crop_name(sighting, crop, gallery.clocks), map(full_size, [crop])
    for camera, path in sorted(tracks.items()):
        yield f"tracks/{camera}.txt", _file_blocks(path)


def _progress_steps(gallery: Gallery, progress: Progress) -> Callable[[], None]:
    """A function to call before each picture: it reports progress, and raises `Cancelled` once a stop is requested."""
    total = report_crops(gallery) + count_crops(gallery) + sum(len(s.crops) for s in gallery.sightings)
    progress.begin("export", total)
    done = iter(range(1, total + 1))
    return lambda: progress.at(next(done))


def _file_blocks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as fault:
        raise StoreError(f"The tracks {path} cannot be read ({fault.strerror})", "Run the analysis again.") from fault


def _manifest(
    gallery: Gallery, blur: bool, when: str | None, entries: Iterable[ManifestEntry], head: Head | None, packed: str
) -> bytes:
    manifest = Manifest(
        program=f"sightline {__version__}",
        matches="candidates until somebody confirms them",
        people=gallery.people_count,
        sightings=len(gallery.sightings),
        cameras=tuple(gallery.cameras),
        about=dict(gallery.about),
        blurred=blur,
        when=when,
        log=head,
        packed_sha256=packed,
        entries=tuple(entries),
    )
    content = asdict(manifest)
    if head is None:
        del content["log"]
    # The version has had this place since 0.1.0, and the bytes of manifests are compared.
    content = {"program": content.pop("program"), "format": RECORD.version, **content}
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def readme(gallery: Gallery, blur: bool, head: Head | None = None) -> str:
    """README.txt: what is in the zip, what it means, and how to repeat the run."""
    cameras, sightings = len(gallery.cameras), format_count(len(gallery.sightings), "sighting", "sightings")
    counts = f"{gallery.describe_people()}, {sightings}, {format_count(cameras, 'camera', 'cameras')}."
    found = counts if gallery.sightings else "Nobody was found."
    command = gallery.about.get("again")
    repeat_section = _REPEAT_SECTION.format(command=command) if command else ""
    clocks = gallery.clocks
    zone = f"of the time zone {clocks.zone}" if clocks.zone else "as they were entered, without a time zone"
    times = _CLOCKS.format(zone=zone) if clocks else "" if gallery.has_times else _UNTIMED
    texts = ("purpose", "keep_until", "heads_shown_because")
    purpose, keep_until, reason = (one_line(str(gallery.about.get(name, ""))) for name in texts)
    return _README.format(
        found=found,
        purpose=describe_purpose(purpose),
        keep_until=describe_day(keep_until),
        heads=_HEADS[blur],
        reason=f"\nThe reason given: {reason}" if reason else "",
        times=times,
        again=repeat_section,
        log_files=_LOG_FILES if head else "",
        log_head=_LOG_HEAD.format(entry=head.entry, hash=head.hash) if head else "",
    )


class Archive:
    """A zip that is written entry by entry to a seekable file; it records the size and sha256 of each entry."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w")
        self._taken: set[str] = set()
        self.entries: list[ManifestEntry] = []

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *fault: object) -> None:
        self._zip.close()

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """Add an entry made of these pieces. A name that is taken, in upper or lower case, gets a number: a_2.jpg."""
        name = self._free(name)
        digest, size = hashlib.sha256(), 0
        with self._zip.open(_entry_header(name), "w") as entry:
            for piece in pieces:
                entry.write(piece)
                digest.update(piece)
                size += len(piece)
        self.entries.append(ManifestEntry(name=name, bytes=size, sha256=digest.hexdigest()))

    def _free(self, name: str) -> str:
        path, number, free = PurePosixPath(name), 1, name
        while free.casefold() in self._taken:
            number += 1
            free = str(path.with_name(f"{path.stem}_{number}{path.suffix}"))
        self._taken.add(free.casefold())
        return free


def _entry_header(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = zipfile.ZIP_STORED if name.endswith(_STORED) else zipfile.ZIP_DEFLATED
    info.create_system, info.external_attr = _UNIX, _READABLE
    return info


def is_packed_alike(path: Path, manifest: Manifest) -> bool:
    """Whether the zip around its files is, byte for byte, as it was written: how they are compressed, their headers and
    dates, and nothing between, before or after them. Zips of 2 GiB and more have other headers, and are not looked at.
    """
    if path.stat().st_size > zipfile.ZIP64_LIMIT:
        return True
    position = last = 0
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        expected = []
        for info in archive.infolist():
            entry = _entry_header(info.filename)
            entry.compress_type, entry.CRC = info.compress_type, info.CRC
            entry.compress_size, entry.file_size, entry.header_offset = info.compress_size, info.file_size, position
            header = entry.FileHeader(zip64=False)
            file.seek(position)
            if file.read(len(header)) != header:
                return False
            last, position = position, position + len(header) + info.compress_size
            expected.append(entry)
        file.seek(position)
        if file.read() != _directory(expected, position):
            return False
    # Earlier versions did not record it.
    return not manifest.packed_sha256 or manifest.packed_sha256 == _sha256_of_start(path, last)


def _sha256_of_start(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size and (block := file.read(min(size, _BLOCK))):
            digest.update(block)
            size -= len(block)
    return digest.hexdigest()


def _directory(entries: list[zipfile.ZipInfo], position: int) -> bytes:
    """What `zipfile` writes after the last entry, which ends at `position`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.filelist.extend(entries)
        archive.comment = b""  # which makes it write a directory
    content = buffer.getvalue()
    # The place of the directory is 6 bytes before the end: 4 bytes, and 2 of the length of the comment.
    return content[:-6] + position.to_bytes(4, "little") + content[-2:]
