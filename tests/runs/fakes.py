"""A clip of bright figures on a dark ground, and networks that find them by brightness: real stages, fake networks."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from core.base.types import Floats, Image
from core.runs import Networks
from core.vision.detect import Boxes
from core.vision.models import InputConvention, Model

WIDTH, HEIGHT = 160, 120
SURE = 0.9
COLOURS = ((60, 60, 250), (60, 250, 60))


def figures(frame: int) -> list[tuple[int, int, int, int]]:
    """Two figures as (x1, y1, x2, y2): one walks right, one left, at different heights of the picture."""
    return [(10 + frame % 100, 20, 26 + frame % 100, 56), (130 - frame % 100, 70, 146 - frame % 100, 106)]


def write_scene(path: Path, frames: int = 60, rate: int = 10, empty: bool = False) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "12", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, rate)
        for i in range(frames):
            picture = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
            for (x1, y1, x2, y2), colour in zip(figures(i), COLOURS, strict=True):
                if not empty:
                    picture[y1:y2, x1:x2] = colour
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


class BrightDetector:
    """Boxes around what is bright. Counts the frames it was given; stops with an error at frame `fails_at`. `lower` is
    the score of what is in the lower half of the picture.
    """

    description, key = "bright spots, for tests", "bright"

    def __init__(self, fails_at: int | None = None, lower: float = SURE) -> None:
        self.frames, self._fails_at, self._lower = 0, fails_at, lower

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        return width, height

    def detect(self, frames: Iterable[Image]) -> Iterator[Boxes]:
        for frame in frames:
            if self.frames == self._fails_at:
                raise KeyboardInterrupt
            self.frames += 1
            bright = (frame.max(axis=2) > 120).astype(np.uint8)
            _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
            rows = [s[:4] for s in stats[1:] if s[4] > 100]
            xywh = np.array(rows, np.float32).reshape(-1, 4)
            score = np.where(xywh[:, 1] < HEIGHT // 2, SURE, self._lower).astype(np.float32)
            yield Boxes(np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1), score)


class ColourEmbedder:
    """The mean colour of a crop as its vector. Counts the crops it was given."""

    name, dimension, backend, digest = "colour", 3, "mean colour, for tests", "colour"

    def __init__(self) -> None:
        self.crops = 0

    def embed(self, crops: Sequence[Image]) -> Floats:
        self.crops += len(crops)
        mean = np.array([c.reshape(-1, 3).mean(axis=0) for c in crops], np.float32).reshape(-1, 3)
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), np.float32)


def model(kind: str, digest: str = "d1") -> Model:
    return Model(f"fake {kind}", kind, Path("none"), "onnx", digest, "fake", InputConvention())  # type: ignore[arg-type]


def networks(detector: BrightDetector, embedder: ColourEmbedder | None = None, digest: str = "d1") -> Networks:
    """The fakes as the pipeline takes them."""
    other = None if embedder is None else model("embedder")
    return Networks(
        model("detector", digest),
        other,
        "openvino",
        make_detector=lambda *_: detector,
        make_embedder=lambda *_: embedder or ColourEmbedder(),
    )
