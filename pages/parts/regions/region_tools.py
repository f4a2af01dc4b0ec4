"""What can be done with regions besides drawing: count boxes, choose the test point, copy, load and save."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from core.base.errors import SightlineError, StoreError
from core.base.text import format_count
from core.base.types import Clip, Floats
from core.machine.artifacts import Store
from core.runs import latest_boxes, read_boxes
from core.vision.regions import Regions, inside, read_regions, to_json
from core.workspace import clip_of
from core.workspace.cases import Case, CaseClip
from pages.parts.regions.drawing import set_regions
from pages.parts.shell.markdown import describe_fault, escape
from pages.parts.shell.open_case import saving
from pages.parts.shell.session import (
    REGION_FILE_REFUSED,
    REGION_FILES_OPENED,
    region_anchor,
    region_file,
    region_file_mode,
)

_MAX_DOTS = 1500  # more hide the picture


def found_boxes(clip: CaseClip, video: Clip, conf: float) -> Floats | None:
    """Boxes (n, 4), xyxy in pixels, from the last run over the clip; None where there was no run."""
    artifact = latest_boxes(Store(), video)
    if artifact is None:
        return None
    try:
        return _boxes(str(artifact.folder), conf, clip.start_seconds, clip.end_seconds, video, artifact)
    except StoreError:
        # Damaged boxes have been removed from the store; the next run detects them again.
        return None


@st.cache_data(max_entries=16, show_spinner=False)
def _boxes(folder: str, conf: float, start: float, end: float | None, _film: Clip, _artifact: Any) -> Floats:
    return read_boxes(_artifact, _film, conf, start, end)


def count_boxes(regions: Regions, boxes: Floats | None, video: Clip) -> dict[str, Any]:
    """How many boxes count, as text; and their test points as shares of the picture, each with whether it counts."""
    if boxes is None:
        return {"count": "After the first run, the number of boxes that count is shown here.", "dots": None}
    counts = inside(regions, boxes, video.width, video.height)
    share = f" ({counts.mean():.0%})" if len(boxes) else ""
    text = f"{counts.sum():,} of {len(boxes):,} boxes that the last run detected count{share}; tracks use some of them"
    rows = np.arange(0, len(boxes), -(-len(boxes) // _MAX_DOTS) or 1)
    if len(rows) < len(boxes):
        text += f"; {len(rows):,} are drawn as dots"
    x = boxes[rows, ::2].mean(axis=1) / video.width
    y = (boxes[rows, 3] if regions.anchor == "foot" else boxes[rows, 1::2].mean(axis=1)) / video.height
    places = np.clip(np.stack([x, y], axis=1), 0, 1).astype(np.float64).round(4)
    return {
        "count": f"{text}.",
        "dots": {"places": places.tolist(), "counts": "".join(counts[rows].astype(int).astype(str))},
    }


_ANCHORS = {"foot": "Feet", "centre": "Box centre"}
_ANCHOR_HINTS = {
    "foot": "The middle of the lower edge of the box must be inside. Right for most cameras.",
    "centre": "The centre of the box must be inside. For hidden feet, or a camera that looks straight down.",
}


def choose_anchor(clip: CaseClip) -> None:
    """The region test point, saved when it is chosen."""
    choice = region_anchor(clip)
    choice.set(clip.regions.anchor)

    @saving("The region test point")
    def save() -> None:
        anchor = choice.get(clip.regions.anchor)
        set_regions(
            [clip.camera],
            lambda old: replace(old, anchor=anchor),
            f"region test point of {clip.camera}: {_ANCHORS[anchor].lower()}",
        )

    st.radio(
        "Region test point",
        list(_ANCHORS),
        key=choice.key,
        format_func=_ANCHORS.__getitem__,
        captions=list(_ANCHOR_HINTS.values()),
        on_change=save,
    )


def copy_to_cameras(case: Case, clip: CaseClip, video: Clip) -> None:
    """Copy shapes to other cameras, at the same relative position in the picture."""
    targets = [target.camera for target in case.clips if target.camera != clip.camera]
    shapes = clip.regions.regions
    if not (targets and shapes):
        return
    with st.expander("Copy to other cameras", icon=":material/content_copy:"):
        # Numbered, since two shapes may have the same name and Streamlit identifies options by their text.
        names = {number: f"{number + 1} {shape.name}".strip() for number, shape in enumerate(shapes)}
        key = f"copy {clip.camera} {clip.digest}"
        which = st.multiselect(
            "Shapes",
            list(names),
            format_func=lambda number: names.get(number, ""),
            key=f"{key} {len(names)}",
            placeholder="All",
        )
        to = st.multiselect("To", targets, key=f"{key} to", placeholder="Choose cameras")
        for target in to:
            _warn_of_stretching(case.clip(target), video)
        copied = tuple(shapes[number] for number in which) or shapes

        @saving("The copy of the regions")
        def copy() -> None:
            shapes_text, cameras = format_count(len(copied), "shape", "shapes"), ", ".join(to)
            log_entry = f"regions copied from {clip.camera} to {cameras}: {shapes_text}"
            set_regions(to, lambda old: replace(old, regions=old.regions + copied), log_entry)
            st.toast(f"Copied {shapes_text} to {escape(cameras)}. To reverse this, use Undo there.")

        st.button("Copy", type="primary", disabled=not to, key=f"{key} go", on_click=copy)


def _warn_of_stretching(target: CaseClip, video: Clip) -> None:
    try:
        target_video = clip_of(target.path)
    except SightlineError as fault:
        st.warning(f"**{escape(target.camera)}:** {escape(str(fault))}")
        return
    if abs(target_video.width * video.height / (target_video.height * video.width) - 1) > 0.01:
        sizes = f"is {target_video.width:d} × {target_video.height:d}, this camera {video.width:d} × {video.height:d}"
        st.warning(f"**{escape(target.camera)}** {sizes}: shapes are stretched to fit.")


def load_file(clip: CaseClip, video: Clip) -> None:
    """Load regions from a file, in addition to the existing ones or instead of them."""
    version = REGION_FILES_OPENED.set_default(0)
    chooser = region_file(clip, version)
    mode = region_file_mode(chooser)
    # A new key makes a new expander: closed, and without the file.
    with st.expander("Load from a file", icon=":material/upload_file:", key=f"{chooser.key} over"):
        file = st.file_uploader(
            "Region file",
            type=["json", "txt", "csv"],
            key=chooser.key,
            help="A file saved on this page, or a text file with one corner of a polygon per line: x, y in pixels.",
        )
        if clip.regions.regions:
            st.radio("Existing regions", ["Keep", "Replace"], horizontal=True, key=mode.key)

        def use() -> None:
            if file is None:
                return
            try:
                loaded = read_regions(file.getvalue(), file.name, video.width, video.height)
                keep = mode.get("Keep") != "Replace"
                set_regions(
                    [clip.camera], lambda old: _combine(old, loaded, keep), f"regions of {clip.camera}: {file.name}"
                )
                REGION_FILES_OPENED.set(version + 1)
            except SightlineError as fault:
                REGION_FILE_REFUSED.set(fault)

        st.button("Use these regions", type="primary", disabled=file is None, key=f"{chooser.key} go", on_click=use)
        if refused := REGION_FILE_REFUSED.pop(None):
            st.error(describe_fault(refused))


def _combine(old: Regions, new: Regions, keep: bool) -> Regions:
    """The regions after loading. Where the old ones are kept, their test point holds for all."""
    return replace(old, regions=old.regions + new.regions) if keep and old.regions else new


def save_file(clip: CaseClip) -> None:
    st.download_button(
        "Save to a file",
        lambda: to_json(replace(clip.regions, left_out=())),  # made on click, since the drawing changes often
        f"{clip.camera}-regions.json",
        "application/json",
        icon=":material/download:",
        disabled=not clip.regions.regions,
        on_click="ignore",
        key=f"save {clip.camera}",
    )
