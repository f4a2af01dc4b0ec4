"""A white page to draw on: text in most scripts, pictures, rules and frames, as sheets and films need them.

Owns the bundled font (`fonts/`). Pages are BGR, as all pictures here are.
"""

from core.canvas.canvas import FAINT, INK, WHITE, Canvas, Colour, fitted, shortened, text_width

__all__ = ["FAINT", "INK", "WHITE", "Canvas", "Colour", "fitted", "shortened", "text_width"]
