"""The boxes that runs have left of a clip, looked up without a model: to try regions on, before or after a run."""

from __future__ import annotations

import numpy as np

from core.pipeline import stages
from core.settings import VideoSettings
from core.store import Artifact, Store
from core.types import Clip, Floats
from core.video import plan


def boxes_artifact(store: Store, digest: str) -> Artifact | None:
    """The boxes of this clip that were used last; nothing where no run has looked all through it."""
    return next(iter(store.whole(digest, "detect")), None)


def boxes_of(
    artifact: Artifact, clip: Clip, conf: float, start_seconds: float = 0.0, end_seconds: float | None = None
) -> Floats:
    """Boxes (n, 4), in pixels of the clip, of at least `conf` and within the given time, in the order of the frames."""
    timeline = plan(clip, VideoSettings(**artifact.about["key"]["video"]))
    found, _ = stages.load_detections(artifact, timeline)
    seconds = clip.times[found.frame]
    end = np.inf if end_seconds is None else end_seconds
    return found.xyxy[(found.score >= conf) & (seconds >= start_seconds) & (seconds < end)]
