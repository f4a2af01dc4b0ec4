"""How good a result is, given the truth: the measures of tracking, per clip and over several, and of retrieval."""

from core.score.detection import Found, average_precision, recall_at
from core.score.files import score_files
from core.score.ranking import Ranking, nearest, rank, rank_within
from core.score.scores import Scores, score, table, together

__all__ = [
    "Found",
    "Ranking",
    "Scores",
    "average_precision",
    "nearest",
    "rank",
    "rank_within",
    "recall_at",
    "score",
    "score_files",
    "table",
    "together",
]
