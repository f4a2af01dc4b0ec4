"""What is known of one model: its file, architecture, licence, input convention and similarity statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.base.settings import ModelSettings
from core.base.types import Floats

ModelKind = Literal["detector", "embedder", "head finder"]
ModelFormat = Literal["pt", "onnx", "openvino", "safetensors"]
MachineKind = Literal["cpu", "gpu"]
Triple = tuple[float, float, float]

MODEL_SUFFIXES: dict[str, ModelFormat] = {
    ".pt": "pt",
    ".pth": "pt",
    ".tar": "pt",  # torchreid names its checkpoints model.pth.tar-60
    ".onnx": "onnx",
    ".xml": "openvino",
    ".safetensors": "safetensors",
}


@dataclass(frozen=True)
class InputConvention:
    """How a picture becomes a model's input: resized to width x height, then (pixel / scale - mean) / std.

    `mean` and `std` are in the order of `colour`. With `flip`, the vectors of the picture and of its mirror
    image are averaged. The text of this class is part of the keys of stored vectors, so a renamed field orphans them.
    """

    width: int = 128
    height: int = 256
    colour: Literal["rgb", "bgr"] = "rgb"
    scale: float = 255.0
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    flip: bool = False
    resize: Literal["linear", "cubic"] = "linear"

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1 or self.scale <= 0 or min(self.std) <= 0:
            raise ValueError(f"sizes, scale and std must be positive: {self}")
        if self.colour not in ("rgb", "bgr") or self.resize not in ("linear", "cubic"):
            raise ValueError(f"colour is rgb or bgr and resize linear or cubic: {self}")
        if len(self.mean) != 3 or len(self.std) != 3:
            raise ValueError(f"mean and std have three values each: {self}")


@dataclass(frozen=True)
class EmbedderPrior:
    """Statistics of an embedder's similarities, measured on other footage: where a calibration starts from.

    `impostor_mean` and `impostor_spread` are mean and standard deviation of the inverse hyperbolic tangent of the
    cosines of different people; `threshold` is a similarity threshold that did well. `few_impostors` holds the same for
    vectors less the mean of their camera, as they are compared where a run has few pairs of known-different people.
    """

    impostor_mean: float
    impostor_spread: float
    threshold: float
    few_impostors: EmbedderPrior | None = None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> EmbedderPrior:
        """What `to_dict` wrote, or an entry of the manifest."""
        nested = content.get("few")
        few_impostors = cls.from_dict(nested) if nested else None
        return cls(content["strange"], content["spread"], content["threshold"], few_impostors)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, under the keys of the manifest and of run records since 0.1.0.

        >>> EmbedderPrior(0.2, 0.25, 0.5).to_dict()
        {'strange': 0.2, 'spread': 0.25, 'threshold': 0.5, 'few': None}
        """
        return {
            "strange": self.impostor_mean,
            "spread": self.impostor_spread,
            "threshold": self.threshold,
            "few": self.few_impostors and self.few_impostors.to_dict(),
        }


@dataclass(frozen=True)
class ScoreScale:
    """How a detector's own scores become confidences that mean the same for every detector.

    One detector is right nine times in ten at a score of .3, another at .5, so a threshold chosen for one loses people,
    or finds things, with the other. `usable` is the score that becomes a confidence of .25, from which boxes are used
    by default; `certain` is the one that becomes .55, from which a box may start a track. Both were read off the
    detector's precision on labelled frames. Between these points, 0 and 1, the scale is straight.

    >>> ScoreScale(0.2, 0.5).confidences(np.array([0.1, 0.5, 0.75], np.float32)).tolist()
    [0.125, 0.550000011920929, 0.7749999761581421]
    >>> ScoreScale(0.2, 0.5).score(0.25)
    0.2
    """

    usable: float
    certain: float

    def __post_init__(self) -> None:
        if not 0 < self.usable < self.certain < 1:
            raise ValueError(f"a scale rises from 0 over usable and certain to 1: {self}")

    @property
    def _points(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (0.0, self.usable, self.certain, 1.0), (0.0, *SCALE_POINTS, 1.0)

    def confidences(self, scores: Floats) -> Floats:
        return np.interp(scores, *self._points).astype(np.float32)

    def score(self, confidence: float) -> float:
        """The detector's own score that becomes `confidence`."""
        scores, confidences = self._points
        return float(np.interp(confidence, confidences, scores))


SCALE_POINTS = (0.25, 0.55)
"""The confidences of `ScoreScale`: the default of `conf`, and the tracker's second stage."""


@dataclass(frozen=True)
class Model:
    """One model, present or expected.

    path        a file; of an OpenVINO model its .xml
    digest      SHA-256 of the file; of an OpenVINO model, of .xml followed by .bin
    assumed     sentences about what the file does not state and had to be assumed; every result names them
    good_for    a sentence that helps to choose
    brief       the figure that tells it from others of its kind, in a phrase
    recommended for which machines it is the best of its kind by our figures
    url         where the publisher offers the file; empty where nobody does
    megabytes   approximate size in millions of bytes
    prior       similarity statistics of an embedder, where they were measured
    scale       how a detector's scores become confidences; None: they are taken as they are
    """

    name: str
    kind: ModelKind
    path: Path
    format: ModelFormat
    digest: str
    architecture: str
    input: InputConvention = field(default_factory=InputConvention)
    dimension: int = 0
    licence: str = "not stated"
    trained_on: str = "not stated"
    source: str = "named by the user"
    figures: tuple[str, ...] = ()
    good_for: str = ""
    assumed: tuple[str, ...] = ()
    url: str = ""
    megabytes: float = 0.0
    prior: EmbedderPrior | None = None
    scale: ScoreScale | None = None
    brief: str = ""
    recommended: tuple[MachineKind, ...] = ()

    @property
    def is_pytorch(self) -> bool:
        """Whether PyTorch can run the file."""
        return self.format in ("pt", "safetensors")


@dataclass(frozen=True)
class ModelStatus:
    """A model of the manifest; "changed" means that its file is here but has another digest."""

    model: Model
    state: Literal["present", "missing", "changed"]


DETECTOR, EMBEDDER = ModelSettings().detector, ModelSettings().embedder
"""The defaults; both come with Sightline."""
HEAD_FINDER = "person-head"
"""It comes with Sightline too, and there is no other."""
