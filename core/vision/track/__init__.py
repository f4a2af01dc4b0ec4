"""From the boxes of one camera, and appearance vectors of some of them, to tracks.

The tracker works frame by frame; the offline pass and relinking then use the whole recording.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
