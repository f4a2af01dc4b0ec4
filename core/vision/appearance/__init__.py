"""From a track to what is kept of it: its best boxes, the colours of its clothes, one vector for its looks.

Pure functions on arrays. Refuses to open clips, to run networks, and to say who is who.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
