"""`models`: lists the known models, fetches them, and measures their speed on this machine.

`models get NAME` is the only command that uses the network, and only to fetch what it names.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.base.errors import SettingsError
from core.base.progress import Progress, Report, time_left
from core.base.settings import DetectSettings, VideoSettings
from core.base.text import format_bytes
from core.cli.progress import BAR, LOG_SECONDS, listener
from core.machine.device import choose_runtime, has_cuda, parse_backend
from core.runs import Networks, Recipe
from core.runs.estimate import STAGES, Rates, measure_clip
from core.vision.models import (
    DETECTOR,
    EMBEDDER,
    PINS_FILE,
    Download,
    ModelStatus,
    download_folder,
    download_model,
    downloadable,
    statuses,
)
from core.vision.video import probe

GET = "python -m core models get"


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.set_defaults(run=run)
    inner = p.add_subparsers(metavar="get | time")
    g = inner.add_parser("get", help="fetch published weights; without a name, list what can be fetched")
    g.add_argument("names", nargs="*", metavar="NAME", help="model to fetch into the folder of your own weights")
    g.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    g.set_defaults(run=run_get)
    add_time(inner)


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
        where = f"{GET} {model.name}  (about {model.megabytes:g} MB)"
    facts = "; ".join(
        [
            *([model.good_for] if model.good_for else []),
            f"licence {model.licence}",
            f"trained on {model.trained_on}",
            *model.figures,
        ]
    )
    return f"{status.state:8} {model.kind:9} {model.name}\n         {where}\n         {facts}"


def run_get(options: argparse.Namespace) -> int:
    if not options.names:
        sys.stdout.write(offer(downloadable()))
    report = bytes_listener() if options.progress == "auto" else listener(options.progress)
    for name in options.names:
        sys.stdout.write(outcome(download_model(name, Progress(report))) + "\n")
    return 0


def offer(statuses: list[ModelStatus]) -> str:
    """A line for each model that can be fetched, and the folder where it would go."""
    states = {"present": "here", "missing": "not here", "changed": "here, but another file"}
    width = max((len(status.model.name) for status in statuses), default=0)
    lines = [
        f"{m.name:{width}}  {m.kind:8}  {m.megabytes:>6.1f} MB  {states[s.state]:8}  {m.licence}"
        for s in statuses
        for m in [s.model]
    ]
    return "\n".join([*lines, "", f"{GET} NAME puts it into {download_folder()}. Nothing else is ever fetched.", ""])


def outcome(download: Download) -> str:
    """What was fetched, where it is, and whether its digest was known before."""
    model = download.model
    summary = f"{model.name}: {download.state}, {model.path} (licence {model.licence})"
    if download.state != "pinned now":
        return summary
    return (
        f"{summary}\nThe publisher gives no digest. This file (SHA-256 {model.digest}) is pinned from now on in "
        f"{download_folder() / PINS_FILE}; another file under this name will be refused."
    )


def line(report: Report) -> str:
    """The progress of a download as one line.

    >>> line(Report("yolo11n", 1, 1, "download", 1_400_000, 5_600_000, 700_000.0, 6.0))
    'yolo11n  1.4 MB of 5.6 MB  700.0 kB/s  6 s left'
    """
    left = f"  {text}" if (text := time_left(report)) else ""
    done, total = format_bytes(report.done), format_bytes(report.total)
    return f"{report.camera}  {done} of {total}  {format_bytes(round(report.rate))}/s{left}"


def bytes_listener() -> Callable[[Report], None]:
    """A progress bar on a terminal, a line every few seconds elsewhere."""
    last_line = 0.0

    def show(report: Report) -> None:
        nonlocal last_line
        complete = report.done >= report.total
        if sys.stderr.isatty():
            filled = round(report.share * BAR)
            sys.stderr.write(f"\r[{'#' * filled}{'.' * (BAR - filled)}] {line(report)}\x1b[K" + "\n" * complete)
        elif complete or time.monotonic() - last_line >= LOG_SECONDS:
            last_line = time.monotonic()
            sys.stderr.write(line(report) + "\n")
        sys.stderr.flush()

    return show
