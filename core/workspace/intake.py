"""A clip is added to a case: probed first, and refused with a reason if it is no clip or the case has it already.

It knows nothing of Streamlit, because the upload route adds clips too, also after the page was closed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.base.errors import ClipError, SettingsError
from core.lab.synthetic import sample_clips, sample_folder
from core.workspace.cases import Case, CaseClip
from core.workspace.server import clip_of, services
from core.workspace.sources import is_permitted

SAMPLE = "Sample"


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
    """The key of the case of the sample, made if there is none. The sample must be on this machine already."""
    paths = sample_clips(sample_folder())
    for case in services().cases.all():
        if case.name == SAMPLE and [clip.path for clip in case.clips] == [str(path) for path in paths]:
            return case.key
    case = services().cases.new(SAMPLE)
    for path in paths:
        add_clip(case.key, path)
    return case.key
