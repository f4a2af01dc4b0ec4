"""The detector room: batches of frames in, boxes of people out.

Owns how a YOLO file is opened, on which runtime, and how its raw output becomes boxes. Refuses to know
about clips, time or tracks. Another detector joins by meeting `Detector`.
"""

from core.detect.base import Boxes, Detector
from core.detect.opening import on_pytorch_only, open_detector

__all__ = ["Boxes", "Detector", "on_pytorch_only", "open_detector"]
