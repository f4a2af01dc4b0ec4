"""Exports that are created on click: start, progress, stop, and the finished files with their checksums.

The work is done by child processes, which continue when the page is closed.
"""

from __future__ import annotations

import json
import shlex
import zipfile
from pathlib import Path

import streamlit as st

from core.base.errors import SightlineError
from core.base.progress import Report
from core.base.text import format_bytes, format_duration, person_name
from core.export import (
    DOUBTS,
    FILMS_RECORD,
    fingerprint,
    has_key,
    public_key,
    sheet_name,
    sign_zip,
    signature_file,
    verify_signature,
)
from core.http import download_name, export_address
from core.machine.artifacts import digest_of
from core.review import ReviewSession
from core.runs import TRACKLETS_FILE, read_record
from core.workspace import clocks_of, services
from core.workspace.cases import Case
from core.workspace.jobs import Export, ExportJob, ExportKind, facts_of
from pages.parts.shell.markdown import code, describe_fault, escape
from pages.parts.shell.open_case import saving
from pages.parts.shell.session import export_refused

EVERY_SECONDS = 0.5
_NAMES = {"gallery": "the zip file", "crops": "the crops", "films": "the videos"}
_UNITS = {
    "export": "crops",
    "heads": "frames searched for heads",
    "film": "frames",
    "checksum": "MB of recordings",
    "frames": "frames of the report",
}


def export_of(case: Case, session: ReviewSession, kind: ExportKind, reason: str, only_person: int = 0) -> Export:
    """The export of the run with the current decisions. With a `reason` faces are not blurred; with `only_person`, only
    the face of that person is not."""
    stamp = digest_of([(session.out / name).stat().st_mtime_ns for name in (TRACKLETS_FILE, "run.json")])
    clocks = clocks_of(case, session.out).to_dict()
    return Export(
        kind,
        case.run,
        stamp,
        case.threshold,
        session.review.links,
        session.review.names,
        " ".join(case.purpose.split()),
        reason,
        session.numbers,
        tuple(clocks["began"].items()),
        clocks["zone"] if clocks["began"] else "",
        *session.rules,
        tuple(clocks.get("drift", {}).items()),
        keep_until=case.keep_until,
        case=facts_of(case, session).digest if kind == "gallery" else "",
        only_person=only_person,
    )


def show_export(
    case: Case, session: ReviewSession, export: Export, label: str, primary: bool = False, disabled: bool = False
) -> ExportJob | None:
    """The finished export. Until there is one: a button to create it, its progress, or why it failed.

    With `disabled` the request is not complete yet: an export that was made without it is not offered in its place.
    """
    making = None if disabled else services().exports.get(export.key)
    if making is not None and making.is_active:
        st.fragment(_show_progress, run_every=EVERY_SECONDS)(export.key, _NAMES[export.what])
        return None
    if making is not None and making.state == "done":
        return making
    if making is not None and making.state == "failed":
        st.error(f"**The export failed.** {escape(making.fault)}", icon=":material/error:")
    elif making is not None:
        st.caption("The export was stopped.")
    failed = making is not None and making.state == "failed"
    st.button(
        "Try again" if failed else label,
        key=f"make {export.what}",
        type="primary" if primary else "secondary",
        icon=":material/replay:" if failed else ":material/package_2:",
        disabled=disabled,
        on_click=_start,
        args=(case, session, export),
    )
    if refused := export_refused(export.what).pop(""):
        st.error(escape(refused), icon=":material/error:")
    return None


def show_other_exports(case: Case, listed: set[str]) -> None:
    """Exports of the run that the page does not list: those in progress can be stopped, the others deleted."""
    exports = list(services().exports.of(case.run))
    for export in (export for export in exports if export.is_active and export.key not in listed):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Another export, with other settings, is in progress.")
            st.button(
                "Stop this export", key=f"stop {export.key}", icon=":material/stop:", on_click=_stop, args=(export.key,)
            )
    finished = [
        export for export in exports if not export.is_active and not (export.key in listed and export.state == "done")
    ]
    if finished:
        size = sum(path.stat().st_size for export in finished for path in export.folder.rglob("*") if path.is_file())
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Earlier or unfinished exports of this run use {format_bytes(size)}.")
            st.button(
                "Delete these exports", type="tertiary", icon=":material/delete:", on_click=_forget, args=(finished,)
            )


def _show_progress(key: str, kind: str) -> None:
    making = services().exports.get(key)
    if making is None or not making.is_active:
        st.rerun()
    st.progress(min(1.0, making.report.share) if making.report else 0.0, text=_progress_text(making, kind))
    label = "Stop" if making.state == "running" else "Stop now"
    st.button(label, key=f"stop {key}", icon=":material/stop:", on_click=_stop, args=(key,))
    st.caption("You can leave this page or close the browser; the export continues.")


def _progress_text(making: ExportJob, kind: str) -> str:
    if making.state == "stopping":
        return "Stopping…"
    report = making.report
    if report is None:
        return f"Creating {kind}: reading results…"
    camera = f"{escape(report.camera)} ({report.number:,} of {report.cameras:,}): " if report.cameras > 1 else ""
    unit = _UNITS.get(report.stage, "")
    return f"Creating {kind}: {camera}{report.done:,} of {report.total:,} {unit}{_time_left(report)}"


def _time_left(report: Report) -> str:
    if report.done >= report.total:
        return "; finishing"
    scope = " for this clip" if report.cameras > 1 else ""
    return "" if report.left_seconds is None else f" · about {format_duration(report.left_seconds)} left{scope}"


def _start(case: Case, session: ReviewSession, export: Export) -> None:
    try:
        clips = [clip.path for clip in case.clips if Path(clip.path).exists()]
        shown = (
            f"everybody but {person_name(export.only_person)} covered" if export.only_person else "heads not blurred"
        )
        blurring = f"{shown}: {export.reason}" if export.reason else "heads blurred"
        cases = services().cases
        with cases.logging(case.key, f"export begun: {_NAMES[export.what]}, {blurring}", kind="export"):
            facts = facts_of(case, session)
            services().exports.start(export, session.out, clips, facts, cases.log_files(case.key))
    except (SightlineError, OSError) as fault:
        export_refused(export.what).set(str(fault))


@saving("The request to stop")
def _stop(key: str) -> None:
    services().exports.cancel(key)


@saving("The deletion of exports")
def _forget(finished: list[ExportJob]) -> None:
    for export in finished:
        services().exports.forget(export.key)


ZIP, CROPS = "gallery.zip", "crops.zip"
SHEET_PX = 420


def show_zip(case: Case, making: ExportJob, run_folder: Path) -> None:
    """The zip file, its first contact sheet, and how a recipient can verify and reproduce it."""
    file_name = download_name(case, ".zip", making.began)
    download_link(making, ZIP, file_name, "Download zip file", primary=True)
    with st.container(height=SHEET_PX, border=True):
        jpeg = _first_sheet(str(making.folder / "out" / ZIP), making.sums[ZIP])
        st.image(jpeg, width=1200, alt="First contact sheet: one row of crops per person")
    _show_signature(case, making, file_name)
    with st.expander("Verify or reproduce", icon=":material/verified:"):
        st.markdown("**SHA-256 of the zip file.** Store it elsewhere or send it separately:")
        st.code(making.sums[ZIP], language=None, wrap_lines=True)
        st.markdown("**To verify the zip file**, run this command and compare the checksum on its last line:")
        st.code(f"python -m core verify {file_name}", language="shell", wrap_lines=True)
        files = [about.file for about in read_record(run_folder).cameras.values() if about.file]
        st.markdown("**To reproduce the results** from the clips and compare them, run this command:")
        st.code(
            f"python -m core run {shlex.join(files)} --like {file_name} --out again", language="shell", wrap_lines=True
        )


def _show_signature(case: Case, making: ExportJob, file_name: str) -> None:
    """The signature of the zip file; until there is one, a field for the passphrase, which is stored nowhere."""
    path = making.file(ZIP)
    if path is None:
        return
    with st.expander("Sign the zip file", icon=":material/draw:"):
        if signature_file(path).exists():
            _show_signed(path, file_name)
            return
        if not has_key():
            st.markdown("A signature shows that the zip file is unchanged since you signed it. First make a key:")
            st.code("python -m core sign --new-key", language="shell")
            return
        key = code(fingerprint(public_key()))
        st.markdown(f"Your key is {key}. Tell the recipient in another way, such as by phone.")
        with st.form(f"sign {making.key}", clear_on_submit=True, border=False):
            passphrase = st.text_input("Passphrase", type="password", help="It is used once and not stored.", width=320)
            if st.form_submit_button("Sign", icon=":material/draw:"):
                _sign(case, path, passphrase)


def _show_signed(path: Path, file_name: str) -> None:
    try:
        signature = verify_signature(path)
    except SightlineError as fault:
        st.error(describe_fault(fault), icon=":material/error:")
        return
    if signature is not None:
        when, key = escape(signature.when.replace("T", " ")), code(signature.fingerprint)
        st.markdown(f"Signed on {when} with the key {key}. Keep the signature beside the zip file.")
        st.download_button(
            "Download signature",
            signature_file(path).read_bytes(),
            file_name=signature_file(Path(file_name)).name,
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
        )


def _sign(case: Case, path: Path, passphrase: str) -> None:
    try:
        with services().cases.logging(case.key, f"zip file signed with {fingerprint(public_key())}", kind="export"):
            sign_zip(path, passphrase)
    except SightlineError as fault:
        st.error(describe_fault(fault, "Not signed"), icon=":material/error:")
        return
    st.rerun()


def show_files(case: Case, making: ExportJob) -> None:
    """A download for each file; of videos, how many frames are in doubt."""
    if (record := making.file(FILMS_RECORD)) is not None:
        _show_doubts(json.loads(record.read_text(encoding="utf-8"))["cameras"])
    with st.container(horizontal=True):
        for name in making.sums:
            stem = Path(name).stem
            download_link(
                making,
                name,
                download_name(case, f"-{name}", making.began),
                "Download" if name == CROPS else escape(stem),
            )


def _show_doubts(cameras: dict[str, dict[str, int]]) -> None:
    """Where a head may be seen in videos, which somebody should look at."""
    frames, doubts = (sum(camera.get(name, 0) for camera in cameras.values()) for name in ("frames", "in_doubt"))
    if doubts:
        st.warning(
            f"**In {doubts:,} of {frames:,} frames a head may not be covered.** {code(DOUBTS)} lists them with their "
            "times. Look at these before you hand the videos out.",
            icon=":material/visibility:",
        )


def download_link(making: ExportJob, name: str, file_name: str, label: str, primary: bool = False) -> None:
    path = making.file(name)
    if path is not None:
        st.link_button(
            f"{label} ({format_bytes(path.stat().st_size)})",
            export_address(making, name, file_name),
            type="primary" if primary else "secondary",
            icon=":material/download:",
            help=f"{escape(file_name)}, SHA-256 {making.sums[name][:16]}…",
        )


@st.cache_data(max_entries=4, show_spinner=False)
def _first_sheet(path: str, sha256: str) -> bytes:
    """The first contact sheet of a zip file, as JPEG. `sha256` identifies the zip file in the cache."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(sheet_name(1))
