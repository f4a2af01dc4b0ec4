"""Pictures and films of clips made for the browser, each made once and kept in the cache under the clip's digest.

<cache>/stills/<digest>/<frame>.jpg   the picture at any moment that somebody looked at; a limited number per clip
        strips/<digest>.jpg, .json    a few stills side by side, with their seconds and measured quality
        proxies/<digest>.mp4          the clip as a film that every browser plays
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from core.base.errors import SightlineError
from core.base.types import Clip, Image
from core.machine.paths import cache_dir, write_atomically
from core.vision.images import jpeg
from core.vision.video import Measures, PreviewFrame, make_proxy, measure, preview_frames, still

MAX_STILL_WIDTH = 1600
MAX_STILLS = 300
"""Of one clip; beyond it, the oldest are removed."""
STRIP_STILLS = 6
_LANDSCAPE, _PORTRAIT = (3, 320), (6, 160)
"""Stills side by side in a strip, and the width of each in pixels."""
_GAP = 4
_QUALITY = 82
_FORMAT = 1


def still_at(clip: Clip, seconds: float) -> Path:
    """The JPEG file of the picture shown at `seconds` of the clip, made if it is not there."""
    frame = int(np.searchsorted(clip.times, seconds + 1e-6, side="right")) - 1
    path = stills_folder(clip.digest) / f"{max(0, frame)}.jpg"
    if not path.is_file():
        write_atomically(path, still(clip, max(0, frame), min(MAX_STILL_WIDTH, clip.width)))
        _remove_oldest(path.parent)
    return path


def stills_folder(digest: str) -> Path:
    """The folder of a clip's stills."""
    return cache_dir() / "stills" / digest


def _remove_oldest(folder: Path) -> None:
    """Keep the newest `MAX_STILLS` stills of a clip."""
    stills = sorted((path.stat().st_mtime_ns, path) for path in folder.glob("*.jpg"))
    for _, path in stills[: max(0, len(stills) - MAX_STILLS)]:
        # Another tab may have removed it first.
        with suppress(OSError):
            path.unlink()


@dataclass(frozen=True)
class Strip:
    """A JPEG of stills, row by row, with the second of the clip and the measured quality of each."""

    picture: Path
    seconds: tuple[float, ...]
    measures: tuple[Measures, ...]


def strip_of(clip: Clip) -> Strip | None:
    """The strip of a clip, made if it is not there; None if no picture of the clip can be read."""
    if (stored := stored_strip(clip.digest)) is not None:
        return stored
    picture = _strip_picture(clip.digest)
    shots = preview_frames(clip, STRIP_STILLS)
    if not shots:
        return None
    strip = Strip(picture, tuple(round(g.seconds, 3) for g in shots), tuple(measure(g.bgr) for g in shots))
    write_atomically(picture, jpeg(_join_stills(clip, shots), _QUALITY))
    about = {"format": _FORMAT, "seconds": strip.seconds, "measures": [asdict(measured) for measured in strip.measures]}
    # Written last: a strip without it is made again.
    write_atomically(picture.with_suffix(".json"), json.dumps(about).encode())
    return strip


def _strip_picture(digest: str) -> Path:
    return cache_dir() / "strips" / f"{digest}.jpg"


def stored_strip(digest: str) -> Strip | None:
    """The strip of the clip with this digest, if it was made before."""
    picture = _strip_picture(digest)
    try:
        about = json.loads(picture.with_suffix(".json").read_text(encoding="utf-8"))
        if about["format"] != _FORMAT or not picture.is_file():
            return None
        return Strip(picture, tuple(about["seconds"]), tuple(Measures(**measured) for measured in about["measures"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _join_stills(clip: Clip, shots: Sequence[PreviewFrame]) -> Image:
    """The stills in rows on a grey ground; HxWx3, BGR."""
    import cv2

    across, width = _LANDSCAPE if clip.width >= clip.height else _PORTRAIT
    height = max(2, round(width * clip.height / clip.width))
    across, rows = min(across, len(shots)), -(-len(shots) // across)
    sheet = np.full((rows * (height + _GAP) - _GAP, across * (width + _GAP) - _GAP, 3), 128, np.uint8)
    for number, shot in enumerate(shots):
        y, x = number // across * (height + _GAP), number % across * (width + _GAP)
        sheet[y : y + height, x : x + width] = cv2.resize(shot.bgr, (width, height), interpolation=cv2.INTER_AREA)
    return sheet


@dataclass
class ProxyState:
    """How far the proxy of a clip is: share done (0 to 1), its `path` once it is done, or why it failed."""

    share: float = 0.0
    path: Path | None = None
    fault: str = ""


@dataclass
class Proxies:
    """The proxies under one root (by default in the user's cache folder), made one at a time in the background."""

    root: Path = field(default_factory=lambda: cache_dir() / "proxies")

    def __post_init__(self) -> None:
        self._states: dict[str, ProxyState] = {}
        self._lock, self._turn = threading.Lock(), threading.Lock()

    def state_of(self, digest: str) -> ProxyState:
        """How far the proxy of a clip is; share 0 if it was never requested."""
        path = self.root / f"{digest}.mp4"
        if path.is_file():
            return ProxyState(1.0, path)
        return self._states.get(digest, ProxyState())

    def request(self, clip: Clip) -> ProxyState:
        """Have the proxy made, unless it is there or in progress; one that failed is tried again."""
        with self._lock:
            state = self._states.get(clip.digest)
            if not self.state_of(clip.digest).path and (state is None or state.fault or state.path):
                self._states[clip.digest] = state = ProxyState()
                work = threading.Thread(target=self._make, args=(clip, state), name="sightline-proxy", daemon=True)
                work.start()
        return self.state_of(clip.digest)

    def _make(self, clip: Clip, state: ProxyState) -> None:
        def report(done: int, total: int) -> None:
            state.share = done / total

        path = self.root / f"{clip.digest}.mp4"
        with self._turn:
            try:
                make_proxy(clip, path, report)
                state.path = path
            except SightlineError as fault:
                state.fault = str(fault)
            except Exception as fault:
                # A bug: the page must not wait for ever. The thread's traceback goes to the log.
                state.fault = f"The film for the browser could not be made ({type(fault).__name__}). Try again."
                raise
