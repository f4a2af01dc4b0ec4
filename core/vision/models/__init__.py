"""Models: the manifest of those that Sightline knows, recognition of files that users name, digests and downloads.

Nothing is downloaded unless a user asks for it by name, and no code inside a model file is ever run.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
