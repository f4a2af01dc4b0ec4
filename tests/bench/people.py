"""`python -m tests.bench.people [SEED ...]`: who is who on drawn plazas (0 to 9), all as it ships, nothing said.

For each: IDF1 over all cameras at the suggested threshold, precision and recall of links, and whether the share of
wrong links lies in the interval that was expected.
"""

import io
import json
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

from core.cli import main
from core.gallery import read_manifest
from core.sample import SampleSettings, render, sample_clips


def run(seeds: list[int]) -> None:
    found, inside = [], 0
    with tempfile.TemporaryDirectory() as name:
        for seed in seeds:
            plaza, out = Path(name) / f"plaza{seed}", Path(name) / f"run{seed}"
            render(SampleSettings(seed=seed), plaza, lambda done, total: None)
            with redirect_stdout(io.StringIO()) as said:
                main(["run", *map(str, sample_clips(plaza)), "--out", str(out), "--progress", "none"])
                said.truncate(0)
                said.seek(0)
                main(["evaluate", "people", "--truth", str(plaza / "truth"), "--result", str(out), "--json"])
            scores = json.loads(said.getvalue())
            matching = read_manifest(out / "gallery.zip")["about"]["matching"]
            expected, links = matching["expected_false_share"], scores["links"]["all"]
            wrong = 1 - links["precision"]
            as_told = expected["low"] <= wrong <= expected["high"]
            found.append(scores["boxes"]["IDF1"])
            inside += as_told
            people = "{result} people of {truth}".format(**scores["people"])
            right = "of links {precision:.3f} right, {recall:.3f} found".format(**links)
            told = "told {low:.3f} to {high:.3f}".format(**expected) + ("" if as_told else ": OUTSIDE")
            print(
                f"seed {seed}: IDF1 {found[-1]:.3f} at {matching['threshold']:.2f}, {people}; {right}, {told}",
                flush=True,
            )
    print(f"mean IDF1 {sum(found) / len(found):.3f}, worst {min(found):.3f}, as told {inside} of {len(found)}")


if __name__ == "__main__":
    run([int(word) for word in sys.argv[1:]] or list(range(10)))
