"""The heads in the pictures of a clip: every box is followed through time, and what is in doubt is said.

Every box counts that the detector stored, down to its lowest confidence and also outside of regions. Boxes are followed
through frames that were not analysed, through gaps of tracks, and for a short time before a track begins and after it
ends. Heads are looked for in them before a film is written, and followed likewise (`core.export.head_paths`). Where in
a box a head may be that is not found, `core.export.images` says.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.base.errors import StoreError
from core.base.progress import Progress
from core.base.types import Bools, Clip, Detections, Floats, Image, Ints, Seconds, Timeline, Tracks
from core.export.found_heads import (
    CONFIDENT,
    HIGH_CONFIDENCE,
    WIDER,
    head_finder,
    holds_a_head,
    least_score,
    which_to_cover,
    widened,
    without_twins,
)
from core.export.head_paths import FollowedHeads, follow_heads, rows_to_look_at
from core.export.images import (
    BESIDE,
    DEEPER,
    EDGE,
    HALF,
    OTHER_IOU,
    SAME_IOU,
    SLENDER,
    PersonBoxes,
    are_crowded,
    areas_of_picture,
    head_areas,
    iou,
    learn_heights,
)
from core.machine.artifacts import Store
from core.runs import (
    Crop,
    Cut,
    Evidence,
    load_detections,
    load_timelines,
    load_tracks,
    read_record,
    split_tracks,
)
from core.vision.heads import FoundHeads, HeadFinder
from core.vision.mot import Doubles
from core.vision.video import read

FOLLOWED_SECONDS, LOST_SECONDS = 1.0, 0.7
"""How long a track is followed before its first box and after its last; and how long nobody may be detected before
that is in doubt."""
LINKED = 0.3
"""IoU from which two boxes of analysed frames next to each other are one person in the frames between them."""
SHAPE = "a box may hold several people, or somebody who bends or lies"
MISSED = "no head is seen where one should be: more is covered, perhaps not enough"
LOST = "somebody was followed without being detected"
CLOSE = "somebody else overlaps the person who is shown"
GONE = "the boxes of the detector are no longer stored: run again to cover people without a track too"


@dataclass(frozen=True, eq=False)
class CoveredPicture:
    """What to cover in one picture: `areas` (n, 4) in pixels of the clip, and why heads are in doubt, if they are.

    `of_bodies` says that the areas are people, not heads."""

    areas: Floats
    doubt: str = ""
    of_bodies: bool = False


class CameraHeads:
    """The heads in the pictures `film` of a clip, any of its frames in order: their frame numbers and times.

    `analysed` are the frames in which people were looked for; `detections` are all boxes stored of them, None where
    they are gone. With tracks in `shown`, whoever these are is not covered, and everybody else is, from head to foot.
    """

    def __init__(
        self,
        tracks: Tracks,
        detections: Detections | None,
        analysed: Timeline,
        film: Timeline,
        size: tuple[int, int],
        shown: Collection[int] | None = None,
        finder: HeadFinder | None = None,
    ) -> None:
        self._finder, self._found = finder, dict[int, FoundHeads]()
        self._analysed, self._film, self._size = analysed, film, size
        self._shown = None if shown is None else np.array(sorted(shown), np.int64)
        self._heights = learn_heights(tracks, *size)
        self._followed = _follow_tracks(tracks, film)
        self._detections = detections
        self._linked = lru_cache(maxsize=2)(self._link)
        self._paths: FollowedHeads | None = None
        self._least = 0.0

    def look_through(self, clip: Clip, progress: Progress | None = None) -> None:
        """Look for heads in the film's pictures, before it is written: in as many as are needed to follow them."""
        if self._finder is None or self._shown is not None:
            return
        rows = rows_to_look_at(self._film.seconds)
        reports = progress or Progress()
        reports.begin("heads", len(rows))
        with read(clip, self._film[rows]) as pictures:
            for picture in pictures:
                self.look(int(rows[picture.row]), picture.bgr)
                reports.at(picture.row + 1)

    def look(self, row: int, bgr: Image) -> None:
        """Look for heads in the picture of this row, which may have any scale."""
        if self._finder is None or self._shown is not None:
            return
        scale = np.array([bgr.shape[1] / self._size[0], bgr.shape[0] / self._size[1]] * 2, np.float32)
        found = self._finder.find(bgr, without_twins(self._boxes(row).xyxy) * scale)
        self._found[row], self._paths = FoundHeads(found.xyxy / scale, found.score), None

    def at(self, row: int, bgr: Image | None = None) -> CoveredPicture:
        """What to cover in the picture of this row: by what was found in the pictures that were looked at, if any.

        With `bgr`, by this picture alone, and the others are forgotten: those of full frames are too far apart to
        follow anybody."""
        if bgr is not None:
            self._found.clear()
            self.look(row, bgr)
        boxes = self._boxes(row)
        if self._shown is None:
            areas, unusual = head_areas(boxes, *self._size, self._heights)
            if self._found:
                return self._cover_heads(boxes, areas, self._followed_heads(row))
            return CoveredPicture(areas, self._doubt(boxes, unusual))
        shown = np.isin(boxes.track, self._shown)
        detected = shown & (boxes.away == 0)
        overlap = iou(boxes.xyxy, boxes.xyxy[detected]).max(axis=1, initial=0)
        others = ~shown & ((boxes.track >= 0) | (overlap < SAME_IOU))
        areas, unusual = head_areas(boxes, *self._size, self._heights)
        sides = BESIDE * (boxes.xyxy[:, 3:] - boxes.xyxy[:, 1:2]) * np.array([-1, -1, 1, 1], np.float32)
        bodies = boxes.xyxy + sides
        covers = np.concatenate([np.minimum(areas, bodies)[:, :2], np.maximum(areas, bodies)[:, 2:]], axis=1)
        doubt = self._doubt(boxes[others], unusual[others]) or (CLOSE if (overlap[others] > OTHER_IOU).any() else "")
        return CoveredPicture(covers[others], doubt, of_bodies=True)

    def _followed_heads(self, row: int) -> FollowedHeads:
        if self._paths is None:
            rows = sorted(self._found)
            looked, found = self._film.seconds[rows], [self._found[row] for row in rows]
            self._least = least_score(looked)
            self._paths = follow_heads(looked, found, self._film.seconds, self._least)
        begin, end = np.searchsorted(self._paths.row, [row, row + 1])
        return self._paths[begin:end]

    def _cover_heads(self, boxes: PersonBoxes, areas: Floats, heads: FollowedHeads) -> CoveredPicture:
        """The heads that are followed through the picture, and the whole `areas` of boxes in which none is."""
        heads = heads[which_to_cover(heads, areas, boxes.score, self._least)]
        is_person = (boxes.score >= CONFIDENT) & (boxes.away == 0)
        has_head = holds_a_head(areas, heads.xyxy)
        missed = is_person & ~has_head
        is_unsure = (missed & (boxes.score >= HIGH_CONFIDENCE)).any()
        doubt = GONE if self._detections is None else MISSED if is_unsure else ""
        doubt = doubt or (LOST if self._is_lost(boxes, ~has_head) else "")
        return CoveredPicture(np.concatenate([widened(heads.xyxy, WIDER), areas[missed]]), doubt)

    def cover_crop(self, track: int, crop: Crop) -> Crop:
        """The crop of a track with all heads that may be in it, from the boxes of all people in its frame."""
        row = int(np.searchsorted(self._film.frame, crop.frame))
        boxes = self._boxes(row)
        own = np.flatnonzero(boxes.track == track)
        if not len(own):
            return crop
        left, top = np.clip(np.floor(boxes.xyxy[own[0], :2]), 0, None).tolist()
        right, bottom = np.ceil(boxes.xyxy[own[0], 2:]).tolist()
        width, height = int(right - left), int(bottom - top)
        slender = self._heights is None and height > SLENDER * width
        depth = HALF if slender or are_crowded(boxes)[own[0]] else DEEPER
        areas = self.at(row).areas - np.array([left, top] * 2)
        areas = np.concatenate([areas, areas_of_picture(width, height, depth)])
        inside = (areas[:, :2] < (width, height)).all(axis=1) & (areas[:, 2:] > 0).all(axis=1)
        return replace(crop, heads=tuple(tuple(area) for area in areas[inside].tolist()))

    def _boxes(self, row: int) -> PersonBoxes:
        begin, end = np.searchsorted(self._followed.row, [row, row + 1])
        return PersonBoxes.concatenate([self._followed[begin:end], self._detected(row)])

    def _detected(self, row: int) -> PersonBoxes:
        """The stored boxes of a picture; between two analysed frames: boxes between each pair that overlaps well, and
        the others where they were found."""
        none = Detections(np.empty(0), np.empty((0, 4)), np.empty(0))  # type: ignore[arg-type]
        xyxy, score = none.xyxy, none.score
        if self._detections is not None and len(self._analysed):
            frame = int(self._film.frame[row])
            after = int(np.searchsorted(self._analysed.frame, frame))
            if after < len(self._analysed) and self._analysed.frame[after] == frame:
                found = self._of_frame(after)
                xyxy, score = found.xyxy, found.score
            else:
                here, there, pairs = self._linked(after)
                share = self._share(after, row)
                xyxy, score = _between(here, there, pairs, share)
        return PersonBoxes(np.full(len(xyxy), row), np.full(len(xyxy), -1), xyxy, score, np.zeros(len(xyxy)))

    def _share(self, after: int, row: int) -> float:
        if not 0 < after < len(self._analysed):
            return 0.0
        before, then = self._analysed.frame[[after - 1, after]].tolist()
        return float((self._film.frame[row] - before) / (then - before))

    def _of_frame(self, number: int) -> Detections:
        """The boxes of an analysed frame; none before the first and after the last."""
        assert self._detections is not None
        if not 0 <= number < len(self._analysed):
            return self._detections[:0]
        frame = int(self._analysed.frame[number])
        begin, end = np.searchsorted(self._detections.frame, [frame, frame + 1])
        return self._detections[begin:end]

    def _link(self, after: int) -> tuple[Detections, Detections, Ints]:
        """The boxes of the analysed frames before and `after`, and the pairs (n, 2) of them that are one person.

        A box and the best of the other frame, seen from either side: whoever may be one of two is covered as both."""
        here, there = self._of_frame(after - 1), self._of_frame(after)
        overlap = iou(here.xyxy, there.xyxy)
        if not overlap.size:
            return here, there, np.empty((0, 2), np.int64)
        best = (overlap == overlap.max(axis=1, keepdims=True)) | (overlap == overlap.max(axis=0, keepdims=True))
        return here, there, np.argwhere(best & (overlap >= LINKED))

    def _doubt(self, boxes: PersonBoxes, unusual: Bools) -> str:
        if self._detections is None:
            return GONE
        if (unusual & (boxes.score >= CONFIDENT) & (boxes.away == 0)).any():
            return SHAPE
        return LOST if self._is_lost(boxes, np.ones(len(boxes), bool)) else ""

    def _is_lost(self, boxes: PersonBoxes, unseen: Bools) -> bool:
        """Whether somebody is only guessed at and `unseen`, inside of the picture and with nobody near."""
        width, height = self._size
        x1, y1, x2, y2 = boxes.xyxy.T
        edge = EDGE * height
        inside = (x1 > edge) & (y1 > edge) & (x2 < width - edge) & (y2 < height - edge)
        guessed = boxes.away > 0
        near = iou(boxes.xyxy, boxes.xyxy[~guessed]).max(axis=1, initial=0) > 0.02
        return bool(((boxes.away > LOST_SECONDS) & unseen & inside & ~near).any())


def _between(here: Detections, there: Detections, pairs: Ints, share: float) -> tuple[Floats, Floats]:
    """Boxes and scores at `share` of the way from one analysed frame to the next."""
    a, b = pairs.T
    alone = np.setdiff1d(np.arange(len(here)), a), np.setdiff1d(np.arange(len(there)), b)
    xyxy = here.xyxy[a] * (1 - share) + there.xyxy[b] * share
    score = np.minimum(here.score[a], there.score[b])
    return (
        np.concatenate([xyxy, here.xyxy[alone[0]], there.xyxy[alone[1]]]).astype(np.float32),
        np.concatenate([score, here.score[alone[0]], there.score[alone[1]]]),
    )


def _follow_tracks(tracks: Tracks, film: Timeline) -> PersonBoxes:
    """The boxes of each track in the pictures of the film, for a short time beyond both ends as well."""
    none = np.empty(0)
    parts = [PersonBoxes(none, none, np.empty((0, 4)), none, none)]  # type: ignore[arg-type]
    for track in np.unique(tracks.track).tolist():
        boxes = tracks[tracks.track == track]
        seconds, sides = _extended(boxes.seconds, boxes.xyxy.astype(np.float64))
        first, last = np.searchsorted(film.seconds, [seconds[0] - 1e-6, seconds[-1] + 1e-6])
        when, count = film.seconds[first:last], last - first
        at = np.stack([np.interp(when, seconds, side) for side in sides.T], axis=1)
        # The analysed frames around each picture: if people were detected in both, it is as good as detected.
        after = np.clip(np.searchsorted(boxes.seconds, when - 1e-6), 0, len(boxes) - 1)
        before = np.clip(np.searchsorted(boxes.seconds, when + 1e-6, side="right") - 1, 0, len(boxes) - 1)
        beyond = (when < boxes.seconds[0] - 1e-6) | (when > boxes.seconds[-1] + 1e-6)
        guessed = beyond | ~boxes.detected[before] | ~boxes.detected[after]
        away = np.where(guessed, np.maximum(_seconds_to(boxes.seconds[boxes.detected], when), 1e-6), 0)
        score = np.minimum(boxes.score[before], boxes.score[after])
        parts.append(PersonBoxes(np.arange(first, last), np.full(count, track), at, score, away))
    joined = PersonBoxes.concatenate(parts)
    return joined[np.argsort(joined.row, kind="stable")]


def _extended(seconds: Seconds, xyxy: Doubles) -> tuple[Seconds, Doubles]:
    """Times and boxes of a track with a box added at each end, moved on as the track moves there."""
    ends = []
    for step in (1, -1):
        when, boxes = seconds[::step], xyxy[::step]
        near = np.flatnonzero(np.abs(when - when[0]) <= FOLLOWED_SECONDS)[-1]
        middle = (boxes[[0, near], :2] + boxes[[0, near], 2:]) / 2
        speed = (middle[1] - middle[0]) / (when[near] - when[0]) if near else np.zeros(2)
        reach = -step * FOLLOWED_SECONDS
        ends.append((when[0] + reach, boxes[0] + np.tile(speed * reach, 2)))
    (start, first), (end, last) = ends
    return np.concatenate([[start], seconds, [end]]), np.concatenate([[first], xyxy, [last]])


def _seconds_to(moments: Seconds, when: Seconds) -> Seconds:
    """From each of `when` to the nearest of the rising `moments`; infinite where there are none."""
    padded = np.concatenate([[-np.inf], moments, [np.inf]])
    after = np.searchsorted(padded, when)
    return np.asarray(np.minimum(padded[after] - when, when - padded[after - 1]))


def heads_of_film(
    out: Path, camera: str, clip: Clip, film: Timeline, cuts: Sequence[Cut] = (), shown: Collection[int] | None = None
) -> CameraHeads:
    """The heads in these pictures of a clip, from what the run in folder `out` has stored of it; `cuts` were made in
    its tracks since."""
    return _heads_of(out, camera, (clip.width, clip.height), film, cuts, shown)


def find_heads(crops: Sequence[tuple[str, int, Crop]], evidence: Evidence, out: Path) -> list[Crop]:
    """The crops, each given with its camera and track, with the areas of all heads that may be in them.

    Crops of which no boxes are known, as those of runs over pictures, are returned as they are."""
    found = [crop for _, _, crop in crops]
    if not evidence.has_times:
        return found
    record = read_record(out)
    for camera in dict.fromkeys(camera for camera, _, _ in crops):
        rows = [row for row, named in enumerate(crops) if named[0] == camera]
        size = (record.cameras[camera].width, record.cameras[camera].height)
        moments = {crops[row][2].frame: crops[row][2].seconds for row in rows}
        film = Timeline(np.array(sorted(moments)), np.array([moments[frame] for frame in sorted(moments)]))
        try:
            heads = _heads_of(out, camera, size, film, [cut for cut in evidence.cuts if cut.camera == camera])
        except StoreError:
            # The tables of boxes are gone: so much of each crop is covered as if nothing were known of it.
            continue
        for row in rows:
            found[row] = heads.cover_crop(crops[row][1], crops[row][2])
    return found


def _heads_of(
    out: Path,
    camera: str,
    size: tuple[int, int],
    film: Timeline,
    cuts: Sequence[Cut],
    shown: Collection[int] | None = None,
) -> CameraHeads:
    record, analysed = read_record(out).cameras[camera], load_timelines(out)[camera]
    name = record.stages["detect"].artifact if "detect" in record.stages else None
    artifact = Store(preserve_times=True).find(record.digest, name) if name else None
    detections = None if artifact is None else load_detections(artifact, analysed)[0]
    tracks = split_tracks(load_tracks(out, camera), cuts)
    return CameraHeads(tracks, detections, analysed, film, size, shown, head_finder())
