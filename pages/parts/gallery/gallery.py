"""What the gallery says, done once each: numbered by the browser, which says everything again until it was heard.

The gallery, drawn by the browser from routes: where they are, and what Python knows that the routes do not."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.http import crop_address, levels_address, people_address
from core.review import Desk, Review, Sight, confirm, different, merge, name, note, reject, same, split, unsure
from core.workspace import ANOTHER_RUN, act, redo, services, undo
from core.workspace.cases import Case
from pages.parts.gallery.moment import look_at_moment
from pages.parts.shell.format import PALETTE
from pages.parts.shell.session import GALLERY, GALLERY_ACTIONS
from pages.parts.shell.web_modules import screen_component

_KEPT = 50
_OF_ANY_RUN = ("level", "undo", "redo")


@dataclass
class Heard:
    """Up to which number a page in the browser was heard, what was refused, and what of it left nothing to undo."""

    page: str = ""
    number: int = 0
    faults: dict[int, str] = field(default_factory=dict)
    idle: set[int] = field(default_factory=set)

    def plain(self) -> dict[str, Any]:
        faults = [{"n": number, "words": words} for number, words in self.faults.items()]
        return {"page": self.page, "n": self.number, "faults": faults[-_KEPT:]}


def hear(case: Case) -> Heard:
    """Do what the browser has said since it was heard last."""
    said = GALLERY.get({}).get("said") or {"page": "", "acts": []}
    heard: Heard = GALLERY_ACTIONS.set_default(Heard())
    if heard.page != said["page"]:
        heard = Heard(said["page"])
        GALLERY_ACTIONS.set(heard)
    for deed in said["acts"]:
        if deed["n"] > heard.number:
            heard.number = deed["n"]
            fault = _done(case, deed, heard)
            if fault:
                heard.faults[deed["n"]] = fault
    return heard


def _done(case: Case, deed: Mapping[str, Any], heard: Heard) -> str:
    """Why it could not be done; empty where it was."""
    if overtaken := _overtaken(case, deed):
        heard.idle.add(deed["n"])
        return overtaken
    match deed["do"]:
        case "level":
            _keep_level(case, deed["level"])
            return ""
        case "watch":
            look_at_moment(_sight(deed["sighting"]), deed["seconds"])
            return ""
        case "undo":
            return "" if deed.get("of") in heard.idle else undo(case)
        case "redo":
            return redo(case)
    return _act(case, deed, heard)


def _overtaken(case: Case, deed: Mapping[str, Any]) -> str:
    """Why it cannot be meant for the case and the run that are shown now; empty where it is."""
    if deed.get("case", case.key) != case.key:
        return "Another case is open now. Repeat the action there."
    if deed["do"] not in _OF_ANY_RUN and deed.get("run", case.run) != case.run:
        return ANOTHER_RUN
    return ""


def _act(case: Case, deed: Mapping[str, Any], heard: Heard) -> str:
    def how(desk: Desk) -> Review:
        review = _DEEDS[deed["do"]](desk, deed)
        if review is desk.review:
            heard.idle.add(deed["n"])
        return review

    fault = act(case, how)
    if fault:
        heard.idle.add(deed["n"])
    return fault


def _keep_level(case: Case, level: float | None) -> None:
    words = (
        "accepted the suggested similarity threshold" if level is None else f"set the similarity threshold to {level:g}"
    )
    services().cases.change(case.key, lambda now: replace(now, threshold=level), words)


def _sight(said: Any) -> Sight:
    camera, track = said
    return str(camera), int(track)


def _person(desk: Desk, said: Any) -> int:
    """Who a person of the browser is now, told by the first of their sightings: numbers may have changed since."""
    return int(desk.people.person[desk.row(*_sight(said))])


_DEEDS: Mapping[str, Callable[[Desk, Mapping[str, Any]], Review]] = {
    "confirm": lambda desk, deed: confirm(desk, _person(desk, deed["person"])),
    "reject": lambda desk, deed: reject(desk, *_sight(deed["sighting"])),
    "merge": lambda desk, deed: merge(desk, [_person(desk, one) for one in deed["people"]]),
    "split": lambda desk, deed: split(desk, [_sight(one) for one in deed["sightings"]]),
    "name": lambda desk, deed: name(desk, _person(desk, deed["person"]), str(deed["text"])),
    "note": lambda desk, deed: note(desk, _person(desk, deed["person"]), str(deed["text"])),
    "same": lambda desk, deed: same(desk, _sight(deed["a"]), _sight(deed["b"])),
    "different": lambda desk, deed: different(desk, _sight(deed["a"]), _sight(deed["b"])),
    "unsure": lambda desk, deed: unsure(desk, _sight(deed["a"]), _sight(deed["b"])),
}


def gallery(case: Case, desk: Desk, heard: Heard) -> None:
    done, undone = desk.review.done, desk.review.undone
    data = {
        "case": case.key,
        "people": people_address(case),
        "levels": levels_address(case),
        "crops": crop_address(case.run),
        "threshold": case.threshold,
        "palette": PALETTE,
        "undo": done[-1].words if done else "",
        "redo": undone[-1].words if undone else "",
        "heard": heard.plain(),
    }
    # Without a callback Streamlit would not keep what the browser says.
    _component()(key=GALLERY.key, data=data, on_said_change=lambda: None, height="content")


@functools.cache
def _component() -> Callable[..., Any]:
    html = '<div class="gallery">\n</div>'
    return screen_component("sightline_gallery", html, "gallery/gallery.js", "gallery/gallery.css")
