"""Every model that is known: where its file lies, what it is, whether it is unchanged, how pictures go into it.

Refuses: to download anything that was not asked for by name (`get`), to run code that a file brings, to take one model
where another was asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
