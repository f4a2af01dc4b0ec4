"""A whole run: all that decides it in one place, done once, and done again from what its own zip says.

Owns the setup and the way back to it from a manifest. Refuses to decide who is who, and to say anything to anybody.
"""

from core.runs.again import Again, again, differing
from core.runs.setup import Setup, track_clips
from core.runs.told import Manifest, read

__all__ = ["Again", "Manifest", "Setup", "again", "differing", "read", "track_clips"]
