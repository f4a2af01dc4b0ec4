"""The same person, across cameras: which tracklets are one, at which threshold, and how sure that is."""

from core.match.calibrate import Calibration
from core.match.matching import Match, match
from core.match.people import Identities
from core.match.rules import WORDS, Contradiction, Decisions
from core.match.tree import MergeTree

__all__ = ["WORDS", "Calibration", "Contradiction", "Decisions", "Identities", "Match", "MergeTree", "match"]
