"""What other tracking settings would change in a finished run, computed from its stored boxes and vectors.

No network is run, no picture is read, and nothing is written.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
