"""How a run's results were made, and the results as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st


def downloads(out: Path, camera: str) -> None:
    text = out / "tracks" / f"{camera}.txt"
    with st.container(horizontal=True):
        for label, path, name, kind in (
            ("MOT text of this camera", text, f"{camera}.txt", "text/plain"),
            ("Parquet of all cameras", out / "tracks.parquet", "tracks.parquet", "application/octet-stream"),
            ("Record of the run", out / "run.json", "run.json", "application/json"),
        ):
            if path.is_file():
                st.download_button(
                    label, path.read_bytes, file_name=name, mime=kind, icon=":material/download:", on_click="ignore"
                )


def how_made(record: dict[str, Any], camera: str) -> None:
    about, settings = record["cameras"][camera], record["settings"]
    for note in about["notes"]:
        st.caption(f":orange-badge[:material/warning: Note] {note}")
    with st.expander("How this was made"):
        for kind, model in record["models"].items():
            st.markdown(f"**{kind.capitalize()}:** {_model(model)}")
        video, track = settings["video"], settings["track"]
        rate = f"{video['fps']:g} frames/s" if video["fps"] else "all frames"
        st.markdown(
            f"**Settings:** {rate}; detector at {settings['detect']['size']} px; "
            + "; ".join(f"{name} {value:g}" for name, value in track.items())
        )
        st.markdown(f"**Frames:** {about['analysed']} of {about['frames']} looked at, {about['unreadable']} unreadable")
        for stage, cost in about["stages"].items():
            by = f" — {cost['by']}" if cost.get("by") else ""
            kept = f", {cost['kept']} kept from before" if cost["kept"] else ""
            st.markdown(f"**{stage.capitalize()}:** {cost['frames']} frames in {cost['seconds']:.1f} s{kept}{by}")
        st.caption(f"{record['program']}, begun {record['began']} · clip digest {about['digest']}")


def _model(model: dict[str, Any] | str) -> str:
    if isinstance(model, str):
        return model
    assumed = "".join(f" *{sentence}.*" for sentence in model["assumed"])
    facts = f"SHA-256 {model['sha256'][:12]}…, {model['licence']}; trained on {model['trained_on']}"
    return f"{model['name']} ({facts}){assumed}"
