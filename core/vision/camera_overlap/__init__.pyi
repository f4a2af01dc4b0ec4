from .footpaths import TICK_SECONDS as TICK_SECONDS
from .footpaths import Feet as Feet
from .footpaths import Walks as Walks
from .footpaths import walks_of as walks_of
from .identity_swaps import find_identity_swaps as find_identity_swaps
from .search import CameraOverlap as CameraOverlap
from .search import find_overlaps as find_overlaps
from .search import foot_distance_matrix as foot_distance_matrix
