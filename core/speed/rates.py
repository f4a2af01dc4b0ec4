"""The figures: kept one by one, so that two runs that end together lose nothing, and found again by what is alike."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from core.folders import cache_dir, write_atomically
from core.pipeline import Networks
from core.store import digest_of
from core.weights import Model

Basis = Literal["run", "trial"]
_AWAY = 8.0
"""A figure of another size or rate that is this many times away says nothing."""


@dataclass(frozen=True)
class Kind:
    """What was measured. `model` is the digest of model, runtime and precision, empty for a stage without one; `size`
    is the detector's, 0 elsewhere; `fps` how many frames of a second are looked at; `pixels` those of a picture.
    """

    stage: str
    model: str
    size: int
    fps: float
    pixels: int


@dataclass(frozen=True)
class Rate:
    kind: Kind
    frames: int
    seconds: float
    basis: Basis

    @property
    def each(self) -> float:
        """Seconds of one frame."""
        return self.seconds / max(self.frames, 1)


def model_key(networks: Networks, model: Model | None) -> str:
    """Of a model, its runtime and its precision: another one has another speed."""
    return "" if model is None else digest_of(networks.key(model))


class Rates:
    """All figures under one root, by default in the user's cache folder. They are read once, then known."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or cache_dir() / "speed"
        self._known: list[Rate] | None = None

    def keep(self, rate: Rate) -> None:
        """A trial does not stand against what a run has measured."""
        path = self._root / f"{digest_of(rate.kind)}.json"
        old = _read(path)
        if rate.basis == "run" or old is None or old.basis == "trial":
            self._known = None
            write_atomically(path, json.dumps({**asdict(rate), "when": time.time()}).encode())

    def nearest(self, kind: Kind) -> Rate | None:
        """The figure of the same stage, model and size that is nearest in rate and in size of picture."""
        alike = [rate for rate in self._all() if _alike(rate.kind, kind) and _away(rate.kind, kind) <= math.log(_AWAY)]
        return min(alike, key=lambda rate: (_away(rate.kind, kind), rate.basis == "trial"), default=None)

    def _all(self) -> list[Rate]:
        if self._known is None:
            found = (_read(path) for path in sorted(self._root.glob("*.json")))
            self._known = [rate for rate in found if rate]
        return self._known


def _read(path: Path) -> Rate | None:
    try:
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        kind = Kind(**content["kind"])
        return Rate(kind, int(content["frames"]), float(content["seconds"]), content["basis"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _alike(one: Kind, other: Kind) -> bool:
    return (one.stage, one.model, one.size) == (other.stage, other.model, other.size)


def _away(one: Kind, other: Kind) -> float:
    """How far two kinds are apart: 0 for the same, log 2 where one has twice the pixels or half the rate."""
    pairs = ((one.fps, other.fps), (one.pixels, other.pixels))
    return sum(abs(math.log(max(a, 1e-3) / max(b, 1e-3))) for a, b in pairs)
