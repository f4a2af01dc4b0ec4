"""What a run of the case would still have to do, and how much room on the disk that takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from core.amounts import in_words
from core.cases import Case
from core.device import backend
from core.errors import SightlineError
from core.footage import room_for
from core.pipeline import Camera, Networks, Recipe, ahead
from core.store import Store
from core.types import Clip
from pages.parts.services import services
from pages.parts.words import count


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
