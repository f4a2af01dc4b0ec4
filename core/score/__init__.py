"""How good a result is, given the truth: the measures of tracking, of people over all cameras, and of retrieval."""

from core.score.detection import Found, average_precision, recall_at
from core.score.files import score_files
from core.score.joined import Recorded
from core.score.links import Links
from core.score.overlap import iou
from core.score.people import Likeness, PeopleScores, people_table, score_people
from core.score.people_files import score_run
from core.score.ranking import Ranking, nearest, rank, rank_across, rank_within
from core.score.scores import Scores, score, table, together

__all__ = [
    "Found",
    "Likeness",
    "Links",
    "PeopleScores",
    "Ranking",
    "Recorded",
    "Scores",
    "average_precision",
    "iou",
    "nearest",
    "people_table",
    "rank",
    "rank_across",
    "rank_within",
    "recall_at",
    "score",
    "score_files",
    "score_people",
    "score_run",
    "table",
    "together",
]
