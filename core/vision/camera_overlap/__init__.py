"""The ground room: which cameras see the same ground at the same time, learned from the people who walk there.

No survey, no calibration: two views of one flat ground differ by a homography, and people whose looks agree trace it.
Owns walks (where feet were, and when), that search, and how far apart two tracklets stood. Refuses to open clips or to
decide who is who: `core.match` is told what was found.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
