"""What is kept of each track: its best crops, the colours of the clothes, and one appearance vector.

Pure functions on arrays; they open no clips and run no networks.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
