"""The gallery: what the browser needs to draw it, and the user's actions that it sends back.

The browser numbers its actions and repeats them until Python acknowledges them; each is carried out once, even where a
reload or a restart of the server comes between, for each has an id that is saved with what it changed.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.base.errors import SightlineError
from core.base.text import person_name
from core.http import (
    crop_address,
    levels_address,
    lookalikes_address,
    people_address,
    state_address,
    state_of,
)
from core.review import (
    Review,
    ReviewSession,
    confirm,
    different,
    mark_person,
    mark_thing,
    merge,
    name,
    note,
    reject,
    same,
    split,
    unsure,
)
from core.runs import TrackKey
from core.workspace import (
    ANOTHER_RUN,
    Refused,
    Saved,
    act,
    clocks_of,
    erase_person,
    plan_person,
    redo,
    services,
    set_threshold,
    undo,
    was_carried_out,
)
from core.workspace.cases import Case
from pages.parts.gallery.moment import is_playing, request_moment
from pages.parts.shell.open_case import open_case, removal_panel
from pages.parts.shell.session import ACTION_CURSOR, OUTBOX
from pages.parts.shell.web_modules import screen_component

_MAX_FAULTS = 50
_VALID_FOR_ANY_RUN = ("set_threshold", "undo", "redo")


@dataclass
class ActionCursor:
    """The last action processed of a page in the browser; and which actions failed and why.

    `session` is of this session's own: where it changes, the browser sends again what it does not know to be processed.
    """

    page: str = ""
    number: int = 0
    faults: dict[int, Refused] = field(default_factory=dict)
    session: str = field(default_factory=lambda: secrets.token_hex(8))

    def receipt(self) -> dict[str, Any]:
        """For the browser, which then drops the actions that were processed."""
        failures = [_failure(number, refused) for number, refused in self.faults.items()]
        receipt = {"page": self.page, "number": self.number, "session": self.session}
        return {**receipt, "failures": failures[-_MAX_FAULTS:]}


def _failure(number: int, refused: Refused) -> dict[str, Any]:
    """Why an action was refused, with the moment that shows it, if there is one."""
    failure = {"number": number, "message": refused.reason}
    if refused.moment is None:
        return failure
    camera, track, seconds = refused.moment
    return {**failure, "moment": {"sighting": [camera, track], "seconds": seconds}}


def deliver_actions() -> None:
    """Carry out what the browser has sent, whatever page is open, and draw the notice of what is not saved yet.

    The frame calls this before a case switches to a finished run: the actions are about the run that was shown.
    """
    receipt, case = process_actions().receipt(), open_case()
    data: dict[str, Any] = {"receipt": receipt, "cases": services().cases.keys()}
    if case is not None:
        data |= {"state": state_of(case), "watch": state_address(case)}
    # Without a callback Streamlit would not store the browser's messages.
    messages = {"on_outbox_change": lambda: None, "on_seen_change": lambda: None}
    _outbox_component()(key=OUTBOX.key, data=data, height="content", **messages)


def process_actions() -> ActionCursor:
    """Carry out the actions that are new since the last call, each on the case that it names."""
    message = OUTBOX.get({}).get("outbox") or {"page": "", "actions": []}
    cursor: ActionCursor = ACTION_CURSOR.set_default(ActionCursor())
    if cursor.page != message["page"]:
        cursor = ActionCursor(message["page"], session=cursor.session)
        ACTION_CURSOR.set(cursor)
    for action in message["actions"]:
        if action["number"] > cursor.number:
            result = _process(action)
            if isinstance(result, Refused):
                cursor.faults[action["number"]] = result
            cursor.number = action["number"]
    return cursor


def _process(action: Mapping[str, Any]) -> Saved | Refused:
    """Carry out an action; whatever is wrong with it or with the disk, the browser is told that it was not saved."""
    try:
        case = services().cases.load(str(action["case"]))
        return _rejection(case, action) or _carry_out(case, action)
    except SightlineError as fault:
        return Refused(str(fault))
    except (OSError, LookupError, TypeError, ValueError) as fault:
        return Refused(f"This cannot be carried out ({fault}). Reload the page, then repeat the action.")


def _carry_out(case: Case, action: Mapping[str, Any]) -> Saved | Refused:
    action_id = str(action["id"])
    match action["command"]:
        case "set_threshold":
            set_threshold(case, action["threshold"])
            return Saved(changed=True)
        case "show_moment":
            # Not where the user has gone on to another case.
            if (shown := open_case()) and shown.key == case.key:
                request_moment(_sighting(action["sighting"]), action["seconds"])
            return Saved(changed=False)
        case "undo":
            return undo(case, action_id, str(action.get("of", "")))
        case "redo":
            return redo(case, action_id)
    handler = _ACTION_HANDLERS[action["command"]]
    return act(case, lambda session: handler(session, action), action_id)


def _rejection(case: Case, action: Mapping[str, Any]) -> Refused | None:
    """Why the action does not fit the run that the case shows, if it does not and was not carried out before."""
    if action["command"] in _VALID_FOR_ANY_RUN or action["run"] == case.run:
        return None
    return None if was_carried_out(case, str(action["id"])) else Refused(ANOTHER_RUN)


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
    "mark_person": lambda session, action: mark_person(session, _person(session, action["person"])),
    "mark_thing": lambda session, action: mark_thing(session, _person(session, action["person"])),
    "unsure": lambda session, action: unsure(session, _sighting(action["a"]), _sighting(action["b"])),
}


def gallery(case: Case, session: ReviewSession) -> None:
    cursor: ActionCursor = ACTION_CURSOR.get(ActionCursor())
    applied, undone = session.review.done, session.review.undone
    data = {
        "case": case.key,
        "people": people_address(case),
        "levels": levels_address(case),
        "lookalikes": lookalikes_address(case),
        "crops": crop_address(case.run),
        "clocks": clocks_of(case, session.out).for_browser(),
        "threshold": case.threshold,
        "reviewed": bool(applied),
        "undo": applied[-1].description if applied else "",
        "redo": undone[-1].description if undone else "",
        "playing": is_playing(),
        "receipt": cursor.receipt(),
    }
    _component()(key="gallery", data=data, height="content")


def delete_person_panel(case: Case, session: ReviewSession) -> None:
    """Below the gallery: a person deleted for good."""
    names = session.labels.names
    numbers = {person_name(number): number for number in sorted(set(session.people.person.tolist()))}
    removal_panel(
        "person",
        {name: f"{name} {names.get(number, '')}".strip() for name, number in numbers.items()},
        lambda name: plan_person(services(), case, numbers[name]),
        lambda name: erase_person(services(), case, numbers[name]),
    )


@functools.cache
def _component() -> Callable[..., Any]:
    html = '<div class="gallery">\n</div>'
    return screen_component("sightline_gallery", html, "gallery/gallery.js", "gallery/gallery.css")


@functools.cache
def _outbox_component() -> Callable[..., Any]:
    return screen_component("sightline_outbox", '<div class="outbox"></div>', "shell/delivery.js", "shell/delivery.css")
