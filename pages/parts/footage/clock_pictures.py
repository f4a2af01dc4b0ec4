"""Clocks by eye: one moment in two pictures, by which a camera's clock is set, and the clock burnt into a picture.

The dialog shows a picture of the clip beside one of another camera, whose clock is taken to be right. Once both show
the same event, the clip's clock is set so that they are one moment; the fields on the page show what was set.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from core.base.errors import SightlineError
from core.base.text import typed_moment
from core.base.types import Clip
from core.workspace import clip_of, shared_ground_shift
from core.workspace.cases import Case, CaseClip
from core.workspace.media import clock_crops, still_at
from pages.parts.shell.markdown import describe_fault, escape
from pages.parts.shell.open_case import change_case, require_case
from pages.parts.shell.session import SAME_MOMENT, moment_field, moment_reference, moment_result

_DEFAULT_STEP = 0.04
_CROP_PX = 650
"""What fits into a popover."""
_WORTH_SECONDS = 0.05
"""A proposal that would change less is not made."""


def offer_clock_pictures(case: Case, clip: CaseClip, video: Clip, start_field: Callable[[], None] | None) -> None:
    """The clock in the clip's own picture, above the field for its start time, and the button for one moment in two
    pictures. Without a `start_field`, clips start at offsets and not at times of day."""
    with st.container(horizontal=True):
        if start_field:
            _show_burnt_in_clock(case, clip, video, start_field)
        _offer_same_moment(case, clip, by_clock=start_field is not None)


def _show_burnt_in_clock(case: Case, clip: CaseClip, video: Clip, start_field: Callable[[], None]) -> None:
    """The edges of the first picture, enlarged. They are read once the user opens them."""
    drawer = st.popover(
        "Clock in the picture",
        type="tertiary",
        icon=":material/timer:",
        key=f"burnt-in clock {case.key} {clip.digest}",
        on_change="rerun",
    )
    if not drawer.open:
        return
    with drawer:
        st.markdown(f"**First picture of {escape(clip.camera)}.** If a clock is burnt in, type the time that it shows.")
        start_field()
        try:
            for place, crop in _clock_crops(clip.digest, video).items():
                st.image(crop, width=_CROP_PX, alt=f"{place} of the first picture of {clip.camera}")
        except SightlineError as fault:
            st.error(describe_fault(fault), icon=":material/error:")


@st.cache_data(max_entries=50, show_spinner=False)
def _clock_crops(digest: str, _video: Clip) -> dict[str, bytes]:
    """Cached by the content of the clip."""
    return clock_crops(_video)


def _offer_same_moment(case: Case, clip: CaseClip, by_clock: bool) -> None:
    """The button that opens the dialog, once there is a camera whose clock can be trusted."""
    if len(case.clips) < 2:
        return
    trusted = _references(case, clip)
    st.button(
        "Set by one moment in two pictures",
        key=f"same moment {case.key} {clip.digest}",
        type="tertiary",
        icon=":material/compare:",
        disabled=not trusted or (by_clock and not any(case.clip(camera).began for camera in trusted)),
        help="Find one event in this camera and in one whose clock is right. Give that one its start time first.",
        on_click=SAME_MOMENT.set,
        args=(clip.digest,),
    )


def _references(case: Case, clip: CaseClip) -> list[str]:
    """The cameras by which the clip's clock can be set: those with a time of day, or all others if none has one."""
    others = [candidate for candidate in case.clips if candidate.digest != clip.digest]
    timed = [candidate.camera for candidate in others if candidate.began]
    return timed or [candidate.camera for candidate in others]


def show_same_moment(case: Case) -> None:
    """Draw the dialog, where it is open."""
    clip = next((clip for clip in case.clips if clip.digest == SAME_MOMENT.get("")), None)
    if clip is None or not _references(case, clip):
        return
    title = f"{escape(clip.camera)}: one moment in two pictures"
    st.dialog(title, width="large", on_dismiss=_close)(_dialog)(clip.digest)


def _close() -> None:
    moment_result(SAME_MOMENT.pop("")).remove()


def _dialog(digest: str) -> None:
    case = require_case()
    clip = next((clip for clip in case.clips if clip.digest == digest), None)
    if clip is None:
        return
    st.markdown(
        "Find one event in both pictures, such as a foot that touches the ground, and press **Same moment**. "
        "The clock of the right-hand camera is taken to be right."
    )
    left, right = st.columns(2)
    with right:
        reference = st.selectbox(
            "Camera whose clock is right", _references(case, clip), key=moment_reference(digest).key
        )
    with left:
        st.text_input("Camera to set", clip.camera, disabled=True, key=f"moment camera {digest}")
        _picture(case, clip, digest)
    with right:
        _picture(case, case.clip(reference), f"{digest} {case.clip(reference).digest}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Same moment", type="primary", icon=":material/check:", on_click=_set_same_moment, args=(digest,))
        st.markdown(escape(moment_result(digest).get("")))
    _propose_shared_ground(case, clip, reference)


def _picture(case: Case, clip: CaseClip, field: str) -> None:
    """A picture of the clip, at the second that a slider or a number says."""
    try:
        video = clip_of(clip.path)
        end, step = _last_second(video), 1 / video.fps if video.fps else _DEFAULT_STEP
        slider, number = moment_field("slider", field), moment_field("number", field)
        slider.set_default(0.0)
        number.set_default(0.0)
        st.slider(
            f"Moment of {escape(clip.camera)}",
            0.0,
            max(end, step),
            step=step,
            format="%.2f s",
            key=slider.key,
            on_change=lambda: number.set(slider.get(0.0)),
        )
        seconds = _frame_second(video, number.get(0.0))
        st.image(str(still_at(video, seconds)), width="stretch", alt=f"{clip.camera} at {seconds:.2f} s")
        st.number_input(
            f"Second of {escape(clip.camera)} (a step is one frame)",
            0.0,
            max(end, step),
            step=step,
            format="%.3f",
            key=number.key,
            on_change=lambda: slider.set(number.get(0.0)),
        )
    except SightlineError as fault:
        st.error(describe_fault(fault), icon=":material/error:")
        return
    time = case.known_clocks.format(clip.camera, seconds, tenths=True)
    st.caption(f"{escape(time)}, {seconds:.2f} s of the clip" if time else f"{seconds:.2f} s of the clip")


def _last_second(video: Clip) -> float:
    return float(video.times[-1]) if len(video.times) else video.duration_seconds


def _frame_second(video: Clip, seconds: float) -> float:
    """The time of the frame that is shown at a second: the two pictures are set equal, not the two fields."""
    frame = int(np.searchsorted(video.times, seconds + 1e-6, side="right")) - 1
    return float(video.times[max(0, frame)])


def _set_same_moment(digest: str) -> None:
    case = require_case()
    clip = next(clip for clip in case.clips if clip.digest == digest)
    reference = case.clip(moment_reference(digest).get(""))
    pairs = (clip, digest), (reference, f"{digest} {reference.digest}")
    try:
        seconds = [_frame_second(clip_of(c.path), moment_field("number", field).get(0.0)) for c, field in pairs]
    except SightlineError as fault:
        moment_result(digest).set(f":red[:material/error: {fault} Not saved.]")
        return
    at, reference_at = seconds
    _save(
        clip,
        lambda case: case.with_same_moment(clip.camera, at, reference.camera, reference_at),
        f"{clip.camera} at {at:.2f} s is {reference.camera} at {reference_at:.2f} s",
    )


def _save(clip: CaseClip, edit: Callable[[Case], Case], log_entry: str) -> None:
    """Set the clock of the clip, and say by how much that changed it."""
    try:
        after = change_case(edit, log_entry).clip(clip.camera)
    except (SightlineError, OSError) as fault:
        moment_result(clip.digest).set(f":red[:material/error: {fault} Not saved.]")
        return
    moment_result(clip.digest).set(f":green[:material/check:] {describe_change(clip, after)}")


def describe_change(before: CaseClip, after: CaseClip) -> str:
    """What setting the clock has changed.

    >>> gate = CaseClip("gate", "gate.mp4", "d", offset_seconds=2)
    >>> describe_change(gate, CaseClip("gate", "gate.mp4", "d", offset_seconds=3.25))
    'Start offset 3.25 s, changed by +1.25 s.'
    """
    if before.began != after.began:
        return f"Started at {typed_moment(after.began)}."
    by_clock = after.began and before.offset_seconds == after.offset_seconds
    name, field = ("Clock ahead by", "clock_ahead_seconds") if by_clock else ("Start offset", "offset_seconds")
    seconds, previous = getattr(after, field), getattr(before, field)
    return f"{name} {seconds:.12g} s, changed by {round(seconds - previous, 3):+.12g} s."


def _propose_shared_ground(case: Case, clip: CaseClip, reference: str) -> None:
    """What the run of the case has found of the two clocks, if it did."""
    shift = shared_ground_shift(case, clip.camera, reference)
    if shift is None or abs(shift) < _WORTH_SECONDS:
        return
    direction = "later" if shift > 0 else "earlier"
    st.caption(
        f"**Estimated from shared ground:** {escape(clip.camera)} begins {abs(shift):.1f} s {direction}, "
        "by the people whom both cameras saw."
    )

    def use() -> None:
        log_entry = (
            f"{clip.camera} begins {abs(shift):.1f} s {direction}, estimated from shared ground with {reference}"
        )
        _save(clip, lambda case: case.with_later_start(clip.camera, shift), log_entry)

    st.button("Use the estimate", key=f"ground {clip.digest}", on_click=use)
