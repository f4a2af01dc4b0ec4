"""Video: what a clip is (`probe`, `digest`), which frames are analysed (`plan`), and their pictures (`read`).

Frame numbers are always the source's own; time comes from the container's timestamps, never from a frame rate.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
