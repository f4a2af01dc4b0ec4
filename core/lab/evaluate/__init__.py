"""How good a result is, given the truth: measures of tracks, of people over all cameras, of boxes and of retrieval."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
