"""What is exported from a run: the zip with report and contact sheets, annotated videos, and crops to train from.

An export can be verified against its manifest, and the run repeated from it. Who is who is decided before, in
`core.runs`. Heads are blurred unless the user turns that off and gives a reason.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
