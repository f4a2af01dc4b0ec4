"""A run that is done, tracked again with other settings: from the boxes and vectors that are stored, without a network.

Says what would change; writes nothing. Refuses to run what is not stored: that takes a run.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
