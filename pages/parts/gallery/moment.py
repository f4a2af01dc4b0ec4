"""The dialog that plays a sighting: the video with boxes in the people's colours, the cut, and the other sightings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.base.text import Clocks, person_name
from core.http import boxes_address, detections_address, film_address
from core.review import ReviewSession, cut
from core.runs import TrackKey, read_record
from core.workspace import Refused, Saved, act, clocks_of
from core.workspace.cases import Case
from pages.parts.player.player import TrackOverlay, player, video_ready
from pages.parts.shell.markdown import escape
from pages.parts.shell.session import GALLERY_MOMENT


@dataclass(frozen=True)
class Moment:
    """A moment of a sighting to play. `request` counts up, so that the same moment can be asked for twice."""

    sighting: TrackKey
    seconds: float
    request: int
    fault: str = ""


def _clock_tenths(seconds: float) -> str:
    """Clip time to the nearest tenth of a second, as the player shows it.

    >>> _clock_tenths(7.26), _clock_tenths(83), _clock_tenths(7322)
    ('0:07.3', '1:23.0', '2:02:02.0')
    """
    minutes, tenths = divmod(round(seconds * 10), 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{tenths / 10:04.1f}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def _time(clocks: Clocks, camera: str, seconds: float) -> str:
    """The time of day of a moment of a clip, as Markdown; its clip time where no clock is known."""
    return escape(clocks.format(camera, seconds, tenths=True) or _clock_tenths(seconds))


def request_moment(sighting: TrackKey, seconds: float, fault: str = "") -> None:
    """Open the video dialog at this moment; it stays open until the user closes it."""
    previous: Moment | None = GALLERY_MOMENT.get(None)
    GALLERY_MOMENT.set(Moment(sighting, seconds, previous.request + 1 if previous else 1, fault))


def is_playing() -> bool:
    """Whether the video dialog is open, or about to be."""
    return GALLERY_MOMENT.get(None) is not None


def show_moment(case: Case, session: ReviewSession) -> None:
    """Draw the dialog where a moment has been requested."""
    moment: Moment | None = GALLERY_MOMENT.get(None)
    if moment is None:
        return
    if moment.sighting not in session.row_of:
        _close()
        return
    st.dialog(_title(session, moment), width="large", on_dismiss=_close)(_moment_dialog)(case, session)


def _close() -> None:
    GALLERY_MOMENT.remove()


def _title(session: ReviewSession, moment: Moment) -> str:
    person = int(session.people.person[session.row_of[moment.sighting]])
    """Of the dialog, as Markdown."""
    return escape(f"{session.labels.names.get(person) or person_name(person)} · {moment.sighting[0]}")


def _moment_dialog(case: Case, session: ReviewSession) -> None:
    moment: Moment | None = GALLERY_MOMENT.get(None)
    if moment is None:
        return
    camera, track = moment.sighting
    row = session.row_of[moment.sighting]
    start, end = session.evidence.clip_seconds(row)
    clocks = clocks_of(case, session.out)
    times = [_time(clocks, camera, seconds) for seconds in (start, end, moment.seconds)]
    of_clip = escape(f" ({_clock_tenths(start)} to {_clock_tenths(end)} of the clip)") if clocks else ""
    st.caption(
        f"{escape(camera)}, track {track:d}, {times[0]} to {times[1]}{of_clip}. "
        "Solid box: detected. Dashed box: interpolated."
    )
    if moment.fault:
        st.error(escape(moment.fault), icon=":material/error:")
    record = read_record(session.out).cameras[camera]
    # The path that the case has: a clip may have been moved since the run.
    path = next((clip.path for clip in case.clips if clip.digest == record.digest), record.clip)
    if video_ready(path, record.digest):
        stamp = (session.out / "tracks.parquet").stat().st_mtime_ns
        seconds = player(
            video=film_address(record.digest),
            boxes=boxes_address(case.run, camera, stamp),
            detections=detections_address(case.run, camera, stamp),
            label=f"Video of {camera}, at {times[2]}",
            track=track,
            seconds=moment.seconds,
            request=moment.request,
            overlay=_track_overlay(session, camera, clocks),
        )
        if seconds is not None:
            _cut(case, moment.sighting, seconds, clocks)
    _sightings_of_person(session, row, clocks)


def _track_overlay(session: ReviewSession, camera: str, clocks: Clocks) -> TrackOverlay:
    """The person of each of the camera's tracks, where its tracks were cut, and its clock."""
    person, names = session.people.person, session.labels.names
    people = {track: int(person[row]) for (name, track), row in session.row_of.items() if name == camera}
    titles = {number: names.get(number) or person_name(number) for number in people.values()}
    camera_cuts = [entry for entry in session.evidence.cuts if entry.camera == camera]
    cuts = [(entry.track, entry.seconds, entry.new_track) for entry in camera_cuts]
    return TrackOverlay(people, titles, cuts, camera, clocks)


def _cut(case: Case, sighting: TrackKey, seconds: float, clocks: Clocks) -> None:
    result = act(case, lambda session: cut(session, *sighting, seconds))
    request_moment(sighting, seconds, result.reason if isinstance(result, Refused) else "")
    if isinstance(result, Saved):
        time = _time(clocks, sighting.camera, seconds)
        st.toast(f"Cut at {time}. What follows is now a separate track. To reverse this, use Undo.")
    st.rerun()


def _sightings_of_person(session: ReviewSession, row: int, clocks: Clocks) -> None:
    """Buttons for all sightings of the person, in order of time; each plays its sighting from the start."""
    person = session.people.person
    rows = np.flatnonzero(person == person[row])
    if len(rows) < 2:
        return
    st.markdown("**All sightings of this person**")
    with st.container(horizontal=True):
        for sighting_row in rows[np.argsort(session.rank[rows])].tolist():
            camera, track = sighting = session.track_keys[sighting_row]
            start, _ = session.evidence.clip_seconds(sighting_row)
            st.button(
                f"{escape(camera)} {_time(clocks, camera, start)}",
                key=f"to {camera} {track}",
                type="primary" if sighting_row == row else "secondary",
                on_click=request_moment,
                args=(sighting, start),
            )
