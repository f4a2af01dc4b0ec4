"""What the user may change of a clip: a field is checked when it is left, and is in the case at once or not at all.

How the clips' clocks are told from each other: seconds apart, or the time of day at which each began."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from core.base.errors import SettingsError, SightlineError
from core.base.types import Clip
from core.workspace.cases import Case, CaseClip
from pages.parts.shell.format import as_text, count, moment_of, seconds_of
from pages.parts.shell.open_case import change, the_case
from pages.parts.shell.session import Entry, clip_field, clock_choice, field_refusal

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


_APART, _BY_CLOCK = "Start offsets", "Time of day"


def ask_for_clocks(case: Case) -> bool:
    """The choice for the whole case; whether each clip is asked for the time of day."""
    choice = clock_choice(case.key)
    if not choice.is_set:
        choice.set(_BY_CLOCK if any(clip.began for clip in case.clips) else _APART)
    st.segmented_control(
        "Recording start times",
        [_APART, _BY_CLOCK],
        key=choice.key,
        required=True,
        on_change=_changed,
        args=(choice,),
        help="Used to rule out that one person is in two places at once. If you do not know them, leave 0.",
    )
    by_clock: bool = choice.get(_APART) == _BY_CLOCK
    told = sum(bool(clip.began) for clip in case.clips)
    if by_clock and 0 < told < len(case.clips):
        st.warning(
            f"Only {told} of {count(len(case.clips), 'clip')} have a time of day. Until all have one, "
            "the start offsets are used."
        )
    return by_clock


def _changed(choice: Entry[str]) -> None:
    """Back to seconds: the times of day become the seconds between them, so that nothing of what they said is lost."""

    def how(case: Case) -> Case:
        offsets = case.offsets
        return case.with_clips(replace(c, began="", offset_seconds=offsets[c.camera]) for c in case.clips)

    if choice.get(_APART) == _APART:
        change(how, "clocks told as seconds apart")
