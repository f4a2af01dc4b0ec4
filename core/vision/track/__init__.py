"""The tracker room: boxes (and vectors, where there are some) of one camera in, tracks out.

Owns motion, association and the second look over the whole recording. Refuses to open clips or networks.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
