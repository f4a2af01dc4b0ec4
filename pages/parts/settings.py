"""Models and settings of a run, as widgets. Defaults are those of `core.settings`, the rare ones are folded away."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.errors import SettingsError
from core.settings import DetectSettings, TrackSettings, VideoSettings
from core.weights import EMBEDDER, Status, listing

NONE = "none"


def chosen_settings() -> dict[str, Any] | None:
    """What `core.jobs.Order` needs besides its sources; None where no run can be made of it (said on the page)."""
    models = listing()
    detectors = [s for s in models if s.model.kind == "detector" and s.state == "present"]
    embedders = [s for s in models if s.model.kind == "embedder" and s.state == "present"]
    if not detectors:
        st.error("**No detector is here.** Put one of the files below in its place, then reload this page.")
        _absent(models, expanded=True)
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        detector = _kept(
            st.selectbox,
            "Detector",
            "detector",
            options=[s.model.name for s in detectors],
            width=300,
            help="Finds people.",
        )
        embedder = _kept(
            st.selectbox,
            "Appearance model",
            "embedder",
            EMBEDDER,
            options=[NONE, *(s.model.name for s in embedders)],
            format_func=lambda name: "none: motion only" if name == NONE else name,
            width=340,
            help="Tells people apart by their looks when they cross or come back. Slower with one, surer too.",
        )
    try:
        settings = _numbers()
    except SettingsError as fault:
        st.error(str(fault))
        return None
    _absent(models)
    used = tuple(s.model.digest for s in (*detectors, *embedders) if s.model.name in (detector, embedder))
    return {"detector": detector, "embedder": embedder, "models": used, **settings}


def _numbers() -> dict[str, Any]:
    video, detect, track = VideoSettings(), DetectSettings(), TrackSettings()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        fps = _number("Frames a second", "fps", video.fps, 1.0, "How many frames are looked at. 0: all.", 0.0, 1000.0)
        conf = _number(
            "Least confidence", "conf", track.conf, 0.05, "Boxes that the detector is less sure of are not used."
        )
        iou = _number(
            "Least overlap (IoU)", "iou", track.iou, 0.05, "How much a box must overlap where a track is expected."
        )
    with st.expander("More settings"), st.container(horizontal=True, vertical_alignment="bottom"):
        cos = _number("Least similarity", "track_cos", track.track_cos, 0.05, "Only with an appearance model.", -1.0)
        n_init = _number("Boxes that make a track", "n_init", track.n_init, 1, "Shorter tracks are dropped.", 1, 100)
        age = _number(
            "Seconds unseen", "max_age", track.max_age, 0.5, "A track ends when unseen for longer.", 0.0, 3600.0
        )
        size = _number(
            "Detector size (px)", "size", detect.size, 32, "Long side. Larger finds smaller people.", 64, 4096
        )
        begin = _number("From second", "start", 0.0, 1.0, "Where to begin in each clip.", 0.0, 1e6)
        end = _number("To second (0: end)", "end", 0.0, 1.0, "Where to stop in each clip.", 0.0, 1e6)
    return {
        "video": VideoSettings(fps, begin, end or None),
        "detect": DetectSettings(size=size),
        "track": TrackSettings(conf, iou, cos, n_init, age),
    }


def _number(label: str, key: str, default: Any, step: Any, hint: str, low: Any = 0.0, high: Any = 1.0) -> Any:
    return _kept(st.number_input, label, key, default, min_value=low, max_value=high, step=step, help=hint, width=190)


def _kept(widget: Any, label: str, key: str, default: Any = None, **rest: Any) -> Any:
    """A widget whose value survives a change of page: Streamlit forgets what is not shown."""
    store = f"kept {key}"
    if key not in st.session_state and (store in st.session_state or default is not None):
        kept = st.session_state.get(store, default)
        if "options" not in rest or kept in rest["options"]:
            st.session_state[key] = kept
    value = widget(label, key=key, **rest)
    st.session_state[store] = value
    return value


def _absent(models: list[Status], expanded: bool = False) -> None:
    absent = [s for s in models if s.state != "present"]
    if not absent:
        return
    with st.expander(f"Known models that are not here ({len(absent)})", expanded=expanded):
        st.caption("Sightline downloads nothing by itself. Fetch a file or put it in its place, then reload this page.")
        for status in absent:
            model = status.model
            why = "" if status.state == "missing" else " — **there, but not the file that the manifest describes**"
            get = f"  \nfetch: `python -m core models get {model.name}`" if model.url else ""
            st.markdown(f"**{model.name}** ({model.kind}){why}  \nplace: `{model.path}`  \nsource: {model.source}{get}")
