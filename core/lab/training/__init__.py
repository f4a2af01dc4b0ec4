"""Training detectors and embedders on pictures of your own: data sets, recipes, training loops and evaluation.

A training writes a checkpoint after each epoch and resumes from it when it is called again."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
