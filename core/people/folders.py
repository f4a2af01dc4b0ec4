"""Crops that people bring, a folder for each camera: from pictures to what a run would have known of them.

A sub-folder is one person as that camera saw them, so two of them are never one; a picture that lies in none is a
sighting by itself. There are no clips and no times: all sub-folders of a camera have one moment in common and each
loose picture another, which is all that matching reads from times here. What was brought is only read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from core.crops import jpeg, sharpness_of
from core.embed import Embedder
from core.errors import ClipError
from core.folders import write_atomically
from core.people.evidence import CROPS, CameraEvidence, Crops, Evidence, join_cameras, save_evidence
from core.pipeline import Camera, looks_of
from core.pipeline.crops import JPEG_QUALITY
from core.progress import Progress
from core.tracklets import histogram, quality
from core.tracklets.best import TALL
from core.types import ANY, PICTURES, Floats, Image, Ints, Table, Tracklets

BATCH = 32


@dataclass(frozen=True)
class Brought:
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


def pictures_in(camera: Camera) -> list[Brought]:
    """Every picture of a camera's folder by its name, in the order of sightings. Hidden files are none."""
    found: list[Brought] = []
    track = loose = 0
    try:
        for entry in sorted(camera.clip.iterdir()):
            every = _below(entry) if entry.is_dir() else [entry]
            files = [file for file in every if _is_picture(file.relative_to(camera.clip), file)]
            track += bool(files)
            loose += bool(files) and not entry.is_dir()
            found += [Brought(camera, file, track, 0 if entry.is_dir() else loose) for file in files]
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
class Looked(Table):
    """A row per picture of a camera that could be read: its sighting, how good it is, its vector and its colours."""

    track: Ints
    quality: Floats
    vector: Floats
    colours: Floats

    def __post_init__(self) -> None:
        self._settle(
            track=(np.int64, ()), quality=(np.float32, ()), vector=(np.float32, ANY), colours=(np.float32, (2, 11))
        )


def collect_pictures(
    brought: Sequence[Sequence[Brought]], embedder: Embedder, out: Path, progress: Progress | None = None
) -> tuple[Evidence, list[Brought]]:
    """Embed what lies in the folders of each camera, write it below `out`, and say what became of each file.

    `embedder` averages with the mirror image. A camera of which nothing can be read is an error.
    """
    steps = progress or Progress()
    parts: list[CameraEvidence] = []
    told: list[Brought] = []
    for number, files in enumerate(brought):
        steps.camera(files[0].camera.name, number + 1, len(brought))
        steps.begin("embed", len(files))
        read, looked = _look(files, embedder, out, steps)
        looks = looks_of(looked.track, looked.quality, looked.vector, looked.colours)
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


def _crops(kept: Sequence[Brought], looked: Looked, row: Ints) -> Crops:
    names = np.array([one.crop for one in kept], str)
    picture = np.array([one.picture for one in kept], np.int64)
    unknown = np.full(len(kept), np.nan)
    halves = (looked.vector.astype(np.float16), looked.colours.astype(np.float16))
    return Crops(row, picture, unknown, looked.quality, names, *halves)


def _look(files: Sequence[Brought], embedder: Embedder, out: Path, progress: Progress) -> tuple[list[Brought], Looked]:
    """What became of each file, and what those that could be read look like; their crops are in their place."""
    told: list[Brought] = []
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
                write_atomically(out / CROPS / told[-1].crop, jpeg(bgr, JPEG_QUALITY))
                sharp.append(sharpness_of(bgr))
                high.append(len(bgr))
                colours.append(histogram(bgr))
                pictures.append(bgr)
        vectors.append(embedder.embed(pictures).astype(np.float16))
        progress.at(len(told))
    if not sharp:
        raise ClipError(f"no picture in {files[0].camera.clip} can be read", "Look at its files: are they pictures?")
    track = np.array([one.track for one in told if one.picture], np.int64)
    good = quality(np.clip(np.array(high, np.float32) / TALL, 0, 1), np.array(sharp), track)
    return told, Looked(track, good, np.concatenate(vectors), np.array(colours))


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
