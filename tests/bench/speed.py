"""How fast it is, and how much memory it takes: on a quiet machine, where ratios count more than seconds.

`chains` works checkouts through their command lines, in turns, so that a machine that slows down slows all of them;
`peers` sets this checkout beside other programs on the same pictures, boxes and vectors.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
from threadpoolctl import threadpool_limits

from core.base.settings import DetectSettings, TrackSettings, VideoSettings
from core.base.types import Features, Image
from core.machine.artifacts import Store
from core.machine.offline import import_ultralytics
from core.vision.detect import open_detector
from core.vision.match import match, most_similar_crops, rank_similar
from core.vision.models import EmbedderPrior, find
from core.vision.track import track
from core.vision.video import plan, probe, read
from tests.bench.accuracy import PETS, QUIET, RETAIL, YOLO
from tests.bench.checkout import ROOT, SHARED, Checkout, Figures, record_of
from tests.bench.compared import Floor
from tests.conftest import Pets
from tests.vision.match.making import run as made_up
from tests.vision.track.peers import FRAMES, TIMES, Stored, by_deep_sort_realtime, stored_of

CLIP = PETS / "view1.avi"
TURNS = 2
PICTURES = 200
ALONE, WITH_LOOKS = "speed/tracker alone, motion only, frames per s", "speed/tracker alone, appearance, frames per s"
AGAINST = "speed/tracker against deep-sort-realtime, times"
RANKED = "speed/who else 2,000 tracks may be, s"
# What is stored answers another --iou, --conf or --track-cos, with features and without.
RETRACKED = ("iou 0.35", "conf 0.4", "conf 0.05", "track-cos 0.95")
FLOORS = (
    Floor(ALONE, least=2500),
    Floor(AGAINST, least=10),
    Floor(RANKED, most=1.5),
    *(
        Floor(f"speed/another --{flag} on PETS, {what}, s", most=1.0)
        for flag in RETRACKED
        for what in ("looks", "none")
    ),
)


# Checkouts side by side.


def chains(checkouts: Sequence[Checkout]) -> list[Figures]:
    """The figures of each checkout, the best of its turns: before, after, before, after."""
    found: list[Figures] = [{} for _ in checkouts]
    # The first turn exports models, and is for nothing else.
    for turn in range(TURNS + 1):
        for checkout, best in zip(checkouts, found, strict=True):
            figures = _chain(checkout)
            if turn:
                _keep_best(best, figures)
    for checkout, best in zip(checkouts, found, strict=True):
        best["speed/peak memory, one minute, MB"] = peak_megabytes(checkout, _repeated(checkout, 60))
    return found


def _keep_best(best: Figures, new: Figures) -> None:
    """Rates that are higher and seconds that are fewer."""
    for name, figure in new.items():
        better = max if name.endswith(" per s") else min
        best[name] = better(float(best.get(name, figure)), float(figure))


def _chain(checkout: Checkout) -> Figures:
    words = ("--name", f"pets={CLIP}", "--weights", str(YOLO), "--fps", "0", *QUIET)
    figures: Figures = {}
    for what, features in (("looks", str(RETAIL)), ("none", "none")):
        command = ("track", *words, "--features", features, "--out")
        out = checkout.out("speed")
        checkout.core(*command, out, *(["--fresh"] if what == "looks" else []))
        record = record_of(out)
        stages = record["cameras"]["pets"]["stages"]
        if what == "looks":
            figures["speed/PETS from nothing, s"] = record["seconds"] - sum(
                s.get("opening", 0) for s in stages.values()
            )
            detect = stages["detect"]
            figures["speed/detector in the chain, frames per s"] = FRAMES / (detect["seconds"] - detect["opening"])
        figures[f"speed/tracker in the chain, {what}, frames per s"] = FRAMES / stages["track"]["seconds"]
        for flag in RETRACKED:
            checkout.core(*command, out, *f"--{flag}".split())
            figures[f"speed/--{flag} on stored PETS, {what}, s"] = record_of(out)["seconds"]
    return figures


def peak_megabytes(checkout: Checkout, clip: Path) -> float:
    """The most that a process holds that tracks the clip; its model is exported already."""
    environment = {**os.environ, "SIGHTLINE_CACHE": str(checkout.room / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [
        sys.executable,
        "-m",
        "core",
        "track",
        str(clip),
        "--fresh",
        "--out",
        str(checkout.out("memory")),
        *QUIET,
    ]
    script = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    script += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    ran = subprocess.run(
        [sys.executable, "-c", script, *command],
        cwd=checkout.folder, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return int(ran.stdout.split()[-1]) / 1024


def _repeated(checkout: Checkout, seconds: float) -> Path:
    """PETS' packets again and again, without encoding, until the film is so long."""
    out = checkout.room / f"{seconds:.0f}s.avi"
    with av.open(str(CLIP)) as source, av.open(str(out), "w") as target:
        shown = source.streams.video[0]
        rate, base = float(shown.average_rate or 10), shown.time_base
        stream = target.add_stream_from_template(shown)
        packets = [(bytes(p), p.is_keyframe) for p in source.demux(video=0) if p.size]
        for tick in range(-(-round(rate * seconds) // len(packets)) * len(packets)):
            content, key = packets[tick % len(packets)]
            packet = av.Packet(content)
            packet.stream, packet.is_keyframe, packet.time_base = stream, key, base
            packet.pts = packet.dts = round(tick / rate / base)
            target.mux(packet)
    return out


# This checkout beside other programs.


def peers(checkout: Checkout, minutes: float) -> Figures:
    """Ratios to other programs, in this process; none where another checkout than the bench's own is measured."""
    if checkout.folder != ROOT:
        return {}
    os.environ["SIGHTLINE_CACHE"] = str(checkout.room / "cache")
    stored = stored_of(Pets(SHARED, Store(checkout.room / "pets")))
    figures = {**_detectors(), **_trackers(stored), **_matching()}
    if minutes > 1:
        short, long = (peak_megabytes(checkout, _repeated(checkout, 60 * m)) for m in (1, minutes))
        figures[f"speed/peak memory, {minutes:g} minutes against one, times"] = long / short
    return figures


def _detectors() -> Figures:
    """The OpenVINO route against Ultralytics' own PyTorch `predict`, decoding left out of both; and what ships against
    a YOLOv8n as its publisher exports it, each at its own default."""
    model = find("person-yolo11n", "detector")
    theirs = import_ultralytics().YOLO(str(model.path), task="detect")
    pictures = _first_pictures()
    ours, small, peer = (
        open_detector(model, DetectSettings(), "openvino"),
        open_detector(model, DetectSettings()),
        open_detector(find(str(YOLO), "detector"), DetectSettings()),
    )
    route, predict, shipped, yolo = _in_turns(
        lambda: list(ours.detect(pictures)),
        lambda: [theirs.predict(picture, conf=0.05, verbose=False) for picture in pictures],
        lambda: list(small.detect(pictures)),
        lambda: list(peer.detect(pictures)),
    )
    return {
        "speed/detector, frames per s": PICTURES / route,
        "speed/detector against Ultralytics' predict, times": predict / route,
        "speed/person-yolo11n against YOLOv8n, times the time": shipped / yolo,
    }


def _trackers(stored: Stored) -> Figures:
    """On boxes and vectors that are stored. The peer as it comes: its bank grows without bound, and NumPy has as many
    threads as there are cores. (One thread and a bounded bank each would suit it better.)"""
    with threadpool_limits(os.cpu_count()):
        _, theirs = by_deep_sort_realtime(*stored.looked_at(), None)
        ours = _rate(stored, stored.parts)
    return {ALONE: _rate(stored, []), WITH_LOOKS: ours, AGAINST: ours / theirs}


def _rate(stored: Stored, parts: list[Features]) -> float:
    """Frames a second of the tracker alone."""
    (spent,) = _in_turns(lambda: track(TIMES, stored.boxes, TrackSettings(), parts), turns=5)
    return FRAMES / spent


def _matching() -> Figures:
    """2,000 tracks of 500 people: joined, and told who else each may be."""
    tracklets, known = (
        made_up(1, people=500, cameras=4, width=64)[0],
        EmbedderPrior(impostor_mean=0.3, impostor_spread=0.25, threshold=0.5),
    )
    found = match(tracklets, known, 0.5)
    of = np.repeat(np.arange(2000), 8)
    vector = np.repeat(found.tracklets.vector, 8, axis=0).astype(np.float16)

    def ranked() -> None:
        rows = rank_similar(found.similarity, found.why, found.people())
        most_similar_crops(rows.row, rows.candidate, of, vector)

    joined, other = _in_turns(lambda: match(tracklets, known, 0.5).people(), ranked)
    return {"speed/2,000 tracks joined, s": joined, RANKED: other}


def _in_turns(*works: Callable[[], object], turns: int = 3) -> list[float]:
    """Seconds of each, the best of its turns; a first turn warms all of them up."""
    spent: list[list[float]] = [[] for _ in works]
    for turn in range(turns + 1):
        for work, seconds in zip(works, spent, strict=True):
            began = time.perf_counter()
            work()
            if turn:
                seconds.append(time.perf_counter() - began)
    return [min(seconds) for seconds in spent]


def _first_pictures() -> list[Image]:
    probed = probe(CLIP)
    with read(probed, plan(probed, VideoSettings(fps=0))[:PICTURES]) as pictures:
        return [p.bgr for p in pictures]
