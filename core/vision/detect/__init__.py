"""Detectors: batches of frames in, boxes of people out.

A detector's file, runtime and output format are known here only; clips, times and tracks are not. Another detector is
added by meeting the protocol `Detector`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
