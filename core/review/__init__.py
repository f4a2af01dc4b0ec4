"""What the user decides about people after a run, and what other tracking settings would change (`whatif/`).

review.json   the history of decisions of a case; its format is described in core/review/history.py
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
