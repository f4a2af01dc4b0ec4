"""What to track and how: the order that becomes a job, its key, and the command line that does it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.settings import DetectSettings, TrackSettings, VideoSettings
from core.store import digest_of


@dataclass(frozen=True)
class Source:
    """One clip of an order. What decides the result is the camera's name and the digest, not where the file lies."""

    camera: str
    path: str
    digest: str


@dataclass(frozen=True)
class Order:
    """What to track and how. `models` holds the digests of the models named, so that a changed file is new work."""

    sources: tuple[Source, ...]
    detector: str
    embedder: str = "none"
    models: tuple[str, ...] = ()
    video: VideoSettings = field(default_factory=VideoSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    track: TrackSettings = field(default_factory=TrackSettings)

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("an order needs at least one source")

    @property
    def key(self) -> str:
        content = {**asdict(self), "sources": [(s.camera, s.digest) for s in self.sources]}
        return digest_of(content)

    def words(self, out: Path) -> list[str]:
        """The arguments of `python -m core track` that do this."""
        named = [word for s in self.sources for word in ("--name", f"{s.camera}={s.path}")]
        video, track = self.video, self.track
        flags = {
            "weights": self.detector,
            "features": self.embedder,
            "fps": video.fps,
            "from": video.start_seconds,
            "to": video.end_seconds,
            "size": self.detect.size,
            "conf": track.conf,
            "iou": track.iou,
            "track-cos": track.track_cos,
            "n-init": track.n_init,
            "max-age": track.max_age,
            "out": out,
            "progress": "json",
        }
        # With `=`, so that a negative number is not taken for a flag.
        return [*named, *(f"--{flag}={value}" for flag, value in flags.items() if value is not None)]

    @classmethod
    def read(cls, content: dict[str, Any]) -> Order:
        """The order that `asdict` wrote."""
        return cls(
            sources=tuple(Source(**s) for s in content["sources"]),
            detector=content["detector"],
            embedder=content["embedder"],
            models=tuple(content["models"]),
            video=VideoSettings(**content["video"]),
            detect=DetectSettings(**content["detect"]),
            track=TrackSettings(**content["track"]),
        )
