"""Importing folders of crops, one folder for each camera, as a run of their own.

A sub-folder holds the pictures of one person as that camera saw them, so two sub-folders of a camera are two people. A
picture in no sub-folder is a sighting by itself. There are no clips and no times: all sub-folders of a camera share one
moment and every loose picture has its own, which is all that matching reads from times here.

    DIR/run.json       as of a run over clips: models, versions, and how many pictures of each camera
    DIR/pictures.csv   each file and its crop: camera,track,picture,file,sha256,crop (not exported: it has file names)

The folders are only read. The output folder must be empty or hold an earlier import.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from core import __version__
from core.base.errors import ClipError, SettingsError, StoreError
from core.base.progress import Progress
from core.base.text import csv_text
from core.base.types import ANY_LENGTH, IMAGE_SUFFIXES, Floats, Image, Ints, Table, Tracklets
from core.machine.canvas import decode_picture
from core.machine.paths import write_atomically
from core.runs.cameras import Camera, name_cameras
from core.runs.crop_stage import JPEG_QUALITY, mean_appearance
from core.runs.evidence import (
    CROPS_FOLDER,
    CameraEvidence,
    Crops,
    Evidence,
    join_cameras,
    save_evidence,
)
from core.runs.record import (
    PICTURES_FILE,
    RECORD_FILE,
    CameraRecord,
    RunRecord,
    model_record,
    read_record,
    save_record,
    versions,
)
from core.runs.setup import remove_results
from core.vision.appearance import FULL_HEIGHT_PX, colour_histogram, quality, sharpness_of
from core.vision.embed import Embedder
from core.vision.models import Model
from core.vision.video import jpeg

BATCH = 32


@dataclass(frozen=True)
class ImportedCrop:
    """One picture file of a camera.

    `track` is the number of its sighting, from 1; `moment` is 0 in a sub-folder, else the number of the loose picture,
    from 1. `picture` numbers the readable files from 1 and is 0 for an unreadable one. `sha256` is that of the file.
    """

    camera: Camera
    path: Path
    track: int
    moment: int
    picture: int = 0
    sha256: str = ""

    @property
    def name(self) -> str:
        """The path within the folder of the camera."""
        return self.path.relative_to(self.camera.clip).as_posix()

    @property
    def crop(self) -> str:
        """The file below `crops/`, empty if unreadable. Of the imported names it has only the camera's, made safe."""
        return f"{self.camera.name}/t{self.track:04d}_p{self.picture:06d}.jpg" if self.picture else ""


def list_pictures(camera: Camera) -> list[ImportedCrop]:
    """The pictures in a camera's folder in order of their names. Hidden files are left out."""
    pictures: list[ImportedCrop] = []
    track = loose = 0
    try:
        for entry in sorted(camera.clip.iterdir()):
            paths = _files_below(entry) if entry.is_dir() else [entry]
            files = [file for file in paths if _is_picture(file.relative_to(camera.clip), file)]
            track += bool(files)
            loose += bool(files) and not entry.is_dir()
            pictures += [ImportedCrop(camera, file, track, 0 if entry.is_dir() else loose) for file in files]
    except OSError as fault:
        place = fault.filename or camera.clip
        raise ClipError(
            f"{place} cannot be listed ({fault.strerror})", "Check the permissions of the folder."
        ) from fault
    if not pictures:
        kinds = ", ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))
        raise ClipError(
            f"{camera.clip} holds no pictures", f"Name a folder of crops ({kinds}), or of sub-folders of crops."
        )
    return pictures


def _files_below(folder: Path) -> list[Path]:
    """All files, in order; a folder that cannot be listed is an error."""

    def fail(fault: OSError) -> None:
        raise fault

    return sorted(Path(place, name) for place, _, names in os.walk(folder, onerror=fail) for name in names)


def _is_picture(name: Path, file: Path) -> bool:
    hidden = any(part.startswith(".") for part in name.parts)
    return file.suffix.lower() in IMAGE_SUFFIXES and not hidden and file.is_file()


@dataclass(frozen=True, eq=False)
class PictureFeatures(Table):
    """One row per readable picture of a camera: number of its sighting, quality, vector and colours."""

    track: Ints
    quality: Floats
    vector: Floats
    colours: Floats

    def __post_init__(self) -> None:
        self._validate_columns(
            track=(np.int64, ()),
            quality=(np.float32, ()),
            vector=(np.float32, ANY_LENGTH),
            colours=(np.float32, (2, 11)),
        )


def embed_pictures(
    pictures: Sequence[Sequence[ImportedCrop]], embedder: Embedder, out: Path, progress: Progress | None = None
) -> tuple[Evidence, list[ImportedCrop]]:
    """Embed the pictures of each camera and write evidence and crops below `out`; the files with picture and digest.

    `embedder` averages with the mirror image. A camera without any readable picture is an error.
    """
    steps = progress or Progress()
    parts: list[CameraEvidence] = []
    imported: list[ImportedCrop] = []
    for number, files in enumerate(pictures):
        steps.camera(files[0].camera.name, number + 1, len(pictures))
        steps.begin("embed", len(files))
        files_read, features = _embed_camera(files, embedder, out, steps)
        appearance = mean_appearance(features.track, features.quality, features.vector, features.colours)
        moments = {file.track: file.moment for file in files_read}
        moment = np.array([moments[track] for track in appearance.track.tolist()], np.float64)
        tracklets = Tracklets(np.zeros(len(appearance), np.int64), appearance.track, moment, moment, appearance.vector)
        readable = [file for file in files_read if file.picture]
        crops = _crops(readable, features, np.searchsorted(appearance.track, features.track))
        parts.append(CameraEvidence(tracklets, appearance.colours, crops))
        imported += files_read
    cameras = tuple(files[0].camera.name for files in pictures)
    evidence = join_cameras(cameras, np.full(len(cameras), np.nan), parts)
    save_evidence(evidence, out)
    return evidence, imported


def _crops(readable: Sequence[ImportedCrop], features: PictureFeatures, row: Ints) -> Crops:
    names = np.array([file.crop for file in readable], str)
    picture = np.array([file.picture for file in readable], np.int64)
    unknown = np.full(len(readable), np.nan)
    halves = (features.vector.astype(np.float16), features.colours.astype(np.float16))
    return Crops(row, picture, unknown, features.quality, names, *halves)


def _embed_camera(
    files: Sequence[ImportedCrop], embedder: Embedder, out: Path, progress: Progress
) -> tuple[list[ImportedCrop], PictureFeatures]:
    """The files with picture and digest, and the features of the readable ones, whose crops are written."""
    imported: list[ImportedCrop] = []
    sharpness: list[float] = []
    heights: list[int] = []
    vectors: list[Floats] = []
    colours: list[Floats] = []
    for start in range(0, len(files), BATCH):
        images = []
        for file in files[start : start + BATCH]:
            sha256, bgr = _read(file.path)
            readable = len(bgr) > 0
            imported.append(replace(file, picture=len(sharpness) + 1 if readable else 0, sha256=sha256))
            if readable:
                write_atomically(out / CROPS_FOLDER / imported[-1].crop, jpeg(bgr, JPEG_QUALITY))
                sharpness.append(sharpness_of(bgr))
                heights.append(len(bgr))
                colours.append(colour_histogram(bgr))
                images.append(bgr)
        vectors.append(embedder.embed(images).astype(np.float16))
        progress.at(len(imported))
    if not sharpness:
        raise ClipError(f"no picture in {files[0].camera.clip} can be read", "Check that its files are pictures.")
    track = np.array([file.track for file in imported if file.picture], np.int64)
    fit = np.asarray(np.clip(np.array(heights, np.float32) / FULL_HEIGHT_PX, 0, 1), np.float32)
    crop_quality = quality(fit, np.array(sharpness), track)
    return imported, PictureFeatures(track, crop_quality, np.concatenate(vectors), np.array(colours))


def _read(path: Path) -> tuple[str, Image]:
    """The SHA-256 of the file, empty if it cannot be read, and the picture as BGR, of length 0 if it is no picture."""
    none = np.empty((0, 0, 3), np.uint8)
    try:
        content = path.read_bytes()
    except OSError:
        return "", none
    try:
        bgr = decode_picture(content, path.name)
    except ClipError:
        bgr = none
    return hashlib.sha256(content).hexdigest(), bgr


SOURCE = "folders of crops"


def list_folders(folders: Sequence[Path], out: Path) -> list[list[ImportedCrop]]:
    """The pictures of each camera's folder, once it is sure that the folders can be read and `out` be written to."""
    places = [folder.expanduser().resolve() for folder in folders]
    for place in places:
        if not place.is_dir():
            raise ClipError(f"{place} is no folder", "Name a folder of crops for each camera.")
    for number, place in enumerate(places):
        if nested := [later for later in places[number + 1 :] if _is_nested(place, later)]:
            raise SettingsError(
                f"{place} and {nested[0]} hold the same pictures", "Name the folder of each camera once."
            )
        if _is_nested(place, out.expanduser().resolve()):
            raise SettingsError(f"one of --out {out} and {place} is inside the other", "Choose another --out folder.")
    _require_free(out)
    return [list_pictures(camera) for camera in name_cameras(places)]


def _is_nested(a: Path, b: Path) -> bool:
    return a.is_relative_to(b) or b.is_relative_to(a)


def _require_free(out: Path) -> None:
    """Raise unless the folder is empty, absent or that of an earlier import."""
    try:
        taken = out.exists() and (not out.is_dir() or any(out.iterdir()))
    except OSError as fault:
        raise StoreError(f"{out} cannot be read ({fault.strerror})", "Choose another --out folder.") from fault
    if taken and not ((out / RECORD_FILE).is_file() and read_record(out).source == SOURCE):
        raise SettingsError(f"{out} already holds something else", "Choose another --out folder.")


def import_crops(
    pictures: Sequence[Sequence[ImportedCrop]],
    model: Model,
    embedder: Embedder,
    out: Path,
    progress: Progress | None = None,
) -> tuple[Evidence, list[ImportedCrop]]:
    """Import the pictures into folder `out`; the evidence, and each file with its picture number and digest."""
    began, start = time.time(), time.monotonic()
    record = RunRecord(
        program=f"sightline {__version__}",
        source=SOURCE,
        began=time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(began)),
        models={"detector": "none: the pictures came as crops", "embedder": model_record(model, by=embedder.backend)},
        versions=versions(),
    )
    remove_results(out)
    save_record(out, record)
    evidence, imported = embed_pictures(pictures, embedder, out, progress)
    write_atomically(out / PICTURES_FILE, _table(imported).encode(errors="backslashreplace"))
    cameras = {camera.name: _facts(list(files)) for camera, files in groupby(imported, lambda file: file.camera)}
    save_record(out, replace(record, state="done", seconds=round(time.monotonic() - start, 3), cameras=cameras))
    return evidence, imported


def _facts(files: list[ImportedCrop]) -> CameraRecord:
    """The record of one camera. It has no names of files, because the record is exported."""
    readable = [file for file in files if file.picture]
    folder = files[0].camera.clip
    return CameraRecord(
        clip=str(folder).encode(errors="backslashreplace").decode(),
        crops=len(readable),
        unreadable=len(files) - len(readable),
        people_told_apart=len({file.track for file in readable if not file.moment}),
        loose_pictures=sum(bool(file.moment) for file in readable),
        sha256_of_crops=hashlib.sha256("".join(file.sha256 for file in readable).encode()).hexdigest(),
    )


def _table(imported: Sequence[ImportedCrop]) -> str:
    columns = "camera", "track", "picture", "file", "sha256", "crop"
    rows = ((file.camera.name, file.track, file.picture or "", file.name, file.sha256, file.crop) for file in imported)
    return csv_text([columns, *rows])
