"""Searching a run for the people in a photo.

The people of the run are ranked by similarity. Whether a candidate is the person in the photo is for somebody to decide
who compares the pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from core.base.errors import ClipError, StoreError
from core.base.text import Clocks
from core.base.types import Floats, Image, Ints, Table
from core.machine.canvas import read_picture
from core.runs.evidence import CROPS_FOLDER, Evidence
from core.runs.gallery import Candidate, Crop
from core.runs.network_stages import crop
from core.runs.who_is_who import RunPeople
from core.vision.detect import Detector
from core.vision.match import subtract_mean

MIN_SIDE_PX = 2
"""The least width and height of a box that is used."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture (BGR) and the people in it, from left to right, as boxes (n, 4).

    `is_whole` says that no person was detected, so that the whole picture is the one box.
    """

    bgr: Image
    xyxy: Floats
    is_whole: bool

    @property
    def crops(self) -> list[Image]:
        return [crop(self.bgr, box) for box in self.xyxy]


@dataclass(frozen=True, eq=False)
class Ranking(Table):
    """One row per person, the most similar first: the mean similarity over the person's tracklets, the best similarity
    and the `row` of the tracklet that has it."""

    person: Ints
    similarity: Floats
    best: Floats
    row: Ints

    def __post_init__(self) -> None:
        self._validate_columns(
            person=(np.int64, ()), similarity=(np.float32, ()), best=(np.float32, ()), row=(np.int64, ())
        )


def read_photo(path: Path) -> Image:
    """The picture in a file as BGR, upright."""
    bgr = read_picture(path)
    if not len(bgr):
        raise ClipError(f"{path} is no picture that can be read", "Give a JPEG, PNG, WebP, BMP or TIFF file.")
    return bgr


def find_people(bgr: Image, detector: Detector | None, conf: float = 0.0) -> Photo:
    """The people whom the detector finds with at least `conf`; the whole picture if it finds none, or without one."""
    height, width = bgr.shape[:2]
    boxes = np.empty((0, 4), np.float32) if detector is None else _detect_people(bgr, detector, conf)
    if len(boxes):
        return Photo(bgr, boxes[np.argsort(boxes[:, 0] + boxes[:, 2], kind="stable")], is_whole=False)
    return Photo(bgr, np.array([[0, 0, width, height]], np.float32), is_whole=True)


def _detect_people(bgr: Image, detector: Detector, conf: float) -> Floats:
    """Boxes (n, 4) in pixels of `bgr`, which is scaled to the input size of the detector as frames of clips are."""
    import cv2

    height, width = bgr.shape[:2]
    size = detector.frame_size(width, height)
    interpolation = cv2.INTER_AREA if size[0] < width else cv2.INTER_LINEAR
    (found,) = detector.detect([np.asarray(cv2.resize(bgr, size, interpolation=interpolation), np.uint8)])
    boxes = found.xyxy * np.array((width / size[0], height / size[1]) * 2, np.float32)
    side = boxes[:, 2:] - boxes[:, :2]
    return np.asarray(boxes[(found.score >= conf) & (side >= MIN_SIDE_PX).all(axis=1)], np.float32)


def rank_people(vector: Floats, people: RunPeople) -> Ranking:
    """All people of the run by similarity to a unit vector (d,)."""
    tracklets = people.evidence.tracklets
    if len(tracklets) and tracklets.vector.shape[1] != len(vector):
        raise StoreError(
            f"the run's vectors have {tracklets.vector.shape[1]} numbers, this model gives {len(vector)}",
            "Search with the run's own re-identification model.",
        )
    similarity = np.empty(0, np.float32)
    if len(tracklets):
        similarity = np.clip(tracklets.vector @ _center(vector, people.evidence), -1, 1)
    person, group, count = np.unique(people.person, return_inverse=True, return_counts=True)
    mean = np.asarray(np.bincount(group, similarity, minlength=len(person)) / count, np.float32)
    order = np.lexsort((-similarity, group))
    best = order[np.searchsorted(group[order], np.arange(len(person)))]
    ranks = np.lexsort((person, -mean))
    return Ranking(person, mean, similarity[best], best)[ranks]


def _center(vector: Floats, evidence: Evidence) -> Floats:
    """The vector of a photo, which is of no camera of the run, less the average of all camera means."""
    return subtract_mean(vector, evidence.camera_means.mean(axis=0))


@dataclass(frozen=True, eq=False)
class Answer:
    """The candidates for each person of a photo, numbered from 1 at the left, and the names of the models.

    `detector` is empty if no detector was used. `clocks` are the wall clocks of the cameras, as far as they are known.
    """

    photo: Photo
    found: dict[int, list[Candidate]]
    threshold: float
    embedder: str
    detector: str
    clocks: Clocks


def rank_candidates(vector: Floats, people: RunPeople, out: Path, top: int) -> list[Candidate]:
    """The first `top` people of the ranking, each with the most similar crop of their best tracklet."""
    evidence, ranking = people.evidence, rank_people(vector, people)[:top]
    centered = _center(vector, evidence)
    rows = zip(*(getattr(ranking, field.name).tolist() for field in fields(ranking)), strict=True)
    return [
        Candidate(
            person=person,
            similarity=similarity,
            best=best,
            above_threshold=similarity >= people.threshold,
            camera=evidence.cameras[evidence.tracklets.camera[row]],
            track=int(evidence.tracklets.track[row]),
            crop=_most_similar_crop(evidence, row, centered, out),
        )
        for person, similarity, best, row in rows
    ]


def _most_similar_crop(evidence: Evidence, row: int, vector: Floats, out: Path) -> Crop:
    """The crop of the tracklet in `row` that is most similar to a centred unit vector (d,)."""
    of_tracklet = evidence.crops.row == row
    crops, features = evidence.crops[of_tracklet], evidence.crop_features[of_tracklet]
    at = int(np.argmax(features.astype(np.float32) @ vector))
    return Crop(float(crops.seconds[at]), int(crops.frame[at]), out / CROPS_FOLDER / str(crops.name[at]))
