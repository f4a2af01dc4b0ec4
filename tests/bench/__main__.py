"""`make bench`: the figures that the README states, taken anew on this machine. Ratios count, absolute times do not.

Needs the developers' footage for all but the detector; what is missing is said and left out.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np

from core.detect import open_detector
from core.offline import import_ultralytics
from core.pipeline.stages import load_detections
from core.settings import DetectSettings, TrackSettings, VideoSettings
from core.store import Artifact
from core.track import track
from core.types import Image
from core.video import plan, probe, read
from core.weights import find

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
FRAMES = 200


def first_frames(clip: Path) -> list[Image]:
    probed = probe(clip)
    with read(probed, plan(probed, VideoSettings(fps=0))[:FRAMES]) as pictures:
        return [p.bgr for p in pictures]


def detector_speed(clip: Path) -> None:
    """Our OpenVINO route against Ultralytics' own PyTorch `predict`, decoding left out of both."""
    model = find("person-yolo11n", "detector")
    ours = open_detector(model, DetectSettings(), "openvino")
    theirs = import_ultralytics().YOLO(str(model.path), task="detect")
    frames = first_frames(clip)
    list(ours.detect(frames[:10]))
    theirs.predict(frames[0], conf=0.05, verbose=False)
    began = time.perf_counter()
    list(ours.detect(frames))
    fast = len(frames) / (time.perf_counter() - began)
    began = time.perf_counter()
    for frame in frames:
        theirs.predict(frame, conf=0.05, verbose=False)
    slow = len(frames) / (time.perf_counter() - began)
    print(f"detector: {fast:.1f} frames/s against {slow:.1f} of Ultralytics' predict, {fast / slow:.2f} times")


def detector_against_peer(clip: Path, weights: Path) -> None:
    """The detector that ships against a YOLOv8n as its publisher exports it, each at its own default, in turns."""
    frames = first_frames(clip)
    rooms = [open_detector(find(name, "detector"), DetectSettings()) for name in ("person-yolo11n", str(weights))]
    spent = [[], []]
    for turn in range(4):
        for room, seconds in zip(rooms, spent, strict=True):
            began = time.perf_counter()
            list(room.detect(frames))
            if turn:
                seconds.append(time.perf_counter() - began)
    ours, theirs = (len(frames) / min(seconds) for seconds in spent)
    print(f"person-yolo11n {ours:.1f} frames/s, YOLOv8n {theirs:.1f}: {theirs / ours:.2f} times the time")


def tracker_speed(stages: Path, clip: Path) -> None:
    times = plan(probe(clip), VideoSettings(fps=0))
    boxes, _ = load_detections(Artifact(next(stages.glob("*/detect-*")), {}), times)
    began = time.perf_counter()
    track(times, boxes, TrackSettings())
    print(f"tracker alone, motion only: {len(times) / (time.perf_counter() - began):.0f} frames/s")


def repeated(clip: Path, seconds: float, out: Path) -> Path:
    """The clip's packets again and again, without encoding, until it is `seconds` long."""
    with av.open(str(clip)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [(bytes(p), p.is_keyframe) for p in source.demux(video=0) if p.size]
        rate = float(probe(clip).fps)
        tick = 0
        while tick / rate < seconds:
            for content, key in packets:
                packet = av.Packet(content)
                packet.stream, packet.is_keyframe = stream, key
                packet.time_base = source.streams.video[0].time_base
                packet.pts = packet.dts = round(tick / rate / packet.time_base)
                target.mux(packet)
                tick += 1
    return out


def peak_megabytes(clip: Path, room: Path) -> float:
    environment = {**os.environ, "SIGHTLINE_CACHE": str(room / clip.stem)}
    command = [sys.executable, "-m", "core", "track", str(clip), "--out", str(room / "out"), "--progress", "none"]
    script = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
    script += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    ran = subprocess.run(
        [sys.executable, "-c", script, *command], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return int(ran.stdout.split()[-1]) / 1024


def memory(clip: Path, room: Path, minutes: float) -> None:
    short = peak_megabytes(repeated(clip, 60, room / "minute.avi"), room)
    long = peak_megabytes(repeated(clip, 60 * minutes, room / "long.avi"), room)
    print(f"peak memory: {long:.0f} MB for {minutes:g} minutes, {short:.0f} MB for one: {long / short:.2f} times")


def main() -> None:
    pets = SHARED / "data" / "pets_s2l1" / "view1.avi"
    if not pets.is_file():
        print("The developers' footage (../shared) is not on this machine; nothing can be measured.")
        return
    minutes = float(os.environ.get("SIGHTLINE_BENCH_MINUTES", "60"))
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        detector_speed(pets)
        weights = SHARED / "weights" / "yolov8n_int8_openvino_model"
        detector_against_peer(pets, weights)
        words = ["--weights", str(weights), "--fps", "0", "--progress", "none", "--name", f"pets={pets}"]
        environment = {**os.environ, "SIGHTLINE_CACHE": str(room / "cache")}
        for more in ([], ["--iou", "0.3"]):
            began = time.perf_counter()
            command = [sys.executable, "-m", "core", "track", "--out", str(room / "out"), *words, *more]
            subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
            spent = json.loads((room / "out" / "run.json").read_text())["seconds"]
            whole = time.perf_counter() - began
            print(f"PETS {' '.join(more) or 'from nothing'}: {spent:.2f} s, {whole:.2f} s with the start of Python")
        tracker_speed(room / "cache" / "stages", pets)
        memory(pets, room, minutes)


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
