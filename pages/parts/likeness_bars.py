"""How alike pairs are, counted: those that could be one person upward, certain strangers downward, with the threshold.

Up and down rather than in two colours, so that nobody needs to tell colours apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.match import FREE, Match
from core.match.rules import STRANGERS
from core.types import Ints

_EDGES = np.round(np.arange(-1.0, 1.001, 0.02), 2)
_SIDE_PX = 116
_FULL = 80
"""The longest bar, in per cent: words stand above."""
STYLE = f"""<style>
.bars {{ position: relative; margin: 4px 14px 0; font: 13px/1.4 var(--st-font, sans-serif); }}
.bars .side {{ position: relative; height: {_SIDE_PX}px; }}
.bars .side i {{ position: absolute; }}
.bars .could {{ border-bottom: 1px solid; }} .bars .could i {{ bottom: 0; background: #56b4e9; }}
.bars .apart i {{ top: 0; background: #d55e00; }}
.bars .least {{ position: absolute; top: 0; height: {2 * _SIDE_PX + 6}px; border-left: 2px dashed; }}
.bars b, .bars em {{ position: absolute; z-index: 1; white-space: nowrap; font-style: normal; }}
.bars .axis {{ position: relative; height: 26px; padding-top: 6px; }}
.bars .axis span {{ position: absolute; transform: translateX(-50%); }}
</style>"""


@dataclass(frozen=True)
class Counted:
    """Pairs between each two of the edges: `others` could be one person, `strangers` surely are not. `above` of the
    strangers are not below the threshold that was asked for."""

    others: Ints
    strangers: Ints
    above: int

    @property
    def words(self) -> str:
        pairs, strange = int(self.others.sum()), int(self.strangers.sum())
        could = f"{pairs:,} possible matches."
        if not strange:
            return f"{could} No pairs are known to be different people: no two people were seen at the same time."
        share = self.above / strange
        part = f"{self.above:,} ({share:.1%})" if self.above else "0"
        return f"{could} {part} of {strange:,} known-different pairs reach the threshold."


def counted(match: Match) -> Counted:
    """Each pair once."""
    later = np.triu(np.ones(match.why.shape, bool), 1)
    could, apart = later & (match.why == FREE), later & np.isin(match.why, STRANGERS)
    strangers = match.similarity[apart]
    others = np.histogram(np.clip(match.similarity[could], -1, 1), _EDGES)[0]
    above = int((strangers >= match.threshold).sum())
    return Counted(others, np.histogram(np.clip(strangers, -1, 1), _EDGES)[0], above)


def bars(found: Counted, threshold: float) -> None:
    st.html(STYLE + drawn(found, threshold))
    st.caption(f"{found.words} Bar lengths are logarithmic: each step means ten times as many pairs.")


def drawn(found: Counted, threshold: float) -> str:
    """The picture as HTML."""
    filled = np.flatnonzero(found.others + found.strangers)
    first = min(int(filled[0]) if len(filled) else len(_EDGES) - 2, int(np.searchsorted(_EDGES, threshold)) - 3)
    low = math.floor(float(_EDGES[max(first, 0)]) * 10) / 10
    most = math.log10(1 + max(int(found.others.max(initial=0)), int(found.strangers.max(initial=0)), 1))
    could, apart = (_side(counts, low, most) for counts in (found.others, found.strangers))
    at = 100 * (threshold - low) / (1 - low)
    side = f"left:{at:.2f}%;margin-left:8px" if at < 75 else f"right:{100 - at:.2f}%;margin-right:8px"
    ticks = [low + number / 10 for number in range(round((1 - low) * 10) + 1)]
    axis = "".join(f'<span style="left:{100 * (tick - low) / (1 - low):.2f}%">{tick + 0:.1f}</span>' for tick in ticks)
    return (
        f'<div class="bars" role="img" aria-label="Similarity of pairs. {found.words}">'
        f'<b style="{side};top:0">threshold {threshold:.2f}</b><em style="left:0;top:0">▲ possible match</em>'
        f'<em style="left:0;top:{2 * _SIDE_PX - 18}px">▼ known different</em>'
        f'<div class="least" style="left:{at:.2f}%"></div>'
        f'<div class="side could">{could}</div><div class="side apart">{apart}</div>'
        f'<div class="axis">{axis}</div></div>'
    )


def _side(counts: Ints, low: float, most: float) -> str:
    wide = 100 * 0.02 / (1 - low)
    return "".join(
        f'<i style="left:{100 * (edge - low) / (1 - low):.3f}%;width:{0.9 * wide:.3f}%;'
        f'height:{_FULL * math.log10(1 + count) / most:.2f}%" '
        f'title="{edge:.2f} to {edge + 0.02:.2f}: {count:,} pairs"></i>'
        for edge, count in zip(_EDGES[:-1].tolist(), counts.tolist(), strict=True)
        if count
    )
