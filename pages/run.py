"""Run: choose the models and settings, start, and see how far the work is."""

import streamlit as st

from core.errors import SightlineError
from core.jobs import Order, Source
from pages.parts.choices import choices, keep_in_address
from pages.parts.looking import look_at
from pages.parts.plan import link_to
from pages.parts.progress import job_cards
from pages.parts.services import services
from pages.parts.settings import chosen_settings

chosen = choices()
jobs = services().jobs


def ordered() -> Order | None:
    """What would be started now; nothing where something is missing (said on the page)."""
    looked = [one for one in look_at(chosen.clips) if one.usable]
    cameras = chosen.cameras([one.path for one in looked])
    if not cameras:
        st.info("**No clips yet.** Pick at least one on the Footage page.", icon=":material/video_library:")
        link_to("footage", "Go to Footage", ":material/arrow_back:")
        return None
    st.markdown("**Cameras:** " + ", ".join(camera.name for camera in cameras))
    digests = {one.path: one.clip.digest for one in looked if one.clip}
    settings = chosen_settings()
    if settings is None:
        return None
    sources = tuple(Source(camera.name, str(camera.clip), digests[str(camera.clip)]) for camera in cameras)
    return Order(sources, **settings)


def start(order: Order) -> None:
    try:
        chosen.run = jobs.start(order).key
    except SightlineError as fault:
        st.session_state["refused"] = str(fault)


st.title("Run")
keep_in_address()
st.markdown("Finds the people in each clip and follows them from frame to frame.")
order = ordered()
if order is not None:
    known = next((job for job in jobs.all() if job.key == order.key), None)
    words = {"stopped": "Go on", "failed": "Try again", "partly": "Try the failed clips again"}
    label = words.get(known.state, "Start") if known else "Start tracking"
    if known and (known.live or known.state == "done"):
        said = "at work" if known.live else "done"
        st.info(f"The run with these clips and settings is {said}: see below.", icon=":material/check:")
    else:
        st.button(label, type="primary", icon=":material/play_arrow:", on_click=start, args=(order,))
if refused := st.session_state.pop("refused", ""):
    st.error(refused)

st.subheader("Runs")
job_cards()
