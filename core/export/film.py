"""Annotated videos: the clip of each camera with people drawn in, a colour and a trail per person, heads blurred.

    TO/gate.mp4    H.264 at the frame rate of the clip, at most 1920 wide, of the time range that was analysed

Boxes in frames that were not analysed are interpolated. Only heads of tracked people are blurred. A clip that has
changed since the run is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.base.errors import ClipError
from core.base.progress import Progress
from core.base.text import Clocks, person_name
from core.base.types import Clip, Floats, Image, Ints, Seconds, Table, Timeline, Tracks
from core.export.images import blur_head
from core.machine.canvas import Canvas, Colour, text_width
from core.runs import Evidence, analysed_frames, check_layout, load_tracks, read_record, split_tracks
from core.vision.video import Picture, digest, display_size, probe, write_film

MAX_WIDTH = 1920
TRAIL_SECONDS = 2.0
HEADROOM = 0.08
"""A head may stick out of the top of the box by this share of the box height: that is blurred as well."""
# Okabe and Ito's colours as BGR: distinguishable with any kind of colour vision.
_COLOURS = (
    *((0, 159, 230), (233, 180, 86), (115, 158, 0), (66, 228, 240), (178, 114, 0), (0, 94, 213)),
    (167, 121, 204),
)


@dataclass(frozen=True, eq=False)
class FilmBoxes(Table):
    """The boxes to draw, in pixels, ordered by `row` of the timeline of the film. `person` is 0 where unknown."""

    row: Ints
    person: Ints
    track: Ints
    xyxy: Floats

    def __post_init__(self) -> None:
        integers = (np.int64, ())
        self._validate_columns(row=integers, person=integers, track=integers, xyxy=(np.float32, (4,)))


def write_films(
    evidence: Evidence,
    person: Ints,
    out: Path,
    to: Path,
    blur: bool = True,
    progress: Progress | None = None,
    clips: Sequence[Path] = (),
    clocks: Clocks | None = None,
) -> Iterator[Path]:
    """Write a film for each camera of the run in folder `out` to the folder `to`, and yield its path.

    `person` (n,) holds the person of each tracklet. Clips that were moved since the run may be given in `clips`; they
    are recognised by their content. Where the wall clock of a camera is known, its film shows the time of day.
    """
    moved = {digest(clip): clip for clip in clips}
    record, analysed, reports = read_record(out), analysed_frames(out), progress or Progress()
    cameras = [name for name in evidence.cameras if len(analysed.get(name, ()))]
    for number, camera in enumerate(cameras, 1):
        facts = record.cameras[camera]
        clip = probe(moved.get(facts.digest, Path(facts.clip)))
        if clip.digest != facts.digest:
            raise ClipError(f"{facts.clip} has changed since the run", "Put the clip of the run back, or run again.")
        check_layout(clip, facts)
        first, last = analysed[camera][[0, -1]]
        timeline = Timeline(np.arange(first, last + 1), clip.times[first : last + 1])
        reports.camera(camera, number, len(cameras))
        reports.begin("film", len(timeline))
        yield _write_film(
            clip,
            timeline,
            boxes_at(evidence, person, out, camera, timeline.seconds),
            to / f"{camera}.mp4",
            blur,
            reports,
            [clocks.format(camera, seconds) for seconds in timeline.seconds.tolist()] if clocks else (),
        )


def _write_film(
    clip: Clip,
    timeline: Timeline,
    boxes: FilmBoxes,
    target: Path,
    blur: bool,
    progress: Progress,
    times: Sequence[str],
) -> Path:
    size = display_size(clip.width, clip.height, MAX_WIDTH)
    scale = np.array([size[0] / clip.width, size[1] / clip.height] * 2, np.float32)
    scaled = FilmBoxes(boxes.row, boxes.person, boxes.track, boxes.xyxy * scale)

    def draw_frame(picture: Picture) -> Image:
        drawn = draw_people(picture.bgr, picture.row, timeline.seconds, scaled, blur)
        return draw_time(drawn, times[picture.row]) if times else drawn

    write_film(clip, timeline, target, size, draw_frame, lambda done, total: progress.at(done))
    return target


def draw_time(bgr: Image, text: str) -> Image:
    """The picture with the time of day in its lower left corner."""
    label = _label(text, max(12, bgr.shape[0] // 30), (255, 255, 255))[: bgr.shape[0], : bgr.shape[1]]
    picture = bgr.copy()
    picture[-label.shape[0] :, : label.shape[1]] = label
    return picture


def boxes_at(evidence: Evidence, person: Ints, out: Path, camera: str, seconds: Seconds) -> FilmBoxes:
    """The boxes of everybody in the clip of `camera` at these `seconds` of it, in pixels of the clip."""
    tracks = split_tracks(load_tracks(out, camera), [cut for cut in evidence.cuts if cut.camera == camera])
    person_of_track = {track: int(person[row]) for (name, track), row in evidence.row_of.items() if name == camera}
    return interpolate_boxes(tracks, person_of_track, seconds)


def interpolate_boxes(tracks: Tracks, person_of_track: dict[int, int], seconds: Seconds) -> FilmBoxes:
    """The boxes of `tracks` at the `seconds` of the film, each track extended by one step of the analysis at both ends.

    A track without a person (no crop of it was good enough) has person 0.
    """
    moments = np.unique(tracks.seconds)
    step = float(np.median(np.diff(moments))) if len(moments) > 1 else 0.0
    parts = [FilmBoxes(np.empty(0), np.empty(0), np.empty(0), np.empty((0, 4)))]  # type: ignore[arg-type]
    for track in np.unique(tracks.track).tolist():
        boxes = tracks[tracks.track == track]
        first, last = np.searchsorted(seconds, [boxes.seconds[0] - step, boxes.seconds[-1] + step + 1e-6])
        when = seconds[first:last]
        sides = np.stack([np.interp(when, boxes.seconds, side) for side in boxes.xyxy.T], axis=1)
        count = len(when)
        parts.append(
            FilmBoxes(
                np.arange(first, last), np.full(count, person_of_track.get(track, 0)), np.full(count, track), sides
            )
        )
    joined = FilmBoxes.concatenate(parts)
    return joined[np.argsort(joined.row, kind="stable")]


def draw_people(bgr: Image, row: int, seconds: Seconds, boxes: FilmBoxes, blur: bool) -> Image:
    """The picture of one row with its people drawn in. Heads are blurred first, so that no line is."""
    import cv2

    picture = bgr.copy()
    since = np.searchsorted(seconds, seconds[row] - TRAIL_SECONDS)
    low, here, high = np.searchsorted(boxes.row, [since, row, row + 1])
    recent, now = boxes[low:high], boxes[here:high]
    if blur:
        cover_heads(picture, now)
    weight = max(1, round(picture.shape[0] / 360))
    for track, person, box in zip(now.track.tolist(), now.person.tolist(), now.xyxy, strict=True):
        colour = person_colour(person)
        trail = recent.xyxy[recent.track == track]
        feet = np.stack([(trail[:, 0] + trail[:, 2]) / 2, trail[:, 3]], axis=1)
        cv2.polylines(picture, [np.rint(feet).astype(np.int32)], False, colour, weight, cv2.LINE_AA)
        draw_box(picture, box, person_name(person) if person else "?", colour, weight)
    return picture


def person_colour(person: int) -> Colour:
    """The colour of a person's box; grey for a track without a person."""
    return _COLOURS[(person - 1) % len(_COLOURS)] if person else (160, 160, 160)


def cover_heads(picture: Image, boxes: FilmBoxes) -> None:
    """Blur the heads of the people in these boxes of one picture, in place."""
    for box in boxes.xyxy:
        _blur_head_of(picture, box)


def draw_box(picture: Image, box: Floats, name: str, colour: Colour, weight: int) -> None:
    """Draw the box into `picture`, with its label above, or inside at the top where there is no room above."""
    import cv2

    x1, y1, x2, y2 = (int(side) for side in np.rint(box))
    cv2.rectangle(picture, (x1, y1), (x2, y2), colour, weight)
    label = _label(name, max(12, picture.shape[0] // 40), colour)
    top = max(0, y1 - label.shape[0])
    left = max(0, x1)
    place = picture[top : top + label.shape[0], left : left + label.shape[1]]
    inside = label[:, left - x1 :][: place.shape[0], : place.shape[1]]
    place[:, : inside.shape[1]] = inside


@lru_cache(maxsize=256)
def _label(name: str, size: int, colour: Colour) -> Image:
    """The label of a box as BGR; the same in every frame, so it is drawn once."""
    canvas = Canvas(round(text_width(name, size)) + 8, round(1.25 * size), colour)
    canvas.text(name, 4, size, size, (0, 0, 0))
    label = canvas.as_image()
    label.setflags(write=False)
    return label


def _blur_head_of(picture: Image, box: Floats) -> None:
    """Blur the head of the person in `box`, in place."""
    height, width = picture.shape[:2]
    x1, y1, x2, y2 = box
    y1 -= (y2 - y1) * HEADROOM
    left, right = (int(np.clip(side, 0, width)) for side in (np.floor(x1), np.ceil(x2)))
    top, bottom = (int(np.clip(side, 0, height)) for side in (np.floor(y1), np.ceil(y2)))
    if right - left > 1 and bottom - top > 1:
        picture[top:bottom, left:right] = blur_head(picture[top:bottom, left:right])
