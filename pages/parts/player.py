"""The player: a film with the tracks drawn over it by the browser. It is told addresses; it fetches boxes itself."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts.colours import PALETTE

HERE = Path(__file__).parent
HTML = """<div class="player">
<video controls muted playsinline preload="auto" controlslist="nofullscreen nodownload noremoteplayback"
 disablepictureinpicture tabindex="0"></video><canvas aria-hidden="true"></canvas>
<div class="said" role="status"></div><button type="button">Full screen</button>
</div>"""


def player(film: str, boxes: str, label: str, track: int | None, seconds: float, jumps: int) -> None:
    """Show the film; when `jumps` changes, go to `seconds`. `track` is drawn with a thicker line."""
    data = {"film": film, "boxes": boxes, "label": label, "track": track, "seconds": seconds, "jumps": jumps}
    _component()(key="player", data={**data, "palette": PALETTE}, height="content")


@functools.cache
def _component() -> Callable[..., Any]:
    css, js = ((HERE / f"player.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    return st.components.v2.component("sightline_player", html=HTML, css=css, js=js)
