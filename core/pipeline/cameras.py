"""Cameras: a name and a clip each, the name made from the file's and fit to be a file's name anywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import SettingsError

_RESERVED = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))}


Span = tuple[float, float | None]


@dataclass(frozen=True)
class Camera:
    """`called` is what the clip's file is called in results: its name, or that of an earlier run that is repeated.

    `span` holds the seconds of the clip from and to which it is looked at (None: its end); without one, those that are
    set for all clips hold.
    """

    name: str
    clip: Path
    called: str = ""
    span: Span | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "called", self.called or self.clip.absolute().name)


def safe_name(text: str) -> str:
    """`text` with everything but letters, digits, `-`, `_` and `.` replaced, never empty, hidden or reserved.

    >>> safe_name("Gate 3/left"), safe_name("..."), safe_name("con")
    ('Gate_3_left', 'camera', 'con_')
    """
    name = re.sub(r"[^\w.-]+", "_", text).strip("._ ")[:80] or "camera"
    return f"{name}_" if name.lower().split(".")[0] in _RESERVED else name


def name_cameras(clips: Sequence[Path], named: Sequence[str] = ()) -> list[Camera]:
    """One camera per clip, in order. `named` holds `camera=clip`: those clips get that name (and are added if new).

    Names that would collide (in upper or lower case) get a number: gate, gate-2, gate-3.
    """
    wanted: dict[Path, str] = {}
    for text in named:
        name, equals, clip = text.partition("=")
        if not (name and equals and clip):
            raise SettingsError(f"'{text}' names no camera", "Write --name camera=clip, for example --name gate=a.mp4.")
        if safe_name(name) != name:
            raise SettingsError(f"'{name}' cannot name a camera", f"Use letters, digits, - and _: {safe_name(name)}.")
        if name.lower() in (n.lower() for n in wanted.values()):
            raise SettingsError(f"two cameras are called '{name}'", "Give each its own name.")
        if Path(clip) in wanted:
            raise SettingsError(f"{clip} is given to two cameras", "Give each camera a clip of its own.")
        wanted[Path(clip)] = name
    order = list(clips) + [clip for clip in wanted if clip not in clips]
    taken = {name.lower() for name in wanted.values()}
    cameras = []
    for file in order:
        called = wanted.pop(file, None) or _free(safe_name(file.stem or file.name), taken)
        taken.add(called.lower())
        cameras.append(Camera(called, file))
    return cameras


def _free(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate.lower() in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate
