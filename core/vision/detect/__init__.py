"""The detector room: batches of frames in, boxes of people out.

Owns how a YOLO file is opened, on which runtime, and how its raw output becomes boxes. Refuses to know
about clips, time or tracks. Another detector joins by meeting `Detector`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
