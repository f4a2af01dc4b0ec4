"""The gallery: what the browser needs to draw it, and the user's actions that it sends back.

The browser numbers its actions and repeats them until Python acknowledges them; each is carried out once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.http import crop_address, levels_address, people_address
from core.review import (
    Review,
    ReviewSession,
    confirm,
    different,
    merge,
    name,
    note,
    reject,
    same,
    split,
    unsure,
)
from core.runs import TrackKey
from core.workspace import ANOTHER_RUN, Refused, Saved, act, redo, set_threshold, undo
from core.workspace.cases import Case
from pages.parts.gallery.moment import request_moment
from pages.parts.shell.session import GALLERY, GALLERY_CURSOR
from pages.parts.shell.web_modules import screen_component

_MAX_FAULTS = 50
_VALID_FOR_ANY_RUN = ("level", "undo", "redo")


@dataclass
class ActionCursor:
    """The last action processed of a page in the browser; which actions failed and why, and which changed nothing."""

    page: str = ""
    number: int = 0
    faults: dict[int, Refused] = field(default_factory=dict)
    idle: set[int] = field(default_factory=set)

    def receipt(self) -> dict[str, Any]:
        """For the browser, which then drops the actions that were processed."""
        failures = [_failure(number, refused) for number, refused in self.faults.items()]
        return {"page": self.page, "number": self.number, "failures": failures[-_MAX_FAULTS:]}


def _failure(number: int, refused: Refused) -> dict[str, Any]:
    """Why an action was refused, with the moment that shows it, if there is one."""
    failure = {"number": number, "message": refused.reason}
    if refused.moment is None:
        return failure
    camera, track, seconds = refused.moment
    return {**failure, "moment": {"sighting": [camera, track], "seconds": seconds}}


def process_actions(case: Case) -> ActionCursor:
    """Carry out the actions that are new since the last call."""
    message = GALLERY.get({}).get("outbox") or {"page": "", "actions": []}
    cursor: ActionCursor = GALLERY_CURSOR.set_default(ActionCursor())
    if cursor.page != message["page"]:
        cursor = ActionCursor(message["page"])
        GALLERY_CURSOR.set(cursor)
    for action in message["actions"]:
        if action["number"] > cursor.number:
            cursor.number = action["number"]
            result = _process(case, action, cursor)
            if isinstance(result, Refused):
                cursor.faults[action["number"]] = result
    return cursor


def _process(case: Case, action: Mapping[str, Any], cursor: ActionCursor) -> Saved | Refused:
    """Carry out an action."""
    if rejected := _rejection(case, action):
        cursor.idle.add(action["number"])
        return rejected
    match action["command"]:
        case "level":
            set_threshold(case, action["level"])
            return Saved(changed=True)
        case "watch":
            request_moment(_sighting(action["sighting"]), action["seconds"])
            return Saved(changed=False)
        case "undo":
            return Saved(changed=False) if action.get("of") in cursor.idle else undo(case)
        case "redo":
            return redo(case)
    result = act(case, lambda session: _ACTION_HANDLERS[action["command"]](session, action))
    if isinstance(result, Refused) or not result.changed:
        cursor.idle.add(action["number"])
    return result


def _rejection(case: Case, action: Mapping[str, Any]) -> Refused | None:
    """Why the action does not belong to the open case and its run, if it does not."""
    if action.get("case", case.key) != case.key:
        return Refused("Another case is open now. Repeat the action there.")
    if action["command"] not in _VALID_FOR_ANY_RUN and action.get("run", case.run) != case.run:
        return Refused(ANOTHER_RUN)
    return None


def _sighting(value: Any) -> TrackKey:
    camera, track = value
    return TrackKey(str(camera), int(track))


def _person(session: ReviewSession, sighting: Any) -> int:
    """The person's current number, found by the first sighting: numbers may have changed since the browser sent it."""
    return int(session.people.person[session.row(*_sighting(sighting))])


_ACTION_HANDLERS: Mapping[str, Callable[[ReviewSession, Mapping[str, Any]], Review]] = {
    "confirm": lambda session, action: confirm(session, _person(session, action["person"])),
    "reject": lambda session, action: reject(session, *_sighting(action["sighting"])),
    "merge": lambda session, action: merge(session, [_person(session, entry) for entry in action["people"]]),
    "split": lambda session, action: split(session, [_sighting(entry) for entry in action["sightings"]]),
    "name": lambda session, action: name(session, _person(session, action["person"]), str(action["text"])),
    "note": lambda session, action: note(session, _person(session, action["person"]), str(action["text"])),
    "same": lambda session, action: same(session, _sighting(action["a"]), _sighting(action["b"])),
    "different": lambda session, action: different(session, _sighting(action["a"]), _sighting(action["b"])),
    "unsure": lambda session, action: unsure(session, _sighting(action["a"]), _sighting(action["b"])),
}


def gallery(case: Case, session: ReviewSession, cursor: ActionCursor) -> None:
    applied, undone = session.review.done, session.review.undone
    data = {
        "case": case.key,
        "people": people_address(case),
        "levels": levels_address(case),
        "crops": crop_address(case.run),
        "threshold": case.threshold,
        "reviewed": bool(applied),
        "undo": applied[-1].description if applied else "",
        "redo": undone[-1].description if undone else "",
        "receipt": cursor.receipt(),
    }
    # Without a callback Streamlit would not store the browser's messages.
    _component()(key=GALLERY.key, data=data, on_outbox_change=lambda: None, height="content")


@functools.cache
def _component() -> Callable[..., Any]:
    html = '<div class="gallery">\n</div>'
    return screen_component("sightline_gallery", html, "gallery/gallery.js", "gallery/gallery.css")
