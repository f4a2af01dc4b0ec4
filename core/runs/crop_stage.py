"""The best pictures of each track, with what a network and the eye make of them: kept as one more artifact of a clip.

A few boxes of each share of a track are looked at, the sharpest is kept as a JPEG with its vector (the mean with its
mirror image's) and the colours of its clothes. Pictures are read once, in order; what is kept is on disk as soon as its
share is over, so memory does not grow with the clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.types import ANY, Clip, Floats, Image, Ints, Table, Timeline, Tracks
from core.machine.artifacts import Artifact
from core.runs.network_stages import CROP_BATCH, OnProgress, crop
from core.vision.appearance import candidate_boxes, average_histograms, fitness, colour_histogram, mean_vectors, quality, time_shares, sharpness_of
from core.vision.embed import Embedder
from core.vision.images import jpeg
from core.vision.video import read

Numbers = NDArray[np.floating[Any]]

JPEG_QUALITY = 92
MAX_CROPS = 8  # crops of a track


@dataclass(frozen=True, eq=False)
class TrackAppearance(Table):
    """One row per track of a camera, rising: its mean vector, and the colours of upper and lower body (2, 11)."""

    track: Ints
    vector: Floats
    colours: Floats

    def __post_init__(self) -> None:
        self._validate_columns(track=(np.int64, ()), vector=(np.float32, ANY), colours=(np.float32, (2, 11)))


@dataclass(frozen=True, eq=False)
class StoredCrops(Table):
    """One row per crop: the row of the tracks that it is of, its quality, vector and colours."""

    row: Ints
    quality: Floats
    vector: Floats
    colours: Floats

    def __post_init__(self) -> None:
        self._validate_columns(
            row=(np.int64, ()), quality=(np.float32, ()), vector=(np.float32, ANY), colours=(np.float32, (2, 11))
        )


def candidate_rows(tracks: Tracks, clip: Clip) -> Ints:
    """The rows of the tracks that are worth a look."""
    return candidate_boxes(tracks, clip.width, clip.height, MAX_CROPS)


def extract_crops(clip: Clip, tracks: Tracks, rows: Ints, artifact: Artifact, embedder: Embedder, tell: OnProgress) -> None:
    """Fill `artifact` from its beginning with the best of `rows`; `tell` hears how many of their frames are done."""
    share = time_shares(tracks.track[rows], MAX_CROPS)
    last = {int(number): int(rows[share == number][-1]) for number in np.unique(share)}
    frames = np.unique(tracks.frame[rows])
    fit = fitness(tracks, clip.width, clip.height)
    keeper = _CropWriter(artifact, embedder)
    best: dict[int, tuple[float, int, float, Image]] = {}
    order = np.argsort(tracks.frame[rows], kind="stable")
    begin = np.searchsorted(tracks.frame[rows[order]], frames)
    with read(clip, Timeline(frames, clip.times[frames])) as pictures:
        for picture in pictures:
            end = begin[picture.row + 1] if picture.row + 1 < len(begin) else len(order)
            for at in order[begin[picture.row] : end].tolist():
                row, number = int(rows[at]), int(share[at])
                found = crop(picture.bgr, tracks.xyxy[row])
                sharp = sharpness_of(found)
                worth = _worth(float(fit[row]), sharp)
                if number not in best or worth > best[number][0]:
                    best[number] = (worth, row, sharp, found)
                if row == last[number]:
                    keeper.add(*best.pop(number)[1:])
            tell(picture.row + 1)
    # Shares whose last frame could not be read.
    for number in sorted(best):
        keeper.add(*best[number][1:])
    keeper.close()


def _worth(fit: float, sharp: float) -> float:
    """The order of crops within a share: that of `quality`, whose other factors are the track's."""
    by_itself = quality(np.array([fit], np.float32), np.array([sharp]), np.zeros(1, np.int64))
    return float(by_itself[0]) * float(np.sqrt(sharp))


class _CropWriter:
    """Crops on their way to disk, a batch of the embedder at a time."""

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


def load_crops(artifact: Artifact, tracks: Tracks, width: int, height: int) -> StoredCrops:
    """The crops in the order in which they are kept."""
    columns = ("row", "sharp", "vector", "colours")
    parts = [[part[name] for name in columns] for part in artifact.read()]
    row, sharp, vector, colours = (np.concatenate(column) for column in zip(*parts, strict=True))
    good = quality(fitness(tracks, width, height)[row], sharp, tracks.track[row])
    return StoredCrops(row, good, vector, colours)


def mean_appearance(group: Ints, good: Floats, vector: Numbers, colours: Numbers) -> TrackAppearance:
    """What each group of crops looks like, from all of them by their quality; a row per crop."""
    names, mean = mean_vectors(vector.astype(np.float32), good, group)
    mixed = [average_histograms(colours[mine].astype(np.float32), good[mine]) for mine in (group == name for name in names)]
    return TrackAppearance(names, mean, np.array(mixed, np.float32).reshape(-1, 2, 11))


def crop_jpegs(artifact: Artifact) -> Iterator[tuple[int, bytes]]:
    """The row of the tracks that each crop is of, and its JPEG; one chunk in memory at a time."""
    for part in artifact.read():
        end = np.cumsum(part["size"])
        for row, begin, stop in zip(part["row"], end - part["size"], end, strict=True):
            yield int(row), part["jpeg"][begin:stop].tobytes()
