"""What a clip is: when each of its frames is shown, its size as shown, and what a user should know about it.

Owns the look at a whole clip (all packets, one picture). Refuses to trust a header: frames, rate and times are counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ClipError
from core.types import Clip, Image, Seconds
from core.video import sequences
from core.video.containers import Decoding, is_shown, opened, packets
from core.video.digests import digest
from core.video.frames import COUNTED

_DEFAULT_RATE = 25.0
_BLACK = 8
_JUMP_SECONDS = 1.0


def probe(path: str | Path, pictures_per_second: float = 10.0) -> Clip:
    """Look at a video file, a folder of pictures or a pattern. `pictures_per_second` is the rate of the latter two.

    `Clip.rotation` (0, 90, 180, 270) is how far the reader turns stored pictures counter-clockwise; `Clip.fps`
    is 0 for a clip of one frame.
    """
    if pictures_per_second <= 0:
        raise ValueError(f"pictures_per_second: expected more than 0, got {pictures_per_second}")
    clip = Path(path).resolve()
    return _sequence(clip, pictures_per_second) if sequences.is_sequence(clip) else _video(clip)


def _sequence(path: Path, rate: float) -> Clip:
    files = sequences.picture_files(path)
    bgr = sequences.decoded(files[0])
    if not len(bgr):
        raise ClipError(f"{files[0].name} is not a picture that can be read", "Remove it, or save it again.")
    return Clip(
        path=str(path),
        digest=digest(path),
        width=bgr.shape[1],
        height=bgr.shape[0],
        times=np.arange(len(files)) / rate,
        fps=rate,
        codec=files[0].suffix[1:].lower(),
        container=sequences.CONTAINER,
        warnings=_darkness(bgr),
    )


@dataclass
class _Survey:
    """What one pass over all packets brings: timestamps in ticks, counts, and the first frame that decodes."""

    stamps: list[int | None] = field(default_factory=list)
    held: int = 0
    corrupt: int = 0
    first: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, container: Any, stream: Any) -> _Survey:
        survey, decoding = cls(), Decoding(container, stream)
        for packet in packets(container, stream):
            survey.held += 1
            survey.corrupt += packet.is_corrupt
            if is_shown(packet, stream.codec_context.name):
                survey.stamps.append(packet.dts if packet.pts is None else packet.pts)
            survey.first = survey.first or decoding.decode(packet)
        survey.first = survey.first or decoding.flush()
        return survey

    def seconds(self, tick: float, rate: float) -> Seconds:
        """Container time of every frame, rising; counted at `rate` where most packets carry no stamp."""
        if self.stamps.count(None) > len(self.stamps) / 2:
            return np.arange(len(self.stamps), dtype=np.float64) / rate
        filled: list[int] = []
        for stamp in self.stamps:
            filled.append((filled[-1] + 1 if filled else 0) if stamp is None else stamp)
        return np.sort(np.array(filled, np.float64)) * tick


def _video(path: Path) -> Clip:
    with opened(path) as (container, stream):
        survey = _Survey.of(container, stream)
        if not survey.stamps:
            raise ClipError(
                f"{path.name} has a header but no frames", "The recording was not finished: export it again."
            )
        if not survey.first:
            raise ClipError(
                f"{path.name}: none of its {len(survey.stamps)} frames can be decoded ({stream.codec_context.name})",
                "It is damaged or encrypted; export it again, as H.264 in MP4.",
            )
        times = survey.seconds(float(stream.time_base), float(stream.average_rate or _DEFAULT_RATE))
        frame, header = survey.first[0], stream.frames
        fps, pace = _pace(times)
        rotation = round(frame.rotation / 90) * 90 % 360
        width, height = (frame.height, frame.width) if rotation % 180 else (frame.width, frame.height)
        late = _undecoded(frame, float(stream.time_base), times, container.format.name)
        return Clip(
            path=str(path),
            digest=digest(path),
            width=width,
            height=height,
            times=times - times[0],
            fps=fps,
            codec=stream.codec_context.name,
            container=container.format.name,
            rotation=rotation,
            start_seconds=float(times[0]),
            warnings=pace + _damage(survey, header, late) + _darkness(frame.to_ndarray(format="bgr24")),
        )


def _pace(times: Seconds) -> tuple[float, tuple[str, ...]]:
    """Frames a second (that of the usual step where there is one, else the mean), and what is odd about it."""
    if len(times) < 2 or times[-1] <= times[0]:
        return 0.0, ()
    steps = np.diff(times)
    usual = float(np.median(steps))
    near = np.abs(steps - usual) <= usual / 4
    jumps = steps[steps > max(_JUMP_SECONDS, 5 * usual)]
    warnings = []
    if len(jumps):
        warnings.append(f"Time jumps {len(jumps)} times, by up to {jumps.max():.1f} s.")
    if near.mean() >= 0.9:
        return round(float(1 / steps[near].mean()), 6), tuple(warnings)
    fps = round(float((len(times) - 1) / (times[-1] - times[0])), 6)
    low, high = np.quantile(steps, (0.02, 0.98))
    warnings.append(
        f"The frame rate varies: frames are {low:.3f} to {high:.3f} s apart, {fps:.1f} a second on average."
    )
    return fps, tuple(warnings)


def _undecoded(frame: Any, tick: float, times: Seconds, container: str) -> int:
    """How many frames come before the first one that decodes."""
    if container in COUNTED or frame.pts is None:
        return 0
    return int(np.searchsorted(times, (frame.pts - 0.5) * tick))


def _damage(survey: _Survey, header: int, late: int) -> tuple[str, ...]:
    warnings = []
    if header > 0 and header != survey.held:
        warnings.append(f"The header announces {header} frames, the file holds {survey.held}.")
    if survey.corrupt:
        warnings.append(f"{survey.corrupt} of {survey.held} packets are damaged: frames may be missing or smeared.")
    if late:
        warnings.append(f"The first {late} frames cannot be decoded.")
    return tuple(warnings)


def _darkness(bgr: Image) -> tuple[str, ...]:
    return ("The first picture is black.",) if bgr.mean() < _BLACK else ()
