"""`python -m tests.bench.across [MODEL]`: the two tracks of room_hall among those of other footage, by their looks.

One man is filmed by two cameras of a house; a street and the sample are strangers to him. Prints, for each of his two
tracks, the tracks of other cameras that look most like it. The first should be his other one.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from core.cli import main
from core.embed import open_embedder
from core.progress import Progress
from core.sample import SampleSettings, render, sample_clips
from core.train.data import read_crops
from core.train.lesson import embed_paths
from core.train.prepare import SPLITS
from core.weights import find

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def run(model: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        render(SampleSettings(), room / "sample", lambda done, total: None)
        clips = [*sorted((SHARED / "room_hall").glob("*.mp4")), *(SHARED / "clips").glob("intel_one_by_one*")]
        # In alphabetical order, which is the one that `train prepare` numbers cameras in.
        named = ["a-room", "b-hall", "c-street", *(f"d-{path.stem}" for path in sample_clips(room / "sample"))]
        words = [f"{n}={c}" for n, c in zip(named, [*clips, *sample_clips(room / "sample")], strict=True)]
        main(["track", "--out", str(room / "run"), "--features", model, "--progress", "none", *_each("--name", words)])
        prepared = ["--purpose", "a measurement", "--consent", "public footage", "--progress", "none"]
        main(["train", "prepare", str(room / "run"), "--out", str(room / "crops"), *prepared])
        embedder, means = open_embedder(find(model, "embedder")), {}
        for split in SPLITS:
            crops = read_crops(room / "crops" / split)
            vectors = embed_paths(crops.path, embedder, Progress())
            for camera, track in sorted(set(zip(crops.camera.tolist(), crops.person.tolist(), strict=True))):
                mean = vectors[(crops.camera == camera) & (crops.person == track)].mean(0)
                means[camera, track] = mean / np.linalg.norm(mean)
        tracks = sorted(means)
        looks = np.stack([means[track] for track in tracks])
        alike, cameras = looks @ looks.T, np.array([camera for camera, _ in tracks])
        for row, (camera, track) in enumerate(tracks):
            if camera <= 2:
                others = np.flatnonzero(cameras != camera)
                best = others[np.argsort(-alike[row, others])][:3]
                found = ", ".join(f"{named[cameras[o] - 1]} {tracks[o][1]} {alike[row, o]:.3f}" for o in best)
                print(f"{named[camera - 1]} {track}: {found}")


def _each(flag: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


if __name__ == "__main__":
    run(sys.argv[1] if len(sys.argv) > 1 else "person-osnet")
