"""`python -m tests.bench.across [MODEL]`: a man in a room and a hall, six people in a shop, a street at night; one run.

Prints who is who at the threshold that the run suggests. The man should be one person with both sightings, and nobody
else's.
"""

import csv
import sys
import tempfile
from pathlib import Path

from core.cli import main

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def run(model: str) -> None:
    clips = [*sorted((SHARED / "room_hall").glob("*.mp4")), *sorted((SHARED / "clips").glob("intel_one_by_one*"))]
    clips += sorted((SHARED / "clips").glob("alley_night*"))
    with tempfile.TemporaryDirectory() as out:
        main(["run", *map(str, clips), "--features", model, "--out", out, "--no-zip", "--progress", "none"])
        with (Path(out) / "people.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                print(*(row[name] for name in ("person", "camera", "track", "similarity", "status")))


if __name__ == "__main__":
    run(sys.argv[1] if len(sys.argv) > 1 else "person-osnet")
