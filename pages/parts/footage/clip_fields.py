"""The fields of a clip: camera name, start time, the part that is analysed; and times as people type them.

A field is checked when the user leaves it; its value is then saved in the case, or rejected with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.base.errors import SettingsError, SightlineError
from core.base.text import format_count
from core.base.types import Clip
from core.workspace.cases import Case, CaseClip
from pages.parts.shell.open_case import change_case, require_case, saving
from pages.parts.shell.session import Entry, clip_field, clock_choice, field_refusal

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
            hint = "Date and time of the first frame, such as 2026-05-31 14:05:00. Used once every clip has one."
            _text_field(
                case, clip, "Started at", clip.began.replace("T", " "), set_start_time, hint, "2026-05-31 14:05:00"
            )
        else:
            hint = "How much later this clip starts than the others, for example 90, 1:30 or -4.5."
            _text_field(case, clip, "Start offset (s)", format_time(clip.offset_seconds), set_offset, hint, "0")
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


def set_start_time(clip: CaseClip, text: str) -> CaseClip:
    return replace(clip, began=parse_date_time(text))


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
        st.markdown(f":red[:material/error: {reason} Not saved.]")


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
    start = "Started at" if by_clock else "Start offset (s)"
    count = format_count(len(videos), "clip", "clips")
    with (
        st.expander(f"Change all {count} shown", icon=":material/edit:", key=f"change all {case.key}"),
        st.form(f"all {case.key}", border=False, clear_on_submit=True),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        label = st.selectbox("Field", [start, "From", "To"], width=200)
        text = st.text_input("Value for all", width=260)
        if not st.form_submit_button("Apply to all", disabled=not videos):
            return
    try:
        change_case(
            lambda current: _edit_clips(current, videos, label, text), f"{count}: {label.lower()} {text or '-'}"
        )
    except SightlineError as fault:
        message = str(fault)
        st.error(f"{message[:1].upper()}{message[1:]} Nothing was changed.", icon=":material/error:")
        return
    for clip in case.clips:
        field_refusal(clip_field(label, case.key, clip.digest)).remove()
    st.rerun()


def _edit_clips(case: Case, videos: Mapping[str, Clip], label: str, text: str) -> Case:
    for clip in [clip for clip in case.clips if clip.camera in videos]:
        edit = _edit_of(label, videos[clip.camera].duration_seconds)
        try:
            case = case.with_clip(clip.camera, edit(clip, text))
        except SettingsError as fault:
            raise SettingsError(f"{clip.camera}: {fault.message}", fault.remedy) from fault
    return case


def _edit_of(label: str, end: float) -> Edit:
    """What the field with this label changes in a clip that ends at `end`."""
    if label == "From":
        return lambda clip, text: set_start(clip, text, end)
    if label == "To":
        return lambda clip, text: set_end(clip, text, end)
    return set_start_time if label == "Started at" else set_offset


_OFFSETS, _TIME_OF_DAY = "Start offsets", "Time of day"


def choose_clocks(case: Case) -> bool:
    """How the start times of all clips are entered; returns whether as times of day."""
    choice = clock_choice(case.key)
    if not choice.is_set:
        choice.set(_TIME_OF_DAY if any(clip.began for clip in case.clips) else _OFFSETS)
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
    timed = sum(bool(clip.began) for clip in case.clips)
    if by_clock and 0 < timed < len(case.clips):
        st.warning(
            f"Only {timed} of {format_count(len(case.clips), 'clip', 'clips')} have a time of day. Until all have one, "
            "the start offsets are used."
        )
    return by_clock


@saving("The choice of start times")
def _save_clock_choice(choice: Entry[str]) -> None:
    """On the way back to offsets, times of day become the seconds between them, so that no information is lost."""

    def edit(case: Case) -> Case:
        offsets = case.offsets
        return case.with_clips(replace(clip, began="", offset_seconds=offsets[clip.camera]) for clip in case.clips)

    if choice.get(_OFFSETS) == _OFFSETS:
        change_case(edit, "start times of day replaced by start offsets")


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


def parse_date_time(text: str) -> str:
    """A date and time as ISO text; empty for empty text. All clocks are local time, so time zones are refused.

    >>> parse_date_time("2026-05-31 14:05:00"), parse_date_time(" ")
    ('2026-05-31T14:05:00', '')
    """
    if not text.strip():
        return ""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as fault:
        raise SettingsError(f"'{text.strip()}' is not a date and time", "Enter it like 2026-05-31 14:05:00.") from fault
    if moment.tzinfo is not None:
        raise SettingsError(
            f"'{text.strip()}' names a time zone", "Enter local time without a zone: 2026-05-31 14:05:00."
        )
    return moment.isoformat()
