"""The tracks of a camera as a table and as a timeline; choosing one in either makes the player go to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.results import Spans, spans, tracks_of
from pages.parts.choices import choices
from pages.parts.colours import colour_of
from pages.parts.words import count

TABLE_PX = 420
ROW_PX = 20
TALLEST_PX = 460


@st.cache_data(max_entries=50, show_spinner=False)
def spans_of(out: str, camera: str, stamp: int) -> Spans:
    """When each track is seen. `stamp` is that of the results, so that a new run is read anew."""
    return spans(tracks_of(Path(out), camera))


def start_of(found: Spans, track: int | None) -> float:
    """When `track` appears first; 0 where there is no such track."""
    row = np.flatnonzero(found.track == track)
    return float(found.first_seconds[row[0]]) if len(row) else 0.0


def track_table(found: Spans, key: str) -> None:
    if not len(found):
        st.info("Nobody was tracked in this camera. A lower least confidence on the Run page may find more.")
        return
    st.markdown(f"**{count(len(found), 'track')}.** Tick one to go to its first appearance.")
    table = pd.DataFrame(
        {
            "Track": found.track,
            "First seen": found.first_seconds,
            "Last seen": found.last_seconds,
            "Seconds": found.last_seconds - found.first_seconds,
            "Boxes": found.boxes,
            "Filled in": found.filled,
        }
    )

    def chosen() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        choices().jump_to(int(found.track[rows[0]]) if rows else None)

    st.dataframe(
        table.style.map(_swatch, subset=["Track"]),
        hide_index=True,
        height=min(TABLE_PX, 38 + 35 * len(found)),
        key=key,
        on_select=chosen,
        selection_mode="single-row",
        column_config={name: st.column_config.NumberColumn(format="%.1f s") for name in table.columns[1:4]},
        alt="Tracks with the seconds in which they are seen",
    )


def _swatch(track: Any) -> str:
    colour = colour_of(int(track))
    return f"background-color: {colour}; color: {'#fff' if colour == '#0072B2' else '#000'}"


def timeline(found: Spans, key: str) -> None:
    """A bar per track from its first to its last appearance, the earliest on top."""

    def chosen() -> None:
        points = st.session_state[key]["selection"]["points"]
        if points:
            choices().jump_to(int(found.track[points[0]["point_index"]]))

    with st.container(height=min(TALLEST_PX, 90 + ROW_PX * len(found)), border=False):
        st.plotly_chart(
            _bars(found),
            key=key,
            on_select=chosen,
            selection_mode="points",
            config={"displayModeBar": False},
            alt="When each track is seen; the table holds the same numbers",
        )


def _bars(found: Spans) -> go.Figure:
    labels = [f"track {track}" for track in found.track.tolist()]
    length = found.last_seconds - found.first_seconds
    bars = go.Bar(
        orientation="h",
        y=labels,
        x=np.maximum(length, 0.05),
        base=found.first_seconds,
        marker={"color": [colour_of(track) for track in found.track.tolist()]},
        customdata=np.stack([found.track, found.first_seconds, found.last_seconds], axis=1),
        hovertemplate="%{y}: %{customdata[1]:.1f} s to %{customdata[2]:.1f} s<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_layout(
        height=70 + ROW_PX * len(found),
        margin={"l": 0, "r": 8, "t": 50, "b": 8},
        xaxis={"title": "seconds from the beginning of the clip", "rangemode": "tozero", "side": "top"},
        yaxis={"autorange": "reversed", "type": "category", "dtick": 1},
        bargap=0.25,
        dragmode=False,
        clickmode="event+select",
    )
    return figure
