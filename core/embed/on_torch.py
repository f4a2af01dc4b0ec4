"""Features through PyTorch: half precision on CUDA, float32 on a CPU."""

from __future__ import annotations

import numpy as np
import torch

from core.embed.networks import build
from core.types import Floats, Image
from core.weights import Model

CUDA_BATCH, CPU_BATCH = 256, 32


class TorchNetwork:
    """`device` is `cpu` or `cuda`."""

    def __init__(self, model: Model, device: str) -> None:
        half = device == "cuda"
        self.batch = CUDA_BATCH if half else CPU_BATCH
        self.precision = f"torch {device} {'float16' if half else 'float32'}"
        self.words = f"PyTorch {torch.__version__.split('+')[0]}, {device.upper()}, {'float16' if half else 'float32'}"
        self._device, self._type = torch.device(device), torch.float16 if half else torch.float32
        self._network = build(model).to(self._device, self._type, memory_format=torch.channels_last)
        convention = model.input
        self._rgb = convention.colour == "rgb"
        self._mean = torch.tensor(convention.mean, device=self._device).view(1, 3, 1, 1) * convention.scale
        self._std = torch.tensor(convention.std, device=self._device).view(1, 3, 1, 1) * convention.scale
        self.dimension = self.run(np.zeros((1, convention.height, convention.width, 3), np.uint8)).shape[1]

    def run(self, pictures: Image) -> Floats:
        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(pictures)).to(self._device).permute(0, 3, 1, 2)
            x = x.flip(1) if self._rgb else x
            x = ((x.float() - self._mean) / self._std).to(self._type)
            features: Floats = self._network(x).flatten(1).float().cpu().numpy()
            return features
