"""What somebody says about who is who, after a run: said, tried, kept, taken back, and obeyed at every later match.

    review.json   actions that were done and that were taken back: FORMAT in core/review/review.py

Owns the actions, the one statement that they amount to, and which pairs to ask about. Refuses to match, and to write
anything but the review.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
