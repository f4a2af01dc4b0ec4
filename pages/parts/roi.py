"""The drawing of regions over a picture of the clip: the browser draws, and tells of each gesture that is finished."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from core.regions import Region
from pages.parts.web_modules import screen_component

HTML = """<div class="regions">
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
<p class="hint" role="status" aria-live="polite"></p>
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
    return screen_component("sightline_regions", HTML, "regions/drawing.js", "regions/regions.css")
