"""All that belongs to the user on this machine: cases, the sources of clips, media for the browser, and jobs.

This face has what pages and routes share: the services of the process, open runs, and the actions that change a case.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
