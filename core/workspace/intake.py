"""A clip comes into a case: looked at first, refused in words where it is none, or where the case has it already.

No word of Streamlit here: the route for uploads adds clips too, whether or not the page is still open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.base.errors import ClipError, SettingsError
from core.lab.synthetic import sample_clips, sample_folder
from core.workspace.cases import Case, CaseClip
from core.workspace.server import clip_of, services
from core.workspace.sources import is_permitted

SAMPLE = "Sample"


def add_clip(key: str, path: Path, called: str = "") -> str:
    """Add the clip at `path` to a case; the name of its camera, made from what the file is `called`.

    A clip that the case has, and that is not in its old place any more, is found again in the new one.
    """
    if not is_permitted(str(path)):
        raise ClipError(f"{path} cannot be opened", "Choose a clip inside your footage folder.")
    clip = clip_of(str(path))
    camera = ""

    def added(case: Case) -> Case:
        nonlocal camera
        known = next((one for one in case.clips if one.digest == clip.digest), None)
        if known is None:
            camera = case.free_name(Path(called or path.name).stem)
            return case.with_clips((*case.clips, CaseClip(camera, str(path), clip.digest)))
        if not is_lost(known):
            raise SettingsError(
                f"{called or path.name} is already in this case, as {known.camera}",
                "It was not added: one recording cannot be two cameras.",
            )
        camera = known.camera
        return case.with_clip(camera, replace(known, path=str(path)))

    services().cases.change(key, added, f"clip added: {called or path.name} ({clip.digest})")
    return camera


def is_lost(clip: CaseClip) -> bool:
    """Whether there is nothing any more where the clip was."""
    return not Path(clip.path).exists()


def sample_case() -> str:
    """The key of the case with our sample in it: the one that is there, else a new one. The sample must be drawn."""
    paths = sample_clips(sample_folder())
    for case in services().cases.all():
        if case.name == SAMPLE and [clip.path for clip in case.clips] == [str(path) for path in paths]:
            return case.key
    case = services().cases.new(SAMPLE)
    for path in paths:
        add_clip(case.key, path)
    return case.key
