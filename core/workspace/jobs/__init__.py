"""Long work: one child process per job, and everything that is known of it on disk.

A job outlives the page, the session and the server that started it; a second start of the same order joins the first.
Knows the work as an order and a command line; refuses to do any of it: it starts the command, reads its JSON lines of
progress, and stops it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
