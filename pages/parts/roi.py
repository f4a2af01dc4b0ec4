"""The drawing of regions over a picture of the clip: the browser draws, and tells of each gesture that is finished."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from core.regions import Region

HERE = Path(__file__).parent
# One script in parts: shapes, what is seen of them, their list, the picture below, gestures, and what binds them.
SCRIPTS = ("roi_shapes.js", "roi_view.js", "roi_list.js", "roi_scrub.js", "roi_gestures.js", "roi.js")
HTML = """<div class="roi">
<div class="tools" role="toolbar" aria-label="Drawing">
<button type="button" data-tool="select" title="Select and move (V)">Select</button>
<button type="button" data-tool="box" title="Draw a box (B)">Box</button>
<button type="button" data-tool="polygon" title="Draw a polygon (P)">Polygon</button>
<span class="gap"></span>
<button type="button" data-do="add" title="A box, or with its tool a polygon">Add in the middle</button>
<span class="gap"></span>
<button type="button" data-do="undo" title="Undo (Ctrl+Z)">Undo</button>
<button type="button" data-do="redo" title="Redo (Ctrl+Shift+Z)">Redo</button>
</div>
<div class="both">
<div>
<div class="stage"><img alt="" draggable="false"><svg class="below" aria-hidden="true"></svg>
<canvas aria-hidden="true"></canvas>
<svg class="board" tabindex="0" role="group" aria-label="Drawing area"></svg>
<div class="unseen" role="status"></div></div>
<p class="said" role="status" aria-live="polite"></p>
<div class="scrub">
<label class="moment">Picture at <input type="range" aria-label="Moment of the clip"><output></output></label>
<label class="dotted" hidden><input type="checkbox" checked> Show where people were found</label>
</div>
<p class="count" role="status"></p>
</div>
<ul class="list" aria-label="Regions"></ul>
</div>
</div>"""


def shapes_of(regions: tuple[Region, ...]) -> list[dict[str, Any]]:
    """Regions as the browser has them."""
    return [{"kind": r.kind, "points": [list(p) for p in r.points], "mode": r.mode, "name": r.name} for r in regions]


def regions_of(shapes: list[Mapping[str, Any]]) -> tuple[Region, ...]:
    """The browser's shapes as regions; `RegionError` where one is none."""
    return tuple(
        Region(shape["kind"], tuple(tuple(p) for p in shape["points"]), shape["mode"], shape["name"])
        for shape in shapes
    )


def roi(key: str, data: Mapping[str, Any]) -> None:
    """Show the drawing. What was done in it is in the session state under `key`: `drawn` and `moment`."""
    _component()(
        key=key,
        data=data,
        default={"drawn": None, "moment": None},
        on_drawn_change=_rerun,
        on_moment_change=_rerun,
        height="content",
    )


def _rerun() -> None:
    """A change makes the page run again; what has changed is read there."""


@functools.cache
def _component() -> Callable[..., Any]:
    css = (HERE / "roi.css").read_text(encoding="utf-8")
    js = "\n".join((HERE / script).read_text(encoding="utf-8") for script in SCRIPTS)
    return st.components.v2.component("sightline_roi", html=HTML, css=css, js=js)
