"""The crop stage: the best pictures of each track, stored as an artifact of the clip.

Each track is divided into equal shares. A few boxes of each share are compared, and the sharpest is stored as a JPEG
with its vector (averaged with that of the mirror image) and the colours of the clothes. Frames are read once, in order,
and a crop is written as soon as its share is over, so memory does not grow with the length of the clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.settings import MachineSettings
from core.base.types import ANY_LENGTH, Clip, Floats, Image, Ints, Table, Timeline, Tracks
from core.machine.artifacts import Artifact
from core.runs.network_stages import CROP_BATCH, OnProgress, crop
from core.vision.appearance import (
    NO_OBJECTS,
    average_histograms,
    candidate_boxes,
    colour_histogram,
    fitness,
    mean_vectors,
    quality,
    sharpness_of,
    time_shares,
)
from core.vision.embed import Embedder
from core.vision.face import FaceCue
from core.vision.video import jpeg, read

Numbers = NDArray[np.floating[Any]]

JPEG_QUALITY = 92
MAX_CROPS = 8  # per track


@dataclass(frozen=True, eq=False)
class TrackAppearance(Table):
    """One row per track of a camera, by rising number: its mean vector, and the colours of upper and lower body."""

    track: Ints
    vector: Floats
    colours: Floats

    def __post_init__(self) -> None:
        self._validate_columns(track=(np.int64, ()), vector=(np.float32, ANY_LENGTH), colours=(np.float32, (2, 11)))


@dataclass(frozen=True, eq=False)
class StoredCrops(Table):
    """One row per crop: the row of its box in the tracks, its quality, vector and colours (2, 11)."""

    row: Ints
    quality: Floats
    vector: Floats
    colours: Floats

    def __post_init__(self) -> None:
        self._validate_columns(
            row=(np.int64, ()), quality=(np.float32, ()), vector=(np.float32, ANY_LENGTH), colours=(np.float32, (2, 11))
        )


def candidate_rows(tracks: Tracks, clip: Clip, objects: Ints = NO_OBJECTS) -> Ints:
    """The rows of the boxes that may become a crop; `objects` are the tracks of things, which cover nobody."""
    return candidate_boxes(tracks, clip.width, clip.height, MAX_CROPS, objects=objects)


def extract_crops(
    clip: Clip,
    tracks: Tracks,
    rows: Ints,
    artifact: Artifact,
    embedder: Embedder,
    on_progress: OnProgress,
    buffer: int = MachineSettings().buffer,
    objects: Ints = NO_OBJECTS,
) -> None:
    """Write the best crops of `rows` (boxes of `tracks`) to `artifact`; `on_progress` gets the frames that are done."""
    share = time_shares(tracks.track[rows], MAX_CROPS)
    last = {int(share_number): int(rows[share == share_number][-1]) for share_number in np.unique(share)}
    frames = np.unique(tracks.frame[rows])
    fitness_of_boxes = fitness(tracks, clip.width, clip.height, objects)
    writer = _CropWriter(artifact, embedder)
    best: dict[int, tuple[float, int, float, Image]] = {}
    order = np.argsort(tracks.frame[rows], kind="stable")
    first = np.searchsorted(tracks.frame[rows[order]], frames)
    with read(clip, Timeline(frames, clip.times[frames]), queue_size=buffer) as pictures:
        for picture in pictures:
            end = first[picture.row + 1] if picture.row + 1 < len(first) else len(order)
            for at in order[first[picture.row] : end].tolist():
                row, share_number = int(rows[at]), int(share[at])
                image = crop(picture.bgr, tracks.xyxy[row])
                sharp = sharpness_of(image)
                rating = _rating(float(fitness_of_boxes[row]), sharp)
                if share_number not in best or rating > best[share_number][0]:
                    best[share_number] = (rating, row, sharp, image)
                if row == last[share_number]:
                    writer.add(*best.pop(share_number)[1:])
            on_progress(picture.row + 1)
    # Shares whose last frame could not be read.
    for share_number in sorted(best):
        writer.add(*best[share_number][1:])
    writer.close()


def _rating(fit: float, sharp: float) -> float:
    """Ranks crops within a share as `quality` does, whose remaining factors are the same for the whole track."""
    quality_alone = quality(np.array([fit], np.float32), np.array([sharp]), np.zeros(1, np.int64))
    return float(quality_alone[0]) * float(np.sqrt(sharp))


class _CropWriter:
    """Writes crops to the artifact, one batch of the embedder at a time."""

    def __init__(self, artifact: Artifact, embedder: Embedder) -> None:
        self._artifact, self._embedder, self._number = artifact, embedder, 0
        self._rows: list[int] = []
        self._sharp: list[float] = []
        self._crops: list[Image] = []

    def add(self, row: int, sharp: float, picture: Image) -> None:
        self._rows.append(row)
        self._sharp.append(sharp)
        self._crops.append(picture)
        if len(self._crops) == CROP_BATCH:
            self._flush()

    def _flush(self) -> None:
        files = [jpeg(picture, JPEG_QUALITY) for picture in self._crops]
        self._artifact.write(
            self._number,
            row=np.array(self._rows, np.int64),
            sharp=np.array(self._sharp, np.float32),
            vector=self._embedder.embed(self._crops).astype(np.float16),
            colours=np.array([colour_histogram(picture) for picture in self._crops], np.float32).reshape(-1, 2, 11),
            size=np.array([len(file) for file in files], np.int64),
            jpeg=np.frombuffer(b"".join(files), np.uint8),
        )
        self._number, self._rows, self._sharp, self._crops = self._number + 1, [], [], []

    def close(self) -> None:
        if self._crops or not self._number:
            self._flush()
        self._artifact.finish(words=self._embedder.backend)


def describe_faces(crops: Artifact, artifact: Artifact, faces: FaceCue) -> None:
    """Write the vectors of the faces in stored crops to `artifact`, a chunk for each chunk of crops."""
    import cv2

    for number, part in enumerate(crops.read()):
        end = np.cumsum(part["size"])
        files = [part["jpeg"][begin:stop] for begin, stop in zip(end - part["size"], end, strict=True)]
        pictures = [np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8) for file in files]
        artifact.write(number, face=faces.describe(pictures).astype(np.float16))
    artifact.finish(words="OpenCV")


def load_faces(artifact: Artifact) -> NDArray[np.float16]:
    """The vectors of faces in the order of the crops, zeros where there is none."""
    return np.concatenate([part["face"] for part in artifact.read()])


def load_crops(artifact: Artifact, tracks: Tracks, width: int, height: int, objects: Ints = NO_OBJECTS) -> StoredCrops:
    """The crops of an artifact, in stored order; `width` and `height` are those of the clip."""
    columns = ("row", "sharp", "vector", "colours")
    parts = [[part[name] for name in columns] for part in artifact.read()]
    row, sharp, vector, colours = (np.concatenate(column) for column in zip(*parts, strict=True))
    crop_quality = quality(fitness(tracks, width, height, objects)[row], sharp, tracks.track[row])
    return StoredCrops(row, crop_quality, vector, colours)


def mean_appearance(group: Ints, crop_quality: Floats, vector: Numbers, colours: Numbers) -> TrackAppearance:
    """The appearance of each group (a track) as the mean of its crops, weighted by quality; one row per crop."""
    tracks, mean = mean_vectors(vector.astype(np.float32), crop_quality, group)
    rows_of_track = (group == track for track in tracks)
    mixed = [average_histograms(colours[rows].astype(np.float32), crop_quality[rows]) for rows in rows_of_track]
    return TrackAppearance(tracks, mean, np.array(mixed, np.float32).reshape(-1, 2, 11))


def crop_jpegs(artifact: Artifact) -> Iterator[tuple[int, bytes]]:
    """The row of the box and the JPEG of each crop, in stored order; one chunk is in memory at a time."""
    for part in artifact.read():
        end = np.cumsum(part["size"])
        for row, begin, stop in zip(part["row"], end - part["size"], end, strict=True):
            yield int(row), part["jpeg"][begin:stop].tobytes()
