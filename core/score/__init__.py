"""How good a result is, given the truth: the measures of the tracking literature, per clip and over several."""

from core.score.files import score_files
from core.score.scores import Scores, score, table, together

__all__ = ["Scores", "score", "score_files", "table", "together"]
