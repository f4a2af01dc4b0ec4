"""The maps of the Similarity page, drawn by the browser: they are told addresses, and fetch what they show."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from core.cases import Case
from pages.parts.colours import PALETTE
from pages.parts.likeness_data import PEOPLE, likeness_address
from pages.parts.people_data import crop_address

HERE = Path(__file__).parent
HEAT = """<div class="likeness-room"><div class="likeness">
<div class="bar" role="toolbar" aria-label="Map controls">
<label>Order <select><option value="people">by person</option>
<option value="alike">by similarity</option></select></label>
<label>Person <input type="number" min="1" placeholder="number" title="Press Enter to go to this person"></label>
<span class="zoom"><button type="button" class="less" aria-label="Smaller cells" title="Smaller (-)">−</button>
<button type="button" class="more" aria-label="Larger cells" title="Larger (+)">+</button>
<button type="button" class="fit" title="Show the whole map (0)">Fit</button></span>
<span class="legend"><span class="scale" role="img" aria-label="Colour scale: dark is dissimilar, bright is similar">
<span class="low"></span><span class="colours"><span class="mark"></span></span><span>1.0</span>
<span class="under"><span class="at"></span></span></span>
<span class="key"><span class="swatch never"></span>known different</span>
<span class="key framed"><span class="swatch own"></span>same person</span></span></div>
<div class="line" aria-hidden="true"></div>
<div class="stage"><canvas tabindex="0" role="application" aria-roledescription="heat map"></canvas>
<div class="wait"></div></div>
<section class="card" aria-label="Selected pair"></section>
<div class="said" role="status" aria-live="polite"></div>
</div></div>"""
FLAT = """<div class="likeness-room"><div class="likeness">
<div class="bar"><span class="key way"></span></div>
<div class="stage"><canvas tabindex="0" role="application" aria-roledescription="appearance map"></canvas>
<div class="wait"></div></div>
<section class="card" aria-label="Selected track"></section>
<div class="said" role="status" aria-live="polite"></div>
</div></div>"""
_HEAT = tuple(f"likeness{part}.js" for part in ("_scale", "_draw", "_axes", "_card", "_moves", ""))
_FLAT = "likeness_scale.js", "likeness_flat.js"


def heat_map(case: Case, of: str, count: int, threshold: float) -> None:
    """Everybody with everybody: `of` is people or tracks, of which there are `count`."""
    what = "people" if of == PEOPLE else "tracks"
    label = f"Similarity matrix of {count} {what}. Arrow keys move between cells, + and - zoom, Enter pins."
    data = {
        "of": of,
        "label": label,
        "shown": likeness_address(case, "shown.json", threshold),
        "matrix": likeness_address(case, f"{of}.bin", threshold),
        "pair": likeness_address(case, "pair.json", threshold),
        "crops": crop_address(case.run),
    }
    _component("likeness", HEAT, *_HEAT)(key=f"likeness {of}", data=data, height="content")


def flat_map(case: Case, count: int, threshold: float) -> None:
    """Every track as a point: whoever looks alike lies close together."""
    data = {
        "label": f"Appearance map of {count} tracks. Arrow keys move to the nearest point that way, Enter pins.",
        "shown": likeness_address(case, "shown.json", threshold),
        "map": likeness_address(case, "map.json", threshold),
        "crops": crop_address(case.run),
        "palette": PALETTE,
    }
    _component("likeness_flat", FLAT, *_FLAT)(key="likeness map", data=data, height="content")


@functools.cache
def _component(name: str, html: str, *scripts: str) -> Callable[..., Any]:
    js = "\n".join((HERE / script).read_text(encoding="utf-8") for script in scripts)
    css = (HERE / "likeness.css").read_text(encoding="utf-8")
    return st.components.v2.component(f"sightline_{name}", html=html, css=css, js=js)
