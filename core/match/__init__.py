"""The same person, across cameras: which tracklets are one, at which threshold, and how sure that is."""

from core.match.calibrate import Calibration
from core.match.groups import between
from core.match.matching import Match, match
from core.match.people import Identities
from core.match.ranked import Ranked, most_alike, rank
from core.match.rules import FREE, WORDS, Contradiction, Decisions, reasons
from core.match.similarity import cosines, set_apart, usual_looks
from core.match.tree import MergeTree

__all__ = [
    "FREE",
    "WORDS",
    "Calibration",
    "Contradiction",
    "Decisions",
    "Identities",
    "Match",
    "MergeTree",
    "Ranked",
    "between",
    "cosines",
    "match",
    "most_alike",
    "rank",
    "reasons",
    "set_apart",
    "usual_looks",
]
