from .footpaths import TICK_SECONDS as TICK_SECONDS
from .footpaths import Feet as Feet
from .footpaths import Walks as Walks
from .footpaths import walks_of as walks_of
from .identity_swaps import swaps as swaps
from .search import Overlap as Overlap
from .search import distances as distances
from .search import overlaps as overlaps
