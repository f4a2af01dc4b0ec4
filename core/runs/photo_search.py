"""A photo against a run: whom it shows, and who of the run looks most like them.

Owns the ranking. Refuses to say that anybody is the same person: that is for somebody who compares the pictures."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from core.base.errors import ClipError, StoreError
from core.base.types import Floats, Image, Ints, Table
from core.runs.evidence import CROPS_FOLDER, Evidence
from core.runs.gallery import Candidate, Crop
from core.runs.network_stages import crop
from core.runs.who_is_who import RunPeople
from core.vision.detect import Detector
from core.vision.match import subtract_mean
from core.vision.video import decoded

MIN_SIDE_PX = 2
"""Pixels that a box needs each way to be a picture of somebody."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture and the people in it, from left to right: boxes (n, 4) and their crops, both BGR.

    Where none were found, the `whole` picture is taken as one person.
    """

    bgr: Image
    xyxy: Floats
    is_whole: bool

    @property
    def crops(self) -> list[Image]:
        return [crop(self.bgr, box) for box in self.xyxy]


@dataclass(frozen=True, eq=False)
class Ranking(Table):
    """A row per person, the most alike first: mean similarity over their tracklets, and the best, of tracklet `row`."""

    person: Ints
    similarity: Floats
    best: Floats
    row: Ints

    def __post_init__(self) -> None:
        self._validate_columns(person=(np.int64, ()), similarity=(np.float32, ()), best=(np.float32, ()), row=(np.int64, ()))


def read_photo(path: Path) -> Image:
    """BGR, upright."""
    try:
        bgr = decoded(path)
    except cv2.error as fault:
        raise ClipError(f"{path} is too large a picture", "Make it smaller, or cut out whom you look for.") from fault
    if not len(bgr):
        raise ClipError(f"{path} is no picture that can be read", "Give a JPEG, PNG, WebP, BMP or TIFF file.")
    return bgr


def find_people(bgr: Image, detector: Detector | None, conf: float = 0.0) -> Photo:
    """Who is in the picture, of those whom the detector finds with at least `conf`; without one, it is one person."""
    height, width = bgr.shape[:2]
    boxes = np.empty((0, 4), np.float32) if detector is None else _detect_people(bgr, detector, conf)
    if len(boxes):
        return Photo(bgr, boxes[np.argsort(boxes[:, 0] + boxes[:, 2], kind="stable")], is_whole=False)
    return Photo(bgr, np.array([[0, 0, width, height]], np.float32), is_whole=True)


def _detect_people(bgr: Image, detector: Detector, conf: float) -> Floats:
    """Boxes in pixels of `bgr`, which the detector sees at its own size, as it sees frames of clips."""
    height, width = bgr.shape[:2]
    size = detector.fit(width, height)
    how = cv2.INTER_AREA if size[0] < width else cv2.INTER_LINEAR
    (found,) = detector.detect([np.asarray(cv2.resize(bgr, size, interpolation=how), np.uint8)])
    boxes = found.xyxy * np.array((width / size[0], height / size[1]) * 2, np.float32)
    side = boxes[:, 2:] - boxes[:, :2]
    return np.asarray(boxes[(found.score >= conf) & (side >= MIN_SIDE_PX).all(axis=1)], np.float32)


def rank_people(vector: Floats, decided: RunPeople) -> Ranking:
    """Everybody of the run by how alike they are to a unit vector (d,)."""
    tracklets = decided.evidence.tracklets
    if len(tracklets) and tracklets.vector.shape[1] != len(vector):
        raise StoreError(
            f"the run's vectors have {tracklets.vector.shape[1]} numbers, this model gives {len(vector)}",
            "Ask with the model of the run.",
        )
    found = np.empty(0, np.float32)
    if len(tracklets):
        found = np.clip(tracklets.vector @ _center(vector, decided.evidence), -1, 1)
    person, of, count = np.unique(decided.person, return_inverse=True, return_counts=True)
    mean = np.asarray(np.bincount(of, found, minlength=len(person)) / count, np.float32)
    order = np.lexsort((-found, of))
    best = order[np.searchsorted(of[order], np.arange(len(person)))]
    ranks = np.lexsort((person, -mean))
    return Ranking(person, mean, found[best], best)[ranks]


def _center(vector: Floats, evidence: Evidence) -> Floats:
    """A photo is of no camera of the run: what is usual for all of them is taken for usual there."""
    return subtract_mean(vector, evidence.camera_means.mean(axis=0))


@dataclass(frozen=True, eq=False)
class Answer:
    """Candidates for people of a photo by their number, counted from 1 at the left; and which networks looked.

    `detector` is empty where nobody was looked for.
    """

    photo: Photo
    found: dict[int, list[Candidate]]
    threshold: float
    embedder: str
    detector: str


def rank_candidates(vector: Floats, decided: RunPeople, out: Path, top: int) -> list[Candidate]:
    """The first `top` of the ranking, each with the crop of their best tracklet that is the most alike."""
    evidence, found = decided.evidence, rank_people(vector, decided)[:top]
    look = _center(vector, evidence)
    rows = zip(*(getattr(found, field.name).tolist() for field in fields(found)), strict=True)
    return [
        Candidate(
            person=person,
            similarity=similarity,
            best=best,
            above_threshold=similarity >= decided.threshold,
            camera=evidence.cameras[evidence.tracklets.camera[row]],
            track=int(evidence.tracklets.track[row]),
            crop=_most_alike(evidence, row, look, out),
        )
        for person, similarity, best, row in rows
    ]


def _most_alike(evidence: Evidence, row: int, look: Floats, out: Path) -> Crop:
    its = evidence.crops.row == row
    mine, looks = evidence.crops[its], evidence.crop_features[its]
    at = int(np.argmax(looks.astype(np.float32) @ look))
    return Crop(float(mine.seconds[at]), int(mine.frame[at]), out / CROPS_FOLDER / str(mine.name[at]))
