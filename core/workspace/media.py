"""Stills of any moment of a clip, kept on disk: whoever looks for a good one goes to and fro.

    <cache>/stills/<clip digest>/<frame>.jpg

Owns that folder and how many it holds of a clip.

The strip of stills that stands for a clip, and what its pictures are like: looked at once per clip, by digest.

<cache>/strips/<digest>.jpg     the stills side by side
                <digest>.json   their seconds, and what was measured"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np

from core.base.errors import SightlineError
from core.base.types import Clip, Image
from core.machine.paths import cache_dir, write_atomically
from core.vision.images import jpeg
from core.vision.video import Glimpse, Measures, glimpses, make_proxy, measure, still

WIDEST = 1600
MOST = 300  # of a clip; beyond it, those made first go


def still_at(clip: Clip, seconds: float) -> Path:
    """The picture shown at `seconds` of the clip, as a JPEG file; made unless it is there."""
    frame = int(np.searchsorted(clip.times, seconds + 1e-6, side="right")) - 1
    path = stills_folder(clip.digest) / f"{max(0, frame)}.jpg"
    if not path.is_file():
        write_atomically(path, still(clip, max(0, frame), min(WIDEST, clip.width)))
        _thin_out(path.parent)
    return path


def stills_folder(digest: str) -> Path:
    """Where the stills of a clip lie, for whoever deletes what is known of it."""
    return cache_dir() / "stills" / digest


def _thin_out(folder: Path) -> None:
    kept = [(path.stat().st_mtime_ns, path) for path in folder.glob("*.jpg")]
    for _, path in sorted(kept)[: max(0, len(kept) - MOST)]:
        # Another tab may have been quicker.
        with suppress(OSError):
            path.unlink()


STILLS = 6
_LANDSCAPE, _PORTRAIT = (3, 320), (6, 160)
"""Stills side by side, and the width of each in pixels."""
_GAP = 4
_QUALITY = 82
_FORMAT = 1


@dataclass(frozen=True)
class Strip:
    """`picture` is a JPEG of stills taken at `seconds` of the clip, row by row; each was measured."""

    picture: Path
    seconds: tuple[float, ...]
    measures: tuple[Measures, ...]


def strip_of(clip: Clip) -> Strip | None:
    """The clip's strip, made where it is not there yet; nothing where no picture can be had."""
    picture = cache_dir() / "strips" / f"{clip.digest}.jpg"
    if (known := _known(picture)) is not None:
        return known
    seen = glimpses(clip, STILLS)
    if not seen:
        return None
    strip = Strip(picture, tuple(round(g.seconds, 3) for g in seen), tuple(measure(g.bgr) for g in seen))
    write_atomically(picture, jpeg(_sheet(clip, seen), _QUALITY))
    about = {"format": _FORMAT, "seconds": strip.seconds, "measures": [asdict(one) for one in strip.measures]}
    # Last: a strip counts when it is described.
    write_atomically(picture.with_suffix(".json"), json.dumps(about).encode())
    return strip


def _known(picture: Path) -> Strip | None:
    try:
        about = json.loads(picture.with_suffix(".json").read_text(encoding="utf-8"))
        if about["format"] != _FORMAT or not picture.is_file():
            return None
        return Strip(picture, tuple(about["seconds"]), tuple(Measures(**one) for one in about["measures"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sheet(clip: Clip, seen: Sequence[Glimpse]) -> Image:
    """The stills in rows on a grey ground."""
    across, width = _LANDSCAPE if clip.width >= clip.height else _PORTRAIT
    height = max(2, round(width * clip.height / clip.width))
    across, rows = min(across, len(seen)), -(-len(seen) // across)
    sheet = np.full((rows * (height + _GAP) - _GAP, across * (width + _GAP) - _GAP, 3), 128, np.uint8)
    for number, glimpse in enumerate(seen):
        y, x = number // across * (height + _GAP), number % across * (width + _GAP)
        sheet[y : y + height, x : x + width] = cv2.resize(glimpse.bgr, (width, height), interpolation=cv2.INTER_AREA)
    return sheet


@dataclass
class ProxyState:
    """How far a film is: done where `path` is there, failed where `fault` says why."""

    share: float = 0.0
    path: Path | None = None
    fault: str = ""


@dataclass
class Proxies:
    """The films under one root (by default in the user's cache folder), made one at a time in the background."""

    root: Path = field(default_factory=lambda: cache_dir() / "proxies")

    def __post_init__(self) -> None:
        self._making: dict[str, ProxyState] = {}
        self._lock, self._turn = threading.Lock(), threading.Lock()

    def look(self, digest: str) -> ProxyState:
        """How far the film of that clip is; share 0 where nobody asked for it."""
        path = self.root / f"{digest}.mp4"
        if path.is_file():
            return ProxyState(1.0, path)
        return self._making.get(digest, ProxyState())

    def ask(self, clip: Clip) -> ProxyState:
        """See that the film gets made. One that failed is tried again."""
        with self._lock:
            known = self._making.get(clip.digest)
            if not self.look(clip.digest).path and (known is None or known.fault or known.path):
                self._making[clip.digest] = making = ProxyState()
                work = threading.Thread(target=self._make, args=(clip, making), name="sightline-proxy", daemon=True)
                work.start()
        return self.look(clip.digest)

    def _make(self, clip: Clip, making: ProxyState) -> None:
        def tell(done: int, total: int) -> None:
            making.share = done / total

        path = self.root / f"{clip.digest}.mp4"
        with self._turn:
            try:
                make_proxy(clip, path, tell)
                making.path = path
            except SightlineError as fault:
                making.fault = str(fault)
            except Exception as fault:
                # A bug: the page must not wait for ever, and the thread's own traceback goes to the log.
                making.fault = f"The film could not be made ({type(fault).__name__})."
                raise
