"""The similarity matrix and the appearance map, drawn by the browser from routes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from core.http import PEOPLE, crop_address, similarity_address
from core.workspace.cases import Case
from pages.parts.shell.web_modules import screen_component

_HEAT_MAP = """<div class="similarity-room"><div class="similarity">
<div class="bar" role="toolbar" aria-label="Map controls">
<label>Order <select><option value="by_person">by person</option>
<option value="by_similarity">by similarity</option></select></label>
<label>Person <input type="number" min="1" placeholder="number" title="Press Enter to go to this person"></label>
<span class="zoom"><button type="button" class="less" aria-label="Smaller cells" title="Smaller (-)">−</button>
<button type="button" class="more" aria-label="Larger cells" title="Larger (+)">+</button>
<button type="button" class="fit" title="Show the whole map (0)">Fit</button></span>
<span class="legend"><span class="scale" role="img" aria-label="Colour scale: dark is dissimilar, bright is similar">
<span class="low"></span><span class="colours"><span class="mark"></span></span><span>1.0</span>
<span class="under"><span class="threshold"></span></span></span>
<span class="key"><span class="swatch never"></span>known different</span>
<span class="key framed"><span class="swatch same"></span>same person</span></span></div>
<div class="line" aria-hidden="true"></div>
<div class="stage"><canvas tabindex="0" role="application" aria-roledescription="heat map"></canvas>
<div class="wait"></div></div>
<section class="card" aria-label="Selected pair"></section>
<div class="status" role="status" aria-live="polite"></div>
</div></div>"""
_APPEARANCE_MAP = """<div class="similarity-room"><div class="similarity">
<div class="bar"><span class="key method"></span></div>
<div class="stage"><canvas tabindex="0" role="application" aria-roledescription="appearance map"></canvas>
<div class="wait"></div></div>
<section class="card" aria-label="Selected track"></section>
<div class="status" role="status" aria-live="polite"></div>
</div></div>"""


def heat_map(case: Case, kind: str, row_count: int, threshold: float) -> None:
    """The similarity matrix of people or tracks (`kind`), of which there are `row_count`."""
    noun = "people" if kind == PEOPLE else "tracks"
    label = f"Similarity matrix of {row_count} {noun}. Arrow keys move between cells, + and - zoom, Enter pins."
    data = {
        "of": kind,
        "label": label,
        "rows": similarity_address(case, "rows.json", threshold),
        "matrix": similarity_address(case, f"{kind}.bin", threshold),
        "pair": similarity_address(case, "pair.json", threshold),
        "crops": crop_address(case.run),
    }
    _component("heat_map", _HEAT_MAP)(key=f"likeness {kind}", data=data, height="content")


def appearance_map(case: Case, row_count: int, threshold: float) -> None:
    """Every track as a point; tracks that look alike are close together."""
    data = {
        "label": f"Appearance map of {row_count} tracks. Arrow keys move to the nearest point that way, Enter pins.",
        "rows": similarity_address(case, "rows.json", threshold),
        "map": similarity_address(case, "map.json", threshold),
        "crops": crop_address(case.run),
    }
    _component("projection_map", _APPEARANCE_MAP)(key="likeness map", data=data, height="content")


@functools.cache
def _component(name: str, html: str) -> Callable[..., Any]:
    return screen_component(f"sightline_{name}", html, f"similarity/{name}.js", "similarity/similarity.css")
