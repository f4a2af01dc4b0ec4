"""Download: what can be handed out of the run that is shown, made on click."""

import streamlit as st

from core.review import Desk
from core.workspace import desk_of, services
from core.workspace.cases import Case
from core.workspace.jobs import Export
from pages.parts.download.contents import heads, what_is_in_it
from pages.parts.download.exports import export_of, files_done, made, others_at_work, zip_done
from pages.parts.download.tables import tables, tracks_alone
from pages.parts.shell.navigation import link_to
from pages.parts.shell.open_case import the_case


def nothing_yet(live: bool) -> None:
    """No run is done: what to do next."""
    if live:
        words = "**The run is in progress.** You can download its results here when it is done."
        st.info(words, icon=":material/hourglass:")
    else:
        st.info("**There is nothing to download yet.** Run the case first.", icon=":material/info:")
    link_to("run", "Go to Run", ":material/arrow_back:")


def of_people(case: Case, desk: Desk) -> None:
    """The zip, the tables, and what takes longest last; what takes a while is a child's work, found after a refresh."""
    what_is_in_it(case, desk)
    st.subheader("Gallery as a zip file")
    st.markdown(
        "A report that opens in any browser, contact sheets, all crops by person, tables, tracks, and a record of "
        "how they were made."
    )
    blur, reason = heads(case)
    off = not blur and not reason
    zipped = export_of(case, desk, "gallery", reason)
    films, crops = (export_of(case, desk, what, reason) for what in ("films", "crops"))
    done = made(case, zipped, desk.out, "Create zip file", primary=True, off=off)
    if done is not None:
        zip_done(case, done, desk.out)
    st.subheader("Tables")
    tables(case, desk)
    if desk.evidence.timed:
        st.subheader("Annotated videos")
        st.markdown("Each camera's clip with boxes and paths drawn in, one colour per person.")
        section(case, desk, films, "Create videos", off)
    st.subheader("Training crops")
    st.markdown("Crops by person, named as in Market-1501. Faces are not blurred, because models are trained on them.")
    if blur:
        st.caption("To create them, turn off face blurring above and give a reason.")
    section(case, desk, crops, "Create crops", blur or off)
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
        "**This run has no gallery:** it tracked people by motion alone. Choose a re-identification model and run "
        "again.",
        icon=":material/person_search:",
    )
    link_to("run", "Go to Run", ":material/arrow_back:")
    tracks_alone(case, job.out)
elif not len(desk.evidence.tracklets):
    st.info(
        "**No people were found.** Check the regions, or lower the confidence threshold and run again.",
        icon=":material/info:",
    )
    link_to("run", "Go to Run", ":material/arrow_back:")
    tracks_alone(case, job.out)
else:
    of_people(case, desk)
