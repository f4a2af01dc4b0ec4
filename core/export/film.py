"""Annotated videos: the clip of each camera with people drawn in, a colour and a trail per person, heads blurred.

    TO/gate.mp4               H.264 at the frame rate of the clip, at most 1920 wide, of the range that was analysed
    TO/frames_in_doubt.csv    frames in which a head may not be covered: somebody should look at these
    TO/films.json             how many these are of each camera, and why heads are not covered, where they are not

Boxes in frames that were not analysed are interpolated. Heads are covered where `core.export.heads` expects them. A
clip that has changed since the run is an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from core import __version__
from core.base.errors import ClipError, SettingsError
from core.base.progress import Progress
from core.base.text import Clocks, csv_text, person_name
from core.base.types import Clip, Floats, Image, Ints, Seconds, Table, Timeline, Tracks
from core.export.facts import HEAD_MODEL
from core.export.found_heads import head_model
from core.export.heads import CameraHeads, heads_of_film
from core.export.images import CELLS, CELLS_OF_BODY, cover
from core.machine.canvas import Canvas, Colour, text_width
from core.machine.paths import write_atomically
from core.runs import Evidence, analysed_frames, check_layout, load_tracks, read_record, split_tracks
from core.vision.video import Picture, digest, display_size, probe, write_film

MAX_WIDTH = 1920
TRAIL_SECONDS = 2.0
DOUBTS, FILMS_RECORD = "frames_in_doubt.csv", "films.json"
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


@dataclass(frozen=True)
class FilmCovering:
    """Who is covered in films: everybody's head with `blur`, and with `only_person` everybody else from head to foot.
    Whatever shows a face has a `reason`."""

    blur: bool = True
    reason: str = ""
    only_person: int | None = None


@dataclass(frozen=True)
class _Doubt:
    """A frame in which a head may not be covered."""

    camera: str
    frame: int
    seconds: float
    local: str
    reason: str


@dataclass
class _Film:
    """One film that is being written, and what is found out about it."""

    camera: str
    clip: Clip
    timeline: Timeline
    boxes: FilmBoxes
    times: Sequence[str]
    heads: CameraHeads | None
    doubts: list[_Doubt] = field(default_factory=list)

    def write(self, target: Path, progress: Progress) -> None:
        size = display_size(self.clip.width, self.clip.height, MAX_WIDTH)
        scale = np.array([size[0] / self.clip.width, size[1] / self.clip.height] * 2, np.float32)
        scaled = FilmBoxes(self.boxes.row, self.boxes.person, self.boxes.track, self.boxes.xyxy * scale)

        def draw_frame(picture: Picture) -> Image:
            bgr = self._covered(picture, scale) if self.heads else picture.bgr
            drawn = draw_people(bgr, picture.row, self.timeline.seconds, scaled)
            return draw_time(drawn, self.times[picture.row]) if self.times else drawn

        write_film(self.clip, self.timeline, target, size, draw_frame, lambda done, total: progress.at(done))

    def _covered(self, picture: Picture, scale: Floats) -> Image:
        """The picture with heads covered. Frames in doubt are noted."""
        assert self.heads is not None
        found = self.heads.at(picture.row)
        if found.doubt:
            frame, seconds = self.timeline.frame[picture.row], self.timeline.seconds[picture.row]
            local = self.times[picture.row] if self.times else ""
            self.doubts.append(_Doubt(self.camera, int(frame), float(seconds), local, found.doubt))
        bgr = picture.bgr.copy()
        cover(bgr, found.areas * scale, CELLS_OF_BODY if found.of_bodies else CELLS)
        return bgr


def write_films(
    evidence: Evidence,
    person: Ints,
    out: Path,
    to: Path,
    covering: FilmCovering | None = None,
    progress: Progress | None = None,
    clips: Sequence[Path] = (),
    clocks: Clocks | None = None,
) -> Iterator[Path]:
    """Write a film for each camera of the run in folder `out` to the folder `to`, and yield the path of each file.

    `person` (n,) holds the person of each tracklet. Clips that were moved since the run may be given in `clips`; they
    are recognised by their content. Where the wall clock of a camera is known, its film shows the time of day.
    """
    chosen = covering or FilmCovering()
    if chosen.only_person is not None and chosen.only_person not in person:
        raise SettingsError(f"there is no {person_name(chosen.only_person)} in this run", "Name a person of the run.")
    moved = {digest(clip): clip for clip in clips}
    record, analysed, reports = read_record(out), analysed_frames(out), progress or Progress()
    cameras = [name for name in evidence.cameras if len(analysed.get(name, ()))]
    films = []
    for number, camera in enumerate(cameras, 1):
        facts = record.cameras[camera]
        clip = probe(moved.get(facts.digest, Path(facts.clip)))
        if clip.digest != facts.digest:
            raise ClipError(f"{facts.clip} has changed since the run", "Put the clip of the run back, or run again.")
        check_layout(clip, facts)
        film = _open_film(evidence, person, out, camera, clip, chosen, clocks)
        reports.camera(camera, number, len(cameras))
        if film.heads:
            film.heads.look_through(clip, reports)
        reports.begin("film", len(film.timeline))
        film.write(to / f"{camera}.mp4", reports)
        films.append(film)
        yield to / f"{camera}.mp4"
    if chosen.blur:
        write_atomically(to / DOUBTS, _doubts_csv(films).encode())
        yield to / DOUBTS
    write_atomically(to / FILMS_RECORD, _record(films, chosen))
    yield to / FILMS_RECORD


def _open_film(
    evidence: Evidence,
    person: Ints,
    out: Path,
    camera: str,
    clip: Clip,
    covering: FilmCovering,
    clocks: Clocks | None,
) -> _Film:
    frames = analysed_frames(out)[camera]
    timeline = Timeline(np.arange(frames[0], frames[-1] + 1), clip.times[frames[0] : frames[-1] + 1])
    cuts = [cut for cut in evidence.cuts if cut.camera == camera]
    boxes = boxes_at(evidence, person, out, camera, timeline.seconds)
    heads, shown = None, None
    if covering.only_person is not None:
        tracks = {track: row for (name, track), row in evidence.row_of.items() if name == camera}
        shown = {track for track, row in tracks.items() if person[row] == covering.only_person}
        boxes = boxes[boxes.person == covering.only_person]
    if covering.blur:
        heads = heads_of_film(out, camera, clip, timeline, cuts, shown)
    times = [clocks.format(camera, seconds) for seconds in timeline.seconds.tolist()] if clocks else []
    return _Film(camera, clip, timeline, boxes, times, heads)


def _doubts_csv(films: Sequence[_Film]) -> str:
    """A row for each frame in doubt; the time of day is empty where it is not known."""
    doubts = [doubt for film in films for doubt in film.doubts]
    rows = [(each.camera, each.frame, f"{each.seconds:.3f}", each.local, each.reason) for each in doubts]
    return csv_text([("camera", "frame", "clip_s", "local", "reason"), *rows])


def _record(films: Sequence[_Film], covering: FilmCovering) -> bytes:
    only = {} if covering.only_person is None else {"only_person": person_name(covering.only_person)}
    reason = {"heads_shown_because": covering.reason} if covering.reason else {}
    model = {HEAD_MODEL: head_model()} if covering.blur else {}
    cameras = {
        film.camera: {"frames": len(film.timeline), **({"in_doubt": len(film.doubts)} if covering.blur else {})}
        for film in films
    }
    content = {"program": f"sightline {__version__}", "heads_blurred": covering.blur, **model, **only, **reason}
    return (json.dumps({**content, "cameras": cameras}, indent=1, ensure_ascii=False) + "\n").encode()


def draw_time(bgr: Image, text: str) -> Image:
    """The picture with the time of day in its lower left corner."""
    label = _label(text, max(12, bgr.shape[0] // 30), (255, 255, 255))[: bgr.shape[0], : bgr.shape[1]]
    picture = bgr.copy()
    picture[-label.shape[0] :, : label.shape[1]] = label
    return picture


def boxes_at(evidence: Evidence, person: Ints, out: Path, camera: str, seconds: Seconds) -> FilmBoxes:
    """The boxes of everybody in the clip of `camera` at these `seconds` of it, in pixels of the clip."""
    tracks = split_tracks(load_tracks(out, camera), [cut for cut in evidence.cuts if cut.camera == camera])
    tracks = tracks.without(evidence.objects_of(camera))
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


def draw_people(bgr: Image, row: int, seconds: Seconds, boxes: FilmBoxes) -> Image:
    """The picture of one row with its people drawn in."""
    import cv2

    picture = bgr.copy()
    since = np.searchsorted(seconds, seconds[row] - TRAIL_SECONDS)
    low, here, high = np.searchsorted(boxes.row, [since, row, row + 1])
    recent, now = boxes[low:high], boxes[here:high]
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
