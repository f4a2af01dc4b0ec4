"""`track CLIP... --out DIR`: boxes and tracks of each clip, as MOT text, Parquet and a record of the run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from core.cli.progress import listener
from core.device import backend
from core.errors import RegionError, SettingsError
from core.output import RunRecord
from core.pipeline import Camera, CameraResult, Networks, Recipe, name_cameras, run_cameras
from core.progress import Progress
from core.regions import Regions, load_regions
from core.settings import DetectSettings, TrackSettings, VideoSettings
from core.store import Store
from core.video import probe
from core.weights import DETECTOR, EMBEDDER, find


def add(commands: Any) -> None:
    p: argparse.ArgumentParser = commands.add_parser("track", help="find and track the people in each clip")
    add_flags(p)
    p.set_defaults(run=run)


def add_flags(p: argparse.ArgumentParser) -> None:
    """What a run over clips needs to be told."""
    video, detect, track = VideoSettings(), DetectSettings(), TrackSettings()
    p.add_argument("clips", nargs="*", type=Path, metavar="CLIP", help="video file or folder of pictures")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the results go")
    p.add_argument("--name", action="append", default=[], metavar="CAM=CLIP", help="call this clip's camera CAM")
    p.add_argument("--weights", default=DETECTOR, metavar="NAME", help=f"detector: name or file (default {DETECTOR})")
    p.add_argument(
        "--features", default=EMBEDDER, metavar="NAME", help=f"embedder: name, file, or none: motion ({EMBEDDER})"
    )
    p.add_argument("--conf", type=float, default=track.conf, help=f"least confidence of a box ({track.conf})")
    p.add_argument("--iou", type=float, default=track.iou, help=f"least overlap of a motion match ({track.iou})")
    p.add_argument("--track-cos", type=float, default=track.track_cos, help=f"least similarity ({track.track_cos})")
    p.add_argument("--n-init", type=int, default=track.n_init, help=f"boxes that make a track ({track.n_init})")
    p.add_argument("--max-age", type=float, default=track.max_age, help=f"seconds a track may miss ({track.max_age})")
    p.add_argument("--roi", action="append", default=[], metavar="CAM=FILE", help="regions of a camera")
    p.add_argument("--fps", type=float, default=video.fps, help=f"frames looked at a second ({video.fps:g}; 0: all)")
    p.add_argument("--size", type=int, default=detect.size, help=f"long side the detector sees ({detect.size})")
    p.add_argument("--from", type=float, default=0.0, dest="start", metavar="S", help="begin at this second")
    p.add_argument("--to", type=float, default=None, dest="end", metavar="S", help="stop at this second")
    p.add_argument("--device", default="auto", help="auto, openvino (or cpu), torch, cuda")
    p.add_argument("--fresh", action="store_true", help="do all stages again")
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")


def run(options: argparse.Namespace) -> int:
    return status_of(tracked(options, Progress(listener(options.progress))))


def status_of(results: list[CameraResult]) -> int:
    """The exit status: 0, 1 where some clips failed, 2 where all did."""
    failed = sum(bool(result.fault) for result in results)
    return 2 if failed == len(results) else 1 if failed else 0


def tracked(options: argparse.Namespace, progress: Progress, cropped: bool = False) -> list[CameraResult]:
    """Every camera's result; what a run leaves in its folder is there when this returns."""
    cameras = name_cameras(options.clips, options.name)
    if not cameras:
        raise SettingsError("no clip was given", "Name at least one: track CLIP... --out DIR.")
    recipe = Recipe(
        video=VideoSettings(options.fps, options.start, options.end),
        detect=DetectSettings(size=options.size),
        track=TrackSettings(options.conf, options.iou, options.track_cos, options.n_init, options.max_age),
    )
    detector = find(options.weights, "detector")
    embedder = None if options.features == "none" else find(options.features, "embedder")
    networks = Networks(detector, embedder, backend(options.device))
    regions = _regions(options.roi, cameras)
    record = RunRecord(options.out, recipe, networks, regions)
    results = []
    for result in run_cameras(cameras, recipe, networks, Store(), progress, regions, options.fresh, cropped):
        record.add(result)
        _say(result)
        results.append(result)
    record.close()
    return results


def _regions(words: list[str], cameras: list[Camera]) -> dict[str, Regions]:
    clips = {camera.name: camera.clip for camera in cameras}
    found = {}
    for word in words:
        name, equals, file = word.partition("=")
        if not equals or name not in clips:
            raise RegionError(f"--roi {word} names no camera of this run", f"Cameras: {', '.join(clips)}.")
        clip = probe(clips[name])
        found[name] = load_regions(Path(file), clip.width, clip.height)
    return found


def _say(result: CameraResult) -> None:
    name = result.camera.name
    if result.fault:
        sys.stderr.write(f"{name}: failed. {result.fault}\n")
        return
    missing = f", {result.missing} frames could not be read" if result.missing else ""
    count, read = len(set(result.tracks.track.tolist())), result.analysed - result.missing
    sys.stdout.write(f"{name}: {count} tracks in {read} frames{missing}\n")
