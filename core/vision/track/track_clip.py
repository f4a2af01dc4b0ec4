"""The tracker room: boxes (and vectors, where there are some) of one camera in, tracks out.

Owns motion, association and the second look over the whole recording. Refuses to open clips or networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from core.base.settings import TrackSettings
from core.base.types import Bools, Detections, Features, Floats, Ints, Timeline, Tracks
from core.vision.track.appearance import StretchAppearance
from core.vision.track.offline_pass import MotionRules, is_duplicate, fill_gaps, is_long, is_static_object, link_by_motion, renumber
from core.vision.track.relink import RelinkRules, relink_tracks
from core.vision.track.tracker import NO_FEATURES, STEP_SECONDS, AssociationRules, Tracker

CHANGED = 0.2
"""So far under `track_cos` a box looks like somebody else."""
SHORTEST = 0.5
"""Seconds that a track must last: a glimpse says nothing of who it was, and is joined with anybody."""
NO_FEATURE_ROWS = np.empty(0, np.int64)


def track(
    timeline: Timeline,
    detections: Detections,
    settings: TrackSettings,
    features: Iterable[Features] = (),
    usable: Bools | None = None,
    on_frames: Callable[[int], None] = lambda done: None,
    size: tuple[int, int] | None = None,
) -> Tracks:
    """Tracks of one camera, numbered by first appearance.

    `features` come in chunks, rising by detection row, and are held one chunk at a time. `usable` (n,) says which
    detections count at all (regions); boxes under `settings.conf` do not. `on_frames` hears how far it is; `size` is
    the picture's (width, height), by which somebody who leaves is told from somebody who is hidden.
    """
    rules = AssociationRules.of(settings)
    tracker = Tracker(rules, STEP_SECONDS)
    use = detections.score >= rules.conf if usable is None else usable & (detections.score >= rules.conf)
    window = _Window(iter(features))
    begin = np.searchsorted(detections.frame, timeline.frame, "left")
    end = np.searchsorted(detections.frame, timeline.frame, "right")
    number = np.zeros(len(detections), np.int64)
    cover, stretch = np.zeros(len(detections)), np.zeros(len(detections), np.int64)
    looks = StretchAppearance(settings.track_cos - CHANGED)
    for i, (a, b) in enumerate(zip(begin.tolist(), end.tolist(), strict=True)):
        rows = np.flatnonzero(use[a:b]) + a
        vectors, has = window.of(rows)
        given = tracker.step(float(timeline.seconds[i]), detections.xyxy[rows], detections.score[rows], vectors, has)
        number[rows] = given
        if window.any:
            mine = given > 0
            seen = looks.see(
                float(timeline.seconds[i]), given[mine], detections.xyxy[rows[mine]], vectors[mine[has]], has[mine]
            )
            cover[rows[mine]], stretch[rows[mine]] = seen
        if i % 256 == 255:
            on_frames(i + 1)
    kept = np.flatnonzero(number)
    at = np.searchsorted(timeline.frame, detections.frame[kept])
    raw = Tracks(
        frame=detections.frame[kept],
        seconds=timeline.seconds[at],
        track=number[kept],
        xyxy=detections.xyxy[kept],
        score=detections.score[kept],
        detected=np.ones(len(kept), bool),
    )
    on_frames(len(timeline))
    near, known = MotionRules(), looks.vectors()
    good = np.flatnonzero(is_long(raw, settings.n_init))
    good = good[~is_duplicate(raw[good])]
    if known:
        doubts = cover[kept[good]], stretch[kept[good]]
        whole = relink_tracks(raw[good], *doubts, known, settings.track_cos, size, RelinkRules(), near)
    else:
        whole = link_by_motion(raw[good], near)
    whole = whole[~is_static_object(whole, rules.sure)]
    # Settled pieces may lie on one person for a moment, and what is left of one may be too short to say who it is.
    whole = whole[~is_duplicate(whole)]
    return renumber(fill_gaps(whole[is_long(whole, settings.n_init, SHORTEST)], timeline, near))


class _Window:
    """The vectors of the chunk that the tracker is in."""

    def __init__(self, chunks: Iterator[Features]) -> None:
        self._chunks = chunks
        first = next(chunks, None)
        # Nobody may be there in the first chunk.
        self.any = first is not None
        self._now = Features(NO_FEATURE_ROWS, NO_FEATURES) if first is None else first

    def of(self, rows: Ints) -> tuple[Floats, Bools]:
        """Vectors of those of `rows` that have one, and which those are."""
        while len(rows) and (not len(self._now) or self._now.detection[-1] < rows[0]):
            following = next(self._chunks, None)
            if following is None:
                break
            self._now = following
        known = self._now.detection
        at = np.searchsorted(known, rows)
        has = np.asarray(known[np.minimum(at, len(known) - 1)] == rows) if len(known) else np.zeros(len(rows), bool)
        return self._now.vector[at[has]], has
