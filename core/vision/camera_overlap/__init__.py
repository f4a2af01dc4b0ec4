"""Which cameras see the same ground at the same time, learned from the people who walk there.

No survey and no calibration are needed: two views of one flat ground differ by a homography, and the walks of people
who look alike in both reveal it. From it follow how far apart two tracklets stood, and where a track switched to
another person. Who is who is decided in `core.vision.match`, which takes these distances as evidence.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
