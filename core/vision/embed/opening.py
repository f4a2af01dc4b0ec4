"""Opening an embedder: which runtime, and a check that the file is what it was taken for.

Features of a folder of pictures, one a person, and the file they are kept in. Knows no video and no tracks."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from core.base.errors import ClipError, WeightsError
from core.base.types import IMAGE_SUFFIXES, Floats, Image
from core.machine.device import Backend, choose_runtime
from core.machine.paths import write_atomically
from core.vision.embed.base import CropEmbedder, Embedder, Network
from core.vision.models import Model


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
    runtime = choose_runtime(backend, pytorch_model=model.is_pytorch)
    if runtime == "openvino":
        from core.vision.embed.on_openvino import OpenVinoNetwork

        return OpenVinoNetwork(model)
    from core.vision.embed.torch_networks import TorchNetwork

    return TorchNetwork(model, "cuda" if runtime == "cuda" else "cpu")


AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class FolderFeatures:
    """`names` are paths from the folder's parent on, `/` between parts, sorted; `features` (n, d) rows of length 1.

    `skipped` counts files that are no pictures by their names; `unreadable` names those that should be and are not.
    """

    names: tuple[str, ...]
    features: Floats
    skipped: int = 0
    unreadable: tuple[str, ...] = ()


def embed_folder(
    root: Path, embedder: Embedder, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> FolderFeatures:
    """Every picture in `root` and below. `on_progress` is told how many of how many are done."""
    root = root.expanduser().resolve()
    if not root.is_dir():
        raise ClipError(f"{root} is no folder", "Name a folder of pictures.")
    files = sorted((path for path in root.rglob("*") if path.is_file()), key=lambda path: path.relative_to(root).parts)
    pictures = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    names: list[str] = []
    unreadable: list[str] = []
    rows: list[Floats] = [np.empty((0, embedder.dimension), np.float32)]
    waiting = iter(pictures)
    while some := list(islice(waiting, AT_ONCE)):
        read = dict(_read(some, root.parent))
        good = {name: picture for name, picture in read.items() if picture.size}
        names += good
        unreadable += [name for name in read if name not in good]
        rows.append(embedder.embed(list(good.values())))
        on_progress(len(names) + len(unreadable), len(pictures))
    return FolderFeatures(tuple(names), np.concatenate(rows), len(files) - len(pictures), tuple(unreadable))


def _read(paths: list[Path], above: Path) -> Iterator[tuple[str, Image]]:
    """Name and BGR picture of each; a picture of size 0 where the file holds none."""
    for path in paths:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        empty = np.empty((0, 0, 3), np.uint8)
        yield path.relative_to(above).as_posix(), empty if picture is None else np.asarray(picture, np.uint8)


def save_features(path: Path, found: FolderFeatures) -> None:
    """`names` (unicode) and `features` (float32) as .npz without pickles: complete under its name, or not there."""
    buffer = io.BytesIO()
    np.savez(buffer, names=np.array(found.names, dtype=np.str_), features=found.features)
    write_atomically(path, buffer.getvalue())
