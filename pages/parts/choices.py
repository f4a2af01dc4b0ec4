"""What the user has chosen in this session, and nothing else: results are looked up. The one door to session state.

Picks and camera names are also kept in the page's address, so that a reload does not lose them; what an address names
is taken only where it may be opened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from core.footage import permitted
from core.pipeline import Camera, name_cameras

_KEY = "choices"
_PARAM = "clip"


@dataclass
class Choices:
    """`clips` are paths in the order picked; `names` holds the camera names that the user typed, by path.

    `uploaded` are the uploader's ids of files that were taken over, so that one which is dropped stays dropped.
    """

    folder: str = ""
    clips: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    uploaded: list[str] = field(default_factory=list)
    run: str = ""
    camera: str = ""
    track: int | None = None
    jumps: int = 0

    def add(self, clip: Path) -> None:
        if str(clip) not in self.clips:
            self.clips.append(str(clip))

    def drop(self, clip: str) -> None:
        self.clips = [other for other in self.clips if other != clip]
        self.names.pop(clip, None)

    def cameras(self, usable: list[str]) -> list[Camera]:
        """A camera for each usable clip; `SettingsError` where a typed name will not do."""
        typed = [f"{self.names[clip]}={clip}" for clip in usable if self.names.get(clip)]
        return name_cameras([Path(clip) for clip in usable], typed)

    def jump_to(self, track: int | None) -> None:
        """Select a track; the player goes to its first appearance, again if it was selected before."""
        self.track = track
        self.jumps += 1


def choices() -> Choices:
    if _KEY not in st.session_state:
        st.session_state[_KEY] = _of_address(st.query_params.get_all(_PARAM))
    found: Choices = st.session_state[_KEY]
    return found


def keep_in_address() -> None:
    """Write the picks into the page's address, as camera=clip with nothing before the sign where no name was typed."""
    chosen = choices()
    st.query_params[_PARAM] = [f"{chosen.names.get(clip, '')}={clip}" for clip in chosen.clips]


def _of_address(texts: list[str]) -> Choices:
    found = Choices()
    for name, _, clip in (text.partition("=") for text in texts):
        if permitted(clip):
            found.add(Path(clip))
            if name:
                found.names[clip] = name
    return found
