"""The networks of one run: opened when a stage needs them and not before, then shared by all its clips."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.detect import Detector, on_pytorch_only, open_detector
from core.device import Backend, choose, cpu_bfloat16
from core.embed import Embedder, open_embedder
from core.settings import DetectSettings, EmbedSettings
from core.weights import Model, find

NONE = "none"
"""In place of an embedder's name: tracks are matched on motion alone."""


class Networks:
    """`detector` and `embedder` open on first use; the keys and words below are known without opening anything."""

    def __init__(
        self,
        detector: Model,
        embedder: Model | None,
        backend: Backend,
        open_one: Callable[[Model, DetectSettings, Backend], Detector] = open_detector,
        open_other: Callable[[Model, Backend, bool], Embedder] = open_embedder,
    ) -> None:
        self.detector_model, self.embedder_model, self.backend = detector, embedder, backend
        self._open_detector, self._open_embedder = open_one, open_other
        self._detectors: dict[DetectSettings, Detector] = {}
        self._embedders: dict[bool, Embedder] = {}

    @classmethod
    def named(cls, detector: str, embedder: str, backend: Backend) -> Networks:
        """Models by name or file, no embedder where its name is `NONE`; `WeightsError` where one is not here."""
        other = None if embedder == NONE else find(embedder, "embedder")
        return cls(find(detector, "detector"), other, backend)

    def detector(self, settings: DetectSettings) -> Detector:
        if settings not in self._detectors:
            self._detectors[settings] = self._open_detector(self.detector_model, settings, self.backend)
        return self._detectors[settings]

    def embedder(self, settings: EmbedSettings) -> Embedder:
        if self.embedder_model is None:
            raise ValueError("no embedder was chosen")
        if settings.flip not in self._embedders:
            self._embedders[settings.flip] = self._open_embedder(self.embedder_model, self.backend, settings.flip)
        return self._embedders[settings.flip]

    def key(self, model: Model) -> dict[str, Any]:
        """What of a model, its runtime and this CPU decides its numbers."""
        runtime = choose(self.backend, model.pytorch)
        if runtime == "openvino" and on_pytorch_only(model):
            runtime = "torch"
        return {
            "model": model.digest,
            "architecture": model.architecture,
            "input": repr(model.input),
            "runtime": runtime,
            # OpenVINO computes in 16 bits where the CPU can, and a cache may be carried to one that cannot.
            "precision": "bfloat16" if runtime == "openvino" and cpu_bfloat16() else "single",
        }
