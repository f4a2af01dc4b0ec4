"""`python -m tests.bench.plazas [SEED ...]`: IDF1 of each camera of drawn plazas (0, 1, 2), all as it ships.

Three times: with one number per person for the whole film; with whoever was out of the picture for a second counted as
new, as the truth of PETS and of MOT17 has it; and, so, without asking for people of whom less than a tenth is visible,
whom the truth of a drawn film knows of even behind a tree.
"""

import io
import json
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

from core.cli import main
from core.sample import SampleSettings, render, sample_clips
from core.video import probe


def idf1(truth: Path, result: Path, camera: str, *words: str) -> float:
    with redirect_stdout(io.StringIO()) as said:
        main(["evaluate", "tracks", "--truth", str(truth), "--result", str(result), "--json", *words])
    return float(json.loads(said.getvalue())[camera]["IDF1"])


def run(seeds: list[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        for seed in seeds:
            plaza, out = Path(name) / f"plaza{seed}", Path(name) / f"run{seed}"
            render(SampleSettings(seed=seed), plaza, lambda done, total: None)
            clips = sample_clips(plaza)
            main(["track", *map(str, clips), "--out", str(out), "--progress", "none"])
            for clip in clips:
                second = str(round(probe(clip).fps))
                whole = idf1(plaza / "truth", out, clip.stem)
                stays = idf1(plaza / "truth", out, clip.stem, "--max-absence", second)
                seen = idf1(plaza / "truth", out, clip.stem, "--max-absence", second, "--visible", "0.1")
                words = f"IDF1 {whole:.3f}, a return counted as new {stays:.3f}, of those visible {seen:.3f}"
                print(f"seed {seed} {clip.stem}: {words}", flush=True)


if __name__ == "__main__":
    run([int(word) for word in sys.argv[1:]] or [0, 1, 2])
