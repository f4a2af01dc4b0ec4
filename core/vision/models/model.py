"""What is known of one model: where it lies, what it is made of, and how pictures must be given to it.

Every model that is known: where its file lies, what it is, whether it is unchanged, how pictures go into it.

Refuses: to download anything that was not asked for by name (`get`), to run code that a file brings, to take one model
where another was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["detector", "embedder"]
Format = Literal["pt", "onnx", "openvino", "safetensors"]
Triple = tuple[float, float, float]

SUFFIXES: dict[str, Format] = {
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

    `mean` and `std` are in the order of `colour`. `flip` asks for the mean over the picture and its mirror image.
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
    """What was measured with an embedder elsewhere: similarities of strangers, as mean and deviation of their inverse
    hyperbolic tangent, and a threshold for one person that did well.

    `few` is the same for looks less what is usual in each camera, as they are taken where there are few strangers.
    """

    impostor_mean: float
    impostor_spread: float
    threshold: float
    few_impostors: EmbedderPrior | None = None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> EmbedderPrior:
        """The one that `asdict` wrote."""
        few = content.get("few")
        return cls(**{**content, "few": few and cls.from_dict(few)})


@dataclass(frozen=True)
class Model:
    """One model, found or expected. `digest` is the SHA-256 of its file; of an OpenVINO model, of .xml then .bin.

    `path` is a file (of an OpenVINO model its .xml). `assumed` holds sentences on what was taken for granted about
    a file that the manifest does not know; whatever shows or exports a result names them. `good_for` is for whoever has
    to choose. `url` is where its
    publisher offers it, empty where nobody does or may; `megabytes` (millions of bytes) is about right. `known` says
    what its similarities are like, where somebody has measured that.
    """

    name: str
    kind: Kind
    path: Path
    format: Format
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

    @property
    def is_pytorch(self) -> bool:
        """Whether PyTorch itself can run it."""
        return self.format in ("pt", "safetensors")


@dataclass(frozen=True)
class Status:
    """A model of the manifest and whether its file is here and as it should be."""

    model: Model
    state: Literal["present", "missing", "changed"]


DETECTOR = "person-yolo11n"
EMBEDDER = "person-osnet"
"""What is used where nothing else is asked for: both come with Sightline."""
