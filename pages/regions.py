"""Regions: where in the picture people count."""

import streamlit as st

from core.base.errors import SightlineError
from core.base.types import Clip
from core.http import stills_address
from core.workspace import clip_of
from core.workspace.cases import Case, CaseClip
from pages.parts.regions.drawing import drawings, roi
from pages.parts.regions.region_tools import bring_file, choose_anchor, copy_to_others, counted, found_boxes, take_file
from pages.parts.shell.navigation import go_on_to, link_to
from pages.parts.shell.open_case import the_case
from pages.parts.shell.session import camera_choice, region_canvas


def choose_camera(case: Case) -> CaseClip:
    """One camera at a time; the one chosen last stays chosen when the user comes back."""
    names = [clip.camera for clip in case.clips]
    chosen = camera_choice(case.key)
    if chosen.get("") not in names:
        chosen.set(names[0])
    name = st.segmented_control("Camera", names, key=chosen.key, required=True, persist_state="session")
    drawn = [f"{clip.camera} ({len(clip.regions.regions)})" for clip in case.clips if clip.regions.regions]
    if len(names) > 1:
        st.caption(f"With regions: {', '.join(drawn) or 'none yet'}.")
    return case.clip(str(name))


def draw(case: Case, clip: CaseClip, film: Clip) -> None:
    """The drawing on a picture of the clip, with how many of the boxes found count."""
    desk = drawings(case)
    desk.look(clip)
    end = min(film.duration_seconds, clip.end_seconds or film.duration_seconds, float(film.times[-1]))
    start = min(clip.start_seconds, end)
    about = counted(clip.regions, found_boxes(clip, film, case.plan.track.conf), film)
    size = {"width": film.width, "height": film.height, "stills": stills_address(film.digest)}
    when = {"start": start, "end": end, "moment": desk.moments.get(clip.camera, (start + end) / 2)}
    if desk.refused:
        st.warning(desk.refused)
    roi(region_canvas(case.key).key, {**desk.data(clip), **size, **when, **about})


@st.fragment
def editor() -> None:
    case = the_case()
    said = region_canvas(case.key).get({}) or {}
    drawings(case).hear(said.get("drawn"))
    if moment := said.get("moment"):
        drawings(case).moments[moment["camera"]] = moment["seconds"]
    case = the_case()
    clip = choose_camera(case)
    try:
        film = clip_of(clip.path)
    except SightlineError as fault:
        st.error(f"**{clip.camera} cannot be shown: {fault.message}.** {fault.remedy} Its regions are saved.")
        return
    if film.digest != clip.digest:
        st.error(f"**The file of {clip.camera} has changed.** Restore it, or add the new file on the Footage page.")
        return
    draw(case, clip, film)
    choose_anchor(clip)
    copy_to_others(case, clip, film)
    bring_file(clip, film)
    take_file(clip)


st.title("Regions")
case = the_case()
if not case.clips:
    st.info("**No clips yet.** Add at least one on the Footage page.", icon=":material/video_library:")
    link_to("footage", "Go to Footage", ":material/arrow_back:")
    st.stop()
st.markdown(
    "Draw regions to include, such as a doorway, or to exclude, such as a mirror. Without regions, people count "
    "everywhere."
)
editor()
if case.run:
    st.caption("Changes apply from the next run. It reuses the detections.")
go_on_to("run", "Next: run")
