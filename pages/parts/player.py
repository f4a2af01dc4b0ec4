"""The player: a film with the tracks drawn over it by the browser. It is told addresses; it fetches boxes itself."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pages.parts.colours import PALETTE
from pages.parts.web_modules import screen_component

HTML = """<div class="player">
<video controls muted playsinline preload="auto" controlslist="nofullscreen nodownload noremoteplayback"
 disablepictureinpicture tabindex="0"></video><canvas aria-hidden="true"></canvas>
<div class="status" role="status"></div><button type="button">Full screen</button>
</div>
<div class="steps"><button type="button" data-step="-1">‹ Previous frame</button>
<button type="button" data-step="1">Next frame ›</button><output aria-live="off"></output>
<button type="button" class="cut"></button></div>"""


@dataclass(frozen=True)
class Cutting:
    """Who is who among a camera's tracks (`people` by track, `titles` by person), and where tracks were cut: track,
    second, and the track that it is from then on."""

    people: Mapping[int, int] = field(default_factory=dict)
    titles: Mapping[int, str] = field(default_factory=dict)
    cuts: Sequence[tuple[int, float, int]] = ()


def player(film: str, boxes: str, label: str, track: int, seconds: float, jumps: int, cutting: Cutting) -> float | None:
    """Show the film; when `jumps` changes, go to `seconds`. `track` is drawn with a thicker line.

    Returns the second at which the user cuts `track`, once.
    """
    data = {
        "film": film,
        "boxes": boxes,
        "label": label,
        "track": track,
        "seconds": seconds,
        "jumps": jumps,
        "people": {str(track): person for track, person in cutting.people.items()},
        "titles": {str(person): title for person, title in cutting.titles.items()},
        "cuts": list(cutting.cuts),
        "palette": PALETTE,
    }
    said = _component()(key="player", data=data, height="content", on_cut_change=lambda: None)
    return None if said.cut is None else float(said.cut["seconds"])


@functools.cache
def _component() -> Callable[..., Any]:
    return screen_component("sightline_player", HTML, "player/player.js", "player/player.css")
