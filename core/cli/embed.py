"""`embed DIR --out FILE.npz`: computes the appearance vectors of a folder of pictures, each of length 1."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.base.progress import Progress
from core.cli.progress import listener
from core.machine.device import parse_backend
from core.vision.embed import embed_folder, open_embedder, save_features
from core.vision.models import find


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("folder", type=Path, metavar="DIR", help="folder of pictures")
    p.add_argument("--out", type=Path, required=True, metavar="FILE.npz", help="where the vectors go")
    p.add_argument("--features", required=True, metavar="NAME", help="embedder: name or file")
    p.add_argument("--device", default="auto", help="auto, openvino (or cpu), torch, cuda")
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    embedder = open_embedder(find(options.features, "embedder"), parse_backend(options.device))
    progress = Progress(listener(options.progress))
    progress.camera(options.folder.name, 1, 1)
    begun = False

    def show(done: int, total: int) -> None:
        nonlocal begun
        if not begun:
            progress.begin("embed", total)
            begun = True
        progress.at(done)

    found = embed_folder(options.folder, embedder, show)
    save_features(options.out, found)
    sys.stdout.write(f"{len(found.names)} pictures, vectors of {embedder.dimension} numbers, by {embedder.backend}\n")
    for name in found.unreadable:
        sys.stderr.write(f"could not be read: {name}\n")
    return 1 if found.unreadable else 0
