"""Opening an embedder on a runtime, and the vectors of a folder of pictures, one person in each."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from core.base.errors import ClipError, WeightsError
from core.base.types import IMAGE_SUFFIXES, Floats, Image
from core.machine.canvas import read_picture
from core.machine.device import Backend, choose_runtime
from core.machine.paths import write_atomically
from core.vision.embed.base import CropEmbedder, Embedder, Network
from core.vision.models import Model

READ_AT_ONCE = 256


def open_embedder(model: Model, backend: Backend = "auto", flip: bool = False) -> Embedder:
    """`model` on the runtime that `backend` names; for `auto`, on the fastest one of this machine.

    `flip` averages the vectors of each crop and its mirror image, as the conventions of some models do anyway.
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
    runtime = choose_runtime(backend, pytorch_model=model.is_pytorch)
    if runtime == "openvino":
        from core.vision.embed.on_openvino import OpenVinoNetwork

        return OpenVinoNetwork(model)
    from core.vision.embed.torch_networks import TorchNetwork

    return TorchNetwork(model, "cuda" if runtime == "cuda" else "cpu")


@dataclass(frozen=True, eq=False)
class FolderFeatures:
    """`names` are sorted paths relative to the folder's parent, `/` between parts; `features` (n, d) of unit norm.

    `skipped` counts files that are no pictures by name; `unreadable` names the pictures that cannot be decoded.
    """

    names: tuple[str, ...]
    features: Floats
    skipped: int = 0
    unreadable: tuple[str, ...] = ()


def embed_folder(
    root: Path, embedder: Embedder, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> FolderFeatures:
    """The vectors of all pictures in `root` and below. `on_progress` gets pictures done and pictures in all."""
    root = root.expanduser().resolve()
    if not root.is_dir():
        raise ClipError(f"{root} is no folder", "Name a folder of pictures.")
    files = sorted((path for path in root.rglob("*") if path.is_file()), key=lambda path: path.relative_to(root).parts)
    pictures = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    names: list[str] = []
    unreadable: list[str] = []
    rows: list[Floats] = [np.empty((0, embedder.dimension), np.float32)]
    remaining = iter(pictures)
    while paths := list(islice(remaining, READ_AT_ONCE)):
        decoded = dict(_read(paths, root.parent))
        readable = {name: picture for name, picture in decoded.items() if picture.size}
        names += readable
        unreadable += [name for name in decoded if name not in readable]
        rows.append(embedder.embed(list(readable.values())))
        on_progress(len(names) + len(unreadable), len(pictures))
    return FolderFeatures(tuple(names), np.concatenate(rows), len(files) - len(pictures), tuple(unreadable))


def _read(paths: list[Path], parent: Path) -> Iterator[tuple[str, Image]]:
    """Name and BGR picture (height, width, 3) of each path; a picture of size 0 where it cannot be decoded."""
    for path in paths:
        yield path.relative_to(parent).as_posix(), read_picture(path)


def save_features(path: Path, folder: FolderFeatures) -> None:
    """Write `names` (unicode) and `features` (float32) to an .npz without pickles, atomically."""
    buffer = io.BytesIO()
    np.savez(buffer, names=np.array(folder.names, dtype=np.str_), features=folder.features)
    write_atomically(path, buffer.getvalue())
