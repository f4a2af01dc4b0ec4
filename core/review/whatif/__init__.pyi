from .compare import Changes as Changes
from .compare import PeopleCounts as PeopleCounts
from .compare import changed as changed
from .compare import compared as compared
from .retrack import Held as Held
from .retrack import again as again
from .retrack import hold as hold
