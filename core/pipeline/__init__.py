"""The order of the stages: probe, detect, embed, track, crops. The only room that knows them all.

Every stage's result is an artifact in the store, keyed by all that decides it; a stage whose artifact is whole is
not run again, and one that was killed goes on at its last sound chunk.
"""

from core.pipeline.cameras import Camera, Span, name_cameras, safe_name
from core.pipeline.crops import Kept, Looks, crops_of, kept_of, looks_of
from core.pipeline.networks import NONE, Networks
from core.pipeline.run import CameraResult, ahead, planned, run_camera, run_cameras
from core.pipeline.stored import boxes_artifact, boxes_of
from core.pipeline.work import VERSIONS, Recipe

__all__ = [
    "NONE",
    "VERSIONS",
    "Camera",
    "CameraResult",
    "Kept",
    "Looks",
    "Networks",
    "Recipe",
    "Span",
    "ahead",
    "boxes_artifact",
    "boxes_of",
    "crops_of",
    "kept_of",
    "looks_of",
    "name_cameras",
    "planned",
    "run_camera",
    "run_cameras",
    "safe_name",
]
