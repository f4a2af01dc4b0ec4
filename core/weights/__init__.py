"""Every model that is known: where its file lies, what it is, whether it is unchanged, how pictures go into it.

Refuses: to download anything that was not asked for by name (`get`), to run code that a file brings, to take one model
where another was asked for.
"""

from core.weights.finding import find, listing
from core.weights.getting import Got, get, gettable
from core.weights.model import InputConvention, Kind, Known, Model, Status

DETECTOR = "person-yolo11n"
EMBEDDER = "person-osnet"
"""What is used where nothing else is asked for: both come with Sightline."""

__all__ = [
    "DETECTOR",
    "EMBEDDER",
    "Got",
    "InputConvention",
    "Kind",
    "Known",
    "Model",
    "Status",
    "find",
    "get",
    "gettable",
    "listing",
]
