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

from core.base.errors import Cancelled, ClipError, RegionError, SettingsError, SightlineError
from core.base.progress import Progress, Report
from core.base.settings import (
    DetectSettings,
    EmbedSettings,
    MachineSettings,
    ModelSettings,
    TrackSettings,
    VideoSettings,
    settings_of,
)
from core.base.settings import setting as find_setting
from core.cli.progress import listener
from core.cli.settings import add_setting, add_settings_file, given_settings
from core.machine.device import parse_backend
from core.machine.log import LOG, StageLog, log_to_file
from core.machine.settings_file import UserSettings, load_settings
from core.review.whatif import compare_runs, load_run, retrack_run
from core.runs import Camera, CameraResult, Networks, Recipe, Setup, name_cameras, track_clips
from core.runs.estimate import Rates, record_rates
from core.vision.regions import Regions, load_regions
from core.vision.video import probe
from core.workspace.jobs import CameraStatus, RunMonitor, StatusWriter


def add_arguments(p: argparse.ArgumentParser) -> None:
    add_run_arguments(p)
    p.set_defaults(run=run)


def add_run_arguments(p: argparse.ArgumentParser) -> None:
    """The flags of an analysis of clips, for `track` and `run`."""
    p.add_argument("clips", nargs="*", type=Path, metavar="CLIP", help="video file or folder of pictures")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the results go")
    p.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="CAM=CLIP",
        help="name the camera of this clip CAM; several clips of one name are its recordings, one after the other",
    )
    for each in settings_of("models", "embed", "track", "video", "detect", "machine"):
        add_setting(p, each.key)
    add_settings_file(p)
    p.add_argument("--roi", action="append", default=[], metavar="CAM=FILE", help="region file of a camera")
    p.add_argument(
        "--range",
        action="append",
        default=[],
        metavar="CAM=FROM-TO",
        help="time range of one camera's clip, in seconds",
    )
    p.add_argument("--fresh", action="store_true", help="ignore stored results of earlier runs")
    p.add_argument("--watch", type=Path, metavar="DIR", help="write status, preview, CPU and memory use to this folder")
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")


def run(options: argparse.Namespace) -> int:
    if options.faces:
        raise SettingsError("track compares nobody, by faces neither", "Leave --faces out, or use run.")
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


def parse_setup(options: argparse.Namespace, files: UserSettings | None = None) -> Setup:
    """The setup that flags and files of settings describe; `files` where they were read already."""
    files = load_settings(options.settings) if files is None else files
    for note in files.notes:
        LOG.info("%s", note)
        sys.stderr.write(f"{note}\n")
    cameras = _with_ranges(name_cameras(options.clips, options.name), options.range)
    if not cameras:
        raise SettingsError("no clip was given", f"Name at least one: {options.command} CLIP... --out DIR.")
    recipe = Recipe(
        VideoSettings(**given_settings(options, files, "video")),
        DetectSettings(**given_settings(options, files, "detect")),
        EmbedSettings(**given_settings(options, files, "embed")),
        TrackSettings(**given_settings(options, files, "track")),
    )
    models = ModelSettings(**given_settings(options, files, "models"))
    machine = MachineSettings(**given_settings(options, files, "machine"))
    backend = parse_backend(machine.device)
    names = models.detector, models.embedder
    networks = Networks.from_names(*names, backend, machine.buffer, faces=models.faces)
    return Setup(cameras, networks, recipe, _load_regions(options.roi, cameras))


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
    objects = f", {len(result.objects)} of them probably things" if len(result.objects) else ""
    sys.stdout.write(f"{name}: {count} tracks in {read} frames{objects}{missing}\n")


def add_retrack_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("done", type=Path, metavar="DIR", help="the folder of a run")
    for each in (*settings_of("track"), find_setting("cos")):
        add_setting(p, each.key)
    p.set_defaults(run=run_retrack)


def run_retrack(options: argparse.Namespace) -> int:
    values = given_settings(options, UserSettings(), "track")
    if not values:
        flags = ", ".join(each.flag for each in settings_of("track"))
        raise SettingsError("no other setting was given", f"Give at least one of {flags}.")
    TrackSettings(**values)
    loaded_run = load_run(options.done)
    changes = compare_runs(loaded_run, retrack_run(loaded_run, replace(loaded_run.settings, **values)), options.cos)
    sys.stdout.write("".join(f"{camera.description}\n" for camera in changes.cameras) + f"{changes.description}\n")
    return 0
