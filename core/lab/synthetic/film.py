"""One camera's pictures of the plan: the empty plaza, shadows, people from far to near, the sensor; and the truth.

Every frame can be had by itself and is the same in any order. Refuses to know files and codecs.

Sample footage on disk: an H.264 film and MOT truth for each camera, and truth.json, written last, about it all.

Films appear under their names only when they are whole. Each camera has a process of its own; where that cannot be,
they are made one after the other, with the same bytes."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from core.base.errors import Cancelled, StoreError
from core.base.types import Image
from core.lab.synthetic.figure import Figure, Patch
from core.lab.synthetic.ground import SUN, Backdrop, draw_backdrop
from core.lab.synthetic.scene import ALIKE, ALONE, TALKERS, Scene, scene_of
from core.lab.synthetic.settings import TRUTH_RECORD, HEIGHT, VERSION, WIDTH, SampleSettings, clear_folder
from core.lab.synthetic.views import Reals, View
from core.machine.paths import write_atomically
from core.vision.mot import MotRows, read_mot, write_truth

PEDESTRIAN = 1
_SHADOW_STRENGTH = 0.5  # of the ground's light, by a person's shadow
_NOISE_MARGIN = 64  # pixels by which the sheet of noise is larger than the picture


@dataclass(frozen=True, eq=False)
class RenderedFrame:
    """One frame: number from 0, BGR picture, and the truth: a row for each person in the picture (id from 1)."""

    frame: int
    bgr: Image
    rows: MotRows


@dataclass(frozen=True, eq=False)
class CameraRenderer:
    """One camera of a plan, ready to film. The empty plaza is drawn on first use."""

    scene: Scene
    view: View

    @cached_property
    def _figures(self) -> list[Figure]:
        return [Figure(look) for look in self.scene.looks]

    @cached_property
    def _empty(self) -> Backdrop:
        return draw_backdrop(self.scene.plaza, self.view, self.scene.settings.seed)

    @cached_property
    def _gain(self) -> Reals:
        """What the sensor makes of light 0 to 1, (h, w, 3): exposure, white balance, darker corners."""
        y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
        corners = 1 - self.view.vignette * (0.7 * x * x + 0.3 * y * y)
        found: Reals = (corners[..., None] * np.array(self.view.balance) * self.view.exposure * 255).astype(np.float32)
        return found

    @cached_property
    def _clean(self) -> Image:
        """The empty plaza through the sensor, without noise."""
        seen = cv2.GaussianBlur(self._empty.bgr * self._gain + self.view.lift, (0, 0), self.view.blur)
        return np.asarray(np.clip(seen, 0, 255), np.uint8)

    @cached_property
    def _noise(self) -> Reals:
        generator = np.random.default_rng([self.scene.settings.seed, 5, int(self.view.name[3:])])
        sheet = generator.standard_normal((HEIGHT + _NOISE_MARGIN, WIDTH + _NOISE_MARGIN, 3)).astype(np.float32)
        sheet = sheet + sheet.mean(2, keepdims=True)
        found: Reals = np.rint(cv2.GaussianBlur(sheet, (0, 0), 0.6) * self.view.noise).astype(np.int8)
        return found

    def shot(self, frame: int) -> RenderedFrame:
        picture, rows = self.clean(frame)
        generator = np.random.default_rng([self.scene.settings.seed, 6, int(self.view.name[3:]), frame])
        top, left = generator.integers(0, _NOISE_MARGIN, 2)
        noisy = cv2.add(picture, self._noise[top : top + HEIGHT, left : left + WIDTH], dtype=cv2.CV_8U)
        return RenderedFrame(frame, np.asarray(noisy, np.uint8), rows)

    def clean(self, frame: int, people: bool = True) -> tuple[Image, MotRows]:
        """The frame before the sensor's noise; without people it is the empty plaza."""
        picture = self._clean.copy()
        seconds = self.view.offset + frame / self.view.fps
        drawn: list[tuple[float, int, Patch]] = []
        for number, (figure, walk) in enumerate(zip(self._figures, self.scene.walks, strict=True)):
            moment = walk.at(seconds)
            middle = np.array([moment.x, moment.y, 0.9])
            if not people or not self._near(middle):
                continue
            body = figure.body(moment)
            self._shadow(picture, body)
            patch = figure.drawn(body, self.view)
            if patch is not None:
                drawn.append((float(self.view.project(middle)[2]), number, patch))
        return picture, self._people(picture, frame, sorted(drawn, key=lambda one: -one[0]))

    def _near(self, middle: Reals) -> bool:
        """Whether somebody, or their shadow, could be in the picture: a body is posed only then."""
        x, y, depth = self.view.project(middle)
        spare = 2.2 * self.view.focal / max(float(depth), 0.3)
        return bool(depth > 0.3 and -spare < x < WIDTH + spare and -spare < y < HEIGHT + spare)

    def _shadow(self, picture: Image, body: Reals) -> None:
        ground = body[:, ::3, ::3].copy()
        ground[..., :2] -= SUN[:2] / SUN[2] * ground[..., 2:]
        ground[..., 2] = 0
        seen = self.view.project(ground)
        if seen[..., 2].min() < 0.3:
            return
        low, high = seen[..., :2].min((0, 1, 2)) - 6, seen[..., :2].max((0, 1, 2)) + 6
        left, top = (max(0, int(v)) for v in low)
        right, bottom = (min(size, int(v)) for v, size in zip(high, (WIDTH, HEIGHT), strict=True))
        if right <= left or bottom <= top:
            return
        mask = np.zeros((bottom - top, right - left), np.float32)
        corners = np.rint((seen[..., :2] - (left, top)) * 16).astype(np.int32).reshape(len(seen), -1, 2)
        for part in corners:
            cv2.fillConvexPoly(mask, cv2.convexHull(part), 1.0, cv2.LINE_AA, 4)
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.8, 0.012 * self.view.focal / float(seen[..., 2].mean())))
        mask *= _SHADOW_STRENGTH * np.isinf(self._empty.depth[top:bottom, left:right])
        window = picture[top:bottom, left:right]
        window[:] = (window - self.view.lift) * (1 - mask[..., None]) + self.view.lift

    def _people(self, picture: Image, frame: int, drawn: list[tuple[float, int, Patch]]) -> MotRows:
        """Draw people from far to near; what each covers in the end tells how much of them is seen."""
        owner = np.zeros((HEIGHT, WIDTH), np.int16)
        boxes: list[tuple[int, float, int, int, int, int]] = []
        for _, number, patch in drawn:
            height, width = patch.cover.shape
            place = np.s_[patch.top : patch.top + height, patch.left : patch.left + width]
            before = self._empty.depth[place] >= patch.depth
            light = self._gain[place] * patch.bgr + self.view.lift * patch.cover[..., None]
            soft = cv2.GaussianBlur(np.dstack([light, patch.cover]), (0, 0), self.view.blur)
            soft *= before[..., None]
            window = picture[place]
            window[:] = np.clip(window * (1 - soft[..., 3:]) + soft[..., :3], 0, 255)
            body = patch.cover >= 0.5
            owner[place][body & before] = number + 1
            rows, columns = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
            if len(rows) and patch.inside > 0:
                x1, y1 = patch.left + int(columns[0]), patch.top + int(rows[0])
                x2, y2 = patch.left + int(columns[-1]) + 1, patch.top + int(rows[-1]) + 1
                boxes.append((number + 1, float(body.sum() / patch.inside), x1, y1, x2, y2))
        boxes.sort()
        seen = [np.count_nonzero(owner[y1:y2, x1:x2] == who) / area for who, area, x1, y1, x2, y2 in boxes]
        return MotRows(
            frame=np.full(len(boxes), frame),
            id=np.array([box[0] for box in boxes], np.int64),
            xyxy=np.array([box[2:] for box in boxes], np.float64).reshape(-1, 4),
            conf=np.ones(len(boxes)),
            cls=np.full(len(boxes), PEDESTRIAN),
            visibility=np.array(seen),
        )


OnProgress = Callable[[int, int], None]
_MIN_VISIBLE = 0.25  # of a person visible, at least once: the camera sees them


def _ignore_progress(done: int, total: int) -> None: ...


def render_frames(settings: SampleSettings, camera: int, every: int = 1) -> Iterator[RenderedFrame]:
    """Every so many frames of a camera (0 is the first camera), with their truth; nothing is encoded."""
    scene = scene_of(settings)
    stage = CameraRenderer(scene, scene.views[camera])
    for number in range(0, stage.view.frames(settings.seconds), every):
        yield stage.shot(number)


def write_sample(settings: SampleSettings, folder: Path, on_progress: OnProgress = _ignore_progress, processes: bool = True) -> None:
    """Write the footage to `folder`. `on_progress` hears frames done and in all; what it raises stops the work."""
    scene = scene_of(settings)
    total = sum(view.frames(settings.seconds) for view in scene.views)
    clear_folder(folder)
    cameras = list(range(len(scene.views)))
    left = cameras
    if processes and not multiprocessing.current_process().daemon:
        left = _encode_in_parallel(settings, folder, cameras, total, on_progress)
    done = sum(scene.views[n].frames(settings.seconds) for n in cameras if n not in left)
    for camera in left:
        # What went wrong in a process of its own goes wrong again here, where it can be told.
        before = done

        def tell(count: int, before: int = before) -> None:
            on_progress(before + count, total)

        encode_camera(settings, camera, folder, tell)
        done += scene.views[camera].frames(settings.seconds)
    write_atomically(folder / TRUTH_RECORD, json.dumps(_truth_record(settings, folder), indent=1).encode())


def _encode_in_parallel(
    settings: SampleSettings, folder: Path, cameras: list[int], total: int, on_progress: OnProgress
) -> list[int]:
    """Film all cameras at once; those that could not be filmed this way."""
    context = multiprocessing.get_context("spawn")
    counts, stop = context.Array("i", len(cameras)), context.Event()
    workers = [
        context.Process(target=_encode_in_process, args=(settings, n, folder, counts, stop), name=f"sightline-sample-{n + 1}")
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


def _encode_in_process(settings: SampleSettings, camera: int, folder: Path, counts: Any, stop: Any) -> None:
    cv2.setNumThreads(1)

    def tell(done: int) -> None:
        counts[camera] = done
        if stop.is_set() or not multiprocessing.parent_process().is_alive():  # type: ignore[union-attr]
            raise Cancelled

    # The parent knows why: it asked, or is gone, or was interrupted from the same keyboard.
    with suppress(Cancelled, KeyboardInterrupt):
        encode_camera(settings, camera, folder, tell)
        return
    raise SystemExit(1)


def encode_camera(settings: SampleSettings, camera: int, folder: Path, tell: Callable[[int], None]) -> None:
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
            for shot in render_frames(settings, camera):
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


def _truth_record(settings: SampleSettings, folder: Path) -> dict[str, Any]:
    """What truth.json says; who is seen where is read from the truth that was written."""
    scene = scene_of(settings)
    rows = {view.name: read_mot(folder / "truth" / f"{view.name}.txt") for view in scene.views}
    people = [
        {
            "id": n + 1,
            "height": round(look.height, 2),
            "cameras": [name for name, row in rows.items() if np.any((row.id == n + 1) & (row.visibility >= _MIN_VISIBLE))],
        }
        for n, look in enumerate(scene.looks)
    ]
    return {
        "renderer": VERSION,
        "settings": asdict(settings),
        "cameras": {view.name: _camera_record(view, settings) for view in scene.views},
        "people": people,
        "dressed_alike": [n + 1 for n in ALIKE],
        "one_camera_only": [n + 1 for n in ALONE],
        "talking": [n + 1 for n in TALKERS],
    }


def _camera_record(view: View, settings: SampleSettings) -> dict[str, Any]:
    return {
        "fps": view.fps,
        "offset_seconds": view.offset,
        "width": WIDTH,
        "height": HEIGHT,
        "frames": view.frames(settings.seconds),
    }
