"""Crops that people bring, a folder for each camera: from pictures to what a run would have known of them.

A sub-folder is one person as that camera saw them, so two of them are never one; a picture that lies in none is a
sighting by itself. There are no clips and no times: all sub-folders of a camera have one moment in common and each
loose picture another, which is all that matching reads from times here. What was brought is only read.

Folders of crops as a run of their own: what may go where, and the record of what was made of which file.

    DIR/run.json       as of a run over clips: models, versions, and how many pictures of each camera
    DIR/pictures.csv   what became of each file: camera,track,picture,file,sha256,crop; for this machine, it has names

Only a folder that is empty, or that earlier pictures filled, is written to; folders that were brought never are."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core import __version__
from core.base.errors import ClipError, SettingsError, StoreError
from core.base.progress import Progress
from core.base.types import ANY, PICTURES, Floats, Image, Ints, Table, Tracklets
from core.machine.paths import write_atomically
from core.runs.cameras import Camera, name_cameras
from core.runs.crop_stage import JPEG_QUALITY, mean_appearance
from core.runs.evidence import CROPS_FOLDER, TRACKLETS_FILE, CameraEvidence, Crops, Evidence, join_cameras, save_evidence
from core.runs.record import model_facts, read_record, versions
from core.runs.who_is_who import PEOPLE_FILE, SIMILARITY_FILE, GALLERY_FILE
from core.vision.appearance import FULL_HEIGHT_PX, colour_histogram, quality, sharpness_of
from core.vision.embed import Embedder
from core.vision.images import jpeg
from core.vision.models import Model

BATCH = 32


@dataclass(frozen=True)
class ImportedCrop:
    """One file of a camera: `track` counts its sightings from 1, `moment` is 0 in a sub-folder, else from 1.

    `picture` counts those that could be read from 1; 0 where it could not. `sha256` is the file's.
    """

    camera: Camera
    path: Path
    track: int
    moment: int
    picture: int = 0
    sha256: str = ""

    @property
    def name(self) -> str:
        """Where it lies in its camera's folder."""
        return self.path.relative_to(self.camera.clip).as_posix()

    @property
    def crop(self) -> str:
        """Its file below `crops/`: nothing of a name that was brought is in it but the camera's, made safe."""
        return f"{self.camera.name}/t{self.track:04d}_p{self.picture:06d}.jpg" if self.picture else ""


def list_pictures(camera: Camera) -> list[ImportedCrop]:
    """Every picture of a camera's folder by its name, in the order of sightings. Hidden files are none."""
    found: list[ImportedCrop] = []
    track = loose = 0
    try:
        for entry in sorted(camera.clip.iterdir()):
            every = _below(entry) if entry.is_dir() else [entry]
            files = [file for file in every if _is_picture(file.relative_to(camera.clip), file)]
            track += bool(files)
            loose += bool(files) and not entry.is_dir()
            found += [ImportedCrop(camera, file, track, 0 if entry.is_dir() else loose) for file in files]
    except OSError as fault:
        place = fault.filename or camera.clip
        raise ClipError(f"{place} cannot be listed ({fault.strerror})", "Check the folder's rights.") from fault
    if not found:
        kinds = ", ".join(sorted(suffix[1:] for suffix in PICTURES))
        raise ClipError(f"{camera.clip} holds no pictures", f"Name a folder of crops ({kinds}), or of folders of them.")
    return found


def _below(folder: Path) -> list[Path]:
    """All files, in order; a folder that cannot be listed is not passed over."""

    def stop(fault: OSError) -> None:
        raise fault

    return sorted(Path(place, name) for place, _, names in os.walk(folder, onerror=stop) for name in names)


def _is_picture(name: Path, file: Path) -> bool:
    hidden = any(part.startswith(".") for part in name.parts)
    return file.suffix.lower() in PICTURES and not hidden and file.is_file()


@dataclass(frozen=True, eq=False)
class PictureFeatures(Table):
    """A row per picture of a camera that could be read: its sighting, how good it is, its vector and its colours."""

    track: Ints
    quality: Floats
    vector: Floats
    colours: Floats

    def __post_init__(self) -> None:
        self._validate_columns(
            track=(np.int64, ()), quality=(np.float32, ()), vector=(np.float32, ANY), colours=(np.float32, (2, 11))
        )


def embed_pictures(
    brought: Sequence[Sequence[ImportedCrop]], embedder: Embedder, out: Path, progress: Progress | None = None
) -> tuple[Evidence, list[ImportedCrop]]:
    """Embed what lies in the folders of each camera, write it below `out`, and say what became of each file.

    `embedder` averages with the mirror image. A camera of which nothing can be read is an error.
    """
    steps = progress or Progress()
    parts: list[CameraEvidence] = []
    told: list[ImportedCrop] = []
    for number, files in enumerate(brought):
        steps.camera(files[0].camera.name, number + 1, len(brought))
        steps.begin("embed", len(files))
        read, looked = _embed_camera(files, embedder, out, steps)
        looks = mean_appearance(looked.track, looked.quality, looked.vector, looked.colours)
        moments = {one.track: one.moment for one in read}
        moment = np.array([moments[track] for track in looks.track.tolist()], np.float64)
        tracklets = Tracklets(np.zeros(len(looks), np.int64), looks.track, moment, moment, looks.vector)
        kept = [one for one in read if one.picture]
        crops = _crops(kept, looked, np.searchsorted(looks.track, looked.track))
        parts.append(CameraEvidence(tracklets, looks.colours, crops))
        told += read
    cameras = tuple(files[0].camera.name for files in brought)
    evidence = join_cameras(cameras, np.full(len(cameras), np.nan), parts)
    save_evidence(evidence, out)
    return evidence, told


def _crops(kept: Sequence[ImportedCrop], looked: PictureFeatures, row: Ints) -> Crops:
    names = np.array([one.crop for one in kept], str)
    picture = np.array([one.picture for one in kept], np.int64)
    unknown = np.full(len(kept), np.nan)
    halves = (looked.vector.astype(np.float16), looked.colours.astype(np.float16))
    return Crops(row, picture, unknown, looked.quality, names, *halves)


def _embed_camera(files: Sequence[ImportedCrop], embedder: Embedder, out: Path, progress: Progress) -> tuple[list[ImportedCrop], PictureFeatures]:
    """What became of each file, and what those that could be read look like; their crops are in their place."""
    told: list[ImportedCrop] = []
    sharp: list[float] = []
    high: list[int] = []
    vectors: list[Floats] = []
    colours: list[Floats] = []
    for at in range(0, len(files), BATCH):
        pictures = []
        for one in files[at : at + BATCH]:
            sha256, bgr = _read(one.path)
            readable = len(bgr) > 0
            told.append(replace(one, picture=len(sharp) + 1 if readable else 0, sha256=sha256))
            if readable:
                write_atomically(out / CROPS_FOLDER / told[-1].crop, jpeg(bgr, JPEG_QUALITY))
                sharp.append(sharpness_of(bgr))
                high.append(len(bgr))
                colours.append(colour_histogram(bgr))
                pictures.append(bgr)
        vectors.append(embedder.embed(pictures).astype(np.float16))
        progress.at(len(told))
    if not sharp:
        raise ClipError(f"no picture in {files[0].camera.clip} can be read", "Look at its files: are they pictures?")
    track = np.array([one.track for one in told if one.picture], np.int64)
    good = quality(np.clip(np.array(high, np.float32) / FULL_HEIGHT_PX, 0, 1), np.array(sharp), track)
    return told, PictureFeatures(track, good, np.concatenate(vectors), np.array(colours))


def _read(path: Path) -> tuple[str, Image]:
    """The file's SHA-256, empty if there is no reading it; and the picture as BGR, of length 0 if it is none."""
    none = np.empty((0, 0, 3), np.uint8)
    try:
        content = path.read_bytes()
    except OSError:
        return "", none
    try:
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    except cv2.error:  # more pixels than OpenCV cares to hold
        bgr = None
    return hashlib.sha256(content).hexdigest(), none if bgr is None else np.asarray(bgr, np.uint8)


SOURCE = "folders of crops"
RECORD_FILE, PICTURES_FILE = "run.json", "pictures.csv"


def list_folders(folders: Sequence[Path], out: Path) -> list[list[ImportedCrop]]:
    """What lies in each camera's folder, if all of it can be read and `out` written without harm to anything."""
    places = [folder.expanduser().resolve() for folder in folders]
    for place in places:
        if not place.is_dir():
            raise ClipError(f"{place} is no folder", "Name a folder of crops for each camera.")
    for number, place in enumerate(places):
        if twice := [other for other in places[number + 1 :] if _is_nested(place, other)]:
            raise SettingsError(f"{place} and {twice[0]} hold the same pictures", "Name each camera's folder once.")
        if _is_nested(place, out.expanduser().resolve()):
            raise SettingsError(f"--out {out} and {place} lie one in the other", "Choose an --out folder elsewhere.")
    _require_ours(out)
    return [list_pictures(camera) for camera in name_cameras(places)]


def _is_nested(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _require_ours(out: Path) -> None:
    try:
        taken = out.exists() and (not out.is_dir() or any(out.iterdir()))
    except OSError as fault:
        raise StoreError(f"{out} cannot be read ({fault.strerror})", "Choose another --out folder.") from fault
    if taken and not ((out / RECORD_FILE).is_file() and read_record(out).get("source") == SOURCE):
        raise SettingsError(f"{out} holds something else already", "Choose another --out folder.")


def import_crops(
    brought: Sequence[Sequence[ImportedCrop]], model: Model, embedder: Embedder, out: Path, progress: Progress | None = None
) -> tuple[Evidence, list[ImportedCrop]]:
    """What a run would have known of the pictures, and what became of each; all of it is kept below `out`."""
    began = time.time()
    about: dict[str, Any] = {
        "program": f"sightline {__version__}",
        "source": SOURCE,
        "began": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(began)),
        "models": {"detector": "none: the pictures came as crops", "embedder": model_facts(model, by=embedder.backend)},
        "versions": versions(),
    }
    _save(out, {**about, "state": "running"})
    shutil.rmtree(out / CROPS_FOLDER, ignore_errors=True)
    for old in (TRACKLETS_FILE, PEOPLE_FILE, SIMILARITY_FILE, GALLERY_FILE):
        # Made when all is done: until then, an older one would speak for this one.
        with contextlib.suppress(FileNotFoundError):
            (out / old).unlink()
    evidence, told = embed_pictures(brought, embedder, out, progress)
    write_atomically(out / PICTURES_FILE, _table(told).encode(errors="backslashreplace"))
    cameras = {camera.name: _facts(list(files)) for camera, files in groupby(told, lambda one: one.camera)}
    _save(out, {**about, "state": "done", "seconds": round(time.time() - began, 3), "cameras": cameras})
    return evidence, told


def _facts(files: list[ImportedCrop]) -> dict[str, Any]:
    """Of one camera. Names of files stay out of it: the record is handed out."""
    read = [one for one in files if one.picture]
    folder = files[0].camera.clip
    return {
        "clip": str(folder).encode(errors="backslashreplace").decode(),
        "crops": len(read),
        "unreadable": len(files) - len(read),
        "people_told_apart": len({one.track for one in read if not one.moment}),
        "loose_pictures": sum(bool(one.moment) for one in read),
        "sha256_of_crops": hashlib.sha256("".join(one.sha256 for one in read).encode()).hexdigest(),
    }


def _save(out: Path, record: dict[str, Any]) -> None:
    write_atomically(out / RECORD_FILE, json.dumps(record, indent=1, ensure_ascii=False).encode())


def _table(told: Sequence[ImportedCrop]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("camera", "track", "picture", "file", "sha256", "crop"))
    for one in told:
        writer.writerow((one.camera.name, one.track, one.picture or "", one.name, one.sha256, one.crop))
    return text.getvalue()
