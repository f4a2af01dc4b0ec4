"""Long work: one child process per job, and everything that is known of it on disk.

A job outlives the page, the session and the server that started it; a second start of the same order joins the first.
Knows the work as an order and a command line; refuses to do any of it: it starts the command, reads its JSON lines of
progress, and stops it.
"""

from core.jobs.changes import changes
from core.jobs.children import Launcher
from core.jobs.exporting import Export, Exports, Making
from core.jobs.orders import Order, Source, order_of
from core.jobs.running import Jobs
from core.jobs.states import CameraState, Job
from core.jobs.trials import Trials
from core.pipeline import NONE

__all__ = [
    "NONE",
    "CameraState",
    "Export",
    "Exports",
    "Job",
    "Jobs",
    "Launcher",
    "Making",
    "Order",
    "Source",
    "Trials",
    "changes",
    "order_of",
]
