"""What somebody says about who is who, after a run: said, tried, kept, taken back, and obeyed at every later match.

    review.json   actions that were done and that were taken back: FORMAT in core/review/review.py

Owns the actions, the one statement that they amount to, and which pairs to ask about. Refuses to match, and to write
anything but the review.
"""

from core.review.acting import confirm, cut, different, merge, name, note, reject, same, split, unsure
from core.review.carrying import Migrated, migrate_decisions, migrate_onto, why_waiting
from core.review.desk import Desk, open_desk
from core.review.doubts import Doubt, doubts
from core.review.heirs import RunTracks
from core.review.review import Action, Review, load_review, save_review
from core.review.saying import Named, Said, Sight

__all__ = [
    "Action",
    "Desk",
    "Doubt",
    "Migrated",
    "Named",
    "Review",
    "RunTracks",
    "Said",
    "Sight",
    "confirm",
    "cut",
    "different",
    "doubts",
    "load_review",
    "merge",
    "migrate_decisions",
    "migrate_onto",
    "name",
    "note",
    "open_desk",
    "reject",
    "same",
    "save_review",
    "split",
    "unsure",
    "why_waiting",
]
