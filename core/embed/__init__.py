"""Crops of people to unit vectors, in batches, through PyTorch, ONNX or OpenVINO.

Refuses: to say who anybody is, to choose a model, to load what the weights room did not find.
"""

from core.embed.base import Embedder
from core.embed.folder import FolderFeatures, embed_folder, save_features
from core.embed.opening import open_embedder

__all__ = ["Embedder", "FolderFeatures", "embed_folder", "open_embedder", "save_features"]
