"""Sample footage: the frames of each camera, and the files made of them, H.264 films, MOT truth and truth.json.

A frame is the empty plaza, shadows, people from far to near, and the noise of the sensor. Each can be rendered by
itself and is the same in any order. Films appear under their names only when they are complete, and truth.json is
written last. Every camera is encoded in a process of its own; where that is impossible they are encoded one after
another, with the same bytes."""

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
from core.lab.synthetic.settings import HEIGHT, TRUTH_RECORD, VERSION, WIDTH, SampleSettings, clear_folder
from core.lab.synthetic.views import Reals, View
from core.machine.paths import write_atomically
from core.vision.mot import MotRows, read_mot, write_truth
from core.vision.video import content_digest

PEDESTRIAN = 1
_SHADOW_STRENGTH = 0.5  # share of the light that a person's shadow takes
_NOISE_MARGIN = 64  # pixels by which the sheet of noise is larger than the picture
_MIN_VISIBLE = 0.25  # share of a person that must be visible at least once for a camera to have seen them
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class RenderedFrame:
    """One frame: its number from 0, its BGR picture, and its truth, a row per person in the picture (ids from 1)."""

    frame: int
    bgr: Image
    rows: MotRows


@dataclass(frozen=True, eq=False)
class CameraRenderer:
    """One camera of a scene. What all of its frames share, such as the empty plaza, is drawn on first use."""

    scene: Scene
    view: View

    @cached_property
    def _figures(self) -> list[Figure]:
        return [Figure(person) for person in self.scene.people]

    @cached_property
    def backdrop(self) -> Backdrop:
        return draw_backdrop(self.scene.plaza, self.view, self.scene.settings.seed)

    @cached_property
    def _sensor_gain(self) -> Reals:
        """Factors (h, w, 3) from light to grey levels: exposure, white balance, vignetting."""
        y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
        corners = 1 - self.view.vignette * (0.7 * x * x + 0.3 * y * y)
        found: Reals = (corners[..., None] * np.array(self.view.balance) * self.view.exposure * 255).astype(np.float32)
        return found

    @cached_property
    def _empty_picture(self) -> Image:
        """The empty plaza as the sensor sees it, without noise."""
        blurred = cv2.GaussianBlur(self.backdrop.bgr * self._sensor_gain + self.view.lift, (0, 0), self.view.blur)
        return np.asarray(np.clip(blurred, 0, 255), np.uint8)

    @cached_property
    def _noise(self) -> Reals:
        generator = np.random.default_rng([self.scene.settings.seed, 5, int(self.view.name[3:])])
        sheet = generator.standard_normal((HEIGHT + _NOISE_MARGIN, WIDTH + _NOISE_MARGIN, 3)).astype(np.float32)
        sheet = sheet + sheet.mean(2, keepdims=True)
        found: Reals = np.rint(cv2.GaussianBlur(sheet, (0, 0), 0.6) * self.view.noise).astype(np.int8)
        return found

    def render(self, frame: int) -> RenderedFrame:
        picture, rows = self.render_without_noise(frame)
        generator = np.random.default_rng([self.scene.settings.seed, 6, int(self.view.name[3:]), frame])
        top, left = generator.integers(0, _NOISE_MARGIN, 2)
        noisy = cv2.add(picture, self._noise[top : top + HEIGHT, left : left + WIDTH], dtype=cv2.CV_8U)
        return RenderedFrame(frame, np.asarray(noisy, np.uint8), rows)

    def render_without_noise(self, frame: int, people: bool = True) -> tuple[Image, MotRows]:
        """The frame before sensor noise, and its truth; without people it is the empty plaza."""
        picture = self._empty_picture.copy()
        seconds = self.view.offset + frame / self.view.fps
        patches: list[tuple[float, int, Patch]] = []
        for number, (figure, walk) in enumerate(zip(self._figures, self.scene.walks, strict=True)):
            state = walk.at(seconds)
            middle = np.array([state.x, state.y, 0.9])
            if not people or not self.may_be_visible(middle):
                continue
            body = figure.body(state)
            self._draw_shadow(picture, body)
            patch = figure.draw(body, self.view)
            if patch is not None:
                patches.append((float(self.view.project(middle)[2]), number, patch))
        return picture, self._draw_people(
            picture, frame, sorted(patches, key=lambda patch_of_person: -patch_of_person[0])
        )

    def may_be_visible(self, middle: Reals) -> bool:
        """Whether a person or their shadow may be in the picture; otherwise their body need not be posed."""
        x, y, depth = self.view.project(middle)
        spare = 2.2 * self.view.focal / max(float(depth), 0.3)
        return bool(depth > 0.3 and -spare < x < WIDTH + spare and -spare < y < HEIGHT + spare)

    def _draw_shadow(self, picture: Image, body: Reals) -> None:
        ground = body[:, ::3, ::3].copy()
        ground[..., :2] -= SUN[:2] / SUN[2] * ground[..., 2:]
        ground[..., 2] = 0
        projected = self.view.project(ground)
        if projected[..., 2].min() < 0.3:
            return
        low, high = projected[..., :2].min((0, 1, 2)) - 6, projected[..., :2].max((0, 1, 2)) + 6
        left, top = (max(0, int(v)) for v in low)
        right, bottom = (min(size, int(v)) for v, size in zip(high, (WIDTH, HEIGHT), strict=True))
        if right <= left or bottom <= top:
            return
        mask = np.zeros((bottom - top, right - left), np.float32)
        corners = np.rint((projected[..., :2] - (left, top)) * 16).astype(np.int32).reshape(len(projected), -1, 2)
        for part in corners:
            cv2.fillConvexPoly(mask, cv2.convexHull(part), 1.0, cv2.LINE_AA, 4)
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.8, 0.012 * self.view.focal / float(projected[..., 2].mean())))
        mask *= _SHADOW_STRENGTH * np.isinf(self.backdrop.depth[top:bottom, left:right])
        window = picture[top:bottom, left:right]
        window[:] = (window - self.view.lift) * (1 - mask[..., None]) + self.view.lift

    def _draw_people(self, picture: Image, frame: int, patches: list[tuple[float, int, Patch]]) -> MotRows:
        """Draw people from far to near, and return their truth; visible is what nobody drawn later covers."""
        owner = np.zeros((HEIGHT, WIDTH), np.int16)
        boxes: list[tuple[int, float, int, int, int, int]] = []
        for _, number, patch in patches:
            height, width = patch.cover.shape
            place = np.s_[patch.top : patch.top + height, patch.left : patch.left + width]
            in_front = self.backdrop.depth[place] >= patch.depth
            light = self._sensor_gain[place] * patch.bgr + self.view.lift * patch.cover[..., None]
            soft = cv2.GaussianBlur(np.dstack([light, patch.cover]), (0, 0), self.view.blur)
            soft *= in_front[..., None]
            window = picture[place]
            window[:] = np.clip(window * (1 - soft[..., 3:]) + soft[..., :3], 0, 255)
            body = patch.cover >= 0.5
            owner[place][body & in_front] = number + 1
            rows, columns = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
            if len(rows) and patch.share_in_picture > 0:
                x1, y1 = patch.left + int(columns[0]), patch.top + int(rows[0])
                x2, y2 = patch.left + int(columns[-1]) + 1, patch.top + int(rows[-1]) + 1
                boxes.append((number + 1, float(body.sum() / patch.share_in_picture), x1, y1, x2, y2))
        boxes.sort()
        visible = [np.count_nonzero(owner[y1:y2, x1:x2] == number) / area for number, area, x1, y1, x2, y2 in boxes]
        return MotRows(
            frame=np.full(len(boxes), frame),
            id=np.array([box[0] for box in boxes], np.int64),
            xyxy=np.array([box[2:] for box in boxes], np.float64).reshape(-1, 4),
            conf=np.ones(len(boxes)),
            cls=np.full(len(boxes), PEDESTRIAN),
            visibility=np.array(visible),
        )


def _ignore_progress(done: int, total: int) -> None: ...


def render_frames(settings: SampleSettings, camera: int, every: int = 1) -> Iterator[RenderedFrame]:
    """Every `every`-th frame of a camera (numbered from 0) with its truth; nothing is encoded."""
    scene = scene_of(settings)
    renderer = CameraRenderer(scene, scene.views[camera])
    for number in range(0, renderer.view.frame_count(settings.seconds), every):
        yield renderer.render(number)


def write_sample(
    settings: SampleSettings, folder: Path, on_progress: OnProgress = _ignore_progress, processes: bool = True
) -> None:
    """Write the sample to `folder`. `on_progress` gets frames done and in all; an exception that it raises stops."""
    scene = scene_of(settings)
    total = sum(view.frame_count(settings.seconds) for view in scene.views)
    clear_folder(folder)
    cameras = list(range(len(scene.views)))
    remaining = cameras
    if processes and not multiprocessing.current_process().daemon:
        remaining = _encode_in_parallel(settings, folder, cameras, total, on_progress)
    done = sum(scene.views[n].frame_count(settings.seconds) for n in cameras if n not in remaining)
    for camera in remaining:
        # A fault in a process of its own occurs again here, where it can be reported.
        done_before = done

        def report(count: int, done_before: int = done_before) -> None:
            on_progress(done_before + count, total)

        encode_camera(settings, camera, folder, report)
        done += scene.views[camera].frame_count(settings.seconds)
    write_atomically(folder / TRUTH_RECORD, json.dumps(_truth_record(settings, folder), indent=1).encode())


def _encode_in_parallel(
    settings: SampleSettings, folder: Path, cameras: list[int], total: int, on_progress: OnProgress
) -> list[int]:
    """Encode all cameras at once, a process each; returns those that failed."""
    context = multiprocessing.get_context("spawn")
    counts, stop = context.Array("i", len(cameras)), context.Event()
    workers = [
        context.Process(
            target=_encode_in_process, args=(settings, n, folder, counts, stop), name=f"sightline-sample-{n + 1}"
        )
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

    def report(done: int) -> None:
        counts[camera] = done
        if stop.is_set() or not multiprocessing.parent_process().is_alive():  # type: ignore[union-attr]
            raise Cancelled

    # The parent knows the reason: it asked for it, has ended, or was interrupted from the same keyboard.
    with suppress(Cancelled, KeyboardInterrupt):
        encode_camera(settings, camera, folder, report)
        return
    raise SystemExit(1)


def encode_camera(settings: SampleSettings, camera: int, folder: Path, report: Callable[[int], None]) -> None:
    """Write the film and the truth of one camera."""
    view = scene_of(settings).views[camera]
    partial = folder / f".{view.name}.{os.getpid()}.part"
    truth: list[MotRows] = []
    try:
        with av.open(str(partial), "w", format="mp4", options={"movflags": "faststart"}) as video:
            # x264's mbtree computes in floating point and is not deterministic: 1 film in 10 differed when measured.
            options = {"preset": "veryfast", "crf": str(view.crf), "bf": "0", "g": str(2 * view.fps)}
            options |= {"threads": "1", "mbtree": "0"}
            stream = video.add_stream("libx264", rate=view.fps, options=options)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            for rendered in render_frames(settings, camera):
                picture = av.VideoFrame.from_ndarray(rendered.bgr, format="bgr24")
                picture.pts, picture.time_base = rendered.frame, Fraction(1, view.fps)
                video.mux(stream.encode(picture))
                truth.append(rendered.rows)
                report(rendered.frame + 1)
            video.mux(stream.encode(None))
        partial.replace(folder / f"{view.name}.mp4")
    except (OSError, av.FFmpegError) as fault:
        raise StoreError(
            f"{view.name}.mp4 cannot be written ({fault.strerror})", "Free some space or choose another folder."
        ) from fault
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    write_truth(folder / "truth" / f"{view.name}.txt", truth)


def _truth_record(settings: SampleSettings, folder: Path) -> dict[str, Any]:
    """The content of truth.json: what the films were drawn from, and their digests. Which cameras saw a person is read
    from the truth files."""
    scene = scene_of(settings)
    rows = {view.name: read_mot(folder / "truth" / f"{view.name}.txt") for view in scene.views}
    people = [
        {
            "id": n + 1,
            "height": round(person.height, 2),
            "cameras": [
                name for name, row in rows.items() if np.any((row.id == n + 1) & (row.visibility >= _MIN_VISIBLE))
            ],
        }
        for n, person in enumerate(scene.people)
    ]
    return {
        "renderer": VERSION,
        "settings": asdict(settings),
        "cameras": {view.name: _camera_record(view, settings, folder) for view in scene.views},
        "people": people,
        "dressed_alike": [n + 1 for n in ALIKE],
        "one_camera_only": [n + 1 for n in ALONE],
        "talking": [n + 1 for n in TALKERS],
    }


def _camera_record(view: View, settings: SampleSettings, folder: Path) -> dict[str, Any]:
    return {
        "fps": view.fps,
        "offset_seconds": view.offset,
        "width": WIDTH,
        "height": HEIGHT,
        "frames": view.frame_count(settings.seconds),
        "digest": content_digest(folder / f"{view.name}.mp4"),
    }
