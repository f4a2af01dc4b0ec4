"""Opening an embedder: which runtime, and a check that the file is what it was taken for."""

from __future__ import annotations

from core.device import Backend, choose
from core.embed.base import CropEmbedder, Embedder, Network
from core.errors import WeightsError
from core.weights import Model


def open_embedder(model: Model, backend: Backend = "auto", flip: bool = False) -> Embedder:
    """`model` on the runtime that `backend` names, or on the best that is here.

    `flip` averages each crop with its mirror image; a model whose convention asks for that does so anyway.
    """
    if model.kind != "embedder":
        raise WeightsError(f"{model.name} is a {model.kind}, not an embedder", "Name an embedder.")
    network = _network(model, backend)
    if model.dimension and network.dimension != model.dimension:
        raise WeightsError(
            f"{model.name} gives {network.dimension} numbers, and {model.dimension} were expected",
            "Name the file by its path under another name.",
        )
    return CropEmbedder(model, network, flip)


def _network(model: Model, backend: Backend) -> Network:
    runtime = choose(backend, pytorch_model=model.pytorch)
    if runtime == "openvino":
        from core.embed.on_openvino import OpenVinoNetwork

        return OpenVinoNetwork(model)
    from core.embed.on_torch import TorchNetwork

    return TorchNetwork(model, "cuda" if runtime == "cuda" else "cpu")
