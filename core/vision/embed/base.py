"""Brings crops to a model's size. Colour, scale and mean are left to the runtime, which does them faster.

OpenCV's linear or cubic interpolation, as the convention says. Neither smooths before it reduces, unlike Pillow's.

What an embedder is: crops of people in, unit vectors out. Which network and which runtime stay behind it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from core.base.errors import BackendError
from core.base.types import Floats, Image
from core.vision.models import InputConvention, Model

INTERPOLATION = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}


def resize_crops(crops: Sequence[Image], convention: InputConvention) -> Image:
    """BGR crops (height, width, 3) of any size -> one array (n, height, width, 3), uint8 BGR."""
    size = (convention.width, convention.height)
    batch = np.empty((len(crops), convention.height, convention.width, 3), np.uint8)
    for row, crop in zip(batch, crops, strict=True):
        if crop.dtype != np.uint8 or crop.ndim != 3 or crop.shape[2] != 3 or crop.size == 0:
            raise ValueError(f"expected a crop (height, width, 3) of uint8, got {crop.shape} of {crop.dtype}")
        cv2.resize(crop, size, dst=row, interpolation=INTERPOLATION[convention.resize])
    return batch


class Embedder(Protocol):
    """`backend` is a phrase for people; `digest` names everything that decides the numbers, and is fit for a key."""

    name: str
    dimension: int
    backend: str
    digest: str

    def embed(self, crops: Sequence[Image]) -> Floats:
        """BGR pictures (height, width, 3) of any size -> (n, dimension), rows of length 1, in the same order."""
        ...


class Network(Protocol):
    """A loaded model on a runtime. `run` takes up to `batch` pictures, uint8 BGR of the model's own size."""

    batch: int
    dimension: int
    description: str
    precision: str

    def run(self, pictures: Image) -> Floats: ...


class CropEmbedder:
    """Any `Network` as an `Embedder`. With `flip`, the mean of a picture's and its mirror image's vectors is used."""

    def __init__(self, model: Model, network: Network, flip: bool = False) -> None:
        self.name, self.dimension = model.name, network.dimension
        self.backend = f"{model.name} on {network.description}"
        self._input, self._network = model.input, network
        self._flip = flip or model.input.flip
        facts = f"{model.digest} {model.architecture} {model.input} flip={self._flip} {network.precision}"
        self.digest = hashlib.sha256(facts.encode()).hexdigest()
        # One loaded network serves every visitor of the app, and its buffers hold one batch at a time.
        self._turn = threading.Lock()

    def embed(self, crops: Sequence[Image]) -> Floats:
        vectors = np.empty((len(crops), self.dimension), np.float32)
        for start in range(0, len(crops), self._network.batch):
            pictures = resize_crops(crops[start : start + self._network.batch], self._input)
            vectors[start : start + len(pictures)] = self._vectors(pictures)
        if not np.isfinite(vectors).all():
            raise BackendError(f"{self.backend} gave numbers that are not finite", "Choose another backend or model.")
        return unit_rows(vectors)

    def _vectors(self, pictures: Image) -> Floats:
        with self._turn:
            vectors = self._network.run(pictures)
            return vectors + self._network.run(pictures[:, :, ::-1]) if self._flip else vectors


def unit_rows(vectors: Floats) -> Floats:
    """Rows scaled to length 1; a row of zeros stays one.

    >>> unit(np.array([[3, 4], [0, 0]], np.float32)).round(6).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = np.divide(vectors, np.maximum(length, 1e-12), dtype=np.float32)
    return scaled
