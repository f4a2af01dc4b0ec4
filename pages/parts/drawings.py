"""What this session has given to the drawing and heard from it: gestures become the regions of the case, on disk."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.cases import Case, CaseClip
from core.errors import SightlineError
from core.regions import Region, Regions
from pages.parts.case import change
from pages.parts.roi import regions_of, shapes_of
from pages.parts.session import drawings_entry
from pages.parts.words import count

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
