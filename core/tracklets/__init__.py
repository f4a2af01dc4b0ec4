"""From a track to what is kept of it: its best boxes, the colours of its clothes, one vector for its looks.

Pure functions on arrays. Refuses to open clips, to run networks, and to say who is who.
"""

from core.tracklets.best import candidates, fitness, quality, shares
from core.tracklets.colours import COLOURS, combine, histogram, words
from core.tracklets.mean import means
from core.tracklets.projection import project

__all__ = [
    "COLOURS",
    "candidates",
    "combine",
    "fitness",
    "histogram",
    "means",
    "project",
    "quality",
    "shares",
    "words",
]
