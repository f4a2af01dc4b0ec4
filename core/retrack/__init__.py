"""A run that is done, tracked again with other settings: from the boxes and vectors that are stored, without a network.

Says what would change; writes nothing. Refuses to run what is not stored: that takes a run.
"""

from core.retrack.again import Again, again
from core.retrack.changes import CameraChange, Changes, PeopleCounts, compared
from core.retrack.held import Held, Seen, hold

__all__ = ["Again", "CameraChange", "Changes", "Held", "PeopleCounts", "Seen", "again", "compared", "hold"]
