"""What a run of the case would still have to do, and how much room on the disk that takes.

One card per clip of the case: stills over its length, what it is, what to know of it, and what may be set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.base.errors import ClipError, SightlineError
from core.base.settings import EmbedSettings
from core.base.text import in_words
from core.base.types import Clip
from core.machine.artifacts import Store
from core.machine.device import backend
from core.runs import Camera, Networks, Recipe, ahead, boxes_artifact, boxes_of
from core.vision.video import Note, notes_of, small_people
from core.workspace import clip_of, services
from core.workspace.cases import Case, CaseClip
from core.workspace.media import Strip, strip_of
from core.workspace.sources import room_for
from pages.parts.footage.clip_fields import fields
from pages.parts.shell.format import as_text, count, facts
from pages.parts.shell.open_case import change, the_case
from pages.parts.shell.session import REMOVED_CLIP


def what_is_ahead(case: Case, clips: Mapping[str, Clip]) -> None:
    """A line on what is done already and what is to come, with a warning where the disk is nearly full."""
    done = _done(case, clips)
    new = [clip for camera, clip in clips.items() if camera not in done]
    films = [clip for clip in clips.values() if services().proxies.look(clip.digest).path is None]
    room = room_for(_seconds(films), _seconds(new))
    words = f"Disk space for a run and its videos: about **{in_words(room.needed)}** of **{in_words(room.free)}** free."
    if done:
        words = f"**{len(done)} of {count(len(clips), 'clip')} already processed** with these settings. {words}"
    if room.short:
        st.error(f"{words} There is not enough space. Free some, or set SIGHTLINE_CACHE to a folder on a larger disk.")
    elif room.tight:
        st.warning(f"{words} Space is tight. Free some before you start.")
    else:
        st.caption(words)


def _seconds(clips: list[Clip]) -> float:
    return sum(clip.duration_seconds for clip in clips)


def _done(case: Case, clips: Mapping[str, Clip]) -> set[str]:
    """The cameras whose findings the store holds whole. Without the models nobody can say, and nothing counts."""
    plan, store = case.plan, Store(peeks=True)
    try:
        networks = Networks.named(plan.detector, plan.embedder, backend("auto"))
    except SightlineError:
        return set()
    recipe = Recipe(video=plan.video, detect=plan.detect, track=plan.track)
    done = set()
    for camera, about in clips.items():
        clip = case.clip(camera)
        where = clip.regions if clip.regions.regions else None
        span = (clip.start_seconds, clip.end_seconds)
        try:
            _, shares = ahead(about, Camera(camera, Path(about.path), span=span), recipe, networks, store, where)
        except SightlineError:
            continue
        if min(shares.values()) >= 1:
            done.add(camera)
    return done


WIDTH = 476
"""Of a card in pixels: two beside each other on a small screen, four on a large one."""


def clip_cards(case: Case, by_clock: bool) -> dict[str, Clip]:
    """Show the cards; the clips that can be worked on, by camera."""
    usable = {}
    with st.container(horizontal=True, gap="small"):
        for clip in case.clips:
            with st.container(border=True, width=WIDTH):
                try:
                    about = _same(clip)
                    _card(case, clip, about, by_clock)
                    usable[clip.camera] = about
                except SightlineError as fault:
                    st.markdown(f"**{clip.camera}** · {Path(clip.path).name}")
                    st.error(f"**{fault.message.rstrip('.')}.** {fault.remedy}", icon=":material/error:")
                    _remove(case, clip)
    return usable


def _same(clip: CaseClip) -> Clip:
    """The clip as it lies there now, which must be what it was when it came into the case."""
    if not Path(clip.path).exists():
        raise ClipError(
            f"{clip.path} is missing",
            "Restore it, or add it again from its new place. Names, times and regions stay.",
        )
    about = clip_of(clip.path)
    if about.digest != clip.digest:
        raise ClipError(
            f"{Path(clip.path).name} has changed since it was added",
            "Restore the original file, or remove this clip and add the new file.",
        )
    return about


def _card(case: Case, clip: CaseClip, about: Clip, by_clock: bool) -> None:
    strip = _stills(about)
    st.caption(f"**{Path(clip.path).name}**  \n{facts(about)}")
    notes = [] if strip is None else notes_of(about, strip.measures)
    for note in [*notes, *_too_small(clip, about)]:
        st.markdown(f":orange-badge[:material/warning: Note] **{note.words}** {note.remedy}")
    fields(case, clip, about, by_clock)
    _remove(case, clip)


def _stills(about: Clip) -> Strip | None:
    with st.spinner("Reading the clip…"):
        strip = strip_of(about)
    if strip is None:
        st.warning("No preview available. Export the clip again.")
        return None
    moments = ", ".join(as_text(round(seconds)) for seconds in strip.seconds)
    st.image(str(strip.picture), width="stretch", alt=f"Stills of {Path(about.path).name} at {moments}")
    return strip


def _too_small(clip: CaseClip, about: Clip) -> list[Note]:
    """Said from what was found in it by an earlier run, if there was one."""
    artifact = boxes_artifact(Store(peeks=True), clip.digest)
    if artifact is None:
        return []
    boxes = boxes_of(artifact, about, EmbedSettings().floor)
    return small_people(boxes[:, 3] - boxes[:, 1])


def _remove(case: Case, clip: CaseClip) -> None:
    name = f"Remove {clip.camera}"
    key = f"drop {case.key} {clip.digest}"
    st.button(name, key=key, type="tertiary", icon=":material/close:", on_click=_drop, args=(clip,))


def _drop(clip: CaseClip) -> None:
    def how(case: Case) -> Case:
        return case.with_clips(one for one in case.clips if one.digest != clip.digest)

    before = [one.digest for one in the_case().clips]
    if clip.digest in before:
        case = change(how, f"clip removed: {clip.camera} ({clip.digest})")
        REMOVED_CLIP.set((case.key, before.index(clip.digest), clip))


def undo_removal(case: Case) -> None:
    """A line that takes the last removal back, for as long as the case has nothing in its place."""
    key, place, clip = REMOVED_CLIP.get(("", 0, None))
    if clip is None or key != case.key or any(one.digest == clip.digest for one in case.clips):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{clip.camera}** was removed from the case. Its file and the results of other clips remain.")
        st.button("Undo", icon=":material/undo:", on_click=_put_back, args=(place, clip))


def _put_back(place: int, clip: CaseClip) -> None:
    def how(case: Case) -> Case:
        named = replace(clip, camera=case.free_name(clip.camera))
        return case.with_clips((*case.clips[:place], named, *case.clips[place:]))

    change(how, f"clip put back: {clip.camera} ({clip.digest})")
    REMOVED_CLIP.remove()
