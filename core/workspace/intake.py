"""A clip is added to a case: probed first, and refused with a reason if it is no clip or the case has it already. The
sample is a case like any other.

It knows nothing of Streamlit, because the upload route adds clips too, also after the page was closed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.base.errors import ClipError, SettingsError, SightlineError, StoreError
from core.lab.synthetic import sample_clips, sample_folder
from core.vision.video import digest
from core.workspace.cases import Case, CaseClip
from core.workspace.server import clip_of, services
from core.workspace.sources import is_permitted, receive

SAMPLE = "Sample"
_BLOCK_BYTES = 1 << 20


def add_clip(key: str, path: Path, file_name: str = "") -> str:
    """Add the clip at `path` to the case `key`; returns its camera's name, made from `file_name`.

    If the case has the clip already but its file was moved, the case gets the new path.
    """
    file_name = file_name or path.name
    if not is_permitted(str(path)):
        raise ClipError(f"{path} cannot be opened", "Choose a clip inside your footage folder.")
    clip = clip_of(str(path))
    camera = ""

    def with_clip(case: Case) -> Case:
        nonlocal camera
        present = next((member for member in case.clips if member.digest == clip.digest), None)
        if present is None:
            camera = case.free_name(Path(file_name).stem)
            return case.with_clips((*case.clips, CaseClip(camera, str(path), clip.digest)))
        if not is_missing(present):
            raise SettingsError(
                f"{file_name} is already in this case, as {present.camera}",
                "It was not added: one recording cannot be two cameras.",
            )
        camera = present.camera
        return case.with_clip(camera, replace(present, path=str(path)))

    services().cases.change(key, with_clip, f"clip added: {file_name} ({clip.digest})")
    return camera


def is_missing(clip: CaseClip) -> bool:
    """Whether the clip's file is no longer there."""
    return not Path(clip.path).exists()


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
