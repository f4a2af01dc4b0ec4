"""Sample footage, made by us: a plaza seen by several cameras, people who cross it, and the truth about them.

The same settings give the same pictures, frame by frame. Nobody in it is anybody. This room draws, films and writes
truth; it refuses to know detectors, trackers and the like, which meet its films as they meet any other.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
