"""`track CLIP... --out DIR`: tracks the people in each clip; writes MOT text, Parquet and a record of the run.

What `run` shares with it is here too: the flags of an analysis, the log, the status for the app, and progress. And
`retrack DIR`: what other tracking settings would change in a finished run; it runs no network and writes nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.base.errors import Cancelled, ClipError, RegionError, SettingsError, SightlineError
from core.base.progress import Progress, Report
from core.base.settings import DetectSettings, EmbedSettings, TrackSettings, VideoSettings
from core.cli.progress import listener
from core.machine.device import parse_backend
from core.machine.log import LOG, StageLog, log_to_file
from core.review.whatif import compare_runs, load_run, retrack_run
from core.runs import Camera, CameraResult, Networks, Recipe, Setup, name_cameras, track_clips
from core.runs.estimate import Rates, record_rates
from core.vision.models import DETECTOR, EMBEDDER
from core.vision.regions import Regions, load_regions
from core.vision.video import probe
from core.workspace.jobs import CameraStatus, RunMonitor, StatusWriter


def add_arguments(p: argparse.ArgumentParser) -> None:
    add_run_arguments(p)
    p.set_defaults(run=run)


def add_run_arguments(p: argparse.ArgumentParser) -> None:
    """The flags of an analysis of clips, for `track` and `run`."""
    video, detect, track = VideoSettings(), DetectSettings(), TrackSettings()
    p.add_argument("clips", nargs="*", type=Path, metavar="CLIP", help="video file or folder of pictures")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the results go")
    p.add_argument("--name", action="append", default=[], metavar="CAM=CLIP", help="name the camera of this clip CAM")
    # Nothing has a default here: `run --like` must know what was given, and the settings have their own.
    p.add_argument("--weights", metavar="NAME", help=f"detector: name or file ({DETECTOR})")
    p.add_argument("--features", metavar="NAME", help=f"embedder: name, file, or none for motion only ({EMBEDDER})")
    p.add_argument("--every-box", action="store_true", help="embed every box, not only those whose appearance decides")
    p.add_argument("--conf", type=float, help=f"confidence threshold ({track.conf})")
    p.add_argument("--iou", type=float, help=f"minimum IoU of a motion match ({track.iou})")
    p.add_argument("--track-cos", type=float, help=f"similarity threshold within a track ({track.track_cos})")
    p.add_argument("--n-init", type=int, help=f"minimum detections per track ({track.n_init})")
    p.add_argument("--max-age", type=float, help=f"maximum gap in a track, seconds ({track.max_age})")
    p.add_argument("--roi", action="append", default=[], metavar="CAM=FILE", help="region file of a camera")
    p.add_argument(
        "--range",
        action="append",
        default=[],
        metavar="CAM=FROM-TO",
        help="time range of one camera's clip, in seconds",
    )
    p.add_argument("--fps", type=float, help=f"analysis frame rate ({video.fps:g}; 0: all)")
    p.add_argument("--size", type=int, help=f"detector input size: long side in pixels ({detect.size})")
    p.add_argument("--detection-floor", type=float, help=f"lowest confidence of a stored box ({detect.floor})")
    p.add_argument("--nms-iou", type=float, help=f"IoU above which two boxes are one person ({detect.nms_iou})")
    p.add_argument("--max-detections", type=int, help=f"maximum number of boxes per frame ({detect.most})")
    p.add_argument("--from", type=float, metavar="S", help="start at this second of each clip (0)")
    p.add_argument("--to", type=float, metavar="S", help="stop at this second of each clip (the end)")
    p.add_argument("--device", help="auto, openvino (or cpu), torch, cuda (auto)")
    p.add_argument("--fresh", action="store_true", help="ignore stored results of earlier runs")
    p.add_argument("--watch", type=Path, metavar="DIR", help="write status, preview, CPU and memory use to this folder")
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")


def run(options: argparse.Namespace) -> int:
    with log_run(options) as status:
        setup = parse_setup(options)
        status.tracking(camera.name for camera in setup.cameras)
        progress, tell = open_progress(options, status), camera_listener(status)
        results = track_clips(setup, options.out, progress, options.fresh, on_result=tell)
        record_rates(results, setup.recipe, setup.networks, Rates())
        return exit_status(results)


@contextmanager
def log_run(options: argparse.Namespace) -> Iterator[StatusWriter]:
    """Record in the log how the run ends and, with --watch, in the status that the app reads."""
    folder, status = options.out.absolute(), StatusWriter(options.watch)
    with log_to_file(f"{folder.parent.name}/{folder.name}"):
        flags = " ".join(f"{name}={value}" for name, value in vars(options).items() if value and name != "run")
        LOG.info("begins: %s", flags)
        try:
            yield status
        except (KeyboardInterrupt, Cancelled):
            LOG.info("stopped")
            status.stopped()
            raise
        except SightlineError as fault:
            LOG.error("%s", fault)
            status.failed(str(fault))
            raise
        except Exception:
            LOG.exception("a fault of the program")
            status.failed()
            raise
        status.done()
        LOG.info("over")


def exit_status(results: list[CameraResult]) -> int:
    """The exit status: 0, 1 where some clips failed, 2 where all did."""
    failed = sum(bool(result.fault) for result in results)
    return 2 if failed == len(results) else 1 if failed else 0


def open_progress(options: argparse.Namespace, status: StatusWriter) -> Progress:
    """Progress that is reported to the terminal, the log and the status and, with --watch, to its folder."""
    listeners: list[Callable[[Report], None]] = [listener(options.progress), StageLog(), status.on_report]
    if options.watch is None:
        return Progress(lambda report: _report_to(listeners, report))
    monitor = RunMonitor(options.watch)
    listeners.append(monitor.on_report)
    return Progress(lambda report: _report_to(listeners, report), on_frame=monitor.on_frame)


def _report_to(listeners: list[Callable[[Report], None]], report: Report) -> None:
    for listen in listeners:
        listen(report)


def camera_listener(status: StatusWriter) -> Callable[[CameraResult], None]:
    """Reports the result of a camera on the terminal and in the status."""

    def report(result: CameraResult) -> None:
        status.camera(_status_of_camera(result))
        report_camera(result)

    return report


def _status_of_camera(result: CameraResult) -> CameraStatus:
    if result.fault:
        return CameraStatus(result.camera.name, "failed", fault=result.fault)
    tracks = len(set(result.tracks.track.tolist()))
    return CameraStatus(result.camera.name, "done", tracks, len(result.tracks))


def parse_setup(options: argparse.Namespace) -> Setup:
    """The setup that the flags describe."""
    cameras = _with_ranges(name_cameras(options.clips, options.name), options.range)
    if not cameras:
        raise SettingsError("no clip was given", f"Name at least one: {options.command} CLIP... --out DIR.")
    track = _settings_from_flags(options, "conf", "iou", "track_cos", "n_init", "max_age")
    recipe = Recipe(
        video=VideoSettings(**_settings_from_flags(options, "fps", **{"from": "start_seconds", "to": "end_seconds"})),
        detect=DetectSettings(
            **_settings_from_flags(options, "size", "nms_iou", **{"detection_floor": "floor", "max_detections": "most"})
        ),
        embed=EmbedSettings(every=options.every_box),
        track=TrackSettings(**track),
    )
    models = options.weights or DETECTOR, options.features or EMBEDDER
    networks = Networks.from_names(*models, parse_backend(options.device or "auto"))
    return Setup(cameras, networks, recipe, _load_regions(options.roi, cameras))


def _settings_from_flags(options: argparse.Namespace, *same: str, **named: str) -> dict[str, Any]:
    """The values of the flags that were given, by the names of the settings; `named` maps flags to other names."""
    names = {**{name: name for name in same}, **named}
    return {names[flag]: value for flag, value in vars(options).items() if flag in names and value is not None}


def _load_regions(values: list[str], cameras: list[Camera]) -> dict[str, Regions]:
    clips = {camera.name: camera.clip for camera in cameras}
    regions = {}
    for value in values:
        name, equals, file = value.partition("=")
        if not equals or name not in clips:
            raise RegionError(f"--roi {value} names no camera of this run", f"Cameras: {', '.join(clips)}.")
        try:
            clip = probe(clips[name])
        except ClipError:
            # The clip fails when its turn comes; the other cameras are analysed all the same.
            continue
        regions[name] = load_regions(Path(file), clip.width, clip.height)
    return regions


def _with_ranges(cameras: list[Camera], values: list[str]) -> list[Camera]:
    """The cameras with the ranges of time that `CAM=FROM-TO` gives them; either end may be left out."""
    spans = {}
    for value in values:
        name, _, ends = value.partition("=")
        if name not in {camera.name for camera in cameras}:
            names = ", ".join(camera.name for camera in cameras)
            raise SettingsError(f"--range {value} names no camera of this run", f"Cameras: {names}.")
        try:
            start, end = (float(text) if text else None for text in ends.split("-"))
        except ValueError as fault:
            raise SettingsError(
                f"--range {value} is no range of seconds", "Write for example --range gate=5-20."
            ) from fault
        # VideoSettings checks the range.
        video = VideoSettings(start_seconds=start or 0.0, end_seconds=end)
        spans[name] = (video.start_seconds, video.end_seconds)
    return [replace(camera, span=spans.get(camera.name)) for camera in cameras]


def report_camera(result: CameraResult) -> None:
    """The result of a camera as one line, with its fault if it failed."""
    name = result.camera.name
    if result.fault:
        LOG.error("%s: failed. %s", name, result.fault)
        sys.stderr.write(f"{name}: failed. {result.fault}\n")
        return
    missing = f", {result.missing} frames could not be read" if result.missing else ""
    count, read = len(set(result.tracks.track.tolist())), result.analysed - result.missing
    sys.stdout.write(f"{name}: {count} tracks in {read} frames{missing}\n")


_RETRACK_SETTINGS = ("conf", "iou", "track_cos", "n_init", "max_age")


def add_retrack_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("done", type=Path, metavar="DIR", help="the folder of a run")
    p.add_argument("--conf", type=float, help="confidence threshold")
    p.add_argument("--iou", type=float, help="minimum IoU of a motion match")
    p.add_argument("--track-cos", type=float, help="similarity threshold within a track")
    p.add_argument("--n-init", type=int, help="minimum detections per track")
    p.add_argument("--max-age", type=float, help="maximum gap in a track, seconds")
    p.add_argument("--cos", type=float, metavar="C", help="similarity threshold of matching (suggested)")
    p.set_defaults(run=run_retrack)


def run_retrack(options: argparse.Namespace) -> int:
    values = {name: value for name in _RETRACK_SETTINGS if (value := getattr(options, name)) is not None}
    if not values:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in _RETRACK_SETTINGS)
        raise SettingsError("no other setting was given", f"Give at least one of {flags}.")
    TrackSettings(**values)
    loaded_run = load_run(options.done)
    changes = compare_runs(loaded_run, retrack_run(loaded_run, replace(loaded_run.settings, **values)), options.cos)
    sys.stdout.write("".join(f"{camera.description}\n" for camera in changes.cameras) + f"{changes.description}\n")
    return 0
