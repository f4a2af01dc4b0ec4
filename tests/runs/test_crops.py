"""Which crops of a track are kept: of each share of its time the best, read in one go through the clip."""

from pathlib import Path

import av
import cv2
import numpy as np

from core.base.types import Clip, Image, Timeline, Tracks
from core.machine.artifacts import Store
from core.runs import MAX_CROPS, candidate_rows, crop, extract_crops, load_crops, mean_appearance
from core.vision.appearance import sharpness_of, time_shares
from core.vision.video import probe, read
from tests.runs.fakes import ColourEmbedder

BOX = (60, 20, 108, 148)
FRAMES = 40


def write_clip(path: Path) -> Clip:
    """Somebody in stripes who stands still, more or less blurred from frame to frame."""
    rng = np.random.default_rng(1)
    figure = rng.integers(0, 255, (BOX[3] - BOX[1], BOX[2] - BOX[0], 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "10", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 160, "yuv420p"
        for _ in range(FRAMES):
            picture = np.full((160, 160, 3), 20, np.uint8)
            blurred = cv2.GaussianBlur(figure, (0, 0), rng.uniform(0.5, 4))
            picture[BOX[1] : BOX[3], BOX[0] : BOX[2]] = blurred
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return probe(path)


def pictures(clip: Clip, frames: np.ndarray) -> list[Image]:
    with read(clip, Timeline(frames, clip.times[frames])) as found:
        return [picture.bgr.copy() for picture in found]


def test_the_sharpest_of_each_share_is_kept_with_its_looks(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "gate.mp4")
    frame = np.arange(FRAMES)
    boxes = np.tile(np.array(BOX, np.float32), (FRAMES, 1))
    tracks = Tracks(frame, clip.times, np.ones(FRAMES, int), boxes, np.ones(FRAMES), np.ones(FRAMES, bool))  # type: ignore[arg-type]
    rows = candidate_rows(tracks, clip)
    artifact = Store(tmp_path / "store").open(clip.digest, "crops", {}, {})
    embedder = ColourEmbedder()
    told: list[int] = []
    extract_crops(clip, tracks, rows, artifact, embedder, told.append)
    sharp = np.array([sharpness_of(crop(bgr, tracks.xyxy[0])) for bgr in pictures(clip, frame[rows])])
    share = time_shares(tracks.track[rows], MAX_CROPS)
    best = [int(rows[share == number][sharp[share == number].argmax()]) for number in np.unique(share)]
    kept = load_crops(artifact, tracks, clip.width, clip.height)
    assert len(rows) == 3 * MAX_CROPS > len(best) == MAX_CROPS and told == list(range(1, len(rows) + 1))
    assert kept.row.tolist() == best
    assert embedder.crops == MAX_CROPS
    # The track's look is the mean of just these, the sharper ones counting for more.
    looks = mean_appearance(tracks.track[kept.row], kept.quality, kept.vector, kept.colours)
    assert looks.track.tolist() == [1] and kept.quality.argmax() == sharp[np.isin(rows, best)].argmax()
    np.testing.assert_allclose(looks.vector[0], kept.vector.mean(0), atol=0.02)
