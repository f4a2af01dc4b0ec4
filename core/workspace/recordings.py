"""Files sorted into cameras: recorders write a file each hour, and name it after the camera and the time.

A file belongs to a camera of the case if their names are the same but for the time, and it was recorded before or after
the files that are there. Where names only count on (`gate-001`, `gate-002`), their containers must say that one follows
the other, since such names may be those of two cameras as well. Nothing here is certain: the user sees the result, and
puts files elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from core.base.errors import ClipError, SettingsError
from core.base.text import read_moment, safe_name
from core.base.types import Clip
from core.machine.paths import make_folder, write_atomically
from core.vision.video import (
    LIST_SUFFIX,
    ListedRecording,
    list_digest,
    list_text,
    natural_order,
    split_name,
    start_proposals,
    starts_of,
)
from core.workspace.cases import Case, CaseClip, CaseRecording
from core.workspace.server import clip_of
from core.workspace.sources import upload_folder

_FOLLOWS_SECONDS = -2.0, 5.0
"""So long after the end of a file, another one of the same name but for a number goes on where that ended."""
_MOST_OVERLAP = 0.5
"""Of a file, that another one of the same camera may show as well."""
_COUNTED = re.compile(r"(.*?)[-_. ]*(?:(?:part|pt|seg|segment|file)[-_. ]*\d+|(?<!\d)\d{3,})", re.IGNORECASE)
"""A name that counts on. Few digits alone (`gate-2`) may as well be another camera."""
_GENERIC = re.compile(r"(?:video|clip|rec|record|recording|movie|mov|export|file|dvr|nvr)?[-_. \d]*", re.IGNORECASE)
"""What a name is like that names no camera; the folder then does."""


@dataclass(frozen=True)
class Series:
    """What the name of a file says: the camera, the local time (ISO text, or empty), and whether it counts on."""

    camera: str
    began: str = ""
    is_counted: bool = False


def series_of(path: Path, file_name: str) -> Series:
    """
    >>> series_of(Path("/x/gate_20261120_140000.mp4"), "gate_20261120_140000.mp4")
    Series(camera='gate', began='2026-11-20T14:00:00', is_counted=False)
    >>> series_of(Path("/film/till/20261120-1400.mp4"), "20261120-1400.mp4").camera
    'till'
    >>> series_of(Path("/x/gate-002.mp4"), "gate-002.mp4"), series_of(Path("/x/gate-2.mp4"), "gate-2.mp4").camera
    (Series(camera='gate', began='', is_counted=True), 'gate-2')
    """
    stem = Path(file_name).stem
    camera, began = split_name(stem)
    is_counted = False
    if not began and (match := _COUNTED.fullmatch(stem)):
        camera, is_counted = match[1], True
    if _GENERIC.fullmatch(camera):
        # An upload lies in a folder that has its digest for a name.
        camera = "" if _is_upload(path) else path.parent.name
    return Series(safe_name(camera) if camera else "", began, is_counted)


def _is_upload(path: Path) -> bool:
    return path.parent.parent == upload_folder("x").parent


def recording_of(path: Path, file_name: str, clip: Clip, zone: str) -> CaseRecording:
    """The file as one of a camera's; when it began is read from its name, or else from its container."""
    proposals = start_proposals(path, zone)
    series = series_of(path, file_name)
    began = series.began or (proposals[0].began if proposals else "")
    return CaseRecording(str(path), clip.digest, file_name, began)


def camera_for(case: Case, new: CaseRecording) -> str:
    """The camera of the case whose recordings the new file continues; empty if there is none."""
    series = series_of(Path(new.path), new.name)
    if not series.began and not series.is_counted:
        return ""
    zone = case.time_zone or "UTC"
    new = _dated(new, zone)
    for candidate in case.clips:
        named = (series_of(Path(file.path), file.name) for file in candidate.files)
        # A camera of which a file is missing says so itself.
        with suppress(ClipError):
            if new.began and all(_is_alike(each, series) for each in named) and _continues(candidate, new, zone):
                return candidate.camera
    return ""


def _continues(clip: CaseClip, new: CaseRecording, zone: str) -> bool:
    """Whether the new file was recorded before or after the files of the clip; if names only count on, right then."""
    files = [_dated(file, zone) for file in clip.files]
    if any(not file.began for file in files):
        return False
    length = clip_of(new.path).duration_seconds
    # From the beginning of the new file to the beginning and the end of each that is there.
    begins = [_seconds_between(new.began, file.began, zone) for file in files]
    spans = [(begin, begin + clip_of(file.path).duration_seconds) for begin, file in zip(begins, files, strict=True)]
    shared = sum(max(0.0, min(end, length) - max(begin, 0.0)) for begin, end in spans)
    gaps = [gap for begin, end in spans for gap in (begin - length, -end)]
    is_near = any(_FOLLOWS_SECONDS[0] <= gap <= _FOLLOWS_SECONDS[1] for gap in gaps)
    is_counted = series_of(Path(new.path), new.name).is_counted
    return (is_near or not is_counted) and shared <= _MOST_OVERLAP * length


def _is_alike(a: Series, b: Series) -> bool:
    """Whether both may be of one camera: names of one pattern."""
    return (a.camera.casefold(), bool(a.began), a.is_counted) == (b.camera.casefold(), bool(b.began), b.is_counted)


def _dated(file: CaseRecording, zone: str) -> CaseRecording:
    """The file with the time at which it began, by its name or its container, where the case has none."""
    if file.began:
        return file
    return recording_of(Path(file.path), file.name, clip_of(file.path), zone)


def _seconds_between(begin: str, end: str, zone: str) -> float:
    try:
        return (read_moment(end, zone) - read_moment(begin, zone)).total_seconds()
    except SettingsError:
        # Clocks of the zone skip one of them, or show it twice.
        return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def with_recording(case: Case, camera: str, new: CaseRecording) -> Case:
    """The case with one more file of the camera."""
    clip = case.clip(camera)
    files = [_dated(file, case.time_zone) for file in clip.files]
    return case.with_clip(camera, _clip_of_files(case, clip, [*files, new]))


def regrouped(case: Case, camera_of: Mapping[str, str]) -> Case:
    """The case with its files in other cameras: `camera_of` has the name of the camera of each file, by its digest.

    A camera that stays keeps its settings; a new one begins with none. Files that it does not name stay where they are.
    """
    files: dict[str, list[CaseRecording]] = {}
    for clip in case.clips:
        for file in clip.files:
            files.setdefault(camera_of.get(file.digest, clip.camera), []).append(file)
    present = {clip.camera: clip for clip in case.clips}
    clips = []
    for camera, members in files.items():
        base = present.get(camera, CaseClip(camera, members[0].path, members[0].digest))
        if {file.digest for file in members} == {file.digest for file in base.files} and camera in present:
            clips.append(base)
        else:
            clips.append(_clip_of_files(case, base, [_dated(file, case.time_zone) for file in members]))
    return case.with_clips(clips)


def _clip_of_files(case: Case, base: CaseClip, files: Sequence[CaseRecording]) -> CaseClip:
    """The clip of a camera made of these files, with the settings of `base`; `write_list` then writes their list."""
    files = _in_order(files, case.time_zone)
    first, former = files[0], _dated(base.files[0], case.time_zone)
    if first.began and former.began:
        base = _shifted(base, _seconds_between(first.began, former.began, case.time_zone))
    if len(files) == 1:
        return replace(base, path=first.path, digest=first.digest, recordings=())
    digest = list_digest(list_entries(files))
    return replace(base, path=str(list_place(base.camera, digest)), digest=digest, recordings=tuple(files))


def _shifted(clip: CaseClip, seconds: float) -> CaseClip:
    """The clip with times that are right if it begins so many seconds earlier."""
    if not seconds:
        return clip
    began = (datetime.fromisoformat(clip.began) - timedelta(seconds=seconds)).isoformat() if clip.began else ""
    if not clip.start_seconds and clip.end_seconds is None:
        return replace(clip, began=began)
    start = max(0.0, clip.start_seconds + seconds)
    end = None if clip.end_seconds is None else max(start, clip.end_seconds + seconds)
    return replace(clip, began=began, start_seconds=start, end_seconds=end)


def _in_order(files: Sequence[CaseRecording], zone: str) -> list[CaseRecording]:
    """The files one after the other, each with the second at which it starts after the first."""
    if all(file.began for file in files):
        ordered = sorted(files, key=lambda file: _seconds_between(files[0].began, file.began, zone))
    else:
        ordered = sorted(files, key=lambda file: natural_order(file.name))
    first = ordered[0].began
    begins = [_seconds_between(first, file.began, zone) if first and file.began else None for file in ordered]
    starts = starts_of(begins, [clip_of(file.path).duration_seconds for file in ordered])
    return [replace(file, starts=at) for file, at in zip(ordered, starts, strict=True)]


def write_list(camera: str, files: Sequence[CaseRecording], path: Path | None = None) -> Path:
    """Write the list of a camera's files, at `path` or where uploads lie; returns where."""
    entries = list_entries(files)
    path = path or list_place(camera, list_digest(entries))
    make_folder(path.parent)
    write_atomically(path, list_text(entries), flush=True)
    return path


def list_entries(files: Sequence[CaseRecording]) -> list[ListedRecording]:
    """The files as a list has them."""
    return [ListedRecording(file.path, file.digest, file.starts, file.name) for file in files]


def list_place(camera: str, digest: str) -> Path:
    """Where the list of a camera lies, by the digest of its clip."""
    return upload_folder(digest) / f"{camera}{LIST_SUFFIX}"
