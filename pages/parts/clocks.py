"""How the clips' clocks are told from each other: seconds apart, or the time of day at which each began."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.cases import Case
from pages.parts.case import change
from pages.parts.session import Entry, clock_choice
from pages.parts.words import count

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
