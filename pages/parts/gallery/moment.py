"""A sighting as it plays in its film, with boxes in the people's colours, the person's other sightings, and the cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.base.text import person_name
from core.http import boxes_address, film_address
from core.review import Desk, TrackKey, cut
from core.runs import read_record
from core.workspace import act
from core.workspace.cases import Case
from pages.parts.player.player import TrackOverlay, video_ready, player
from pages.parts.shell.format import format_clock
from pages.parts.shell.session import GALLERY_MOMENT


@dataclass(frozen=True)
class Moment:
    """`asked` grows with each wish, so that the same moment can be wished for again."""

    sighting: TrackKey
    seconds: float
    request: int
    fault: str = ""


def request_moment(sighting: TrackKey, seconds: float, fault: str = "") -> None:
    """Have this shown until it is closed."""
    previous: Moment | None = GALLERY_MOMENT.get(None)
    GALLERY_MOMENT.set(Moment(sighting, seconds, previous.request + 1 if previous else 1, fault))


def show_moment(case: Case, session: Desk) -> None:
    """Show the moment that is wished for, if any is."""
    moment: Moment | None = GALLERY_MOMENT.get(None)
    if moment is None:
        return
    if moment.sighting not in session.row_of:
        _close()
        return
    st.dialog(_title(session, moment), width="large", on_dismiss=_close)(_moment_dialog)(case, session)


def _close() -> None:
    GALLERY_MOMENT.remove()


def _title(session: Desk, moment: Moment) -> str:
    person = int(session.people.person[session.row_of[moment.sighting]])
    return f"{session.named[0].get(person) or person_name(person)} · {moment.sighting[0]}"


def _moment_dialog(case: Case, session: Desk) -> None:
    moment: Moment | None = GALLERY_MOMENT.get(None)
    if moment is None:
        return
    camera, track = moment.sighting
    row = session.row_of[moment.sighting]
    start, end = session.evidence.clip_seconds(row)
    st.caption(
        f"{camera}, track {track}, {format_clock(start)} to {format_clock(end)}. Solid box: detected. Dashed box: interpolated."
    )
    if moment.fault:
        st.error(moment.fault, icon=":material/error:")
    record = read_record(session.out)["cameras"][camera]
    # Where the case has it now: a clip may have been moved since the run.
    place = next((clip.path for clip in case.clips if clip.digest == record["digest"]), record["clip"])
    if video_ready(place, record["digest"]):
        stamp = (session.out / "tracks.parquet").stat().st_mtime_ns
        seconds = player(
            video=film_address(record["digest"]),
            boxes=boxes_address(case.run, camera, stamp),
            label=f"Video of {camera}, at {format_clock(moment.seconds)}",
            track=track,
            seconds=moment.seconds,
            request=moment.request,
            overlay=_track_overlay(session, camera),
        )
        if seconds is not None:
            _cut(case, moment.sighting, seconds)
    _sightings_of_person(session, row)


def _track_overlay(session: Desk, camera: str) -> TrackOverlay:
    """Who is who among the tracks of a camera, and where its tracks were cut."""
    person, names = session.people.person, session.named[0]
    people = {track: int(person[row]) for (place, track), row in session.row_of.items() if place == camera}
    titles = {number: names.get(number) or person_name(number) for number in people.values()}
    cuts = [(track_cut.track, track_cut.seconds, track_cut.new_track) for track_cut in session.evidence.cuts if track_cut.camera == camera]
    return TrackOverlay(people, titles, cuts)


def _cut(case: Case, sighting: TrackKey, seconds: float) -> None:
    fault = act(case, lambda session: cut(session, *sighting, seconds))
    request_moment(sighting, seconds, fault)
    if not fault:
        st.toast(f"Cut at {format_clock(seconds)}. The rest is now a separate track. To reverse this, use Undo.")
    st.rerun()


def _sightings_of_person(session: Desk, row: int) -> None:
    """The person's sightings, in order: each leads to where it begins."""
    person = session.people.person
    rows = np.flatnonzero(person == person[row])
    if len(rows) < 2:
        return
    st.markdown("**All sightings of this person**")
    with st.container(horizontal=True):
        for sighting_row in rows[np.argsort(session.rank[rows])].tolist():
            camera, track = sighting = session.sights[sighting_row]
            start, _ = session.evidence.clip_seconds(sighting_row)
            st.button(
                f"{camera} {format_clock(start)}",
                key=f"to {camera} {track}",
                type="primary" if sighting_row == row else "secondary",
                on_click=request_moment,
                args=(sighting, start),
            )
