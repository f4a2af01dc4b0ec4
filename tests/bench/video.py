"""PyAV against OpenCV on the clips named on the command line: frames of the source per second, and OpenCV's faults.

    python -m tests.bench.video CLIP...

Both decode and convert to bgr in the calling thread; the best of seven turns counts.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from core.base.settings import VideoSettings
from core.base.types import Clip, Ints
from core.vision.video import decoding as frames
from core.vision.video import plan, probe

WIDTH = 640
TURNS = 7


def with_opencv(clip: Clip, wanted: Ints, size: tuple[int, int] | None) -> None:
    capture, chosen, number = cv2.VideoCapture(clip.path), set(wanted.tolist()), 0
    while capture.grab():
        if number in chosen:
            bgr = capture.retrieve()[1]
            _ = cv2.resize(bgr, size) if size else bgr
        number += 1
    capture.release()


def with_pyav(clip: Clip, wanted: Ints, size: tuple[int, int] | None) -> None:
    for _, bgr in frames.pictures(clip, wanted):
        _ = cv2.resize(bgr, size) if size else bgr


def with_pyav_swscale(clip: Clip, wanted: Ints, size: tuple[int, int] | None) -> None:
    """Converted and scaled in one go, bilinear."""
    width, height = size or (clip.width, clip.height)
    reformatter, chosen = VideoReformatter(), set(wanted.tolist())
    with av.open(clip.path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for number, frame in enumerate(container.decode(stream)):
            if number in chosen:
                _ = reformatter.reformat(frame, width, height, "bgr24").to_ndarray()


def rate(clip: Clip, read: Callable[[Clip, Ints, tuple[int, int] | None], None], fps: float, scaled: bool) -> float:
    wanted = plan(clip, VideoSettings(fps)).frame
    size = (WIDTH, round(clip.height * WIDTH / clip.width)) if scaled else None
    start = time.perf_counter()
    read(clip, wanted, size)
    return clip.frames / (time.perf_counter() - start)


def opencv_faults(clip: Clip) -> str:
    """What OpenCV says of the clip that is not so: frame count, rate, time of the last frame, pictures after a jump."""
    capture = cv2.VideoCapture(clip.path)
    count, fps = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    seen, jumped, milliseconds = [], 0, 0.0
    while capture.grab():
        milliseconds = capture.get(cv2.CAP_PROP_POS_MSEC)
        seen.append(hash(capture.retrieve()[1].tobytes()))
    places = np.linspace(1, len(seen) - 1, 10).astype(int).tolist()
    for number in places:
        capture.set(cv2.CAP_PROP_POS_FRAMES, number)
        found, bgr = capture.read()
        jumped += not found or hash(bgr.tobytes()) != seen[number]
    capture.release()
    return (
        f"frames {count:.0f}, read {len(seen)}, ours {clip.frames}; fps {fps:.3f}, ours {clip.fps:.3f}; last at "
        f"{milliseconds / 1000:.3f} s, ours {clip.times[-1] + clip.start_seconds:.3f} s; "
        f"{jumped} of {len(places)} jumps wrong"
    )


def main(paths: list[str]) -> None:
    readers = (with_opencv, with_pyav, with_pyav_swscale)
    for path in paths:
        clip = probe(path)
        print(f"{Path(path).name}\n  OpenCV: {opencv_faults(clip)}")
        for fps in (0.0, 10.0):
            for scaled in (False, True):
                best = dict.fromkeys(readers, 0.0)
                for _ in range(TURNS):
                    for read in readers:
                        best[read] = max(best[read], rate(clip, read, fps, scaled))
                figures = ", ".join(f"{read.__name__} {figure:.0f}" for read, figure in best.items())
                print(f"  {f'{fps:g}/s' if fps else 'every frame'}, {WIDTH if scaled else 'full size'}: {figures}")


if __name__ == "__main__":
    main(sys.argv[1:])
