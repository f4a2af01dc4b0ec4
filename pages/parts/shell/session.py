"""What one browser session remembers: the only place that reads or writes Streamlit's session state.

Every entry has its key and its type here. Entries hold choices, and words that wait to be shown; results are looked up,
so that they cannot go out of date. An entry of a widget has the widget's key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, Literal, TypeVar

import streamlit as st

from core.base.errors import SightlineError
from core.workspace.cases import CaseClip

T = TypeVar("T")


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One value of the session, by its key."""

    key: str

    @property
    def is_set(self) -> bool:
        return self.key in st.session_state

    def get(self, default: T) -> T:
        value: T = st.session_state.get(self.key, default)
        return value

    def set(self, value: T) -> None:
        st.session_state[self.key] = value

    def set_default(self, value: T) -> T:
        """The stored value; where there is none, `value` is stored."""
        found: T = st.session_state.setdefault(self.key, value)
        return found

    def pop(self, default: T) -> T:
        """Remove and return the value."""
        value: T = st.session_state.pop(self.key, default)
        return value

    def remove(self) -> None:
        st.session_state.pop(self.key, None)


OPEN_CASE = Entry[str]("case")
NOTICE_READ = Entry[bool]("notice read")
CASE_CHOICE = Entry[str]("case chosen")
CASE_MESSAGE = Entry[str]("case said")
GO_TO_FOOTAGE = Entry[bool]("go to footage")
"""Whether the next rerun opens the Footage page: the case of the page that was open has been deleted."""
SWITCH_FAULT = Entry[str]("switch fault")
"""Why a finished run could not be shown, as last announced."""

RUN_REFUSED = Entry[str]("refused")
SETTING_REFUSED = Entry[str]("setting refused")
CLIPS_REFUSED = Entry[list[SightlineError]]("refused clips")
REGION_FILE_REFUSED = Entry[SightlineError | None]("file refused")

FOLDER = Entry[str]("folder")
LAST_FOLDER = Entry[str]("last folder")
"""The last content of the folder field, since Streamlit forgets a field that is not on the page."""
FOLDER_STEP = Entry[str | None]("step")
REMOVED_CLIP = Entry[tuple[str, int, CaseClip | None]]("removed clip")
"""The case's key, the clip's position in the case, and the clip."""
REGION_FILES_OPENED = Entry[int]("files opened")

OUTBOX = Entry[dict[str, Any]]("outbox")
"""What the browser has sent of the user's actions."""
ACTION_CURSOR = Entry[Any]("action cursor")
GALLERY_MOMENT = Entry[Any]("gallery moment")
SIMILARITY_VIEW = Entry[str]("similarity view")


def removal_report(what: str) -> Entry[str]:
    """What went with a person or a clip that was deleted for good, to be shown once."""
    return Entry(f"removal of a {what}")


def camera_choice(case: str) -> Entry[str]:
    return Entry(f"camera {case}")


def region_canvas(case: str) -> Entry[dict[str, Any]]:
    """What the drawing in the browser has sent."""
    return Entry(f"roi {case}")


def drawings_entry(case: str) -> Entry[Any]:
    return Entry(f"drawings {case}")


def region_anchor(clip: CaseClip) -> Entry[Literal["foot", "centre"]]:
    return Entry(f"anchor {clip.camera} {clip.digest}")


def region_file(clip: CaseClip, turn: int) -> Entry[Any]:
    """The file chooser; a new `turn` makes a new, empty chooser."""
    return Entry(f"file {clip.camera} {clip.digest} {turn}")


def region_file_mode(chooser: Entry[Any]) -> Entry[str]:
    return Entry(f"{chooser.key} old")


def clip_field(label: str, case: str, digest: str) -> Entry[str]:
    return Entry(f"{label} {case} {digest}")


def field_refusal(field: Entry[str]) -> Entry[str]:
    """Why the content of a field was not saved."""
    return Entry(f"refused {field.key}")


def clips_part(case: str) -> Entry[int]:
    """The number of the first clip that is drawn, where there are many."""
    return Entry(f"clips part {case}")


def clips_view(case: str) -> Entry[str]:
    """Whether many clips are shown as a table or as cards."""
    return Entry(f"clips view {case}")


def clips_filter(case: str) -> Entry[str]:
    return Entry(f"clips filter {case}")


def clock_choice(case: str) -> Entry[str]:
    return Entry(f"clocks {case}")


def clock_day(case: str) -> Entry[date | None]:
    """The date of times that are typed without one."""
    return Entry(f"clock day {case}")


SAME_MOMENT = Entry[str]("same moment")
"""The digest of the clip whose clock is being set by one moment in two pictures."""


def moment_field(name: str, digest: str) -> Entry[float]:
    """A second of the clip in a field of that dialog: of its slider, or of the number below it."""
    return Entry(f"moment {name} {digest}")


def moment_reference(digest: str) -> Entry[str]:
    """The camera beside whose picture the one of the clip is laid."""
    return Entry(f"moment beside {digest}")


def moment_result(digest: str) -> Entry[str]:
    """What the last press of a button there has changed, or why it was refused."""
    return Entry(f"moment set {digest}")


def time_zone_choice(case: str) -> Entry[str]:
    return Entry(f"time zone {case}")


def plan_setting(name: str, case: str) -> Entry[Any]:
    return Entry(f"{name} of {case}")


def retrack_setting(run: str, name: str) -> Entry[float]:
    return Entry(f"retrack {run} {name}")


def travel_time(case: str, cameras: tuple[str, str]) -> Entry[float | None]:
    return Entry(f"travel {case} {' '.join(cameras)}")


def camera_of_pair(case: str, label: str) -> Entry[str | None]:
    return Entry(f"{label} of {case}")


def positions_switch(case: str) -> Entry[bool]:
    return Entry(f"ignore positions {case}")


def dismissed_decisions(case: str, run: str) -> Entry[tuple[str, ...]]:
    """The messages on unapplied decisions that the user has dismissed."""
    return Entry(f"seen {case} {run}")


def unblur_switch(case: str) -> Entry[bool]:
    return Entry(f"heads {case}")


def unblur_reason(case: str) -> Entry[str]:
    return Entry(f"reason {case}")


def lasting(widget: Entry[T]) -> Entry[T]:
    """A copy of a widget's value, since Streamlit forgets a widget that is not drawn."""
    return Entry(f"kept {widget.key}")


def export_refused(what: str) -> Entry[str]:
    return Entry(f"export refused {what}")
