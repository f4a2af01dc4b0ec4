"""Crops of people to unit vectors, in batches, through PyTorch, ONNX or OpenVINO.

Refuses: to say who anybody is, to choose a model, to load what the weights room did not find.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
