"""The gallery: who was seen where, as something to keep, print, send and check.

Owns its nouns (`Crop`, `Sighting`, `Gallery`), the zip that is handed out, and the reader that tells whether such a zip
was changed. Refuses to decide who is who, to cut pictures out of clips, and to show a face unless it is told to.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
