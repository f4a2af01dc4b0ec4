"""How good a result is, given the truth: the measures of tracking, of people over all cameras, and of retrieval."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
