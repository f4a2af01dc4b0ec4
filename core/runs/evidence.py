"""What is known of each tracklet: gathered from the cameras' artifacts, kept in the run's folder, read back."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import StoreError
from core.base.types import ANY, Bools, Clip, Floats, Ints, Seconds, Table, Tracklets, Tracks
from core.machine.artifacts import Artifact
from core.machine.paths import write_atomically
from core.runs.cameras import CameraResult
from core.runs.crop_stage import Kept, Looks, crops_of, kept_of, looks_of
from core.runs.record import spans
from core.vision.camera_overlap import Overlap, Walks, walks_of
from core.vision.match import FEW, TOGETHER, reasons, set_apart, usual_looks

Halves = NDArray[np.float16]

FILE = "tracklets.npz"
CROPS = "crops"


@dataclass(frozen=True, eq=False)
class Crops(Table):
    """Crops of all tracklets: the row of the tracklet, frame and clip time, quality 0 to 1, file below `crops/`.

    Each keeps its vector and its colours (2, 11), in half precision: a tracklet that is cut in two needs them again.
    """

    row: Ints
    frame: Ints
    seconds: Seconds
    quality: Floats
    name: NDArray[np.str_]
    vector: Halves
    colours: Halves

    def __post_init__(self) -> None:
        self._settle(
            row=(np.int64, ()),
            frame=(np.int64, ()),
            seconds=(np.float64, ()),
            quality=(np.float32, ()),
            name=(str, ()),
            vector=(np.float16, ANY),
            colours=(np.float16, (2, 11)),
        )

    def of(self, row: int) -> Crops:
        """Those of one tracklet, best first."""
        mine = self[self.row == row]
        return mine[np.argsort(-mine.quality, kind="stable")]


@dataclass(frozen=True)
class Cut:
    """A track cut in two: what comes before `seconds` (of the clip) stays `track`, and what comes after, up to the next
    cut, has the number `rest`."""

    camera: str
    track: int
    seconds: float
    rest: int

    def is_after(self, seconds: Seconds) -> Bools:
        """Which of these moments (n,) of the clip come after the cut; its own moment does. To the millisecond."""
        return np.asarray(np.round(seconds, 3) >= round(self.seconds, 3))


@dataclass(frozen=True, eq=False)
class Evidence:
    """`offsets` are the seconds that each camera's clip began after the common clock; colours are (n, 2, 11).

    Offsets are nan for pictures that came without clips: then all that times say is what cannot be one person.
    `cuts` are what was cut of the run's tracks since. `walks` say where everybody stood, and `overlaps` which cameras
    see the same ground. `usual` (cameras, d) is what was taken away from the looks of each camera as common to all:
    nothing, unless there were too few strangers to learn from how alike they are.
    """

    cameras: tuple[str, ...]
    offsets: Seconds
    tracklets: Tracklets
    colours: Floats
    crops: Crops
    usual: Floats
    cuts: tuple[Cut, ...] = ()
    walks: Walks = field(default_factory=Walks.empty)
    overlaps: tuple[Overlap, ...] = ()

    @property
    def row_of(self) -> dict[tuple[str, int], int]:
        """The row of each tracklet by its camera and track."""
        names = [self.cameras[camera] for camera in self.tracklets.camera.tolist()]
        return {name: row for row, name in enumerate(zip(names, self.tracklets.track.tolist(), strict=True))}

    @property
    def timed(self) -> bool:
        """Whether there were clips, so that somebody knows when anybody was seen."""
        return not np.isnan(self.offsets).any()

    @property
    def apart(self) -> bool:
        """Whether the tracklets' vectors are less what is usual in their cameras."""
        return bool(self.usual.any())

    @cached_property
    def crop_looks(self) -> Halves:
        """What sets each crop apart, as the tracklets' vectors do for them."""
        if not self.apart:
            return self.crops.vector
        return set_apart(self.crops.vector, self.usual[self.tracklets.camera[self.crops.row]]).astype(np.float16)

    def clip_seconds(self, row: int) -> tuple[float, float]:
        """When the tracklet is seen, in its own clip."""
        offset = float(self.offsets[self.tracklets.camera[row]])
        return float(self.tracklets.start[row]) - offset, float(self.tracklets.end[row]) - offset


def told_apart(tracklets: Sequence[Tracklets]) -> tuple[Tracklets, Floats]:
    """Tracklets of one camera after another, and `usual`, which is taken away from their looks.

    What is known of a model holds without it only; but where the clips show strangers enough, they say more than that.
    """
    whole = Tracklets.joined(tracklets)
    strangers = np.count_nonzero(np.triu(reasons(whole) == TOGETHER, 1))
    if strangers >= FEW or not len(whole):
        return whole, np.zeros((len(tracklets), whole.vector.shape[1]), np.float32)
    usual = usual_looks(whole.vector, whole.camera, len(tracklets))
    return replace(whole, vector=set_apart(whole.vector, usual[whole.camera])), usual


@dataclass(frozen=True, eq=False)
class CameraEvidence:
    """What is known of the tracklets of one camera. `row` of crops and walks counts them from 0."""

    tracklets: Tracklets
    colours: Floats
    crops: Crops
    walks: Walks = field(default_factory=Walks.empty)


def join_cameras(
    names: Sequence[str], offsets: Seconds, parts: Sequence[CameraEvidence], overlaps: tuple[Overlap, ...] = ()
) -> Evidence:
    """What is known of all cameras, one after another: the camera of a tracklet is the place of its part."""
    first = np.cumsum([0, *(len(part.tracklets) for part in parts)]).tolist()
    tracklets = [
        replace(part.tracklets, camera=np.full(len(part.tracklets), number)) for number, part in enumerate(parts)
    ]
    whole, usual = told_apart(tracklets)
    return Evidence(
        tuple(names),
        offsets,
        whole,
        np.concatenate([np.empty((0, 2, 11), np.float32), *(part.colours for part in parts)]),
        Crops.joined([replace(part.crops, row=part.crops.row + at) for part, at in zip(parts, first, strict=False)]),
        usual,
        walks=Walks.joined(
            [Walks.empty(), *(replace(p.walks, row=p.walks.row + at) for p, at in zip(parts, first, strict=False))]
        ),
        overlaps=overlaps,
    )


def gather(results: Sequence[CameraResult], offsets: Mapping[str, float], out: Path) -> Evidence:
    """Gather what the cameras' artifacts hold, and write crops below `out` in place of what an older run left."""
    shutil.rmtree(out / CROPS, ignore_errors=True)
    names: list[str] = []
    shift: list[float] = []
    parts: list[CameraEvidence] = []
    for result in results:
        if result.crops is not None and result.clip is not None:
            names.append(result.camera.name)
            shift.append(offsets.get(result.camera.name, 0.0))
            parts.append(_of_camera(result, result.crops, result.clip, shift[-1], out))
    return join_cameras(names, np.array(shift, np.float64), parts)


def _of_camera(result: CameraResult, artifact: Artifact, clip: Clip, offset: float, out: Path) -> CameraEvidence:
    size = clip.width, clip.height
    kept = kept_of(artifact, result.tracks, *size)
    looks = looks_of(result.tracks.track[kept.row], kept.quality, kept.vector, kept.colours)
    # A track none of whose pictures could be read again has no look, and cannot be matched.
    tracks = result.tracks[np.isin(result.tracks.track, looks.track)]
    crops = _write_crops(artifact, kept, result, looks.track, out)
    return CameraEvidence(tracklets_of(tracks, looks, offset), looks.colours, crops, walks_of(tracks, size, offset))


def tracklets_of(tracks: Tracks, looks: Looks, offset: float) -> Tracklets:
    """The tracklets of one camera, by rising track: when each is seen on the common clock, and what it looks like."""
    span = spans(tracks)
    rows = np.argsort(span.track)
    start, end = span.first_seconds[rows] + offset, span.last_seconds[rows] + offset
    return Tracklets(np.zeros(len(looks), np.int64), looks.track, start, end, looks.vector)


def _write_crops(artifact: Artifact, kept: Kept, result: CameraResult, track: Ints, out: Path) -> Crops:
    """JPEG files of one camera; `track` are its tracks, rising: the place of each is its row."""
    own = result.tracks[kept.row]
    names = [
        f"{result.camera.name}/t{number:04d}_f{frame:06d}.jpg"
        for number, frame in zip(own.track.tolist(), own.frame.tolist(), strict=True)
    ]
    for name, (_, content) in zip(names, crops_of(artifact), strict=True):
        write_atomically(out / CROPS / name, content)
    row = np.searchsorted(track, own.track)
    halves = kept.vector.astype(np.float16), kept.colours.astype(np.float16)
    return Crops(row, own.frame, own.seconds, kept.quality, np.array(names, str), *halves)


def save_evidence(evidence: Evidence, out: Path) -> None:
    """What `load_evidence` reads."""
    arrays = {"cameras": np.array(evidence.cameras, str), "offsets": evidence.offsets, "colours": evidence.colours}
    arrays["usual"] = evidence.usual
    for prefix, table in _tables(evidence):
        arrays |= {prefix + f.name: getattr(table, f.name) for f in fields(table)}
    arrays["overlaps"] = np.array(json.dumps([overlap.plain() for overlap in evidence.overlaps]))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_atomically(out / FILE, buffer.getvalue())


def _tables(evidence: Evidence) -> tuple[tuple[str, Any], ...]:
    return ("", evidence.tracklets), ("crop_", evidence.crops), ("walk_", evidence.walks)


def load_evidence(out: Path) -> Evidence:
    """What `save_evidence` left in a run's folder."""
    try:
        with np.load(out / FILE, allow_pickle=False) as held:
            found = {name: held[name] for name in held.files}
        tracklets = Tracklets(**{f.name: found[f.name] for f in fields(Tracklets)})
        crops = Crops(**{f.name: found["crop_" + f.name] for f in fields(Crops)})
        walks = Walks(**{f.name: found["walk_" + f.name] for f in fields(Walks)})
        overlaps = tuple(Overlap.of(known) for known in json.loads(str(found["overlaps"])))
        known = tuple(found["cameras"].tolist()), found["offsets"], tracklets, found["colours"], crops, found["usual"]
        return Evidence(*known, walks=walks, overlaps=overlaps)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as fault:
        raise StoreError(f"{out / FILE} cannot be read", "Make it with: run CLIP CLIP... --out DIR.") from fault
