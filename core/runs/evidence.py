"""The evidence of a run: all that matching knows of each tracklet.

It is gathered from the artifacts of the cameras, written to the run's folder (`tracklets.npz` and `crops/`) and read
back from there, so that who is who can be decided again without a network.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.base.errors import StoreError
from core.base.types import ANY_LENGTH, Bools, Clip, Floats, Ints, Seconds, Table, Tracklets, Tracks
from core.machine.artifacts import Artifact, read_arrays
from core.machine.paths import write_atomically
from core.machine.records import DAMAGE
from core.runs.cameras import CameraResult
from core.runs.crop_stage import StoredCrops, TrackAppearance, crop_jpegs, load_crops, load_faces, mean_appearance
from core.runs.gallery import require_camera, require_file
from core.runs.tables import spans
from core.vision.camera_overlap import CameraOverlap, Walks, walks_of
from core.vision.match import (
    MIN_IMPOSTOR_PAIRS,
    TOGETHER,
    Presence,
    camera_means,
    find_presence,
    reasons,
    subtract_mean,
)

Halves = NDArray[np.float16]

LARGEST_FACES = 4
"""So many faces of a tracklet are averaged."""
TRACKLETS_FILE = "tracklets.npz"
CROPS_FOLDER = "crops"
_CROP_NAME = re.compile(r"t\d{4,}_[fp]\d{6,}\.jpg")
# Arrays of the file, in the order of the tables' fields.
_TRACKLET_COLUMNS = ("camera", "track", "start", "end", "vector")
_OBJECT_COLUMN = "thing"
_CROP_COLUMNS = (
    *("crop_row", "crop_frame", "crop_seconds", "crop_quality", "crop_name", "crop_vector", "crop_colours"),
)
_WALK_COLUMNS = ("walk_row", "walk_tick", "walk_feet", "walk_tall")
_PRESENCE_COLUMNS = ("seen_row", "seen_first", "seen_last", "seen_start", "seen_end")


@dataclass(frozen=True, eq=False)
class Crops(Table):
    """The crops of all tracklets: row of the tracklet, frame, seconds of the clip, quality 0 to 1, file below `crops/`.

    Each has its vector and its colours (2, 11), in half precision: they are needed again when a tracklet is cut in two.
    Where faces are compared, `face` is the vector of the crop's face, as long as the face is large in pixels, or zeros.
    """

    row: Ints
    frame: Ints
    seconds: Seconds
    quality: Floats
    name: NDArray[np.str_]
    vector: Halves
    colours: Halves
    face: Halves = field(default_factory=lambda: np.zeros((0, 1), np.float16))

    def __post_init__(self) -> None:
        if not len(self.face):
            object.__setattr__(self, "face", np.zeros((len(self.row), 1), np.float16))
        self._validate_columns(
            face=(np.float16, ANY_LENGTH),
            row=(np.int64, ()),
            frame=(np.int64, ()),
            seconds=(np.float64, ()),
            quality=(np.float32, ()),
            name=(str, ()),
            vector=(np.float16, ANY_LENGTH),
            colours=(np.float16, (2, 11)),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """The rows of all `parts`, in order, of which some may have no faces."""
        width = max(part.face.shape[1] for part in parts)
        padded = [np.pad(part.face, ((0, 0), (0, width - part.face.shape[1]))) for part in parts]
        return super().concatenate([replace(part, face=face) for part, face in zip(parts, padded, strict=True)])

    def of(self, row: int) -> Crops:
        """The crops of one tracklet, best first."""
        crops = self[self.row == row]
        return crops[np.argsort(-crops.quality, kind="stable")]


@dataclass(frozen=True)
class Cut:
    """A track cut in two at `seconds` of the clip: the part before keeps the number `track`, and the part from there up
    to the next cut has the number `new_track`."""

    camera: str
    track: int
    seconds: float
    new_track: int

    def to_dict(self) -> dict[str, str | int | float]:
        """As records and manifests hold it."""
        return {"camera": self.camera, "track": self.track, "seconds": self.seconds, "rest": self.new_track}

    def is_after(self, seconds: Seconds) -> Bools:
        """Which of these moments (n,) of the clip lie at or after the cut, to the millisecond."""
        return np.asarray(np.round(seconds, 3) >= round(self.seconds, 3))


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of the tracklets of a run.

    `offsets` (cameras,) are the seconds from the start of the common clock to the start of each camera's clip. They are
    nan for pictures that came without clips: times then only say which tracklets cannot be one person.
    `colours` (n, 2, 11) are those of upper and lower body. `camera_means` (cameras, d) were subtracted from the vectors
    of each camera: zeros where the clips show enough strangers to calibrate on. `cuts` are the cuts that were made in
    the run's tracks since. `walks` say where people stood, `overlaps` which cameras see the same ground, `presence` in
    which frames each tracklet was seen: there are none in runs of 0.1.0 and for pictures that came without clips.
    `reviewed_objects` are the tracks that the user made a thing or a person.
    """

    cameras: tuple[str, ...]
    offsets: Seconds
    tracklets: Tracklets
    colours: Floats
    crops: Crops
    camera_means: Floats
    cuts: tuple[Cut, ...] = ()
    walks: Walks = field(default_factory=Walks.empty)
    overlaps: tuple[CameraOverlap, ...] = ()
    presence: Presence = field(default_factory=Presence.empty)
    reviewed_objects: tuple[tuple[str, int], ...] = ()

    @property
    def row_of(self) -> dict[tuple[str, int], int]:
        """The row of each tracklet by its camera and track."""
        names = [self.cameras[camera] for camera in self.tracklets.camera.tolist()]
        return {name: row for row, name in enumerate(zip(names, self.tracklets.track.tolist(), strict=True))}

    @property
    def has_times(self) -> bool:
        """Whether the pictures came from clips, so that times are known."""
        return not np.isnan(self.offsets).any()

    @property
    def is_centered(self) -> bool:
        """Whether the mean of its camera was subtracted from each vector."""
        return bool(self.camera_means.any())

    @cached_property
    def crop_features(self) -> Halves:
        """The vector of each crop, centred by camera as those of the tracklets are."""
        if not self.is_centered:
            return self.crops.vector
        return subtract_mean(self.crops.vector, self.camera_means[self.tracklets.camera[self.crops.row]]).astype(
            np.float16
        )

    @cached_property
    def faces(self) -> Floats:
        """The face of each tracklet (n, d), of unit norm: the mean of its largest ones, or zeros where it has none."""
        found, sizes = self.crops.face.astype(np.float32), np.linalg.norm(self.crops.face.astype(np.float32), axis=1)
        mean = np.zeros((len(self.tracklets), found.shape[1]), np.float32)
        for row in np.unique(self.crops.row[sizes > 0]).tolist():
            of_row = np.flatnonzero((self.crops.row == row) & (sizes > 0))
            mean[row] = found[of_row[np.argsort(-sizes[of_row], kind="stable")[:LARGEST_FACES]]].sum(axis=0)
        return np.asarray(mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-6), np.float32)

    @property
    def face_similarity(self) -> Floats | None:
        """The cosine of each pair of faces (n, n), NaN where one is unknown; None where no two are known."""
        has_face: Bools = np.asarray(self.faces.any(axis=1), np.bool_)
        if np.count_nonzero(has_face) < 2:
            return None
        cosine = self.faces @ self.faces.T
        return np.where(has_face[:, None] & has_face[None], np.clip((cosine + cosine.T) / 2, -1, 1), np.nan).astype(
            np.float32
        )

    def objects_of(self, camera: str) -> Ints:
        """The numbers of the tracks of a camera that are probably things."""
        found = self.tracklets
        of_camera = found.camera == self.cameras.index(camera)
        return np.asarray(found.track[found.is_object & of_camera], np.int64)

    def clip_seconds(self, row: int) -> tuple[float, float]:
        """First and last second of the tracklet in its own clip."""
        offset = float(self.offsets[self.tracklets.camera[row]])
        return float(self.tracklets.start[row]) - offset, float(self.tracklets.end[row]) - offset


def center_by_camera(tracklets: Sequence[Tracklets], presence: Presence | None = None) -> tuple[Tracklets, Floats]:
    """The tracklets of all cameras, given camera by camera, and the camera means subtracted from their vectors.

    What was measured of a model elsewhere holds for centred vectors only. Nothing is subtracted (zeros) where the clips
    themselves show enough pairs of certain strangers: those are the better calibration.
    """
    tracklets_of_run = Tracklets.concatenate(tracklets)
    strangers = np.count_nonzero(np.triu(reasons(tracklets_of_run, presence=presence) == TOGETHER, 1))
    if strangers >= MIN_IMPOSTOR_PAIRS or not len(tracklets_of_run):
        return tracklets_of_run, np.zeros((len(tracklets), tracklets_of_run.vector.shape[1]), np.float32)
    # A mean is that of people: what a thing looks like says nothing about them.
    people = tracklets_of_run[~tracklets_of_run.is_object]
    means = camera_means(people.vector, people.camera, len(tracklets))
    return replace(
        tracklets_of_run, vector=subtract_mean(tracklets_of_run.vector, means[tracklets_of_run.camera])
    ), means


@dataclass(frozen=True, eq=False)
class CameraEvidence:
    """What is known of the tracklets of one camera; `row` of the tables is the row among these tracklets."""

    tracklets: Tracklets
    colours: Floats
    crops: Crops
    walks: Walks = field(default_factory=Walks.empty)
    presence: Presence = field(default_factory=Presence.empty)


def join_cameras(
    names: Sequence[str], offsets: Seconds, parts: Sequence[CameraEvidence], overlaps: tuple[CameraOverlap, ...] = ()
) -> Evidence:
    """The evidence of all cameras together; a tracklet's camera is the position of its part in `parts`."""
    first = np.cumsum([0, *(len(part.tracklets) for part in parts)]).tolist()
    tracklets = [
        replace(part.tracklets, camera=np.full(len(part.tracklets), number)) for number, part in enumerate(parts)
    ]
    presence = Presence.concatenate(
        [
            Presence.empty(),
            *(replace(p.presence, row=p.presence.row + at) for p, at in zip(parts, first, strict=False)),
        ]
    )
    joined_tracklets, means = center_by_camera(tracklets, presence)
    return Evidence(
        tuple(names),
        offsets,
        joined_tracklets,
        np.concatenate([np.empty((0, 2, 11), np.float32), *(part.colours for part in parts)]),
        Crops.concatenate(
            [replace(part.crops, row=part.crops.row + at) for part, at in zip(parts, first, strict=False)]
        ),
        means,
        walks=Walks.concatenate(
            [Walks.empty(), *(replace(p.walks, row=p.walks.row + at) for p, at in zip(parts, first, strict=False))]
        ),
        overlaps=overlaps,
        presence=presence,
    )


def gather(results: Sequence[CameraResult], offsets: Mapping[str, float], out: Path) -> Evidence:
    """The evidence in the cameras' artifacts. Crops below `out` replace those of an earlier run."""
    remove_crops(out)
    names: list[str] = []
    shifts: list[float] = []
    parts: list[CameraEvidence] = []
    for result in results:
        if result.crops is not None and result.clip is not None:
            names.append(result.camera.name)
            shifts.append(offsets.get(result.camera.name, 0.0))
            parts.append(_gather_camera(result, result.crops, result.clip, shifts[-1], out))
    return join_cameras(names, np.array(shifts, np.float64), parts)


def _gather_camera(result: CameraResult, artifact: Artifact, clip: Clip, offset: float, out: Path) -> CameraEvidence:
    size = clip.width, clip.height
    stored = load_crops(artifact, result.tracks, *size, result.objects)
    appearance = mean_appearance(result.tracks.track[stored.row], stored.quality, stored.vector, stored.colours)
    # No picture of some tracks could be read again: they have no vector and cannot be matched.
    tracks = result.tracks[np.isin(result.tracks.track, appearance.track)]
    crops = _write_crops(artifact, stored, result, appearance.track, out)
    presence = find_presence(tracks, appearance.track)
    tracklets = build_tracklets(tracks, appearance, offset, result.objects)
    walks = walks_of_people(tracks, tracklets, size, offset)
    return CameraEvidence(tracklets, appearance.colours, crops, walks, presence)


def build_tracklets(tracks: Tracks, appearance: TrackAppearance, offset: float, objects: Ints) -> Tracklets:
    """The tracklets of one camera in the order of their numbers, with times on the common clock and vectors; `objects`
    are the numbers of those that are probably things."""
    span = spans(tracks)
    rows = np.argsort(span.track)
    start, end = span.first_seconds[rows] + offset, span.last_seconds[rows] + offset
    camera, is_object = np.zeros(len(appearance), np.int64), np.isin(appearance.track, objects)
    return Tracklets(camera, appearance.track, start, end, appearance.vector, is_object)


def walks_of_people(tracks: Tracks, tracklets: Tracklets, size: tuple[int, int], offset: float) -> Walks:
    """As `walks_of`, without things: where they stand says nothing about which cameras see the same ground."""
    walks = walks_of(tracks, size, offset)
    return walks[~tracklets.is_object[walks.row]]


def _write_crops(artifact: Artifact, stored: StoredCrops, result: CameraResult, track: Ints, out: Path) -> Crops:
    """Write the JPEG files of one camera. `track` holds its tracks, rising: the position of a track is its row."""
    boxes = result.tracks[stored.row]
    names = [
        f"{result.camera.name}/t{number:04d}_f{frame:06d}.jpg"
        for number, frame in zip(boxes.track.tolist(), boxes.frame.tolist(), strict=True)
    ]
    for name, (_, content) in zip(names, crop_jpegs(artifact), strict=True):
        write_atomically(out / CROPS_FOLDER / name, content)
    row = np.searchsorted(track, boxes.track)
    halves = stored.vector.astype(np.float16), stored.colours.astype(np.float16)
    crops = Crops(row, boxes.frame, boxes.seconds, stored.quality, np.array(names, str), *halves)
    return crops if result.faces is None else replace(crops, face=load_faces(result.faces))


def remove_crops(out: Path) -> None:
    """Remove the crops that a run has written below `out`; other files there stay."""
    try:
        for path in (out / CROPS_FOLDER).glob("*/*.jpg"):
            if _CROP_NAME.fullmatch(path.name):
                path.unlink()
    except OSError as fault:
        raise StoreError(f"{out} cannot be used ({fault.strerror})", "Choose another --out folder.") from fault
    for folder in (out / CROPS_FOLDER).glob("*/"):
        # One with other files stays.
        with suppress(OSError):
            folder.rmdir()


def save_evidence(evidence: Evidence, out: Path) -> None:
    """Write the evidence to the run's folder, for `load_evidence`."""
    arrays = {"cameras": np.array(evidence.cameras, str), "offsets": evidence.offsets, "colours": evidence.colours}
    arrays["usual"] = evidence.camera_means
    for table, columns in (
        (evidence.tracklets, _TRACKLET_COLUMNS),
        (evidence.crops, _CROP_COLUMNS),
        (evidence.walks, _WALK_COLUMNS),
        (evidence.presence, _PRESENCE_COLUMNS),
    ):
        # Faces are stored where there are any.
        arrays |= {name: getattr(table, f.name) for name, f in zip(columns, fields(table), strict=False)}
    if evidence.crops.face.any():
        arrays["crop_face"] = evidence.crops.face
    arrays[_OBJECT_COLUMN] = evidence.tracklets.is_object
    arrays["overlaps"] = np.array(json.dumps([overlap.to_dict() for overlap in evidence.overlaps]))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_atomically(out / TRACKLETS_FILE, buffer.getvalue())


def load_evidence(out: Path) -> Evidence:
    """The evidence that `save_evidence` wrote to the run's folder."""
    try:
        arrays = read_arrays(out / TRACKLETS_FILE)
        tracklets = Tracklets(*(arrays[name] for name in _TRACKLET_COLUMNS))
        if _OBJECT_COLUMN in arrays:  # earlier versions dropped things
            tracklets = replace(tracklets, is_object=arrays[_OBJECT_COLUMN])
        crops = Crops(*(arrays[name] for name in _CROP_COLUMNS))
        if "crop_face" in arrays:
            crops = replace(crops, face=arrays["crop_face"])
        walks = Walks(*(arrays[name] for name in _WALK_COLUMNS))
        overlaps = tuple(CameraOverlap.from_dict(content) for content in json.loads(str(arrays["overlaps"])))
        cameras, offsets = tuple(arrays["cameras"].tolist()), arrays["offsets"]
        for camera in cameras:
            require_camera(camera, "cameras")
        for name in crops.name.tolist():
            require_file(name, "crop_name")
        parts = (tracklets, arrays["colours"], crops, arrays["usual"])
        presence = _read_presence(arrays)
        return Evidence(cameras, offsets, *parts, walks=walks, overlaps=overlaps, presence=presence)
    except (OSError, *DAMAGE) as fault:
        raise StoreError(
            f"{out / TRACKLETS_FILE} cannot be read", "Make it with: run CLIP CLIP... --out DIR."
        ) from fault


def _read_presence(arrays: Mapping[str, NDArray[np.generic]]) -> Presence:
    """Runs of 0.1.0 did not store the frames, and the first to do so left out the moments."""
    if _PRESENCE_COLUMNS[0] not in arrays:
        return Presence.empty()
    unknown = np.full(len(arrays[_PRESENCE_COLUMNS[0]]), np.nan)
    return Presence(*(arrays.get(name, unknown) for name in _PRESENCE_COLUMNS))
