"""`python -m tests.bench.learning`: what five minutes of `train reid` on drawn people are worth on other people.

Trains on the plazas of seeds 10 to 29 and ranks the people of seed 0, beside a histogram of hue, saturation and value.
"""

import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from core.base.progress import Progress
from core.base.types import Floats, Image
from core.cli import main
from core.lab.evaluate import rank_within
from core.lab.synthetic import SampleSettings
from core.lab.training import draw_training_data, evaluate_embedder, load_pictures, query_mask, read_crops
from core.vision.embed import open_embedder
from core.vision.models import find

BINS = (16, 8, 8)
SECONDS = 300
EPOCHS = "12"


def histogram(picture: Image) -> Floats:
    """Of hue, saturation and value, for the upper and the lower half of the picture; a unit vector."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    halves = (hsv[: len(hsv) // 2], hsv[len(hsv) // 2 :])
    counts = [cv2.calcHist([half], [0, 1, 2], None, BINS, [0, 180, 0, 256, 0, 256]).ravel() for half in halves]
    roots = np.sqrt(np.concatenate(counts))
    return np.asarray(roots / max(np.linalg.norm(roots), 1e-9), np.float32)


def histograms_rank1(folder: Path) -> float:
    crops = read_crops(folder)
    vectors = np.stack([histogram(picture) for picture in load_pictures(crops, 128, 64)])
    return rank_within(vectors, crops.person, crops.camera, query_mask(crops)).cmc[1]


def learned_rank1(folder: Path, weights: Path) -> float:
    return evaluate_embedder(folder, open_embedder(find(str(weights), "embedder")), 0, Progress()).ranking.cmc[1]


def run(drawn: Path | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        draw_training_data(room / "judge", [0], SampleSettings(), 15, Progress())
        if drawn is None:
            drawn = room / "learn"
            draw_training_data(drawn, range(10, 30), SampleSettings(), 30, Progress())
        began = time.perf_counter()
        words = ["train", "reid", str(drawn / "crops"), "--out", str(room / "out"), "--backbone", "osnet_x0_25"]
        main([*words, "--size", "128x64", "--epochs", EPOCHS, "--progress", "none"])
        spent = time.perf_counter() - began
        learned = learned_rank1(room / "judge" / "crops", room / "out" / "embedder.safetensors")
        plain = histograms_rank1(room / "judge" / "crops")
    print(f"trained in {spent:.0f} s of {SECONDS}: rank-1 on seed 0 {learned:.3f}, of a histogram {plain:.3f}")


if __name__ == "__main__":
    run(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
