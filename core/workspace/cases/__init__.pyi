from .case import Case as Case
from .case import CaseClip as CaseClip
from .case import EarlierSettings as EarlierSettings
from .case import Plan as Plan
from .case import read_case as read_case
from .store import Cases as Cases
from .store import UnreadableCase as UnreadableCase
from .store import new_key as new_key
