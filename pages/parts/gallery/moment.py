"""A sighting as it plays in its film, with boxes in the people's colours, the person's other sightings, and the cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.base.text import person_name
from core.http import boxes_address, film_address
from core.review import Desk, Sight, cut
from core.runs import record_of
from core.workspace import act
from core.workspace.cases import Case
from pages.parts.player.player import Cutting, film_ready, player
from pages.parts.shell.format import clock
from pages.parts.shell.session import GALLERY_MOMENT


@dataclass(frozen=True)
class Moment:
    """`asked` grows with each wish, so that the same moment can be wished for again."""

    sight: Sight
    seconds: float
    asked: int
    fault: str = ""


def look_at_moment(sight: Sight, seconds: float, fault: str = "") -> None:
    """Have this shown until it is closed."""
    before: Moment | None = GALLERY_MOMENT.get(None)
    GALLERY_MOMENT.set(Moment(sight, seconds, before.asked + 1 if before else 1, fault))


def watch(case: Case, desk: Desk) -> None:
    """Show the moment that is wished for, if any is."""
    moment: Moment | None = GALLERY_MOMENT.get(None)
    if moment is None:
        return
    if moment.sight not in desk.row_of:
        _close()
        return
    st.dialog(_title(desk, moment), width="large", on_dismiss=_close)(_shown)(case, desk)


def _close() -> None:
    GALLERY_MOMENT.remove()


def _title(desk: Desk, moment: Moment) -> str:
    person = int(desk.people.person[desk.row_of[moment.sight]])
    return f"{desk.named[0].get(person) or person_name(person)} · {moment.sight[0]}"


def _shown(case: Case, desk: Desk) -> None:
    moment: Moment | None = GALLERY_MOMENT.get(None)
    if moment is None:
        return
    camera, track = moment.sight
    row = desk.row_of[moment.sight]
    start, end = desk.evidence.clip_seconds(row)
    st.caption(
        f"{camera}, track {track}, {clock(start)} to {clock(end)}. Solid box: detected. Dashed box: interpolated."
    )
    if moment.fault:
        st.error(moment.fault, icon=":material/error:")
    about = record_of(desk.out)["cameras"][camera]
    # Where the case has it now: a clip may have been moved since the run.
    place = next((clip.path for clip in case.clips if clip.digest == about["digest"]), about["clip"])
    if film_ready(place, about["digest"]):
        stamp = (desk.out / "tracks.parquet").stat().st_mtime_ns
        seconds = player(
            film=film_address(about["digest"]),
            boxes=boxes_address(case.run, camera, stamp),
            label=f"Video of {camera}, at {clock(moment.seconds)}",
            track=track,
            seconds=moment.seconds,
            jumps=moment.asked,
            cutting=_cutting(desk, camera),
        )
        if seconds is not None:
            _cut(case, moment.sight, seconds)
    _others(desk, row)


def _cutting(desk: Desk, camera: str) -> Cutting:
    """Who is who among the tracks of a camera, and where its tracks were cut."""
    person, named = desk.people.person, desk.named[0]
    people = {track: int(person[row]) for (place, track), row in desk.row_of.items() if place == camera}
    titles = {number: named.get(number) or person_name(number) for number in people.values()}
    cuts = [(one.track, one.seconds, one.rest) for one in desk.evidence.cuts if one.camera == camera]
    return Cutting(people, titles, cuts)


def _cut(case: Case, sight: Sight, seconds: float) -> None:
    fault = act(case, lambda desk: cut(desk, *sight, seconds))
    look_at_moment(sight, seconds, fault)
    if not fault:
        st.toast(f"Cut at {clock(seconds)}. The rest is now a separate track. To reverse this, use Undo.")
    st.rerun()


def _others(desk: Desk, row: int) -> None:
    """The person's sightings, in order: each leads to where it begins."""
    person = desk.people.person
    rows = np.flatnonzero(person == person[row])
    if len(rows) < 2:
        return
    st.markdown("**All sightings of this person**")
    with st.container(horizontal=True):
        for other in rows[np.argsort(desk.rank[rows])].tolist():
            camera, track = sight = desk.sights[other]
            start, _ = desk.evidence.clip_seconds(other)
            st.button(
                f"{camera} {clock(start)}",
                key=f"to {camera} {track}",
                type="primary" if other == row else "secondary",
                on_click=look_at_moment,
                args=(sight, start),
            )
