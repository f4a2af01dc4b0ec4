"""The player: a clip's video with the tracks drawn over it by the browser, which fetches boxes from a route.

Browsers cannot play every recording, so each clip is converted once; its progress is shown meanwhile.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core.base.errors import SightlineError, StoreError
from core.base.text import Clocks
from core.base.types import Clip
from core.workspace import clip_of, services
from pages.parts.shell.markdown import describe_fault, escape
from pages.parts.shell.open_case import require_case
from pages.parts.shell.web_modules import screen_component

_HTML = """<div class="player">
<video controls muted playsinline preload="auto" controlslist="nofullscreen nodownload noremoteplayback"
 disablepictureinpicture tabindex="0"></video><canvas aria-hidden="true"></canvas>
<div class="status" role="status"></div><button type="button">Full screen</button>
</div>
<div class="steps"><button type="button" data-step="-1">‹ Previous frame</button>
<button type="button" data-step="1">Next frame ›</button><output aria-live="off"></output>
<label title="Detections in no track: of low confidence, too few in a row, or outside the regions">
<input type="checkbox" checked> All detections <span class="legend">(thin grey: in no track)</span></label>
<span class="note" role="status"></span><button type="button" class="cut"></button></div>"""


@dataclass(frozen=True)
class TrackOverlay:
    """What is drawn over the video: the person of each track, and the title of each person.

    `cuts` lists where tracks were cut: the track, the second of the clip, and the number of the track from then on.
    Beside the video stand its time of day by `clocks`, where that of the `camera` is known, and its clip time.
    """

    people: Mapping[int, int] = field(default_factory=dict)
    titles: Mapping[int, str] = field(default_factory=dict)
    cuts: Sequence[tuple[int, float, int]] = ()
    camera: str = ""
    clocks: Clocks = field(default_factory=Clocks)


def player(
    video: str, boxes: str, detections: str, label: str, track: int, seconds: float, request: int, overlay: TrackOverlay
) -> float | None:
    """Show the video; when `request` changes, go to `seconds`. `track` is drawn with a thicker line.

    `boxes` is the address of the boxes of tracks, `detections` of those in no track, which are drawn faintly.
    Returns the second at which the user has cut `track`, once for each cut.
    """
    data = {
        "film": video,
        "boxes": boxes,
        "detections": detections,
        "label": label,
        "track": track,
        "seconds": seconds,
        "jumps": request,
        "people": {str(track): person for track, person in overlay.people.items()},
        "titles": {str(person): title for person, title in overlay.titles.items()},
        "cuts": list(overlay.cuts),
        "camera": overlay.camera,
        "clocks": overlay.clocks.for_browser(),
    }
    result = _component()(key="player", data=data, height="content", on_cut_change=lambda: None)
    return None if result.cut is None else float(result.cut["seconds"])


@functools.cache
def _component() -> Callable[..., Any]:
    return screen_component("sightline_player", _HTML, "player/player.js", "player/player.css", is_in_dialog=True)


EVERY_SECONDS = 0.5


def video_ready(path: str, digest: str) -> bool:
    """Whether the video can be played. If not, its conversion is started, and the page reruns when it is done."""
    proxies = services().proxies
    try:
        # Probing comes first, as it removes a proxy that was made when the parts of a clip were not told apart.
        clip = clip_of(path)
    except SightlineError as fault:
        if proxies.state_of(digest).path:
            return True
        st.warning(f"{describe_fault(fault, 'The clip cannot be shown')} Its tracks are still available.")
        return False
    if proxies.state_of(digest).path:
        return True
    if clip.digest != digest:
        st.warning("**The clip has changed since this run**, so its tracks no longer fit. Run it again.")
        return False
    if reason := proxies.state_of(digest).fault:
        st.error(escape(reason), icon=":material/error:")
        st.button("Try again", on_click=_request, args=(clip,))
        return False
    st.fragment(_progress, run_every=EVERY_SECONDS)(require_case().key, clip)
    return False


def _request(clip: Clip) -> None:
    services().proxies.request(clip)


def _progress(case: str, clip: Clip) -> None:
    """Show the progress, and have the video converted when it is its turn, unless the case was deleted meanwhile."""
    proxies = services().proxies
    try:
        services().cases.load(case)
    except StoreError:
        st.rerun()
    conversion = proxies.state_of(clip.digest)
    if conversion.path or conversion.fault:
        st.rerun()
    conversion = proxies.request(clip)
    st.progress(conversion.share, text="Preparing the video for the browser (once per clip)…")
