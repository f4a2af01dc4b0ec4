"""Model files and their SHA-256, which identifies a model whatever its file is called.

A downloaded file whose publisher states no digest is pinned: its SHA-256 goes to pins.json beside it. A pin proves that
the file has not changed since that day, not that it was the right one then."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from core.base.errors import WeightsError
from core.machine.paths import write_atomically
from core.vision.models.model import MODEL_SUFFIXES, ModelFormat

PINS_FILE = "pins.json"


def format_of(path: Path) -> ModelFormat | None:
    """The format by the file's name; None where it is no model file."""
    name = path.name.lower()
    return MODEL_SUFFIXES.get(".tar" if ".pth.tar" in name else path.suffix.lower())


def model_name(path: Path) -> str:
    """
    >>> model_name(Path("weights/mine_lr0.01.pth.tar-60")), model_name(Path("v1.2.onnx"))
    ('mine_lr0.01', 'v1.2')
    """
    return path.name.partition(".pth")[0] if ".pth" in path.name else path.stem


def model_file(path: Path) -> Path:
    """The model file at `path`: the file itself, or the single .xml of an OpenVINO folder."""
    if path.is_dir():
        files = sorted(path.glob("*.xml"))
        if len(files) != 1:
            raise WeightsError(
                f"{path} holds {len(files)} .xml files", "Name an OpenVINO folder with one, or a model file."
            )
        path = files[0]
    if not path.is_file():
        raise WeightsError(f"there is no model file {path}", "Check the path.")
    if format_of(path) is None:
        raise WeightsError(
            f"{path.name} is of no kind that is known here", f"Give one of: {', '.join(MODEL_SUFFIXES)}."
        )
    return path


def model_parts(path: Path) -> list[Path]:
    """The files of the model at `path`: the weights of an OpenVINO .xml are in a .bin beside it."""
    if path.suffix.lower() != ".xml":
        return [path]
    weights = path.with_suffix(".bin")
    if not weights.is_file():
        raise WeightsError(f"{weights.name} is missing beside {path}", "Copy both files of the OpenVINO model.")
    return [path, weights]


def model_digest(path: Path) -> str:
    """SHA-256 of the model's files in order. They are read again only after their size or modification time changed."""
    try:
        stats = [(str(part), part.stat()) for part in model_parts(path)]
        return _digest(tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats))
    except OSError as fault:
        raise WeightsError(
            f"{path} cannot be read ({fault.strerror})", "Check the file and its permissions."
        ) from fault


@functools.lru_cache(maxsize=256)
def _digest(files: tuple[tuple[str, int, int], ...]) -> str:
    sha = hashlib.sha256()
    for name, _, _ in files:
        with Path(name).open("rb") as stream:
            while block := stream.read(1 << 20):
                sha.update(block)
    return sha.hexdigest()


@dataclass(frozen=True)
class Pin:
    """`since` is the day of the download, `url` where the file came from."""

    sha256: str
    since: str
    url: str

    def __post_init__(self) -> None:
        if len(self.sha256) != 64:
            raise ValueError(f"a SHA-256 has 64 digits, got '{self.sha256}'")


def pins(folder: Path) -> dict[str, Pin]:
    """The pins of `folder` by file name, relative to the folder with `/` between parts."""
    path = folder / PINS_FILE
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): Pin(row["sha256"], row["since"], row["url"]) for name, row in rows.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise WeightsError(
            f"{path} cannot be read as a list of pins ({fault})", "Restore it, or remove it to pin anew."
        ) from fault


def add_pin(folder: Path, name: str, sha256: str, url: str) -> Pin:
    """Pin `name` as of today."""
    pin = Pin(sha256, time.strftime("%Y-%m-%d"), url)
    rows = {key: asdict(value) for key, value in {**pins(folder), name: pin}.items()}
    write_atomically(folder / PINS_FILE, json.dumps(rows, indent=1, sort_keys=True).encode())
    return pin
