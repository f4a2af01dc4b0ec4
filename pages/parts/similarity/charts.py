"""The Similarity page: its maps, the chart of pairs, the downloads, and what it says without a run.

The chart counts possible matches upward and known-different pairs downward, so that nobody needs to tell colours apart.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.base.errors import SightlineError
from core.base.text import format_count
from core.base.types import Ints
from core.export import similarity_csv
from core.http import MOST_ROWS, PEOPLE, crop_address, similarity_address
from core.review import ReviewSession
from core.runs import read_record
from core.vision.match import FREE, IMPOSTOR_REASONS, Match
from core.workspace import clocks_of, services, session_of
from core.workspace.cases import Case
from pages.parts.download.tables import similarity
from pages.parts.shell.markdown import describe_fault, escape
from pages.parts.shell.navigation import link_to
from pages.parts.shell.open_case import show_no_results
from pages.parts.shell.web_modules import screen_component

_EDGES = np.round(np.arange(-1.0, 1.001, 0.02), 2)
_SIDE_PX = 116
_LONGEST_BAR = 80
"""In per cent of a side; the labels are above."""
_STYLE = f"""<style>
.bars {{ position: relative; margin: 4px 14px 0; font: 13px/1.4 var(--st-font, sans-serif); }}
.bars .side {{ position: relative; height: {_SIDE_PX}px; }}
.bars .side i {{ position: absolute; }}
.bars .upper {{ border-bottom: 1px solid; }} .bars .upper i {{ bottom: 0; background: #56b4e9; }}
.bars .lower i {{ top: 0; background: #d55e00; }}
.bars .threshold {{ position: absolute; top: 0; height: {2 * _SIDE_PX + 6}px; border-left: 2px dashed; }}
.bars b, .bars em {{ position: absolute; z-index: 1; white-space: nowrap; font-style: normal; }}
.bars .axis {{ position: relative; height: 26px; padding-top: 6px; }}
.bars .axis span {{ position: absolute; transform: translateX(-50%); }}
</style>"""


@dataclass(frozen=True)
class PairCounts:
    """Pairs of tracks per bin of similarity: possible matches, and pairs known to be different people.

    `above_threshold` of the known-different pairs reach the threshold.
    """

    possible: Ints
    different: Ints
    above_threshold: int

    @property
    def summary(self) -> str:
        possible_count, different_count = int(self.possible.sum()), int(self.different.sum())
        matches = format_count(possible_count, "possible match", "possible matches")
        if not different_count:
            return f"{matches}. No pairs are known to be different: no two people were seen at the same time."
        share = self.above_threshold / different_count
        above = f"{self.above_threshold:,} ({share:.1%})" if self.above_threshold else "0"
        pairs = format_count(different_count, "known-different pair", "known-different pairs")
        return f"{matches}. {above} of {pairs} {'reaches' if different_count == 1 else 'reach'} the threshold."


def count_pairs(match: Match) -> PairCounts:
    """Count each pair of tracks once."""
    later = np.triu(np.ones(match.why.shape, bool), 1)
    is_possible, is_different = later & (match.why == FREE), later & np.isin(match.why, IMPOSTOR_REASONS)
    different = match.similarity[is_different]
    possible = np.histogram(np.clip(match.similarity[is_possible], -1, 1), _EDGES)[0]
    above_threshold = int((different >= match.threshold).sum())
    return PairCounts(possible, np.histogram(np.clip(different, -1, 1), _EDGES)[0], above_threshold)


def pair_chart(counts: PairCounts, threshold: float) -> None:
    st.html(_STYLE + chart_html(counts, threshold))
    st.caption(f"{counts.summary} Bar lengths are logarithmic: each step means ten times as many pairs.")


def chart_html(counts: PairCounts, threshold: float) -> str:
    """The chart as HTML."""
    filled = np.flatnonzero(counts.possible + counts.different)
    first = min(int(filled[0]) if len(filled) else len(_EDGES) - 2, int(np.searchsorted(_EDGES, threshold)) - 3)
    low = math.floor(float(_EDGES[max(first, 0)]) * 10) / 10
    peak = math.log10(1 + max(int(counts.possible.max(initial=0)), int(counts.different.max(initial=0)), 1))
    upper, lower = (_bars(numbers, low, peak) for numbers in (counts.possible, counts.different))
    at = 100 * (threshold - low) / (1 - low)
    side = f"left:{at:.2f}%;margin-left:8px" if at < 75 else f"right:{100 - at:.2f}%;margin-right:8px"
    ticks = [low + number / 10 for number in range(round((1 - low) * 10) + 1)]
    axis = "".join(f'<span style="left:{100 * (tick - low) / (1 - low):.2f}%">{tick + 0:.1f}</span>' for tick in ticks)
    return (
        f'<div class="bars" role="img" aria-label="Similarity of pairs. {counts.summary}">'
        f'<b style="{side};top:0">threshold {threshold:.2f}</b><em style="left:0;top:0">▲ possible match</em>'
        f'<em style="left:0;top:{2 * _SIDE_PX - 18}px">▼ known different</em>'
        f'<div class="threshold" style="left:{at:.2f}%"></div>'
        f'<div class="side upper">{upper}</div><div class="side lower">{lower}</div>'
        f'<div class="axis">{axis}</div></div>'
    )


def _bars(counts: Ints, low: float, peak: float) -> str:
    bin_width = 100 * 0.02 / (1 - low)
    return "".join(
        f'<i style="left:{100 * (edge - low) / (1 - low):.3f}%;width:{0.9 * bin_width:.3f}%;'
        f'height:{_LONGEST_BAR * math.log10(1 + count) / peak:.2f}%" '
        f'title="{edge:.2f} to {edge + 0.02:.2f}: {count:,} pairs"></i>'
        for edge, count in zip(_EDGES[:-1].tolist(), counts.tolist(), strict=True)
        if count
    )


def similarity_downloads(case: Case, session: ReviewSession) -> None:
    names, _notes = session.labels

    def table() -> bytes:
        return similarity_csv(session.match, names, about(case, session)).encode("utf-8-sig")

    arrays = partial(similarity, case, session)
    with st.container(horizontal=True):
        for label, make, name, mime in (
            ("People (CSV)", table, "people-similarity.csv", "text/csv"),
            ("Tracks and people (NumPy)", arrays, "similarity.npz", "application/octet-stream"),
        ):
            st.download_button(
                label, make, file_name=name, mime=mime, icon=":material/download:", on_click="ignore", key=name
            )
    st.caption("The table has one row and one column per person. Both files record the models and settings.")


def about(case: Case, session: ReviewSession) -> dict[str, Any]:
    """How the similarities were made: models and settings of the run, threshold, and number of decisions."""
    record = read_record(session.out).to_dict()
    suggested = "chosen by the user" if session.chosen_threshold is not None else "suggested"
    return {
        "program": record["program"],
        "run": case.run,
        "models": record["models"],
        "settings": record.get("settings", {}),
        "threshold": {"value": round(session.match.threshold, 4), "is": suggested},
        "said by the user": len(session.review.links),
    }


def require_similarities(case: Case) -> ReviewSession:
    """The run's people; the page ends here with advice where there are no two tracks to compare."""
    try:
        with st.spinner("Computing similarities…", show_time=True):
            session = session_of(case)
    except SightlineError as fault:
        st.error(describe_fault(fault), icon=":material/error:")
        link_to("run", "Go to Run", ":material/arrow_back:")
        st.stop()
    if session is None or len(session.evidence.tracklets) < 2:
        _explain_nothing(case, session)
        st.stop()
    return session


def _explain_nothing(case: Case, session: ReviewSession | None) -> None:
    if session is not None and len(session.evidence.tracklets):
        st.info("**Only one track was found**, so there is nothing to compare it with.", icon=":material/info:")
        link_to("gallery", "See it in the Gallery", ":material/groups:")
    elif session is not None:
        st.info(
            "**No people were found in these clips.** Try a lower confidence threshold or larger regions.",
            icon=":material/info:",
        )
        link_to("run", "Go to Run", ":material/arrow_back:")
    elif not case.clips:
        st.info("**No clips yet.** Add at least two, from cameras that may have seen the same people.")
        link_to("footage", "Go to Footage", ":material/arrow_back:")
    else:
        _no_run(case)


def _no_run(case: Case) -> None:
    states = {job.key: job for job in services().jobs.all()}
    awaited, shown = states.get(case.wanted), states.get(case.run)
    if awaited is not None and awaited.is_active:
        st.info("**The run is in progress.** Similarities appear here when it is done.", icon=":material/hourglass:")
        link_to("run", "Show progress", ":material/play_circle:")
        return
    job = awaited or shown
    if job is not None and job.state == "failed":
        st.error(f"**The run failed, so there is nothing to compare.** {escape(job.fault)}", icon=":material/error:")
    elif job is not None and job.state == "stopped":
        st.info("**The run was stopped before it was done.** Continue it on the Run page.", icon=":material/info:")
    elif shown is not None:
        st.info(
            "**This run had no re-identification model**, so there are no similarities. Choose one and run again.",
            icon=":material/info:",
        )
    else:
        show_no_results(case, "**No results yet.** Start a run. Similarities appear here when it is done.")
    link_to("run", "Go to Run", ":material/arrow_back:")


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
<span class="key"><span class="swatch possible"></span>possible match</span>
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


def heat_map(case: Case, kind: str, row_count: int, session: ReviewSession) -> None:
    """The similarity matrix of people or tracks (`kind`), of which there are `row_count`."""
    threshold = session.match.threshold
    noun = "people" if kind == PEOPLE else "tracks"
    label = f"Similarity matrix of {row_count} {noun}. Arrow keys move between cells, + and - zoom, Enter pins."
    data = {
        "of": kind,
        "label": label,
        "rows": similarity_address(case, "rows.json", threshold),
        "matrix": similarity_address(case, f"{kind}.bin", threshold),
        "scale": f"{similarity_address(case, 'scale.json', threshold)}&of={kind}",
        "pair": similarity_address(case, "pair.json", threshold),
        "crops": crop_address(case.run),
        "clocks": clocks_of(case, session.out).for_browser(),
    }
    _component("heat_map", _HEAT_MAP)(key=f"similarity {kind}", data=data, height="content")
    if row_count > MOST_ROWS:
        st.caption(describe_limit(row_count, noun))


def describe_limit(row_count: int, noun: str) -> str:
    """What is left out of a matrix with more rows than are shown.

    >>> describe_limit(12_000, "tracks")
    'Shows the first 8,000 of 12,000 tracks in the chosen order. The downloads have all of them.'
    """
    return f"Shows the first {MOST_ROWS:,} of {row_count:,} {noun} in the chosen order. The downloads have all of them."


def appearance_map(case: Case, row_count: int, session: ReviewSession) -> None:
    """Every track as a point; tracks that look alike are close together."""
    threshold = session.match.threshold
    data = {
        "label": f"Appearance map of {row_count} tracks. Arrow keys move to the nearest point that way, Enter pins.",
        "rows": similarity_address(case, "rows.json", threshold),
        "map": similarity_address(case, "map.json", threshold),
        "crops": crop_address(case.run),
        "clocks": clocks_of(case, session.out).for_browser(),
    }
    _component("projection_map", _APPEARANCE_MAP)(key="appearance map", data=data, height="content")


@functools.cache
def _component(name: str, html: str) -> Callable[..., Any]:
    return screen_component(f"sightline_{name}", html, f"similarity/{name}.js", "similarity/similarity.css")
