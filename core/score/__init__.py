"""How good a result is, given the truth: the measures of tracking, per clip and over several, and of retrieval."""

from core.score.files import score_files
from core.score.ranking import Ranking, nearest, rank, rank_within
from core.score.scores import Scores, score, table, together

__all__ = ["Ranking", "Scores", "nearest", "rank", "rank_within", "score", "score_files", "table", "together"]
