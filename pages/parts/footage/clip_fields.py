"""The fields of a clip: camera name, start time, the part that is analysed; and offsets as people type them.

A field is checked when the user leaves it; its value is then saved in the case, or rejected with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from zoneinfo import available_timezones

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.base.errors import SettingsError, SightlineError
from core.base.text import format_count, machine_zone, parse_moment, typed_moment
from core.base.types import Clip
from core.vision.video import StartProposal, start_proposals
from core.workspace.cases import Case, CaseClip
from pages.parts.footage.clock_pictures import offer_clock_pictures
from pages.parts.shell.markdown import escape
from pages.parts.shell.open_case import change_case, require_case, saving
from pages.parts.shell.session import (
    Entry,
    clip_field,
    clock_choice,
    clock_day,
    field_refusal,
    time_zone_choice,
)

Edit = Callable[[CaseClip, str], CaseClip]
_SLACK_SECONDS = 0.5


def clip_fields(case: Case, clip: CaseClip, video: Clip, by_clock: bool, places: Sequence[DeltaGenerator] = ()) -> None:
    """Name, start time and range of one clip. With `by_clock` the start is a time of day, otherwise an offset.

    `places` are four places for the fields in this order, if they do not stand below one another two by two.
    """
    end = video.duration_seconds
    left, right = places[:2] if places else st.columns(2)
    with left:
        hint = "Letters, digits, - and _. Used in results and file names."
        _text_field(case, clip, "Camera", clip.camera, set_name, hint)
    with right:
        if by_clock:
            _started_at(case, clip, in_table=bool(places))
        else:
            hint = "How much later this clip starts than the others, for example 90, 1:30 or -4.5."
            _text_field(case, clip, "Start offset (s)", format_time(clip.offset_seconds), set_offset, hint, "0")
    if not places:
        offer_clock_pictures(case, clip, video, (lambda: _time_in_picture(case, clip)) if by_clock else None)
    # A row of its own, so that an error below a field of the first row moves no other field.
    left, right = places[2:] if places else st.columns(2)
    with left:
        hint = "Only this part of the clip is analysed. Seconds, or 1:23.5."
        _text_field(
            case,
            clip,
            "From",
            format_time(clip.start_seconds),
            lambda clip, text: set_start(clip, text, end),
            hint,
            "0",
        )
    with right:
        until = "" if clip.end_seconds is None else format_time(clip.end_seconds)
        last = f"{format_time(round(end, 1))} (end)"
        _text_field(
            case,
            clip,
            "To",
            until,
            lambda clip, text: set_end(clip, text, end),
            "Leave empty for the end of the clip.",
            last,
        )


def set_name(clip: CaseClip, text: str) -> CaseClip:
    if not text.strip():
        raise SettingsError("a camera needs a name", "Use letters, digits, - and _.")
    return replace(clip, camera=text.strip())


def set_offset(clip: CaseClip, text: str) -> CaseClip:
    return replace(clip, offset_seconds=parse_seconds(text or "0"))


def set_clock_ahead(clip: CaseClip, text: str) -> CaseClip:
    return replace(clip, clock_ahead_seconds=parse_seconds(text or "0"))


def set_clock_drift(clip: CaseClip, text: str) -> CaseClip:
    return replace(clip, clock_drift_seconds_per_day=parse_seconds(text or "0"))


def set_start(clip: CaseClip, text: str, end: float) -> CaseClip:
    seconds = parse_seconds(text or "0")
    if seconds >= end:
        raise SettingsError(f"the clip ends at {format_time(round(end, 1))}", "Enter an earlier time.")
    return replace(clip, start_seconds=seconds)


def set_end(clip: CaseClip, text: str, end: float) -> CaseClip:
    if not text.strip():
        return replace(clip, end_seconds=None)
    seconds = parse_seconds(text)
    if seconds > end + _SLACK_SECONDS:
        raise SettingsError(
            f"the clip ends at {format_time(round(end, 1))}", "Enter an earlier time, or leave the field empty."
        )
    return replace(clip, end_seconds=seconds)


def _text_field(
    case: Case, clip: CaseClip, label: str, value: str, edit: Edit, hint: str, placeholder: str = ""
) -> None:
    """A text field. Rejected text stays in it with the reason; otherwise it shows the value of the case."""
    field = clip_field(label, case.key, clip.digest)
    refusal = field_refusal(field)
    if not field.is_set:
        refusal.remove()
    reason = refusal.get("")
    if not reason:
        field.set(value)
    arguments = field, clip.digest, label, edit
    st.text_input(label, key=field.key, on_change=_save_field, args=arguments, help=hint, placeholder=placeholder)
    if reason:
        st.markdown(f":red[:material/error: {escape(reason)} Not saved.]")


def _save_field(field: Entry[str], digest: str, label: str, edit: Edit) -> None:
    text = field.get("")

    def edit_case(case: Case) -> Case:
        current = next((clip for clip in case.clips if clip.digest == digest), None)
        return case if current is None else case.with_clip(current.camera, edit(current, text))

    camera = next((clip.camera for clip in require_case().clips if clip.digest == digest), "")
    try:
        change_case(edit_case, f"{camera}: {label.lower()} {text.strip() or '-'}")
        field_refusal(field).remove()
    except SightlineError as fault:
        message = str(fault)
        field_refusal(field).set(message[:1].upper() + message[1:])


def edit_all(case: Case, videos: Mapping[str, Clip], by_clock: bool) -> None:
    """One value for a field of all these clips: it is saved for each of them, or, with the reason, for none."""
    starts = (_STARTED, _CLOCK_AHEAD, _CLOCK_GAINS) if by_clock else ("Start offset (s)",)
    count = format_count(len(videos), "clip", "clips")
    with (
        st.expander(f"Change all {count} shown", icon=":material/edit:", key=f"change all {case.key}"),
        st.form(f"all {case.key}", border=False, clear_on_submit=True),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        label = st.selectbox("Field", [*starts, "From", "To"], width=200)
        text = st.text_input("Value for all", width=260)
        if not st.form_submit_button("Apply to all", disabled=not videos):
            return
    try:
        change_case(
            lambda current: _edit_clips(current, videos, label, text), f"{count}: {label.lower()} {text or '-'}"
        )
    except SightlineError as fault:
        message = str(fault)
        st.error(escape(f"{message[:1].upper()}{message[1:]} Nothing was changed."), icon=":material/error:")
        return
    for clip in case.clips:
        field_refusal(clip_field(label, case.key, clip.digest)).remove()
    st.rerun()


def _edit_clips(case: Case, videos: Mapping[str, Clip], label: str, text: str) -> Case:
    for clip in [clip for clip in case.clips if clip.camera in videos]:
        edit = _edit_of(case, label, videos[clip.camera].duration_seconds)
        try:
            case = case.with_clip(clip.camera, edit(clip, text))
        except SettingsError as fault:
            raise SettingsError(f"{clip.camera}: {fault.message}", fault.remedy) from fault
    return case


def _edit_of(case: Case, label: str, end: float) -> Edit:
    """What the field with this label changes in a clip that ends at `end`."""
    if label == "From":
        return lambda clip, text: set_start(clip, text, end)
    if label == "To":
        return lambda clip, text: set_end(clip, text, end)
    if label == _STARTED:
        return _start_edit(case, clock_day(case.key))
    return {_CLOCK_AHEAD: set_clock_ahead, _CLOCK_GAINS: set_clock_drift}.get(label, set_offset)


_OFFSETS, _TIME_OF_DAY = "Start offsets", "Time of day"
_STARTED, _CLOCK_AHEAD, _CLOCK_GAINS = "Started at", "Clock ahead by (s)", "Clock gains (s a day)"
_IN_PICTURE = "Time in the picture"
_NO_ZONE = "not chosen"
_FAR_SECONDS = 86_400


def choose_clocks(case: Case) -> bool:
    """How the start times of all clips are entered; returns whether as times of day."""
    choice = clock_choice(case.key)
    if not choice.is_set:
        choice.set(_TIME_OF_DAY if any(clip.began for clip in case.clips) else _OFFSETS)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Recording start times",
            [_OFFSETS, _TIME_OF_DAY],
            key=choice.key,
            required=True,
            on_change=_save_clock_choice,
            args=(choice,),
            help="Used to rule out that one person is in two places at once. If you do not know them, leave 0.",
        )
        by_clock: bool = choice.get(_OFFSETS) == _TIME_OF_DAY
        if by_clock:
            _zone_and_day(case)
    timed = sum(bool(clip.began) for clip in case.clips)
    if by_clock and 0 < timed < len(case.clips):
        st.warning(
            f"Only {timed} of {format_count(len(case.clips), 'clip', 'clips')} have a time of day. Until all have one, "
            "the start offsets are used."
        )
    return by_clock


def _zone_and_day(case: Case) -> None:
    """The time zone of the case, the date of times that are typed without one, and what holds for all clips at once."""
    zones = _zones()
    zone, day = time_zone_choice(case.key), clock_day(case.key)
    zone.set(case.time_zone or _NO_ZONE)
    st.selectbox(
        "Time zone",
        zones if case.time_zone else (_NO_ZONE, *zones),
        key=zone.key,
        on_change=_save_zone,
        args=(zone,),
        width=260,
        help="All times of day in this case are of this zone, summer time included.",
    )
    dates = [clip.began[:10] for clip in case.clips if clip.began]
    if not day.is_set:
        day.set(date.fromisoformat(dates[0]) if dates else None)
    hint = "Of all times that are typed without one."
    st.date_input(
        "Date of the recordings",
        key=day.key,
        format="YYYY-MM-DD",
        width=200,
        help=hint,
        on_change=_read_refused_times,
        args=(day,),
    )
    chosen = day.get(None)
    if chosen and set(dates) - {chosen.isoformat()}:
        st.button("Apply date to all", on_click=_apply_day, args=(chosen.isoformat(),))
    proposals = {
        clip.digest: found[0].began for clip in case.clips if not clip.began and (found := _proposals(case, clip))
    }
    if len(proposals) > 1:
        label = f"Use all {len(proposals)} proposals"
        st.button(label, icon=":material/done_all:", on_click=_use_proposals, args=(proposals,))


@st.cache_data(show_spinner=False)
def _zones() -> tuple[str, ...]:
    return tuple(sorted(name for name in available_timezones() if "/" in name or name == "UTC"))


@st.cache_data(max_entries=10_000, show_spinner=False)
def _read_proposals(path: str, digest: str, zone: str) -> tuple[StartProposal, ...]:
    """Cached by the content of the clip too: another file may come to lie there."""
    return start_proposals(Path(path), zone)


def _proposals(case: Case, clip: CaseClip) -> list[StartProposal]:
    """What the clip says of its start, other than what the case has."""
    return [p for p in _read_proposals(clip.path, clip.digest, case.time_zone) if p.began != clip.began]


def _start_edit(case: Case, day: Entry[date | None]) -> Edit:
    zone = case.time_zone

    def edit(clip: CaseClip, text: str) -> CaseClip:
        # As it is now: a time may be typed before the page is drawn with a date that was just chosen.
        chosen = day.get(None)
        date_text = chosen.isoformat() if chosen else ""
        return replace(clip, began=parse_moment(text, zone, date_text) if text.strip() else "")

    return edit


def _read_refused_times(day: Entry[date | None]) -> None:
    """Times that were typed before there was a date for them."""
    case = require_case()
    for clip in case.clips:
        for label in (_STARTED, _IN_PICTURE):
            field = clip_field(label, case.key, clip.digest)
            if field_refusal(field).is_set:
                _save_field(field, clip.digest, label, _start_edit(case, day))


def _started_at(case: Case, clip: CaseClip, in_table: bool) -> None:
    """The time of day at which a clip starts, and what the clip itself says of it.

    In a table there is no room for a second field until it has a value, which is given to all clips shown.
    """
    hint = (
        "Time of the first frame: 14:03:10 on the date above, or with its date: 28.11.2026 14:03:10, 28/11/2026 14:03, "
        "2026-11-28 14:03:10. Used once every clip has one."
    )
    value = typed_moment(clip.began)
    _text_field(case, clip, _STARTED, value, _start_edit(case, clock_day(case.key)), hint, "for example 14:03:10")
    if clip.began and (clip.clock_ahead_seconds or not in_table):
        hint = (
            "By how much the recorder's clock was ahead of the right time: 90, 1:30, or -4.5 if it was behind. "
            "All times of this clip are put right by it."
        )
        _text_field(case, clip, _CLOCK_AHEAD, format_time(clip.clock_ahead_seconds), set_clock_ahead, hint, "0")
    if clip.began and (clip.clock_drift_seconds_per_day or not in_table):
        hint = (
            "How many seconds the recorder's clock gains in a day: 2.5, or -4 if it loses. Counted from the first "
            "frame, at which the clock was ahead by the seconds entered for that."
        )
        drift = format_time(clip.clock_drift_seconds_per_day)
        _text_field(case, clip, _CLOCK_GAINS, drift, set_clock_drift, hint, "0")
    for proposal in _proposals(case, clip):
        moment = typed_moment(proposal.began)
        st.caption(f"**{escape(moment)}** by {escape(proposal.source)}")
        key = f"use {proposal.source} {case.key} {clip.digest}"
        st.button("Use it", key=key, on_click=_use_proposals, args=({clip.digest: proposal.began},))


def _time_in_picture(case: Case, clip: CaseClip) -> None:
    """The start time once more, beside the picture that shows it."""
    hint = "The time that the clock in the picture shows. It is the same as the one at *Started at*."
    edit = _start_edit(case, clock_day(case.key))
    _text_field(case, clip, _IN_PICTURE, typed_moment(clip.began), edit, hint, "for example 14:03:10")


@saving("The start time")
def _use_proposals(proposals: Mapping[str, str]) -> None:
    """Give the clips of these digests the start times that the user has agreed to."""

    def edit(case: Case) -> Case:
        return case.with_clips(replace(clip, began=proposals.get(clip.digest, clip.began)) for clip in case.clips)

    change_case(edit, f"start times taken from {format_count(len(proposals), 'clip', 'clips')}")


@saving("The date")
def _apply_day(day: str) -> None:
    def edit(case: Case) -> Case:
        return case.with_clips(
            replace(clip, began=parse_moment(f"{day} {clip.began[11:]}", case.time_zone)) if clip.began else clip
            for clip in case.clips
        )

    change_case(edit, f"date of all start times: {day}")


@saving("The time zone")
def _save_zone(choice: Entry[str]) -> None:
    zone = choice.get("")
    if zone != _NO_ZONE:
        change_case(lambda case: replace(case, time_zone=zone), f"time zone: {zone}")


@saving("The choice of start times")
def _save_clock_choice(choice: Entry[str]) -> None:
    """On the way back to offsets, times of day become the seconds between them, so that no information is lost but how
    clocks drift, which start offsets cannot say.

    A case without any time of day gets the time zone of this computer with the first one.
    """

    def to_offsets(case: Case) -> Case:
        offsets = case.offsets
        return case.with_clips(
            replace(
                clip,
                began="",
                offset_seconds=offsets[clip.camera],
                clock_ahead_seconds=0.0,
                clock_drift_seconds_per_day=0.0,
            )
            for clip in case.clips
        )

    def to_times(case: Case) -> Case:
        untold = not case.time_zone and not any(clip.began for clip in case.clips)
        return replace(case, time_zone=machine_zone()) if untold else case

    if choice.get(_OFFSETS) == _OFFSETS:
        change_case(to_offsets, "start times of day replaced by start offsets")
    else:
        change_case(to_times, "times of day are entered")


def show_clock_warnings(case: Case, videos: Mapping[str, Clip]) -> None:
    """Say where clips lie days apart, or where no two were recorded at the same time: most likely a date is wrong."""
    clocks, offsets = case.clocks, case.offsets
    if not clocks or len(videos) < 2 or len(videos) < len(case.clips):
        return
    order = sorted(videos, key=lambda camera: offsets[camera])
    ends = {camera: offsets[camera] + video.duration_seconds for camera, video in videos.items()}
    for before, after in pairwise(order):
        if offsets[after] - offsets[before] > _FAR_SECONDS:
            began = " and ".join(f"{camera} at {clocks.began[camera]:%Y-%m-%d %H:%M:%S}" for camera in (before, after))
            st.warning(f"**Over 24 hours lie between two clips:** {escape(began)}. Check their dates.")
    if all(max(ends[camera] for camera in order[:place]) <= offsets[order[place]] for place in range(1, len(order))):
        st.warning("**No two clips overlap in time.** If cameras recorded side by side, check dates and times.")


_TIME = re.compile(r"([+-]?)(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d*)?|[.,]\d+)\s*s?")


def parse_seconds(text: str) -> float:
    """Seconds of a typed time; `SettingsError` where the text is no time.

    >>> parse_seconds("83.5"), parse_seconds("1:23,5"), parse_seconds("1:02:03"), parse_seconds("-4 s")
    (83.5, 83.5, 3723.0, -4.0)
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise SettingsError(f"'{text.strip()}' is not a time", "Enter seconds (83.5) or minutes and seconds (1:23.5).")
    sign, hours, minutes, seconds = match.groups()
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", "."))
    return -total if sign == "-" else total


def format_time(seconds: float) -> str:
    """To the millisecond, with minutes where there are any.

    >>> format_time(0), format_time(7.25), format_time(83.5), format_time(3723), format_time(-90)
    ('0', '7.25', '1:23.5', '1:02:03', '-1:30')
    """
    milliseconds = round(abs(seconds) * 1000)
    minutes, below_minute = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{below_minute / 1000:.3f}".rstrip("0").rstrip(".")
    sign = "-" if seconds < 0 and milliseconds else ""
    if not hours and not minutes:
        return sign + tail
    tail = tail if below_minute >= 10_000 else f"0{tail}"
    return f"{sign}{hours}:{minutes:02d}:{tail}" if hours else f"{sign}{minutes}:{tail}"
