"""Long work: one child process per job, whose folder on disk holds everything there is to know about it.

A job outlives the page, the session and the server that started it, and a second start of the same order joins the
first. This package starts the command line, reads its progress as JSON lines, and stops it; the work itself is
elsewhere.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
