"""Sample footage on disk: an H.264 film and MOT truth for each camera, and truth.json, written last, about it all.

Films appear under their names only when they are whole. Each camera has a process of its own; where that cannot be,
they are made one after the other, with the same bytes.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from core.errors import Cancelled, StoreError
from core.folders import write_atomically
from core.mot import MotRows, read_mot, write_truth
from core.sample.place import ABOUT, make_room
from core.sample.promises import ALIKE, ALONE, TALKERS
from core.sample.scene import scene_of
from core.sample.settings import HEIGHT, VERSION, WIDTH, SampleSettings
from core.sample.stage import Shot, Stage
from core.sample.views import View

Tell = Callable[[int, int], None]
_SEEN = 0.25  # of a person visible, at least once: the camera sees them


def _nothing(done: int, total: int) -> None: ...


def frames(settings: SampleSettings, camera: int, every: int = 1) -> Iterator[Shot]:
    """Every so many frames of a camera (0 is the first camera), with their truth; nothing is encoded."""
    scene = scene_of(settings)
    stage = Stage(scene, scene.views[camera])
    for number in range(0, stage.view.frames(settings.seconds), every):
        yield stage.shot(number)


def render(settings: SampleSettings, folder: Path, on_progress: Tell = _nothing, processes: bool = True) -> None:
    """Write the footage to `folder`. `on_progress` hears frames done and in all; what it raises stops the work."""
    scene = scene_of(settings)
    total = sum(view.frames(settings.seconds) for view in scene.views)
    make_room(folder)
    cameras = list(range(len(scene.views)))
    left = cameras
    if processes and not multiprocessing.current_process().daemon:
        left = _side_by_side(settings, folder, cameras, total, on_progress)
    done = sum(scene.views[n].frames(settings.seconds) for n in cameras if n not in left)
    for camera in left:
        # What went wrong in a process of its own goes wrong again here, where it can be told.
        before = done

        def tell(count: int, before: int = before) -> None:
            on_progress(before + count, total)

        _film(settings, camera, folder, tell)
        done += scene.views[camera].frames(settings.seconds)
    write_atomically(folder / ABOUT, json.dumps(_about(settings, folder), indent=1).encode())


def _side_by_side(
    settings: SampleSettings, folder: Path, cameras: list[int], total: int, on_progress: Tell
) -> list[int]:
    """Film all cameras at once; those that could not be filmed this way."""
    context = multiprocessing.get_context("spawn")
    counts, stop = context.Array("i", len(cameras)), context.Event()
    workers = [
        context.Process(target=_work, args=(settings, n, folder, counts, stop), name=f"sightline-sample-{n + 1}")
        for n in cameras
    ]
    started: list[int] = []
    try:
        with suppress(OSError):
            for n, worker in enumerate(workers):
                worker.start()
                started.append(n)
        while any(workers[n].is_alive() for n in started):
            next(workers[n] for n in started if workers[n].is_alive()).join(0.2)
            on_progress(sum(counts[:]), total)
    finally:
        stop.set()
        for n in started:
            workers[n].join()
    return [n for n in cameras if n not in started or workers[n].exitcode != 0]


def _work(settings: SampleSettings, camera: int, folder: Path, counts: Any, stop: Any) -> None:
    cv2.setNumThreads(1)

    def tell(done: int) -> None:
        counts[camera] = done
        if stop.is_set() or not multiprocessing.parent_process().is_alive():  # type: ignore[union-attr]
            raise Cancelled

    # The parent knows why: it asked, or is gone, or was interrupted from the same keyboard.
    with suppress(Cancelled, KeyboardInterrupt):
        _film(settings, camera, folder, tell)
        return
    raise SystemExit(1)


def _film(settings: SampleSettings, camera: int, folder: Path, tell: Callable[[int], None]) -> None:
    """One camera's film and truth."""
    view = scene_of(settings).views[camera]
    part = folder / f".{view.name}.{os.getpid()}.part"
    truth: list[MotRows] = []
    try:
        with av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as film:
            # x264's mbtree weighs blocks in floating point, and not always alike: measured, 1 film in 10 differed.
            options = {"preset": "veryfast", "crf": str(view.crf), "bf": "0", "g": str(2 * view.fps)}
            options |= {"threads": "1", "mbtree": "0"}
            stream = film.add_stream("libx264", rate=view.fps, options=options)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            for shot in frames(settings, camera):
                picture = av.VideoFrame.from_ndarray(shot.bgr, format="bgr24")
                picture.pts, picture.time_base = shot.frame, Fraction(1, view.fps)
                film.mux(stream.encode(picture))
                truth.append(shot.rows)
                tell(shot.frame + 1)
            film.mux(stream.encode(None))
        part.replace(folder / f"{view.name}.mp4")
    except (OSError, av.FFmpegError) as fault:
        raise StoreError(
            f"{view.name}.mp4 cannot be written ({fault.strerror})", "Free some space or choose another folder."
        ) from fault
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    write_truth(folder / "truth" / f"{view.name}.txt", truth)


def _about(settings: SampleSettings, folder: Path) -> dict[str, Any]:
    """What truth.json says; who is seen where is read from the truth that was written."""
    scene = scene_of(settings)
    rows = {view.name: read_mot(folder / "truth" / f"{view.name}.txt") for view in scene.views}
    people = [
        {
            "id": n + 1,
            "height": round(look.height, 2),
            "cameras": [name for name, row in rows.items() if np.any((row.id == n + 1) & (row.visibility >= _SEEN))],
        }
        for n, look in enumerate(scene.looks)
    ]
    return {
        "renderer": VERSION,
        "settings": asdict(settings),
        "cameras": {view.name: _camera(view, settings) for view in scene.views},
        "people": people,
        "dressed_alike": [n + 1 for n in ALIKE],
        "one_camera_only": [n + 1 for n in ALONE],
        "talking": [n + 1 for n in TALKERS],
    }


def _camera(view: View, settings: SampleSettings) -> dict[str, Any]:
    return {
        "fps": view.fps,
        "offset_seconds": view.offset,
        "width": WIDTH,
        "height": HEIGHT,
        "frames": view.frames(settings.seconds),
    }
