"""The drawing of regions over a picture of the clip: the browser draws, and tells of each gesture that is finished.

What this session has given to the drawing and heard from it: gestures become the regions of the case, on disk."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.base.errors import SightlineError
from core.vision.regions import Region, Regions
from core.workspace.cases import Case, CaseClip
from pages.parts.shell.format import count
from pages.parts.shell.open_case import change
from pages.parts.shell.session import drawings_entry
from pages.parts.shell.web_modules import screen_component

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


Shapes = tuple[Region, ...]


class _Overtaken(SightlineError):
    """Another tab has changed the regions since this one last looked."""


@dataclass
class Drawings:
    """`known` are the shapes of each camera as this session last saw them on disk; `turn` counts how often the browser
    was given others than it had, `earlier` being what an undo leads back to. `refused` says why something is not kept.
    """

    session: str = field(default_factory=lambda: secrets.token_hex(4))
    known: dict[str, Shapes] = field(default_factory=dict)
    turn: dict[str, int] = field(default_factory=dict)
    earlier: dict[str, Shapes] = field(default_factory=dict)
    moments: dict[str, float] = field(default_factory=dict)
    heard: str = ""
    refused: str = ""

    def revision(self, camera: str) -> str:
        """A browser that was left over from another session has none of ours."""
        return f"{self.session} {self.turn.get(camera, 0)}"

    def look(self, clip: CaseClip) -> None:
        """What is on disk wins over what the browser has, where that is not from here."""
        now = clip.regions.regions
        if (before := self.known.get(clip.camera)) != now:
            self.turn[clip.camera] = self.turn.get(clip.camera, 0) + 1
            self.known[clip.camera] = now
            if before is not None:
                self.earlier[clip.camera] = before

    def hear(self, said: Mapping[str, Any] | None) -> None:
        """Take over what the browser has drawn, once."""
        if not said or said["id"] == self.heard:
            return
        self.heard, self.refused = said["id"], ""
        if said["revision"] == self.revision(said["camera"]):
            try:
                self._keep(said["camera"], regions_of(said["shapes"]))
            except _Overtaken as fault:
                self.refused = str(fault)
            except SightlineError as fault:
                self.refused = f"**The last change was not saved: {fault.message.rstrip('.')}.** {fault.remedy}"

    def _keep(self, camera: str, shapes: Shapes) -> None:
        def drawn(case: Case) -> Case:
            clip = case.clip(camera)
            if clip.regions.regions != self.known[camera]:
                raise _Overtaken(
                    f"**The regions of {camera} were changed in another tab** and have been reloaded",
                    "Your last change was not saved. Make it again, or press Undo to return to your version.",
                )
            return case.with_clip(camera, replace(clip, regions=replace(clip.regions, regions=shapes)))

        change(drawn, f"regions of {camera}: {count(len(shapes), 'shape')} drawn")
        self.known[camera] = shapes
        self.earlier.pop(camera, None)

    def data(self, clip: CaseClip) -> dict[str, Any]:
        """What the browser needs to know of a camera's shapes."""
        earlier = self.earlier.get(clip.camera)
        return {
            "camera": clip.camera,
            "revision": self.revision(clip.camera),
            "shapes": shapes_of(clip.regions.regions),
            "earlier": None if earlier is None else shapes_of(earlier),
        }


def drawings(case: Case) -> Drawings:
    """This session's, for this case."""
    found: Drawings = drawings_entry(case.key).set_default(Drawings())
    return found


def put(cameras: Sequence[str], how: Callable[[Regions], Regions], words: str) -> None:
    """Other regions than those drawn, made by `how`: loaded into the drawing, where an undo takes shapes back."""

    def changed(case: Case) -> Case:
        for camera in cameras:
            clip = case.clip(camera)
            drawings(case).known.setdefault(camera, clip.regions.regions)
            case = case.with_clip(camera, replace(clip, regions=how(clip.regions)))
        return case

    change(changed, words)
