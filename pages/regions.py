"""Regions: in which parts of the picture people count."""

import streamlit as st

from core.base.errors import SightlineError
from core.base.types import Clip
from core.http import stills_address
from core.workspace import clip_of
from core.workspace.cases import Case, CaseClip
from pages.parts.regions.drawing import drawing_state, region_editor
from pages.parts.regions.region_tools import (
    choose_anchor,
    copy_to_cameras,
    count_boxes,
    found_boxes,
    load_file,
    save_file,
)
from pages.parts.shell.markdown import describe_fault, escape
from pages.parts.shell.navigation import link_to, next_step_link
from pages.parts.shell.open_case import require_case
from pages.parts.shell.page_head import page_head
from pages.parts.shell.session import camera_choice, region_canvas


def choose_camera(case: Case) -> CaseClip:
    """One camera at a time; the choice stays when the user leaves the page and comes back."""
    names = [clip.camera for clip in case.clips]
    chosen = camera_choice(case.key)
    if chosen.get("") not in names:
        chosen.set(names[0])
    name = st.segmented_control(
        "Camera", names, format_func=escape, key=chosen.key, required=True, persist_state="session"
    )
    with_regions = [f"{clip.camera} ({len(clip.regions.regions)})" for clip in case.clips if clip.regions.regions]
    if len(names) > 1:
        st.caption(f"With regions: {escape(', '.join(with_regions)) or 'none yet'}.")
    return case.clip(str(name))


def show_drawing(case: Case, clip: CaseClip, video: Clip) -> None:
    """The drawing on a picture of the clip, and how many of the detected boxes count."""
    drawing = drawing_state(case)
    drawing.reload(clip)
    end = min(video.duration_seconds, clip.end_seconds or video.duration_seconds, float(video.times[-1]))
    start = min(clip.start_seconds, end)
    box_count = count_boxes(clip.regions, found_boxes(clip, video, case.plan.track.conf), video)
    size = {"width": video.width, "height": video.height, "stills": stills_address(video.digest)}
    clocks = {"clocks": case.known_clocks.for_browser()}
    moments = {"start": start, "end": end, "moment": drawing.moments.get(clip.camera, (start + end) / 2)}
    if drawing.refused:
        st.warning(escape(drawing.refused))
    region_editor(region_canvas(case.key).key, {**drawing.data(clip), **size, **moments, **clocks, **box_count})


@st.fragment
def editor() -> None:
    case = require_case()
    message = region_canvas(case.key).get({}) or {}
    drawing_state(case).receive(message.get("drawn"))
    if moment := message.get("moment"):
        drawing_state(case).moments[moment["camera"]] = moment["seconds"]
    case = require_case()
    clip = choose_camera(case)
    try:
        video = clip_of(clip.path)
    except SightlineError as fault:
        st.error(f"{describe_fault(fault, f'{clip.camera} cannot be shown')} The regions are saved.")
        return
    if video.digest != clip.digest:
        st.error(
            f"**The file of {escape(clip.camera)} has changed.** Restore it, or add the new file on the Footage page."
        )
        return
    show_drawing(case, clip, video)
    choose_anchor(clip)
    copy_to_cameras(case, clip, video)
    load_file(clip, video)
    save_file(clip)


page_head("Regions")
case = require_case()
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
next_step_link("run", "Next: run")
