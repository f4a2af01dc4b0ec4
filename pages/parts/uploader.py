"""Drag and drop: the browser sends files straight to the route for uploads, and tells Python when one has come in."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from core.cases import Case
from core.footage import VIDEOS, free_bytes
from core.footage.uploads import RESERVE_BYTES
from pages.parts.uploads import upload_address
from pages.parts.web_modules import screen_component

HTML = """<div class="uploader">
<div class="drop"><button type="button" class="choose">Choose files</button>
<span class="words"></span>
<input type="file" multiple hidden tabindex="-1" aria-label="Video files"></div>
<ul aria-label="Uploads"></ul><div class="status" role="status"></div>
</div>"""


def uploader(case: Case) -> None:
    """The place to drop files on. A file that has come in is in the case already; the page only has to look again."""
    data = {
        "address": upload_address(case.key),
        "endings": sorted(VIDEOS),
        "free": max(0, free_bytes() - RESERVE_BYTES),
    }
    _component()(key="uploader", data=data, height="content", on_added_change=lambda: None)


@functools.cache
def _component() -> Callable[..., Any]:
    return screen_component("sightline_uploader", HTML, "footage/uploader.js", "footage/uploader.css")
