"""Download: the results of the case's run as files, created on click."""

import streamlit as st

from core.review import ReviewSession
from core.workspace import services, session_of
from core.workspace.cases import Case
from core.workspace.jobs import Export, Job
from pages.parts.download.contents import (
    HEADS_COVERED,
    everybody_but,
    face_blurring,
    look_through,
    show_contents,
)
from pages.parts.download.exports import export_of, show_export, show_files, show_other_exports, show_zip
from pages.parts.download.tables import show_tables, show_track_files
from pages.parts.shell.navigation import link_to
from pages.parts.shell.open_case import require_case, show_no_results
from pages.parts.shell.page_head import page_head

_NOTHING_YET = "**There is nothing to download yet.** Run the case first."


def show_nothing_yet(case: Case, job: Job | None, awaited: Job | None) -> None:
    """Advice where no run is done."""
    if awaited is not None and awaited.is_active:
        message = "**The run is in progress.** You can download its results here when it is done."
        st.info(message, icon=":material/hourglass:")
    elif job is not None:
        st.info(_NOTHING_YET, icon=":material/info:")
    else:
        show_no_results(case, _NOTHING_YET)
    link_to("run", "Go to Run", ":material/arrow_back:")


def show_downloads(case: Case, session: ReviewSession) -> None:
    """The zip file, tables, videos and training crops. Exports run in child processes, so a reload finds them again."""
    show_contents(case, session)
    st.header("Gallery as a zip file")
    st.markdown(
        "A report that opens in any browser, contact sheets, all crops by person, tables, tracks, and a record of "
        "how they were made."
    )
    blur, reason = face_blurring(case)
    disabled = not blur and not reason
    zip_request = export_of(case, session, "gallery", reason)
    crop_request = export_of(case, session, "crops", reason)
    requests = [zip_request, crop_request]
    if blur:
        look_through(session)
    export = show_export(case, session, zip_request, "Create zip file", primary=True, disabled=disabled)
    if export is not None:
        show_zip(case, export, session.out)
    st.header("Tables")
    show_tables(case, session)
    if session.evidence.has_times:
        st.header("Annotated videos")
        st.markdown("Each camera's clip with boxes and paths drawn in, one colour per person.")
        only_person, why = everybody_but(session, blur)
        if blur:
            st.caption(HEADS_COVERED)
        video_request = export_of(case, session, "films", why or reason, only_person if why else 0)
        export_section(case, session, video_request, "Create videos", disabled or bool(only_person and not why))
        requests.append(video_request)
    st.header("Training crops")
    st.markdown("Crops by person, named as in Market-1501.")
    if blur:
        st.caption("Heads are covered. To train a model on faces too, turn off face blurring above and give a reason.")
    export_section(case, session, crop_request, "Create crops", disabled)
    show_other_exports(case, set() if disabled else {request.key for request in requests})


def export_section(case: Case, session: ReviewSession, request: Export, label: str, disabled: bool) -> None:
    export = show_export(case, session, request, label, disabled=disabled)
    if export is not None:
        show_files(case, export)


page_head("Download")
case = require_case()
jobs = {job.key: job for job in services().jobs.all()}
job, awaited = jobs.get(case.run), jobs.get(case.wanted or case.run)
if job is None or job.state not in ("done", "partly"):
    show_nothing_yet(case, job, awaited)
elif (session := session_of(case)) is None:
    st.info(
        "**This run has no gallery:** it tracked people by motion alone. Choose a re-identification model and run "
        "again.",
        icon=":material/person_search:",
    )
    link_to("run", "Go to Run", ":material/arrow_back:")
    show_track_files(case, job.out)
elif not len(session.evidence.tracklets):
    st.info(
        "**No people were found.** Check the regions, or lower the confidence threshold and run again.",
        icon=":material/info:",
    )
    link_to("run", "Go to Run", ":material/arrow_back:")
    show_track_files(case, job.out)
else:
    show_downloads(case, session)
