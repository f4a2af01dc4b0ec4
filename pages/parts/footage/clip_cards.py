"""The clips of a case, a card or a row each: stills, facts, notes on the recording, and the fields that can be edited.

Of more than a dozen clips there is a table, with a filter and a field for all of them at once; the cards are the other
view. Below the clips: the disk space that the next run needs, and the way back for a clip that was removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import streamlit as st

from core.base.errors import ClipError, SightlineError
from core.base.settings import EmbedSettings
from core.base.text import format_bytes, format_count, format_duration
from core.base.types import Clip
from core.machine.artifacts import Artifact, Store
from core.machine.device import parse_backend
from core.machine.settings_file import machine_settings
from core.runs import Camera, Networks, Recipe, is_processed, latest_boxes, read_boxes
from core.vision.video import Note, clip_notes, small_people_notes
from core.workspace import clip_of, erase_clip, plan_clip, services
from core.workspace.cases import Case, CaseClip
from core.workspace.media import Strip, stored_strip, strip_of
from core.workspace.sources import disk_space_for
from pages.parts.footage.clip_fields import clip_fields, edit_all, format_time
from pages.parts.shell.markdown import describe_fault, escape
from pages.parts.shell.open_case import change_case, removal_panel, require_case, saving
from pages.parts.shell.session import REMOVED_CLIP, clips_filter, clips_part, clips_view


def show_disk_space(case: Case, videos: Mapping[str, Clip]) -> None:
    """The disk space that the next run needs, which clips are processed already, and a warning where space is short."""
    processed = _processed_cameras(case, videos)
    new = [video for camera, video in videos.items() if camera not in processed]
    unconverted = [video for video in videos.values() if services().proxies.state_of(video.digest).path is None]
    space = disk_space_for(_seconds(unconverted), _seconds(new))
    needed, free = format_bytes(space.needed), format_bytes(space.free)
    message = f"Disk space for a run and its videos: about **{needed}** of **{free}** free."
    if processed:
        clips = format_count(len(videos), "clip", "clips")
        message = f"**{len(processed)} of {clips} already processed** with these settings. {message}"
    if space.is_insufficient:
        st.error(
            f"{message} There is not enough space. Free some, or set SIGHTLINE_CACHE to a folder on a larger disk."
        )
    elif space.is_low:
        st.warning(f"{message} Space is tight. Free some before you start.")
    else:
        st.caption(message)


def _seconds(clips: list[Clip]) -> float:
    return sum(clip.duration_seconds for clip in clips)


def _processed_cameras(case: Case, clips: Mapping[str, Clip]) -> set[str]:
    """The cameras whose stages are all stored. None without the models, since stages are stored by model."""
    plan, store = case.plan, Store(preserve_times=True)
    try:
        networks = Networks.from_names(plan.detector, plan.embedder, parse_backend(machine_settings().device))
    except SightlineError:
        return set()
    recipe = Recipe(video=plan.video, detect=plan.detect, track=plan.track)
    processed = set()
    for camera, video in clips.items():
        clip = case.clip(camera)
        regions = None if clip.regions.is_empty else clip.regions
        span = (clip.start_seconds, clip.end_seconds)
        if is_processed(video, Camera(camera, Path(video.path), span=span), recipe, networks, store, regions):
            processed.add(camera)
    return processed


_CARD_PX = 476
"""Width of a card: two fit side by side on a small screen, four on a large one."""
_MAX_CARDS = 24
"""Cards or rows at a time: each has four fields, and Streamlit looks through all fields for each of them."""


_MAX_WITHOUT_TABLE = 12
"""Of more clips than this, a table is shown first."""
_TABLE, _CARDS = "Table", "Cards"
_COLUMNS = {"Stills": 4, "Camera": 3, "": 3, "From": 2, "To": 2, "Notes": 2, "Remove": 2}
"""The columns of the table, with their widths; the third is the start time."""
# The head of the table says it for sighted users; the label of each field stays for everybody else.
_TABLE_STYLE = (
    "<style>.st-key-clip-table [data-testid=stWidgetLabel]:not([class*=st-key-Clock-] *) "
    "{ position: absolute; width: 1px; height: 1px; "
    "overflow: hidden; clip-path: inset(50%); }"
    ".st-key-clip-table [data-testid=stImage] img { max-height: 3.5rem; object-fit: contain; }</style>"
)


def clip_cards(case: Case, by_clock: bool) -> dict[str, Clip]:
    """Draw a row or a card for each clip, of many clips a part at a time; returns the usable clips by camera."""
    as_table, matching = _choose_clips(case)
    drawn = {clip.digest for clip in _clips_to_draw(case, matching)}
    usable: dict[str, Clip] = {}
    width: Literal["stretch"] | int = "stretch" if as_table else _CARD_PX
    bulk_place = st.container()
    with st.container(horizontal=not as_table, gap="small", key="clip-table" if as_table else None):
        if as_table:
            _table_head(by_clock)
        for clip in case.clips:
            try:
                usable[clip.camera] = video = _unchanged_clip(clip)
                if clip.digest in drawn and as_table:
                    _row(case, clip, video, by_clock)
                elif clip.digest in drawn:
                    with st.container(border=True, width=_CARD_PX):
                        _card(case, clip, video, by_clock)
            except SightlineError as fault:
                usable.pop(clip.camera, None)
                # Whatever part is shown.
                with st.container(border=True, width=width):
                    st.markdown(f"**{escape(clip.camera)}** · {escape(Path(clip.path).name)}")
                    st.error(describe_fault(fault), icon=":material/error:")
                    _remove_button(case, clip)
    if as_table:
        with bulk_place:
            edit_all(case, {clip.camera: usable[clip.camera] for clip in matching if clip.camera in usable}, by_clock)
    return usable


def _choose_clips(case: Case) -> tuple[bool, tuple[CaseClip, ...]]:
    """Whether there is a table, and the clips that match the filter; few clips are all shown as cards."""
    if len(case.clips) <= _MAX_WITHOUT_TABLE:
        return False, case.clips
    view, text = clips_view(case.key), clips_filter(case.key)
    view.set_default(_TABLE)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control("View", [_TABLE, _CARDS], key=view.key, required=True, persist_state="session")
        st.text_input("Filter", key=text.key, placeholder="Camera or file name", width=260)
        wanted = text.get("").strip().lower()
        matching = tuple(clip for clip in case.clips if wanted in f"{clip.camera}\n{Path(clip.path).name}".lower())
        st.caption(f"{len(matching)} of {len(case.clips)} clips")
    return view.get(_TABLE) == _TABLE, matching


def _table_head(by_clock: bool) -> None:
    st.html(_TABLE_STYLE)
    start = "Started at" if by_clock else "Start offset (s)"
    for place, name in zip(st.columns(list(_COLUMNS.values()), gap="small"), _COLUMNS, strict=True):
        place.caption(name or start)


def _row(case: Case, clip: CaseClip, video: Clip, by_clock: bool) -> None:
    places = st.columns(list(_COLUMNS.values()), gap="small", vertical_alignment="center")
    with places[0]:
        strip = _stills(video)
    clip_fields(case, clip, video, by_clock, places[1:5])
    notes = [*([] if strip is None else clip_notes(video, strip.measures)), *_size_notes(clip, video)]
    with places[5]:
        texts = [f"**{escape(note.message)}** {escape(note.remedy)}" for note in notes]
        label = f":orange-badge[:material/warning: {len(notes)}]" if notes else "none"
        st.markdown(label, help="\n\n".join([f"{escape(Path(clip.path).name)}: {escape(_facts(video))}", *texts]))
    with places[6]:
        _remove_button(case, clip)


def _clips_to_draw(case: Case, matching: tuple[CaseClip, ...]) -> tuple[CaseClip, ...]:
    """All clips that match, or those of the part that the user has chosen."""
    count = len(matching)
    if count <= _MAX_CARDS:
        return matching
    choice = clips_part(case.key)
    starts = list(range(0, count, _MAX_CARDS))
    if choice.get(0) not in starts:
        choice.set(0)
    start = st.selectbox(
        "Clips",
        starts,
        key=choice.key,
        format_func=lambda first: _part_label(matching, first),
        persist_state="session",
    )
    return matching[start : start + _MAX_CARDS]


def _part_label(clips: tuple[CaseClip, ...], first: int) -> str:
    part = clips[first : first + _MAX_CARDS]
    return f"{first + 1} to {first + len(part)} of {len(clips)}: {part[0].camera} to {part[-1].camera}"


def _unchanged_clip(clip: CaseClip) -> Clip:
    """The clip as it is on disk; `ClipError` where it is missing or differs from the clip that was added."""
    if lost := next((file.path for file in clip.files if not Path(file.path).exists()), ""):
        raise ClipError(
            f"{lost} is missing",
            "Restore it, or add it again from its new place. Names, times and regions stay.",
        )
    video = clip_of(clip.path)
    if video.digest != clip.digest:
        raise ClipError(
            f"{Path(clip.path).name} has changed since it was added",
            "Restore the original file, or remove this clip and add the new file.",
        )
    return video


def _card(case: Case, clip: CaseClip, video: Clip, by_clock: bool) -> None:
    strip = _stills(video)
    st.caption(f"**{escape(Path(clip.path).name)}**  \n{escape(_facts(video))}")
    notes = [] if strip is None else clip_notes(video, strip.measures)
    for note in [*notes, *_size_notes(clip, video)]:
        st.markdown(f":orange-badge[:material/warning: Note] **{escape(note.message)}** {escape(note.remedy)}")
    clip_fields(case, clip, video, by_clock)
    _remove_button(case, clip)


def _facts(video: Clip) -> str:
    """Picture size, length, frame rate, codec and file size in one line."""
    paths = [Path(recording.clip.path) for recording in video.recordings] or [Path(video.path)]
    rotation = f", rotated {video.rotation}°" if video.rotation else ""
    size = f" · {format_bytes(sum(path.stat().st_size for path in paths))}" if paths[0].is_file() else ""
    files = f"{format_count(len(paths), 'recording', 'recordings')} · " if len(paths) > 1 else ""
    rate = f"{video.fps:.4g} frames/s" if video.fps else "one frame"
    length = format_duration(video.duration_seconds)
    return f"{files}{video.width} × {video.height}{rotation} · {length} · {rate} · {video.codec}{size}"


def _stills(video: Clip) -> Strip | None:
    strip = stored_strip(video.digest)
    if strip is None:
        with st.spinner("Reading the clip…"):
            strip = strip_of(video)
    if strip is None:
        st.warning("No preview available. Export the clip again.")
        return None
    moments = ", ".join(format_time(round(seconds)) for seconds in strip.seconds)
    st.image(str(strip.picture), width="stretch", alt=f"Stills of {Path(video.path).name} at {moments}")
    return strip


def _size_notes(clip: CaseClip, video: Clip) -> list[Note]:
    """Notes on people too small to re-identify, known once a run has detected the people of the clip."""
    artifact = latest_boxes(Store(preserve_times=True), video)
    return [] if artifact is None else _notes_on_boxes(str(artifact.folder), video, artifact)


@st.cache_data(max_entries=10_000, show_spinner=False)
def _notes_on_boxes(folder: str, _video: Clip, _artifact: Artifact) -> list[Note]:
    """Cached by the artifact's folder, whose name says what decides its content: all boxes of the clip are read."""
    boxes = read_boxes(_artifact, _video, EmbedSettings().floor)
    return small_people_notes(boxes[:, 3] - boxes[:, 1])


def _remove_button(case: Case, clip: CaseClip) -> None:
    name = f"Remove {escape(clip.camera)}"
    key = f"drop {case.key} {clip.digest}"
    st.button(name, key=key, type="tertiary", icon=":material/close:", on_click=_remove, args=(clip,))


@saving("The removal of the clip")
def _remove(clip: CaseClip) -> None:
    def edit(case: Case) -> Case:
        return case.with_clips(candidate for candidate in case.clips if candidate.digest != clip.digest)

    digests = [candidate.digest for candidate in require_case().clips]
    if clip.digest in digests:
        case = change_case(edit, f"clip removed: {clip.camera} ({clip.digest})")
        REMOVED_CLIP.set((case.key, digests.index(clip.digest), clip))


def delete_clip_panel(case: Case) -> None:
    """Below the clips: a clip deleted for good, and not only taken out of the case."""
    removal_panel(
        "clip",
        {clip.camera: f"{clip.camera} · {Path(clip.path).name}" for clip in case.clips},
        lambda camera: plan_clip(services(), case, camera),
        lambda camera: erase_clip(services(), case, camera),
    )


def undo_removal(case: Case) -> None:
    """A line with a button that restores the clip removed last, until the same clip is added again."""
    key, position, clip = REMOVED_CLIP.get(("", 0, None))
    if clip is None or key != case.key or any(candidate.digest == clip.digest for candidate in case.clips):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{escape(clip.camera)}** was removed from the case. Its file and the results of other clips remain."
        )
        st.button("Undo", icon=":material/undo:", on_click=_restore, args=(position, clip))


@saving("The clip")
def _restore(position: int, clip: CaseClip) -> None:
    def edit(case: Case) -> Case:
        restored = replace(clip, camera=case.free_name(clip.camera))
        return case.with_clips((*case.clips[:position], restored, *case.clips[position:]))

    change_case(edit, f"clip restored: {clip.camera} ({clip.digest})")
    REMOVED_CLIP.remove()
