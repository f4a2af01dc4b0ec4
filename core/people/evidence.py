"""What is known of each tracklet: gathered from the cameras' artifacts, kept in the run's folder, read back."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import StoreError
from core.folders import write_atomically
from core.pipeline import CameraResult, Looks, crops_of, looks_of
from core.results import spans
from core.store import Artifact
from core.types import Floats, Ints, Seconds, Table, Tracklets, Tracks

FILE = "tracklets.npz"
CROPS = "crops"


@dataclass(frozen=True, eq=False)
class Crops(Table):
    """Crops of all tracklets: the row of the tracklet, frame and clip time, quality 0 to 1, file below `crops/`."""

    row: Ints
    frame: Ints
    seconds: Seconds
    quality: Floats
    name: NDArray[np.str_]

    def __post_init__(self) -> None:
        self._settle(
            row=(np.int64, ()), frame=(np.int64, ()), seconds=(np.float64, ()), quality=(np.float32, ()), name=(str, ())
        )

    def of(self, row: int) -> Crops:
        """Those of one tracklet, best first."""
        mine = self[self.row == row]
        return mine[np.argsort(-mine.quality, kind="stable")]


@dataclass(frozen=True, eq=False)
class Evidence:
    """`offsets` are the seconds that each camera's clip began after the common clock; colours are (n, 2, 11)."""

    cameras: tuple[str, ...]
    offsets: Seconds
    tracklets: Tracklets
    colours: Floats
    crops: Crops

    def clip_seconds(self, row: int) -> tuple[float, float]:
        """When the tracklet is seen, in its own clip."""
        offset = float(self.offsets[self.tracklets.camera[row]])
        return float(self.tracklets.start[row]) - offset, float(self.tracklets.end[row]) - offset


def collect(results: Sequence[CameraResult], offsets: Mapping[str, float], out: Path) -> Evidence:
    """Gather what the cameras' artifacts hold and write it below `out`, in place of what an older run left."""
    shutil.rmtree(out / CROPS, ignore_errors=True)
    names = tuple(result.camera.name for result in results if result.crops is not None)
    shift = np.array([offsets.get(name, 0.0) for name in names])
    tracklets: list[Tracklets] = []
    colours: list[Floats] = []
    crops: list[Crops] = []
    first = 0
    for result in results:
        if result.crops is None or result.clip is None:
            continue
        looks, quality = looks_of(result.crops, result.tracks, result.clip.width, result.clip.height)
        tracklets.append(_tracklets(result.tracks, looks, len(tracklets), shift))
        colours.append(looks.colours)
        crops.append(_write_crops(result.crops, quality, result, looks.track, first, out))
        first += len(looks)
    evidence = Evidence(
        names,
        shift,
        Tracklets.joined(tracklets),
        np.concatenate([np.empty((0, 2, 11), np.float32), *colours]),
        Crops.joined(crops),
    )
    _save(evidence, out)
    return evidence


def _tracklets(tracks: Tracks, looks: Looks, number: int, shift: Seconds) -> Tracklets:
    span = spans(tracks)
    rows = np.argsort(span.track)
    camera = np.full(len(looks), number)
    start, end = span.first_seconds[rows] + shift[number], span.last_seconds[rows] + shift[number]
    return Tracklets(camera, looks.track, start, end, looks.vector)


def _write_crops(
    artifact: Artifact, quality: Floats, result: CameraResult, track: Ints, first: int, out: Path
) -> Crops:
    """JPEG files of one camera; `track` are its tracks, rising, whose rows begin at `first`."""
    tracks = result.tracks
    columns: list[tuple[int, int, float, float, str]] = []
    for (at, content), good in zip(crops_of(artifact), quality.tolist(), strict=True):
        number, frame = int(tracks.track[at]), int(tracks.frame[at])
        name = f"{result.camera.name}/t{number:04d}_f{frame:06d}.jpg"
        write_atomically(out / CROPS / name, content)
        row = first + int(np.searchsorted(track, number))
        columns.append((row, frame, float(tracks.seconds[at]), good, name))
    some = columns or [(0, 0, 0.0, 0.0, "")]  # so that there are columns even where there is no row
    return Crops(*(np.array(column) for column in zip(*some, strict=True)))[: len(columns)]


def _save(evidence: Evidence, out: Path) -> None:
    arrays = {"cameras": np.array(evidence.cameras, str), "offsets": evidence.offsets, "colours": evidence.colours}
    for prefix, table in (("", evidence.tracklets), ("crop_", evidence.crops)):
        arrays |= {prefix + f.name: getattr(table, f.name) for f in fields(table)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_atomically(out / FILE, buffer.getvalue())


def load_evidence(out: Path) -> Evidence:
    """What `collect` left in a run's folder."""
    try:
        with np.load(out / FILE, allow_pickle=False) as held:
            found = {name: held[name] for name in held.files}
        tracklets = Tracklets(**{f.name: found[f.name] for f in fields(Tracklets)})
        crops = Crops(**{f.name: found["crop_" + f.name] for f in fields(Crops)})
        return Evidence(tuple(found["cameras"].tolist()), found["offsets"], tracklets, found["colours"], crops)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as fault:
        raise StoreError(f"{out / FILE} cannot be read", "Make it with: run CLIP CLIP... --out DIR.") from fault
