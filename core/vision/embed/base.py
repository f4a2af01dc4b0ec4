"""What an embedder is, whatever its network and runtime, and how crops are brought to the size of its input.

Crops are resized with OpenCV's linear or cubic interpolation, as the model's convention says; neither smooths before
reducing, unlike Pillow's. Colour order, scale and mean are left to the runtime, which is faster."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from core.base.errors import BackendError
from core.base.types import Floats, Image
from core.vision.models import InputConvention, Model


def resize_crops(crops: Sequence[Image], convention: InputConvention) -> Image:
    """BGR crops (height, width, 3) of any size -> uint8 BGR (n, height, width, 3) at the model's size."""
    import cv2

    interpolation = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}[convention.resize]
    size = (convention.width, convention.height)
    batch = np.empty((len(crops), convention.height, convention.width, 3), np.uint8)
    for row, crop in zip(batch, crops, strict=True):
        if crop.dtype != np.uint8 or crop.ndim != 3 or crop.shape[2] != 3 or crop.size == 0:
            raise ValueError(f"expected a crop (height, width, 3) of uint8, got {crop.shape} of {crop.dtype}")
        cv2.resize(crop, size, dst=row, interpolation=interpolation)
    return batch


class Embedder(Protocol):
    """`backend` names model, runtime and precision for users; `digest` is made of all that decides the vectors."""

    name: str
    dimension: int
    backend: str
    digest: str

    def embed(self, crops: Sequence[Image]) -> Floats:
        """BGR crops (height, width, 3) of any size -> (n, dimension), rows of unit norm, in the same order."""
        ...


class Network(Protocol):
    """A loaded model on a runtime. `run` takes at most `batch` crops, uint8 BGR (n, height, width, 3) at its size."""

    batch: int
    dimension: int
    description: str
    precision: str

    def run(self, pictures: Image) -> Floats: ...


class CropEmbedder:
    """A `Network` as an `Embedder`. With `flip`, the vectors of a crop and its mirror image are averaged."""

    def __init__(self, model: Model, network: Network, flip: bool = False) -> None:
        self.name, self.dimension = model.name, network.dimension
        self.backend = f"{model.name} on {network.description}"
        self._input, self._network = model.input, network
        self._flip = flip or model.input.flip
        facts = f"{model.digest} {model.architecture} {model.input} flip={self._flip} {network.precision}"
        self.digest = hashlib.sha256(facts.encode()).hexdigest()
        # All sessions of the app share one loaded network, whose buffers hold one batch at a time.
        self._lock = threading.Lock()

    def embed(self, crops: Sequence[Image]) -> Floats:
        vectors = np.empty((len(crops), self.dimension), np.float32)
        for start in range(0, len(crops), self._network.batch):
            pictures = resize_crops(crops[start : start + self._network.batch], self._input)
            vectors[start : start + len(pictures)] = self._vectors(pictures)
        if not np.isfinite(vectors).all():
            raise BackendError(f"{self.backend} gave numbers that are not finite", "Choose another backend or model.")
        return unit_rows(vectors)

    def _vectors(self, pictures: Image) -> Floats:
        with self._lock:
            vectors = self._network.run(pictures)
            return vectors + self._network.run(pictures[:, :, ::-1]) if self._flip else vectors


def unit_rows(vectors: Floats) -> Floats:
    """Rows scaled to unit norm; a row of zeros is left as it is.

    >>> unit_rows(np.array([[3, 4], [0, 0]], np.float32)).round(6).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = np.divide(vectors, np.maximum(length, 1e-12), dtype=np.float32)
    return scaled
