"""One thing to be made on click: started or joined, watched, stopped, or said to be done. The work is a child's."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.amounts import duration, in_words
from core.cases import Case
from core.errors import SightlineError
from core.jobs import Export, Making
from core.jobs.exporting import What
from core.people.evidence import FILE
from core.progress import Report
from core.review import Desk
from core.store import digest_of
from pages.parts.services import services

EVERY_SECONDS = 0.5
_REFUSED = "export refused"
_WORDS = {"gallery": "the zip", "crops": "the crops", "films": "the films"}
_UNITS = {"export": "pictures", "film": "frames"}


def export_of(case: Case, desk: Desk, what: What, reason: str) -> Export:
    """What would be made of the run as it is now decided; with a `reason` heads stay as they are."""
    stamp = digest_of([(desk.out / name).stat().st_mtime_ns for name in (FILE, "run.json")])
    return Export(
        what,
        case.run,
        stamp,
        case.threshold,
        desk.review.links,
        desk.review.names,
        " ".join(case.purpose.split()),
        reason,
    )


def made(
    case: Case, export: Export, results: Path, label: str, primary: bool = False, off: bool = False
) -> Making | None:
    """What is done already; otherwise a button, how far it is, or why it failed."""
    making = services().exports.look(export.key)
    if making is not None and making.live:
        st.fragment(_watch, run_every=EVERY_SECONDS)(export.key, _WORDS[export.what])
        return None
    if making is not None and making.state == "done":
        return making
    if making is not None and making.state == "failed":
        st.error(f"**This did not work:** {making.fault}", icon=":material/error:")
    elif making is not None:
        st.caption("Stopped before it was done.")
    again = making is not None and making.state == "failed"
    st.button(
        "Try again" if again else label,
        key=f"make {export.what}",
        type="primary" if primary else "secondary",
        icon=":material/replay:" if again else ":material/package_2:",
        disabled=off,
        on_click=_start,
        args=(case, export, results),
    )
    if refused := st.session_state.pop(f"{_REFUSED} {export.what}", ""):
        st.error(refused, icon=":material/error:")
    return None


def others_at_work(case: Case, shown: set[str]) -> None:
    """Exports of the same run that are not on the page: they can be stopped while at work, and deleted later."""
    every = list(services().exports.of(case.run))
    for one in (one for one in every if one.live and one.key not in shown):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("An export with other settings is being made.")
            st.button("Stop it", key=f"stop {one.key}", icon=":material/stop:", on_click=_stop, args=(one.key,))
    over = [one for one in every if not one.live and not (one.key in shown and one.state == "done")]
    if over:
        bulk = sum(path.stat().st_size for one in over for path in one.folder.rglob("*") if path.is_file())
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Exports of this run that are earlier or unfinished take {in_words(bulk)}.")
            st.button("Delete them", type="tertiary", icon=":material/delete:", on_click=_forget, args=(over,))


def _watch(key: str, what: str) -> None:
    making = services().exports.look(key)
    if making is None or not making.live:
        st.rerun()
    st.progress(min(1.0, making.report.share) if making.report else 0.0, text=_far(making, what))
    label = "Stop" if making.state == "running" else "Stop at once"
    st.button(label, key=f"stop {key}", icon=":material/stop:", on_click=_stop, args=(key,))
    st.caption("It goes on when you leave this page or close the browser.")


def _far(making: Making, what: str) -> str:
    if making.state == "stopping":
        return "Stopping…"
    report = making.report
    if report is None:
        return f"Making {what}: looking at who is who…"
    where = f"{report.camera} ({report.number} of {report.cameras}): " if report.cameras > 1 else ""
    return f"Making {what}: {where}{report.done:,} of {report.total:,} {_UNITS.get(report.stage, '')}{_left(report)}"


def _left(report: Report) -> str:
    if report.done >= report.total:
        return "; finishing"
    whole = " for this one" if report.cameras > 1 else ""
    return "" if report.left_seconds is None else f" · about {duration(report.left_seconds)} left{whole}"


def _start(case: Case, export: Export, results: Path) -> None:
    try:
        there = [clip.path for clip in case.clips if Path(clip.path).exists()]
        services().exports.start(export, results, there)
        heads = f"heads not blurred: {export.reason}" if export.reason else "heads blurred"
        services().cases.log(case.key, f"export begun: {_WORDS[export.what]}, {heads}")
    except SightlineError as fault:
        st.session_state[f"{_REFUSED} {export.what}"] = str(fault)


def _stop(key: str) -> None:
    services().exports.cancel(key)


def _forget(over: list[Making]) -> None:
    for one in over:
        services().exports.forget(one.key)
