"""Sample footage: a computer-generated plaza, seen by several cameras and crossed by people, with the truth about them.

The same settings give the same pictures, frame by frame. No real people appear."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
