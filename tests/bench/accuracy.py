"""How right it is: PETS, drawn plazas, and three places filmed for real. The same figures on every run of one machine.

Everything goes through the command line and the files that it leaves.
"""

import csv
import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench.checkout import SHARED, Checkout, Figures, flat, record_of

SEEDS = range(10)
PETS = SHARED / "data" / "pets_s2l1"
YOLO = SHARED / "weights" / "yolov8n_int8_openvino_model"
RETAIL = SHARED / "weights" / "person-reidentification-retail-0287"
PETS_MODELS: dict[str, Sequence[str]] = {
    "shipped": [],
    "yolov8n and retail-0287": ["--weights", str(YOLO), "--features", str(RETAIL)],
    "yolov8n, motion only": ["--weights", str(YOLO), "--features", "none"],
}
QUIET = ("--progress", "none")


def pets(checkout: Checkout) -> Iterator[Figures]:
    """PETS 2009 S2.L1, view 1, every frame, against its published truth."""
    truth = checkout.out("pets-truth")
    truth.mkdir(parents=True)
    shutil.copy(PETS / "gt.txt", truth / "pets.txt")
    for number, (models, flags) in enumerate(PETS_MODELS.items()):
        out = checkout.out(f"pets-{number}")
        checkout.core("track", "--name", f"pets={PETS / 'view1.avi'}", "--fps", "0", *flags, "--out", out, *QUIET)
        scores = checkout.json("evaluate", "tracks", "--truth", truth, "--result", out, "--scale", "0.625")
        yield dict(flat(scores["pets"], f"pets/{models}/"))


def plazas(
    checkout: Checkout, drawn: Path, seeds: Iterable[int] = SEEDS, flags: Sequence[str] = ()
) -> Iterator[Figures]:
    """Drawn plazas, three cameras and eight people each, all as it ships, told nothing.

    Who is who over all cameras, whether the share of wrong links lies in the range that was foretold, and each camera
    by itself three times: a number per person for the whole film; whoever was away for a second counted as new, as the
    truth of PETS and MOT17 has it; and, so, without asking for people of whom less than a tenth is visible.
    """
    for seed in seeds:
        plaza, out = plaza_folder(checkout, drawn, seed), checkout.out(f"plaza{seed}")
        clips = sorted(plaza.glob("*.mp4"))
        checkout.core("run", *clips, "--out", out, *flags, *QUIET)
        truth = plaza / "truth"
        people = checkout.json("evaluate", "people", "--truth", truth, "--result", out)
        figures = {**dict(flat(people, f"plaza{seed}/people/")), **_foretold(out, people, f"plaza{seed}/")}
        second = str(round(min(camera["fps"] for camera in record_of(out)["cameras"].values())))
        ways = {"": (), ", new after a second": ("--away", second)}
        ways[", new after a second, visible"] = ("--away", second, "--visible", "0.1")
        for way, words in ways.items():
            scores = checkout.json("evaluate", "tracks", "--truth", truth, "--result", out, *words)
            figures |= {f"plaza{seed}/{name}/IDF1{way}": score["IDF1"] for name, score in scores.items()}
        yield {**figures, f"plaza{seed}/who is who": _who_is_who(out)}


def plaza_folder(checkout: Checkout, drawn: Path, seed: int) -> Path:
    """Its films and their truth, drawn once: under their name only when they are whole."""
    plaza, part = drawn / f"plaza{seed}", drawn / f"plaza{seed}.part"
    if not plaza.is_dir():
        shutil.rmtree(part, ignore_errors=True)
        drawn.mkdir(parents=True, exist_ok=True)
        checkout.core("sample", "--out", part, "--seed", str(seed), *QUIET)
        part.rename(plaza)
    return plaza


def _foretold(out: Path, people: dict[str, Any], prefix: str) -> Figures:
    """What the run said of itself: its threshold, and the share of wrong links that it expected."""
    with zipfile.ZipFile(out / "gallery.zip") as archive:
        matching = json.loads(archive.read("manifest.json"))["about"]["matching"]
    expected, wrong = matching["expected_false_share"], 1 - people["links"]["all"]["precision"]
    inside = "yes" if expected["low"] <= wrong <= expected["high"] else "no"
    shares = {f"{prefix}expected wrong, {name}": share for name, share in expected.items()}
    return {**shares, f"{prefix}as foretold": inside, f"{prefix}threshold": matching["threshold"]}


def plazas_summary(figures: Figures) -> Figures:
    """Mean and worst of the plazas in `figures`, which may hold a summary already."""
    figures = {name: figure for name, figure in figures.items() if not name.startswith("plazas/")}
    found = [float(value) for name, value in figures.items() if name.endswith("/people/boxes/IDF1")]
    inside = [value == "yes" for name, value in figures.items() if name.endswith("/as foretold")]
    if not found:
        return {}
    summary: Figures = {"plazas/mean IDF1": sum(found) / len(found), "plazas/worst IDF1": min(found)}
    return {**summary, "plazas/as foretold": f"{sum(inside)} of {len(inside)}"}


def room_hall(checkout: Checkout, flags: Sequence[str] = ()) -> Iterator[Figures]:
    """A man in a room and a hall, six people in a shop, a street at night, in one run: the man should be one person
    with both sightings, and nobody else's."""
    data, out = SHARED / "data", checkout.out("room_hall")
    clips = [*sorted((data / "room_hall").glob("*.mp4")), *sorted((data / "clips").glob("intel_one_by_one*"))]
    clips += sorted((data / "clips").glob("alley_night*.mp4"))
    checkout.core("run", *clips, "--out", out, "--no-zip", *flags, *QUIET)
    rows = _rows(out)
    figures: Figures = {"room_hall/people": len({row["person"] for row in rows}), "room_hall/tracks": len(rows)}
    for row in rows:
        figures[f"room_hall/{row['camera']} track {row['track']}"] = f"{row['person']} {row['similarity']}".strip()
    yield {**figures, "room_hall/who is who": _who_is_who(out)}


def _rows(out: Path) -> list[dict[str, str]]:
    with (out / "people.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _who_is_who(out: Path) -> str:
    """A digest of the person of each track."""
    rows = sorted((row["camera"], int(row["track"]), row["person"]) for row in _rows(out))
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:12]
