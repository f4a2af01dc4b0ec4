"""What the user may change of a clip: a field is checked when it is left, and is in the case at once or not at all.

How the clips' clocks are told from each other: seconds apart, or the time of day at which each began."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from core.base.errors import SettingsError, SightlineError
from core.base.types import Clip
from core.workspace.cases import Case, CaseClip
from pages.parts.shell.format import format_time, count, parse_moment, parse_seconds
from pages.parts.shell.open_case import change_case, require_case
from pages.parts.shell.session import Entry, clip_field, clock_choice, field_refusal

Edit = Callable[[CaseClip, str], CaseClip]
_SLACK_SECONDS = 0.5


def clip_fields(case: Case, clip: CaseClip, video: Clip, by_clock: bool) -> None:
    """Name, clock and range of one camera; `by_clock` asks when it began instead of how much later."""
    end = video.duration_seconds
    left, right = st.columns(2)
    with left:
        hint = "Letters, digits, - and _. Used in results and file names."
        _text_field(case, clip, "Camera", clip.camera, set_name, hint)
    with right:
        if by_clock:
            hint = "Date and time of the first frame, such as 2026-05-31 14:05:00. Used once every clip has one."
            _text_field(case, clip, "Started at", clip.began.replace("T", " "), set_start_time, hint, "2026-05-31 14:05:00")
        else:
            hint = "How much later this clip starts than the others, for example 90, 1:30 or -4.5."
            _text_field(case, clip, "Start offset (s)", format_time(clip.offset_seconds), set_offset, hint, "0")
    left, right = st.columns(2)  # a row of its own: what is said of one field moves no other
    with left:
        hint = "Only this part of the clip is analysed. Seconds, or 1:23.5."
        _text_field(case, clip, "From", format_time(clip.start_seconds), lambda clip, text: set_start(clip, text, end), hint, "0")
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
    return replace(clip, began=parse_moment(text))


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


def _text_field(case: Case, clip: CaseClip, label: str, value: str, edit: Edit, hint: str, placeholder: str = "") -> None:
    """A line of text. What is refused stays there with the reason; anything else shows what the case says."""
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

    def edit(case: Case) -> Case:
        current = next((clip for clip in case.clips if clip.digest == digest), None)
        return case if current is None else case.with_clip(current.camera, edit(current, text))

    camera = next((clip.camera for clip in require_case().clips if clip.digest == digest), "")
    try:
        change_case(edit, f"{camera}: {label.lower()} {text.strip() or '-'}")
        field_refusal(field).remove()
    except SightlineError as fault:
        message = str(fault)
        field_refusal(field).set(message[:1].upper() + message[1:])


_OFFSETS, _TIME_OF_DAY = "Start offsets", "Time of day"


def choose_clocks(case: Case) -> bool:
    """The choice for the whole case; whether each clip is asked for the time of day."""
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
            f"Only {timed} of {count(len(case.clips), 'clip')} have a time of day. Until all have one, "
            "the start offsets are used."
        )
    return by_clock


def _save_clock_choice(choice: Entry[str]) -> None:
    """Back to seconds: the times of day become the seconds between them, so that nothing of what they said is lost."""

    def edit(case: Case) -> Case:
        offsets = case.offsets
        return case.with_clips(replace(clip, began="", offset_seconds=offsets[clip.camera]) for clip in case.clips)

    if choice.get(_OFFSETS) == _OFFSETS:
        change_case(edit, "clocks told as seconds apart")
