"""Embedders: crops of people in, unit-norm appearance vectors out, on PyTorch or OpenVINO.

Who is who is decided elsewhere; which file belongs to a model is known to `core.vision.models`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
