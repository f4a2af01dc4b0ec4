"""How the clips' clocks are told from each other: seconds apart, or the time of day at which each began."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.cases import Case
from pages.parts.case import change
from pages.parts.words import count

_APART, _BY_CLOCK = "Seconds apart", "Time of day"


def ask_for_clocks(case: Case) -> bool:
    """The choice for the whole case; whether each clip is asked for the time of day."""
    key = f"clocks {case.key}"
    if key not in st.session_state:
        st.session_state[key] = _BY_CLOCK if any(clip.began for clip in case.clips) else _APART
    st.segmented_control(
        "When the recordings began",
        [_APART, _BY_CLOCK],
        key=key,
        required=True,
        on_change=_changed,
        args=(key,),
        help="The same person can be in two cameras at once only if these are right. Not sure? Leave 0.",
    )
    by_clock: bool = st.session_state[key] == _BY_CLOCK
    told = sum(bool(clip.began) for clip in case.clips)
    if by_clock and 0 < told < len(case.clips):
        st.warning(
            f"Only {told} of {count(len(case.clips), 'clip')} have a time of day. Until all have one, "
            "they count as seconds apart, as set before."
        )
    return by_clock


def _changed(key: str) -> None:
    """Back to seconds: the times of day become the seconds between them, so that nothing of what they said is lost."""

    def how(case: Case) -> Case:
        offsets = case.offsets
        return case.with_clips(replace(c, began="", offset_seconds=offsets[c.camera]) for c in case.clips)

    if st.session_state[key] == _APART:
        change(how, "clocks told as seconds apart")
