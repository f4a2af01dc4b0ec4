"""The gallery, drawn by the browser from routes: where they are, and what Python knows that the routes do not."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from core.cases import Case
from core.review import Desk
from pages.parts.colours import PALETTE
from pages.parts.gallery_deeds import Heard
from pages.parts.people_data import crop_address, levels_address, people_address
from pages.parts.session import GALLERY
from pages.parts.web_modules import screen_component


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
