"""A clip is added to a case: probed first, and refused with a reason if it is no clip or the case has it already. The
sample is a case like any other.

It knows nothing of Streamlit, because the upload route adds clips too, also after the page was closed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from core.base.errors import ClipError, SettingsError, SightlineError, StoreError
from core.base.limits import CAMERAS, require_at_most
from core.lab.synthetic import sample_clips, sample_folder
from core.vision.video import digest, is_list
from core.workspace.cases import Case, CaseClip
from core.workspace.recordings import camera_for, recording_of, regrouped, series_of, with_recording, write_list
from core.workspace.server import clip_of, services
from core.workspace.sources import claim_upload, is_permitted, receive

SAMPLE = "Sample"
_BLOCK_BYTES = 1 << 20


def add_clip(key: str, path: Path, file_name: str = "") -> str:
    """Add the clip at `path` to the case `key`; returns its camera's name, made from `file_name`.

    A file that continues the recordings of a camera of the case becomes one of them. If the case has the file already
    but it was moved, the case gets the new path.
    """
    file_name = file_name or path.name
    if not is_permitted(str(path)):
        raise ClipError(f"{path} cannot be opened", "Choose a clip inside your footage folder.")
    if is_list(path):
        raise ClipError(f"{file_name} is a list of recordings", "Add the recordings themselves.")
    clip = clip_of(str(path))
    camera = ""

    def with_clip(case: Case) -> Case:
        nonlocal camera
        present = next((member for member in case.clips if clip.digest in member.digests), None)
        if present is not None:
            camera = present.camera
            return _with_new_path(case, present, clip.digest, path, file_name)
        new = recording_of(path, file_name, clip, case.time_zone)
        camera = camera_for(case, new)
        if camera:
            return with_recording(case, camera, new)
        require_at_most(
            len(case.clips) + 1, CAMERAS, "the case would have {} cameras", SettingsError, "Make another case."
        )
        camera = case.free_name(_camera_name(path, file_name))
        return case.with_clips((*case.clips, CaseClip(camera, str(path), clip.digest)))

    _change(key, with_clip, f"clip added: {file_name} ({clip.digest})")
    return camera


def _camera_name(path: Path, file_name: str) -> str:
    """Without the time, which only its first file has."""
    series = series_of(path, file_name)
    return series.camera if series.began and series.camera else Path(file_name).stem


def _with_new_path(case: Case, clip: CaseClip, digest: str, path: Path, file_name: str) -> Case:
    file = next(file for file in clip.files if digest in (file.digest, clip.digest))
    if Path(file.path).exists():
        raise SettingsError(
            f"{file_name} is already in this case, as {clip.camera}",
            "It was not added: one recording cannot be two cameras.",
        )
    if not clip.recordings:
        return case.with_clip(clip.camera, replace(clip, path=str(path)))
    files = tuple(replace(member, path=str(path)) if member == file else member for member in clip.recordings)
    write_list(clip.camera, files, Path(clip.path))
    return case.with_clip(clip.camera, replace(clip, recordings=files))


def _change(key: str, edit: Callable[[Case], Case], log_entry: str) -> None:
    """Change the case; lists of recordings that are written for it are not swept before it names them."""
    with ExitStack() as claims:

        def claimed(case: Case) -> Case:
            new = edit(case)
            former = {clip.digest for clip in case.clips}
            for clip in new.clips:
                if clip.recordings and clip.digest not in former:
                    claims.enter_context(claim_upload(clip.digest))
                    write_list(clip.camera, clip.recordings)
            return new

        services().cases.change(key, claimed, log_entry)


def move_files(key: str, camera_of: Mapping[str, str]) -> None:
    """Put files of the case into other cameras: `camera_of` has the camera's name for each file, by its digest."""
    moved = len(camera_of)
    _change(key, lambda case: regrouped(case, camera_of), f"files sorted into cameras: {moved}")


def is_missing(clip: CaseClip) -> bool:
    """Whether a file of the clip is no longer there."""
    return not all(Path(file.path).exists() for file in clip.files)


def sample_case() -> str:
    """The key of the case of the sample, made if there is none.

    Its clips are uploads: copies in the data folder, which go with the case and stay when the program is updated, moved
    or removed. Clips that are missing from it are copied again.
    """
    paths = sample_clips(sample_folder())
    if not paths:
        raise StoreError(
            f"the sample is not in {sample_folder()}", "Download the program again, or begin with clips of your own."
        )
    digests = [digest(path) for path in paths]
    for case in services().cases.all():
        if case.name == SAMPLE and [clip.digest for clip in case.clips] == digests:
            for clip, path in zip(case.clips, paths, strict=True):
                if is_missing(clip):
                    _add_copy(case.key, path)
            return case.key
    case = services().cases.new(SAMPLE)
    try:
        for path in paths:
            _add_copy(case.key, path)
    except SightlineError:
        # It would look like a sample that has fewer cameras.
        services().cases.delete(case.key)
        raise
    return case.key


def _add_copy(key: str, path: Path) -> None:
    """Add a copy of the clip at `path` to the case, as if it had been uploaded."""
    with receive(path.name, path.stat().st_size) as upload:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                upload.add(block)
        # Within the block, so that the upload is not swept before the case has it.
        copy = upload.finish().path
        # One that was lost is back where the case expects it.
        if all(clip.path != str(copy) for clip in services().cases.load(key).clips):
            add_clip(key, copy, path.name)
