"""Reads weights/manifest.toml: every model that is known, shipped or not. Opens no model."""

from __future__ import annotations

import contextlib
import functools
import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import StoreError, WeightsError
from core.folders import cache_dir
from core.weights.digests import bare_name, format_of
from core.weights.model import InputConvention, Known, Model, Three

HOME = Path(__file__).resolve().parents[2] / "weights"


@dataclass(frozen=True)
class Entry:
    """One model of the manifest. `sha256` may be only its beginning (torchvision names its files so), or empty."""

    model: Model
    file: str
    sha256: str

    def matches(self, digest: str) -> bool:
        return bool(self.sha256) and digest.startswith(self.sha256)

    def named(self, path: Path) -> bool:
        """Whether `path` ends as the manifest's file does, or has the model's name."""
        tail = Path(self.file).parts
        return path.parts[-len(tail) :] == tail or bare_name(path) == self.model.name

    def at(self, path: Path, digest: str) -> Model:
        return replace(self.model, path=path, digest=digest, format=format_of(path) or self.model.format)


def folders() -> list[Path]:
    """Where the manifest's files are looked for: our own folder, `SIGHTLINE_WEIGHTS`, `weights` in the user's cache."""
    found = [HOME, *_named()]
    with contextlib.suppress(StoreError):
        found.append(cache_dir() / "weights")
    return found


def own_folder() -> Path:
    """Where a file that is fetched goes: the folder that SIGHTLINE_WEIGHTS names, or else one in the user's cache."""
    named = _named()
    return named[0] if named else cache_dir() / "weights"


def _named() -> list[Path]:
    extra = os.environ.get("SIGHTLINE_WEIGHTS")
    return [Path(extra).expanduser()] if extra else []


def entries(manifest: Path | None = None) -> dict[str, Entry]:
    """All entries by name, in the manifest's order."""
    path = manifest or HOME / "manifest.toml"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as fault:
        raise WeightsError(f"{path} cannot be read as a manifest ({fault})", "Restore it from the release.") from fault


@functools.lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> dict[str, Entry]:
    with path.open("rb") as stream:
        rows = tomllib.load(stream)["model"]
    read = [_entry(row, path.parent) for row in rows]
    return {entry.model.name: entry for entry in read}


def _entry(row: dict[str, Any], home: Path) -> Entry:
    model = Model(
        name=row["name"],
        kind=row["kind"],
        path=home / row["file"],
        format=format_of(Path(row["file"])) or "openvino",
        digest=row.get("sha256", ""),
        architecture=row["architecture"],
        input=_convention(row["input"]),
        dimension=row.get("dimension", 0),
        licence=row["licence"],
        trained_on=row["trained_on"],
        source=row["source"],
        figures=tuple(row.get("figures", ())),
        good_for=row.get("good_for", ""),
        assumed=tuple(row.get("assumed", ())),
        url=row.get("url", ""),
        megabytes=float(row.get("megabytes", 0)),
        known=Known.of(row["known"]) if "known" in row else None,
    )
    return Entry(model, row["file"], row.get("sha256", ""))


def _convention(row: dict[str, Any]) -> InputConvention:
    triples: dict[str, Three] = {key: (*map(float, row[key]),) for key in ("mean", "std") if key in row}  # type: ignore[misc]
    return InputConvention(**{**row, **triples})
