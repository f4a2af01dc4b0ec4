"""The tracker room: boxes (and vectors, where there are some) of one camera in, tracks out.

Owns motion, association and the second look over the whole recording. Refuses to open clips or networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from core.settings import TrackSettings
from core.track.hindsight import RejoinRules, drop_short, fill, rejoin, renumber
from core.track.tracker import NO_FEATURES, Rules, Tracker
from core.types import Bools, Detections, Features, Floats, Ints, Timeline, Tracks

__all__ = ["RejoinRules", "Rules", "Tracker", "track"]

STEP_SECONDS = 1 / 30
"""The time step that the motion noise was measured for; the tracker scales it to the times that pass."""
NO_FEATURE_ROWS = np.empty(0, np.int64)


def track(
    timeline: Timeline,
    detections: Detections,
    settings: TrackSettings,
    features: Iterable[Features] = (),
    usable: Bools | None = None,
    on_frames: Callable[[int], None] = lambda done: None,
) -> Tracks:
    """Tracks of one camera, numbered by first appearance.

    `features` come in chunks, rising by detection row, and are held one chunk at a time. `usable` (n,) says which
    detections count at all (regions); boxes under `settings.conf` do not. `on_frames` hears how far it is.
    """
    rules = Rules.of(settings)
    tracker = Tracker(rules, STEP_SECONDS)
    use = detections.score >= rules.conf if usable is None else usable & (detections.score >= rules.conf)
    window = _Window(iter(features))
    begin = np.searchsorted(detections.frame, timeline.frame, "left")
    end = np.searchsorted(detections.frame, timeline.frame, "right")
    number = np.zeros(len(detections), np.int64)
    looks: dict[int, Floats] = {}
    for i, (a, b) in enumerate(zip(begin.tolist(), end.tolist(), strict=True)):
        rows = np.flatnonzero(use[a:b]) + a
        vectors, has = window.of(rows)
        given = tracker.step(float(timeline.seconds[i]), detections.xyxy[rows], detections.score[rows], vectors, has)
        number[rows] = given
        for one, vector in zip(given[has].tolist(), vectors, strict=True):
            if one:
                looks[one] = looks[one] + vector if one in looks else vector
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
        seen=np.ones(len(kept), bool),
    )
    on_frames(len(timeline))
    return _with_hindsight(raw, timeline, settings, {n: v / np.linalg.norm(v) for n, v in looks.items()})


def _with_hindsight(raw: Tracks, timeline: Timeline, settings: TrackSettings, looks: dict[int, Floats]) -> Tracks:
    rules = RejoinRules(cosine=settings.track_cos)
    whole = rejoin(drop_short(raw, settings.n_init), rules, looks)
    return renumber(fill(whole, timeline, rules))


class _Window:
    """The vectors of the chunk that the tracker is in."""

    def __init__(self, chunks: Iterator[Features]) -> None:
        self._chunks = chunks
        self._now = Features(NO_FEATURE_ROWS, NO_FEATURES)

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
