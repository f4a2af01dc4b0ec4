"""Download: what can be handed out of the run that is shown, made on click."""

import streamlit as st

from core.cases import Case
from core.jobs import Export
from core.review import Desk
from pages.parts.case import the_case
from pages.parts.desks import desk_of
from pages.parts.export_done import files_done, zip_done
from pages.parts.export_facts import what_is_in_it
from pages.parts.export_heads import heads
from pages.parts.export_making import export_of, made, others_at_work
from pages.parts.export_tables import tables, tracks_alone
from pages.parts.plan import link_to
from pages.parts.services import services


def nothing_yet(live: bool) -> None:
    """No run is done: what to do next."""
    if live:
        words = "**The run is at work.** What it finds can be downloaded here when it is done."
        st.info(words, icon=":material/hourglass:")
    else:
        st.info("**There is nothing to download yet.** Run the case first.", icon=":material/info:")
    link_to("run", "Go to Run", ":material/arrow_back:")


def of_people(case: Case, desk: Desk) -> None:
    """The zip, the tables, and what takes longest last; what takes a while is a child's work, found after a refresh."""
    what_is_in_it(case, desk)
    st.subheader("The gallery as a zip")
    st.markdown(
        "A report that opens in any browser, contact sheets, every picture by person, tables, tracks, and how all "
        "of it was made."
    )
    blur, reason = heads(case)
    off = not blur and not reason
    zipped = export_of(case, desk, "gallery", reason)
    films, crops = (export_of(case, desk, what, reason) for what in ("films", "crops"))
    done = made(case, zipped, desk.out, "Make the zip", primary=True, off=off)
    if done is not None:
        zip_done(case, done, desk.out)
    st.subheader("Tables")
    tables(case, desk)
    if desk.evidence.timed:
        st.subheader("Films")
        st.markdown("Each camera's clip with the people drawn in, in a colour per person, with the way they came.")
        section(case, desk, films, "Make the films", off)
    st.subheader("Crops to train from")
    st.markdown(
        "The pictures by person, named as in Market-1501. Heads stay as they are, for a model learns from them."
    )
    if blur:
        st.caption("To make them, switch the blur off above and say why.")
    section(case, desk, crops, "Make the crops", blur or off)
    others_at_work(case, {export.key for export in (zipped, films, crops)})


def section(case: Case, desk: Desk, export: Export, label: str, off: bool) -> None:
    done = made(case, export, desk.out, label, off=off)
    if done is not None:
        files_done(case, done)


st.title("Download")
case = the_case()
jobs = {job.key: job for job in services().jobs.all()}
job, coming = jobs.get(case.run), jobs.get(case.wanted or case.run)
if job is None or job.state not in ("done", "partly"):
    nothing_yet(coming is not None and coming.live)
elif (desk := desk_of(case)) is None:
    st.info(
        "**This run compared nobody:** it followed people in each camera by their motion alone. Run again with an "
        "appearance model for a gallery.",
        icon=":material/person_search:",
    )
    link_to("run", "Go to Run", ":material/arrow_back:")
    tracks_alone(case, job.out)
elif not len(desk.evidence.tracklets):
    st.info("**Nobody was found.** Look at the regions, or run again with a lower confidence.", icon=":material/info:")
    link_to("run", "Go to Run", ":material/arrow_back:")
    tracks_alone(case, job.out)
else:
    of_people(case, desk)
