"""What a run of the case would still have to do, and how much room on the disk that takes.

One card per clip of the case: stills over its length, what it is, what to know of it, and what may be set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.base.errors import ClipError, SightlineError
from core.base.settings import EmbedSettings
from core.base.text import format_bytes
from core.base.types import Clip
from core.machine.artifacts import Store
from core.machine.device import backend
from core.runs import Camera, Networks, Recipe, stage_progress, latest_boxes, read_boxes
from core.vision.video import Note, notes_of, small_people
from core.workspace import clip_of, services
from core.workspace.cases import Case, CaseClip
from core.workspace.media import Strip, strip_of
from core.workspace.sources import room_for
from pages.parts.footage.clip_fields import clip_fields
from pages.parts.shell.format import format_time, count, _facts
from pages.parts.shell.open_case import change_case, require_case
from pages.parts.shell.session import REMOVED_CLIP


def show_disk_space(case: Case, clips: Mapping[str, Clip]) -> None:
    """A line on what is done already and what is to come, with a warning where the disk is nearly full."""
    processed = _processed_cameras(case, clips)
    new = [clip for camera, clip in clips.items() if camera not in processed]
    unconverted = [clip for clip in clips.values() if services().proxies.look(clip.digest).path is None]
    space = room_for(_seconds(unconverted), _seconds(new))
    message = f"Disk space for a run and its videos: about **{format_bytes(space.needed)}** of **{format_bytes(space.free)}** free."
    if processed:
        message = f"**{len(processed)} of {count(len(clips), 'clip')} already processed** with these settings. {message}"
    if space.short:
        st.error(f"{message} There is not enough space. Free some, or set SIGHTLINE_CACHE to a folder on a larger disk.")
    elif space.tight:
        st.warning(f"{message} Space is tight. Free some before you start.")
    else:
        st.caption(message)


def _seconds(clips: list[Clip]) -> float:
    return sum(clip.duration_seconds for clip in clips)


def _processed_cameras(case: Case, clips: Mapping[str, Clip]) -> set[str]:
    """The cameras whose findings the store holds whole. Without the models nobody can say, and nothing counts."""
    plan, store = case.plan, Store(peeks=True)
    try:
        networks = Networks.from_names(plan.detector, plan.embedder, backend("auto"))
    except SightlineError:
        return set()
    recipe = Recipe(video=plan.video, detect=plan.detect, track=plan.track)
    processed = set()
    for camera, video in clips.items():
        clip = case.clip(camera)
        regions = clip.regions if clip.regions.regions else None
        span = (clip.start_seconds, clip.end_seconds)
        try:
            _, shares = stage_progress(video, Camera(camera, Path(video.path), span=span), recipe, networks, store, regions)
        except SightlineError:
            continue
        if min(shares.values()) >= 1:
            processed.add(camera)
    return processed


_CARD_PX = 476
"""Of a card in pixels: two beside each other on a small screen, four on a large one."""


def clip_cards(case: Case, by_clock: bool) -> dict[str, Clip]:
    """Show the cards; the clips that can be worked on, by camera."""
    usable = {}
    with st.container(horizontal=True, gap="small"):
        for clip in case.clips:
            with st.container(border=True, width=_CARD_PX):
                try:
                    video = _unchanged_clip(clip)
                    _card(case, clip, video, by_clock)
                    usable[clip.camera] = video
                except SightlineError as fault:
                    st.markdown(f"**{clip.camera}** · {Path(clip.path).name}")
                    st.error(f"**{fault.message.rstrip('.')}.** {fault.remedy}", icon=":material/error:")
                    _remove_button(case, clip)
    return usable


def _unchanged_clip(clip: CaseClip) -> Clip:
    """The clip as it lies there now, which must be what it was when it came into the case."""
    if not Path(clip.path).exists():
        raise ClipError(
            f"{clip.path} is missing",
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
    st.caption(f"**{Path(clip.path).name}**  \n{_facts(video)}")
    notes = [] if strip is None else notes_of(video, strip.measures)
    for note in [*notes, *_size_notes(clip, video)]:
        st.markdown(f":orange-badge[:material/warning: Note] **{note.words}** {note.remedy}")
    clip_fields(case, clip, video, by_clock)
    _remove_button(case, clip)


def _stills(video: Clip) -> Strip | None:
    with st.spinner("Reading the clip…"):
        strip = strip_of(video)
    if strip is None:
        st.warning("No preview available. Export the clip again.")
        return None
    moments = ", ".join(format_time(round(seconds)) for seconds in strip.seconds)
    st.image(str(strip.picture), width="stretch", alt=f"Stills of {Path(video.path).name} at {moments}")
    return strip


def _size_notes(clip: CaseClip, video: Clip) -> list[Note]:
    """Said from what was found in it by an earlier run, if there was one."""
    artifact = latest_boxes(Store(peeks=True), clip.digest)
    if artifact is None:
        return []
    boxes = read_boxes(artifact, video, EmbedSettings().floor)
    return small_people(boxes[:, 3] - boxes[:, 1])


def _remove_button(case: Case, clip: CaseClip) -> None:
    name = f"Remove {clip.camera}"
    key = f"drop {case.key} {clip.digest}"
    st.button(name, key=key, type="tertiary", icon=":material/close:", on_click=_remove, args=(clip,))


def _remove(clip: CaseClip) -> None:
    def edit(case: Case) -> Case:
        return case.with_clips(candidate for candidate in case.clips if candidate.digest != clip.digest)

    digests = [candidate.digest for candidate in require_case().clips]
    if clip.digest in digests:
        case = change_case(edit, f"clip removed: {clip.camera} ({clip.digest})")
        REMOVED_CLIP.set((case.key, digests.index(clip.digest), clip))


def undo_removal(case: Case) -> None:
    """A line that takes the last removal back, for as long as the case has nothing in its place."""
    key, position, clip = REMOVED_CLIP.get(("", 0, None))
    if clip is None or key != case.key or any(candidate.digest == clip.digest for candidate in case.clips):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{clip.camera}** was removed from the case. Its file and the results of other clips remain.")
        st.button("Undo", icon=":material/undo:", on_click=_restore, args=(position, clip))


def _restore(position: int, clip: CaseClip) -> None:
    def edit(case: Case) -> Case:
        restored = replace(clip, camera=case.free_name(clip.camera))
        return case.with_clips((*case.clips[:position], restored, *case.clips[position:]))

    change_case(edit, f"clip put back: {clip.camera} ({clip.digest})")
    REMOVED_CLIP.remove()
