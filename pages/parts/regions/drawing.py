"""The drawing of regions over a picture of the clip.

The browser draws and sends a message after each finished gesture; this module turns the shapes into the regions of the
case and saves them. Changes from elsewhere, such as another tab or a file, are loaded into the drawing.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.base.errors import SightlineError
from core.base.text import format_count
from core.vision.regions import Region, Regions
from core.workspace.cases import Case, CaseClip
from pages.parts.shell.open_case import change_case
from pages.parts.shell.session import drawings_entry
from pages.parts.shell.web_modules import screen_component

_HTML = """<div class="regions">
<div class="tools" role="toolbar" aria-label="Drawing">
<button type="button" data-tool="select" title="Select and move (V)">Select</button>
<button type="button" data-tool="box" title="Draw a box (B)">Box</button>
<button type="button" data-tool="polygon" title="Draw a polygon (P)">Polygon</button>
<span class="gap"></span>
<button type="button" data-do="add" title="Add a box, or a polygon with the Polygon tool">Add at the centre</button>
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
<label class="moment">Frame at <input type="range" aria-label="Moment of the clip"><output></output></label>
<label class="dotted" hidden><input type="checkbox" checked> Show where people were found</label>
</div>
<p class="count" role="status"></p>
</div>
<ul class="list" aria-label="Regions"></ul>
</div>
</div>"""


def shapes_from_regions(regions: tuple[Region, ...]) -> list[dict[str, Any]]:
    """Regions in the form that the browser draws."""
    return [
        {
            "kind": region.kind,
            "points": [list(point) for point in region.points],
            "mode": region.mode,
            "name": region.name,
        }
        for region in regions
    ]


def regions_from_shapes(shapes: list[Mapping[str, Any]]) -> tuple[Region, ...]:
    """The browser's shapes as regions; `RegionError` where a shape is not valid."""
    return tuple(
        Region(shape["kind"], tuple(tuple(point) for point in shape["points"]), shape["mode"], shape["name"])
        for shape in shapes
    )


def region_editor(key: str, data: Mapping[str, Any]) -> None:
    """Show the drawing. The browser's latest messages are in the session state under `key`: `drawn` and `moment`."""
    _component()(
        key=key,
        data=data,
        default={"drawn": None, "moment": None},
        on_drawn_change=_rerun,
        on_moment_change=_rerun,
        height="content",
    )


def _rerun() -> None:
    """Any change makes the page run again, and the page reads the message."""


@functools.cache
def _component() -> Callable[..., Any]:
    return screen_component("sightline_regions", _HTML, "regions/drawing.js", "regions/regions.css")


Shapes = tuple[Region, ...]


class _ChangedElsewhere(SightlineError):
    """Another tab has changed the regions since this tab last read them."""


@dataclass
class DrawingState:
    """The state of the drawing in this session, by camera.

    `last_seen` are the regions as this session last read them from disk. `version` counts how often the browser got
    other regions than those that it had drawn, and `earlier` are the regions before that, to which an undo leads back.
    `moments` are the seconds of the pictures shown. `refused` is the reason why the last change was not saved.
    """

    session: str = field(default_factory=lambda: secrets.token_hex(4))
    last_seen: dict[str, Shapes] = field(default_factory=dict)
    version: dict[str, int] = field(default_factory=dict)
    earlier: dict[str, Shapes] = field(default_factory=dict)
    moments: dict[str, float] = field(default_factory=dict)
    last_message: str = ""
    refused: str = ""

    def revision(self, camera: str) -> str:
        """Names the regions that the browser has; a tab left open from another session has a different one."""
        return f"{self.session} {self.version.get(camera, 0)}"

    def reload(self, clip: CaseClip) -> None:
        """Read the regions on disk. Where they were not drawn here, they replace the shapes in the browser."""
        current = clip.regions.regions
        if (previous := self.last_seen.get(clip.camera)) != current:
            self.version[clip.camera] = self.version.get(clip.camera, 0) + 1
            self.last_seen[clip.camera] = current
            if previous is not None:
                self.earlier[clip.camera] = previous

    def receive(self, message: Mapping[str, Any] | None) -> None:
        """Save what the browser has drawn, each message once."""
        if not message or message["id"] == self.last_message:
            return
        self.last_message, self.refused = message["id"], ""
        if message["revision"] == self.revision(message["camera"]):
            try:
                self._save(message["camera"], regions_from_shapes(message["shapes"]))
            except _ChangedElsewhere as fault:
                self.refused = str(fault)
            except SightlineError as fault:
                self.refused = f"**The last change was not saved: {fault.message.rstrip('.')}.** {fault.remedy}"

    def _save(self, camera: str, shapes: Shapes) -> None:
        def edit(case: Case) -> Case:
            clip = case.clip(camera)
            if clip.regions.regions != self.last_seen[camera]:
                raise _ChangedElsewhere(
                    f"**The regions of {camera} were changed in another tab** and have been reloaded",
                    "Your last change was not saved. Make it again, or press Undo to return to your version.",
                )
            return case.with_clip(camera, replace(clip, regions=replace(clip.regions, regions=shapes)))

        change_case(edit, f"regions of {camera}: {format_count(len(shapes), 'shape', 'shapes')} drawn")
        self.last_seen[camera] = shapes
        self.earlier.pop(camera, None)

    def data(self, clip: CaseClip) -> dict[str, Any]:
        """The shapes of a camera, for the browser."""
        earlier = self.earlier.get(clip.camera)
        return {
            "camera": clip.camera,
            "revision": self.revision(clip.camera),
            "shapes": shapes_from_regions(clip.regions.regions),
            "earlier": None if earlier is None else shapes_from_regions(earlier),
        }


def drawing_state(case: Case) -> DrawingState:
    """The drawing state of this session and this case."""
    state: DrawingState = drawings_entry(case.key).set_default(DrawingState())
    return state


def set_regions(cameras: Sequence[str], edit: Callable[[Regions], Regions], log_entry: str) -> None:
    """Change regions by `edit` instead of by drawing. The drawing then shows them, and its undo leads back."""

    def apply(case: Case) -> Case:
        for camera in cameras:
            clip = case.clip(camera)
            drawing_state(case).last_seen.setdefault(camera, clip.regions.regions)
            case = case.with_clip(
                camera, replace(clip, regions=replace(edit(clip.regions), left_out=clip.regions.left_out))
            )
        return case

    change_case(apply, log_entry)
