"""Long work: one child process per job, and everything that is known of it on disk.

A job outlives the page, the session and the server that started it; a second start of the same order joins the first.
Refuses to know what the work is: it starts a command, reads its JSON lines of progress, and stops it.
"""

from core.jobs.orders import Order, Source
from core.jobs.running import Jobs
from core.jobs.states import CameraState, Job

__all__ = ["CameraState", "Job", "Jobs", "Order", "Source"]
