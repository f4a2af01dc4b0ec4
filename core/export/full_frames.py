"""Full frames for the report: for each sighting the picture of its best crop as the camera saw it, with the box drawn.

Heads are covered as in films. Frames are read from the clips, once for each camera; where a clip is missing, the
report says so in place of its frames.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import numpy as np

from core.base.errors import SightlineError
from core.base.progress import Progress
from core.base.text import person_name
from core.base.types import Clip, Timeline
from core.export.facts import Recordings
from core.export.film import FilmBoxes, boxes_at, draw_box, person_colour
from core.export.heads import heads_of_film
from core.export.images import cover
from core.runs import MatchedPeople, Sighting, check_layout
from core.vision.video import display_size, jpeg, probe, read

WIDTH = 960
MAX_FRAMES = 300
MAX_BYTES = 24 << 20
"""Of all frames together: with the crops, the report stays below 60 MB."""
_QUALITY = 80
_Track = tuple[str, int]


@dataclass(frozen=True)
class FullFrames:
    """The JPEG of each sighting's frame, by camera and track; and why cameras have none (`missing`).

    `left_out` is how many sightings have no frame because there are too many of them.
    """

    jpegs: Mapping[_Track, bytes] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    left_out: int = 0


def take_frames(people: MatchedPeople, out: Path, recordings: Recordings, blur: bool, progress: Progress) -> FullFrames:
    """The frames of the run in folder `out`; with `blur`, no face in them can be recognised."""
    order = _by_priority([sighting for sighting in people.gallery.sightings if sighting.crops and sighting.has_times])
    chosen = order[:MAX_FRAMES]
    of_camera: dict[str, list[Sighting]] = defaultdict(list)
    for sighting in chosen:
        of_camera[sighting.camera].append(sighting)
    jpegs: dict[_Track, bytes] = {}
    missing: dict[str, str] = {}
    progress.begin("frames", max(1, len(chosen)))
    for camera, sightings in sorted(of_camera.items()):
        try:
            clip = probe(recordings.path(camera))
            check_layout(clip, recordings.cameras[camera])
            for key, content in _frames_of_camera(people, out, clip, sightings, blur):
                jpegs[key] = content
                progress.at(len(jpegs))
        except SightlineError as fault:
            missing[camera] = fault.message
    chosen_jpegs, size = {}, 0
    for key in ((sighting.camera, sighting.track) for sighting in chosen):
        size += len(jpegs.get(key, b""))
        if key in jpegs and size <= MAX_BYTES:
            chosen_jpegs[key] = jpegs[key]
    return FullFrames(chosen_jpegs, missing, len(order) - len(chosen) + len(jpegs) - len(chosen_jpegs))


def _by_priority(sightings: Sequence[Sighting]) -> list[Sighting]:
    """The sightings in the order in which they get a frame: the first one of everybody, then the second, and so on."""
    of_person: dict[int, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        of_person[sighting.person].append(sighting)
    return [sighting for rank in zip_longest(*of_person.values()) for sighting in rank if sighting is not None]


def _frames_of_camera(
    people: MatchedPeople, out: Path, clip: Clip, sightings: Sequence[Sighting], blur: bool
) -> Iterator[tuple[_Track, bytes]]:
    """The frame of each of these sightings of one camera; none for a frame that cannot be decoded."""
    frame_of = {sighting.track: min(sighting.crops[0].frame, clip.frames - 1) for sighting in sightings}
    wanted = np.unique(np.array(list(frame_of.values()), np.int64))
    timeline = Timeline(wanted, clip.times[wanted])
    size = display_size(clip.width, clip.height, WIDTH)
    scale = np.array([size[0] / clip.width, size[1] / clip.height] * 2, np.float32)
    camera = sightings[0].camera
    boxes = boxes_at(people.evidence, people.match.people().person, out, camera, timeline.seconds)
    cuts = [cut for cut in people.evidence.cuts if cut.camera == camera]
    heads = heads_of_film(out, camera, clip, timeline, cuts)
    with read(clip, timeline, scale_to=size) as pictures:
        for picture in pictures:
            now = boxes[boxes.row == picture.row]
            scaled = FilmBoxes(now.row, now.person, now.track, now.xyxy * scale)
            if blur:
                cover(picture.bgr, heads.at(picture.row, picture.bgr).areas * scale)
            for sighting in (each for each in sightings if frame_of[each.track] == picture.frame):
                drawn = picture.bgr.copy()
                weight = max(2, round(size[1] / 240))
                for box in scaled.xyxy[scaled.track == sighting.track]:
                    draw_box(drawn, box, person_name(sighting.person), person_colour(sighting.person), weight)
                yield (sighting.camera, sighting.track), jpeg(drawn, _QUALITY)
