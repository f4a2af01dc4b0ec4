"""Sample footage, made by us: a plaza seen by several cameras, people who cross it, and the truth about them.

The same settings give the same pictures, frame by frame. Nobody in it is anybody. This room draws, films and writes
truth; it refuses to know detectors, trackers and the like, which meet its films as they meet any other.
"""

from core.sample.film import frames, render
from core.sample.place import sample_clips, sample_folder
from core.sample.scene import scene_of
from core.sample.settings import SampleSettings
from core.sample.stage import Shot, Stage

__all__ = ["SampleSettings", "Shot", "Stage", "frames", "render", "sample_clips", "sample_folder", "scene_of"]
