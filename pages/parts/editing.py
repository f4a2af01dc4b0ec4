"""What the user may change of a clip: a field is checked when it is left, and is in the case at once or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from core.cases import Case, CaseClip
from core.errors import SettingsError, SightlineError
from core.types import Clip
from pages.parts.case import change, the_case
from pages.parts.session import Entry, clip_field, field_refusal
from pages.parts.times import as_text, moment_of, seconds_of

Edit = Callable[[CaseClip, str], CaseClip]
_SLACK_SECONDS = 0.5


def fields(case: Case, clip: CaseClip, about: Clip, by_clock: bool) -> None:
    """Name, clock and range of one camera; `by_clock` asks when it began instead of how much later."""
    end = about.duration_seconds
    left, right = st.columns(2)
    with left:
        hint = "Letters, digits, - and _. Used in results and file names."
        _field(case, clip, "Camera", clip.camera, renamed, hint)
    with right:
        if by_clock:
            hint = "Date and time of the first frame, such as 2026-05-31 14:05:00. Used once every clip has one."
            _field(case, clip, "Started at", clip.began.replace("T", " "), began, hint, "2026-05-31 14:05:00")
        else:
            hint = "How much later this clip starts than the others, for example 90, 1:30 or -4.5."
            _field(case, clip, "Start offset (s)", as_text(clip.offset_seconds), offset, hint, "0")
    left, right = st.columns(2)  # a row of its own: what is said of one field moves no other
    with left:
        hint = "Only this part of the clip is analysed. Seconds, or 1:23.5."
        _field(case, clip, "From", as_text(clip.start_seconds), lambda one, text: starts(one, text, end), hint, "0")
    with right:
        until = "" if clip.end_seconds is None else as_text(clip.end_seconds)
        last = f"{as_text(round(end, 1))} (end)"
        _field(
            case,
            clip,
            "To",
            until,
            lambda one, text: ends(one, text, end),
            "Leave empty for the end of the clip.",
            last,
        )


def renamed(clip: CaseClip, text: str) -> CaseClip:
    if not text.strip():
        raise SettingsError("a camera needs a name", "Use letters, digits, - and _.")
    return replace(clip, camera=text.strip())


def offset(clip: CaseClip, text: str) -> CaseClip:
    return replace(clip, offset_seconds=seconds_of(text or "0"))


def began(clip: CaseClip, text: str) -> CaseClip:
    return replace(clip, began=moment_of(text))


def starts(clip: CaseClip, text: str, end: float) -> CaseClip:
    seconds = seconds_of(text or "0")
    if seconds >= end:
        raise SettingsError(f"the clip ends at {as_text(round(end, 1))}", "Enter an earlier time.")
    return replace(clip, start_seconds=seconds)


def ends(clip: CaseClip, text: str, end: float) -> CaseClip:
    if not text.strip():
        return replace(clip, end_seconds=None)
    seconds = seconds_of(text)
    if seconds > end + _SLACK_SECONDS:
        raise SettingsError(
            f"the clip ends at {as_text(round(end, 1))}", "Enter an earlier time, or leave the field empty."
        )
    return replace(clip, end_seconds=seconds)


def _field(case: Case, clip: CaseClip, label: str, value: str, edit: Edit, hint: str, empty: str = "") -> None:
    """A line of text. What is refused stays there with the reason; anything else shows what the case says."""
    field = clip_field(label, case.key, clip.digest)
    refusal = field_refusal(field)
    if not field.is_set:
        refusal.remove()
    refused = refusal.get("")
    if not refused:
        field.set(value)
    given = field, clip.digest, label, edit
    st.text_input(label, key=field.key, on_change=_edited, args=given, help=hint, placeholder=empty)
    if refused:
        st.markdown(f":red[:material/error: {refused} Not saved.]")


def _edited(field: Entry[str], digest: str, label: str, edit: Edit) -> None:
    text = field.get("")

    def how(case: Case) -> Case:
        old = next((clip for clip in case.clips if clip.digest == digest), None)
        return case if old is None else case.with_clip(old.camera, edit(old, text))

    camera = next((clip.camera for clip in the_case().clips if clip.digest == digest), "")
    try:
        change(how, f"{camera}: {label.lower()} {text.strip() or '-'}")
        field_refusal(field).remove()
    except SightlineError as fault:
        words = str(fault)
        field_refusal(field).set(words[:1].upper() + words[1:])
