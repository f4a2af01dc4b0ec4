"""The routes beside Streamlit's pages: media, people, similarity and uploads, each behind the same access control.

A route reads the request, makes one call into the workspace, and answers with JSON or a file.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
