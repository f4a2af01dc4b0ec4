"""Tracking one camera from its detections to finished tracks: frame by frame first, then with the whole recording.

The tracker follows people in time order. Afterwards the offline pass removes duplicates, links the pieces (by
appearance where there are vectors, else by motion), drops glimpses, fills gaps and numbers the tracks: static objects,
which are probably things, come after people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from core.base.settings import TrackSettings
from core.base.types import Bools, Detections, Features, Floats, Ints, Timeline, Tracks
from core.vision.track.appearance import StretchAppearance
from core.vision.track.offline_pass import (
    MotionRules,
    fill_gaps,
    is_duplicate,
    is_long,
    is_static_object,
    join_numbered,
    link_by_motion,
    renumber,
)
from core.vision.track.relink import ObservedTracks, RelinkRules, relink_tracks
from core.vision.track.tracker import NO_FEATURES, STEP_SECONDS, AssociationRules, Tracker

COSINE_MARGIN = 0.2
"""A box whose cosine with its track is this far under `track_cos` looks like somebody else."""
MIN_TRACK_SECONDS = 0.5
"""Seconds that a track must last: a glimpse says nothing of who it was, and is joined with anybody."""
NO_FEATURE_ROWS = np.empty(0, np.int64)
_REPORT_FRAMES = 256


def track(
    timeline: Timeline,
    detections: Detections,
    settings: TrackSettings,
    features: Iterable[Features] = (),
    usable: Bools | None = None,
    on_frames: Callable[[int], None] = lambda done: None,
    size: tuple[int, int] | None = None,
) -> Tracks:
    """Tracks of one camera, numbered by first appearance, those of static objects after all others.

    `features` come in chunks, rising by detection row, and are held one chunk at a time. `usable` (n,) says which
    detections count at all (regions); boxes under `settings.conf` do not. `on_frames` is told how many frames are done.
    `size` is the picture's (width, height): somebody who leaves the picture is not linked like somebody who is hidden.
    """
    rules = AssociationRules.from_settings(settings)
    use = detections.score >= rules.conf if usable is None else usable & (detections.score >= rules.conf)
    observed = _observe(timeline, detections, rules, _FeatureWindow(iter(features)), use, on_frames, size)
    on_frames(len(timeline))
    return _finish(observed, timeline, settings, rules)


def _observe(
    timeline: Timeline,
    detections: Detections,
    rules: AssociationRules,
    window: _FeatureWindow,
    use: Bools,
    on_frames: Callable[[int], None],
    size: tuple[int, int] | None,
) -> ObservedTracks:
    """Follow people frame by frame, through the detections that `use` (n,) selects."""
    tracker = Tracker(rules, STEP_SECONDS)
    appearance = StretchAppearance(rules.track_cos - COSINE_MARGIN)
    begin = np.searchsorted(detections.frame, timeline.frame, "left")
    end = np.searchsorted(detections.frame, timeline.frame, "right")
    number = np.zeros(len(detections), np.int64)
    cover, stretch = np.zeros(len(detections)), np.zeros(len(detections), np.int64)
    for i, (seconds, a, b) in enumerate(zip(timeline.seconds.tolist(), begin.tolist(), end.tolist(), strict=True)):
        rows = np.flatnonzero(use[a:b]) + a
        xyxy = detections.xyxy[rows]
        vectors, has_vector = window.vectors_of(rows)
        numbers = tracker.step(seconds, xyxy, detections.score[rows], vectors, has_vector)
        number[rows] = numbers
        if window.has_features:
            on_track = numbers > 0
            cover[rows[on_track]], stretch[rows[on_track]] = appearance.update(
                seconds, numbers[on_track], xyxy[on_track], vectors[on_track[has_vector]], has_vector[on_track]
            )
        if i % _REPORT_FRAMES == _REPORT_FRAMES - 1:
            on_frames(i + 1)
    rows = np.flatnonzero(number)
    tracks = _to_tracks(timeline, detections[rows], number[rows])
    return ObservedTracks(tracks, cover[rows], stretch[rows], appearance.mean_vectors(), size)


def _to_tracks(timeline: Timeline, detections: Detections, number: Ints) -> Tracks:
    """Detections with the track number of each."""
    return Tracks(
        frame=detections.frame,
        seconds=timeline.seconds[np.searchsorted(timeline.frame, detections.frame)],
        track=number,
        xyxy=detections.xyxy,
        score=detections.score,
        detected=np.ones(len(detections), bool),
    )


def _finish(observed: ObservedTracks, timeline: Timeline, settings: TrackSettings, rules: AssociationRules) -> Tracks:
    """The tracks after the offline pass."""
    motion = MotionRules()
    observed = observed.select(np.flatnonzero(is_long(observed.tracks, settings.n_init)))
    observed = observed.select(np.flatnonzero(~is_duplicate(observed.tracks)))
    if observed.vectors:
        tracks = relink_tracks(observed, settings.track_cos, RelinkRules(), motion)
    else:
        tracks = link_by_motion(observed.tracks, motion)
    # Apart from each other: nobody's track ends because it lies on that of a thing.
    is_object = is_static_object(tracks, rules.high_confidence)
    people, objects = (_complete(tracks[rows], timeline, settings, motion) for rows in (~is_object, is_object))
    return join_numbered(people, objects)


def _complete(tracks: Tracks, timeline: Timeline, settings: TrackSettings, motion: MotionRules) -> Tracks:
    """The tracks without duplicates and glimpses, numbered, with their gaps filled."""
    # Relinked pieces may lie on one person for a moment; without that, a piece may be too short to say who it is.
    tracks = tracks[~is_duplicate(tracks)]
    return renumber(fill_gaps(tracks[is_long(tracks, settings.n_init, MIN_TRACK_SECONDS)], timeline, motion))


class _FeatureWindow:
    """The vectors of the chunk that the tracker is in."""

    def __init__(self, chunks: Iterator[Features]) -> None:
        self._chunks = chunks
        first = next(chunks, None)
        # Nobody may be there in the first chunk.
        self.has_features = first is not None
        self._chunk = Features(NO_FEATURE_ROWS, NO_FEATURES) if first is None else first

    def vectors_of(self, rows: Ints) -> tuple[Floats, Bools]:
        """Vectors (m, d) of those of `rows` (n,) that have one, and which those are (n,). Rows rise with each call."""
        while len(rows) and (not len(self._chunk) or self._chunk.detection[-1] < rows[0]):
            following = next(self._chunks, None)
            if following is None:
                break
            self._chunk = following
        embedded = self._chunk.detection
        if not len(embedded):
            return self._chunk.vector[:0], np.zeros(len(rows), bool)
        at = np.searchsorted(embedded, rows)
        has_vector = np.asarray(embedded[np.minimum(at, len(embedded) - 1)] == rows)
        return self._chunk.vector[at[has_vector]], has_vector
