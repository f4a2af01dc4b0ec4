"""`models`: lists the known models, fetches them (`core.cli.model_downloads`), measures their speed here, and makes
INT8 of detectors."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.settings import DetectSettings, VideoSettings
from core.cli.model_downloads import GET, run_get, run_offer
from core.cli.progress import listener
from core.machine.device import choose_runtime, has_cuda, parse_backend
from core.runs import Networks, Recipe
from core.runs.estimate import STAGES, Rates, measure_clip
from core.vision.models import DETECTOR, EMBEDDER, ModelStatus, download_folder, find, statuses
from core.vision.video import probe


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.set_defaults(run=run)
    inner = p.add_subparsers(metavar="get | offer | time | quantize")
    g = inner.add_parser("get", help="fetch published weights; without a name, list what can be fetched")
    g.add_argument("names", nargs="*", metavar="NAME", help="model to fetch into the folder of your own weights")
    g.add_argument("--recommended", action="store_true", help="the best detector and embedder for this machine")
    g.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    g.set_defaults(run=run_get)
    o = inner.add_parser("offer", help="ask once, at a terminal, whether to fetch better models, as `make run` does")
    o.set_defaults(run=run_offer)
    add_time(inner)
    add_quantize(inner)


def add_time(inner: Any) -> None:
    t = inner.add_parser("time", help="measure the speed of models on a few seconds of a clip")
    t.add_argument("clip", type=Path, metavar="CLIP", help="video file or folder of pictures")
    t.add_argument("--weights", default=DETECTOR, metavar="NAME", help=f"detector: name or file ({DETECTOR})")
    t.add_argument("--features", default=EMBEDDER, metavar="NAME", help=f"embedder: name, file, or none ({EMBEDDER})")
    t.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="PX@FPS",
        help="detector input size and analysis frame rate; may be repeated (640@10)",
    )
    t.add_argument("--device", default="auto", help="auto, openvino (or cpu), torch, cuda (auto)")
    t.set_defaults(run=run_time)


def add_quantize(inner: Any) -> None:
    q = inner.add_parser("quantize", help="make INT8 of a YOLO detector, by calibration (needs requirements-train.txt)")
    q.add_argument("name", metavar="NAME", help="detector: name or file")
    q.add_argument(
        "--calibrate",
        type=Path,
        nargs="+",
        required=True,
        metavar="PATH",
        help="folders of pictures, or clips, like those that the detector will see",
    )
    q.add_argument(
        "--out", type=Path, metavar="DIR", help="where it goes (NAME-int8 in the folder of your own weights)"
    )
    q.add_argument("--pictures", type=int, default=300, metavar="N", help="how many pictures to calibrate on (300)")
    q.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    q.set_defaults(run=run_quantize)


def run_quantize(options: argparse.Namespace) -> int:
    from core.lab.training import quantize_detector

    model = find(options.name, "detector")
    progress = Progress(listener(options.progress))
    progress.camera(model.name, 1, 1)
    out = options.out or download_folder() / f"{model.name}-int8"
    quantize_detector(model, options.calibrate, out, options.pictures, progress)
    sys.stdout.write(f"{out}\nUse it with: --weights {out}. Measure first what it lost: evaluate detector.\n")
    return 0


def run_time(options: argparse.Namespace) -> int:
    """Measure and store the speed; the Run page of the app estimates the duration of a run from it."""
    clip = probe(options.clip)
    networks = Networks.from_names(options.weights, options.features, parse_backend(options.device))
    for size, fps in [_parse_size_and_rate(value) for value in options.at or ["640@10"]]:
        recipe = Recipe(VideoSettings(fps=fps), DetectSettings(size=size))
        for rate in measure_clip(clip, recipe, networks, Rates()):
            if rate.kind.stage in STAGES:
                sys.stdout.write(
                    f"{size} px, {fps:g} frames/s: {rate.kind.stage} {1 / rate.seconds_per_frame:.1f} frames/s\n"
                )
        sys.stdout.flush()
    return 0


def _parse_size_and_rate(value: str) -> tuple[int, float]:
    try:
        size, fps = value.split("@")
        return int(size), float(fps)
    except ValueError as fault:
        raise SettingsError(f"--at {value} is no size and frame rate", "Write for example --at 640@10.") from fault


def run(options: argparse.Namespace) -> int:
    for status in statuses():
        sys.stdout.write(describe(status) + "\n")
    here = "CUDA is available" if has_cuda() else "no CUDA device; networks run on OpenVINO"
    sys.stdout.write(
        f"\nThis machine: {here}. PyTorch models would run on '{choose_runtime('auto', pytorch_model=True)}'.\n"
    )
    return 0


def describe(status: ModelStatus) -> str:
    model = status.model
    where = str(model.path) if status.state == "present" else f"put it at {model.path}"
    if status.state == "missing" and model.url:
        where = f"{GET} {model.name}  (about {model.megabytes:.1f} MB)"
    facts = "; ".join(
        [
            *([model.good_for] if model.good_for else []),
            f"licence {model.licence}",
            f"trained on {model.trained_on}",
            *model.figures,
        ]
    )
    return f"{status.state:8} {model.kind:9} {model.name}\n         {where}\n         {facts}"
