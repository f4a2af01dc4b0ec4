"""A first look at a clip before it is analysed: a few preview frames, and notes on what may harm the results.

Each limit between fine and worth a note is stated with its origin. Notes are advice; a clip with notes can be analysed.
Preview frames are near their moments, not exactly there: from the key frame before a moment only so many frames are
decoded that a look at an hour costs no more than one at a minute."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from core.base.errors import ClipError, SettingsError
from core.base.text import parse_moment
from core.base.types import Clip, Floats, Image
from core.machine.canvas import read_picture
from core.vision.video.decoder import ask
from core.vision.video.decoding import (
    PICTURE_SEQUENCE,
    FrameDecoder,
    frames_near,
    open_video,
    picture_files,
)
from core.vision.video.reading import rotate
from core.vision.video.recordings import is_list, read_list, split_name

MIN_LIGHT = 16
"""Below it a picture counts as black: the grey level (0 to 255) that 95 of 100 pixels do not reach."""
MIN_MEAN = 40
"""Mean grey level below which people are hardly visible; night clips with lamps or infrared light have 100."""
MIN_RANGE = 14
"""Least range between dark and light parts of a picture that shows something; a white hall with one person has 40."""
MIN_DETAIL = 0.006
"""Least detail of a sharp picture, at 640 across. Sharp clips of every kind have 0.025 and more; blurred by 3 pixels,
the same clips have 0.001 to 0.005."""
MIN_LINES = 240
"""Height of a picture in pixels below which people are a few dozen pixels tall."""
MIN_PERSON_HEIGHT = 48
"""Height in pixels from which people can be re-identified; networks get crops of 256, five times as many."""
_MEASURED_WIDTH = 640
_MAX_MP4_BOXES = 64
_MAX_PIXELS = 160_000_000  # decoded for one preview frame: 80 frames of 1920 x 1080, well under a second
_SLACK_SECONDS = 1e-6

# Advice on each warning of `probe`, by the beginning of the warning.
_ADVICE = {
    r"The frame rate varies": "Nothing to do: times are read from the file.",
    r"(Two|\d+) recordings follow": "Seconds are those of one after the other. Split the file if it is of two cameras.",
    r"Nothing was recorded": "Nobody is followed across such a gap; nothing to do if the recorder was meant to pause.",
    r"From .* on, pictures are": "People are found there too. Split the file if it is of two cameras.",
    r"No picture can be decoded": "Nobody is looked for there. Export this part again, as H.264 in MP4.",
    r"Another recording": "Split the file, or export each recording to a file of its own.",
    r"\d+ pictures are marked": "Export it again if they should be looked at.",
    r".* left out: the recording": "Nothing to do: each moment is looked at once.",
    r"The header announces": "What the file holds is what counts. Export it again if it seems too short.",
    r".* packets are damaged": "Copy or export it again if you can; pictures that cannot be read are left out.",
    r"The first \d+ frames": "Nothing to do: the clip begins with the first picture that can be read.",
}


@dataclass(frozen=True)
class Note:
    """A sentence on the clip, and one on what to do about it."""

    message: str
    remedy: str


@dataclass(frozen=True)
class Measures:
    """Of one picture: mean, 95th percentile and 5-to-95 range of its grey levels (0 to 255); detail per contrast.

    Field names are those of the strip files in the cache.
    """

    mean: float
    light: float
    range: float
    detail: float


def measure(bgr: Image) -> Measures:
    """Measures of a picture, reduced to 640 across."""
    import cv2

    grey = cv2.cvtColor(_reduced(bgr), cv2.COLOR_BGR2GRAY)
    dark, light = np.percentile(grey, (5, 95))
    detail = float(cv2.Laplacian(grey, cv2.CV_32F).var()) / max(1.0, float(grey.var()))
    return Measures(float(grey.mean()), float(light), float(light - dark), detail)


def _reduced(bgr: Image) -> Image:
    """The picture, at most as wide as pictures are measured."""
    height, width = bgr.shape[:2]
    scale = min(1.0, _MEASURED_WIDTH / width)
    return _resized(bgr, max(1, round(width * scale)), max(1, round(height * scale)))


def clip_notes(clip: Clip, measures: Sequence[Measures]) -> list[Note]:
    """Notes on a clip, by its warnings, its file, its size, and what most of the measured pictures are like."""
    warnings = [warning for warning in clip.warnings if "picture is black" not in warning]
    notes = [Note(warning, advice_for(warning)) for warning in warnings]
    if is_fragmented(Path(clip.path)):
        notes.append(
            Note(
                "The file is written in pieces (fragmented MP4), as recorders do while they record.",
                "All pieces that are there are read. Check that the length is the one you expect.",
            )
        )
    return notes + _picture_notes(measures) + _size_notes(clip)


def advice_for(warning: str) -> str:
    """What to do about a warning of `probe`.

    >>> advice_for("Nothing was recorded from 0:00:20 to 0:00:40.")[:24]
    'Nobody is followed acros'
    """
    return next((remedy for start, remedy in _ADVICE.items() if re.match(start, warning)), "")


def _picture_notes(measures: Sequence[Measures]) -> list[Note]:
    if not measures:
        return []
    lit = [picture for picture in measures if picture.light >= MIN_LIGHT]
    black_count = len(measures) - len(lit)
    if not lit:
        return [Note("All sampled frames are black.", "Check the camera and the export: nobody can be found here.")]
    mean, tone_range, detail = (
        float(np.median([getattr(picture, name) for picture in lit])) for name in ("mean", "range", "detail")
    )
    notes = []
    if black_count:
        notes.append(
            Note(
                f"{black_count} of {len(measures)} sampled frames are black.",
                "Set From and To around the part that shows something.",
            )
        )
    if tone_range < MIN_RANGE:
        notes.append(Note("The frames have almost no contrast.", "Check that nothing covers the lens."))
    elif mean < MIN_MEAN:
        notes.append(Note("The frames are very dark.", "People may be missed: use a brighter export if there is one."))
    elif detail < MIN_DETAIL:
        notes.append(
            Note(
                "The frames are blurred.",
                "Appearance is unreliable here. Check the lens, and export in full size and quality.",
            )
        )
    return notes


def _size_notes(clip: Clip) -> list[Note]:
    if clip.height >= MIN_LINES:
        return []
    return [
        Note(
            f"The picture is only {clip.height} pixels high, so people are small in it.",
            "Export it in the camera's full size. Tracking may work; re-identification will be weak.",
        )
    ]


def small_people_notes(heights: Floats) -> list[Note]:
    """A note where most people found in a clip are too small to re-identify; `heights` (n,) of boxes in pixels."""
    if not len(heights) or (median := float(np.median(heights))) >= MIN_PERSON_HEIGHT:
        return []
    return [
        Note(
            f"Most people found in it are under {MIN_PERSON_HEIGHT} pixels tall (usually {median:.0f}): "
            "too small to re-identify.",
            "Use a larger export or a closer camera. Check the matches of this camera.",
        )
    ]


def is_fragmented(path: Path) -> bool:
    """Whether an MP4 file holds its frames in pieces, that is, has a `moof` box among its first boxes.

    A file of another kind is not fragmented.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        for _ in range(_MAX_MP4_BOXES):
            head = file.read(8)
            size, kind = int.from_bytes(head[:4]), head[4:]
            if len(head) < 8 or not kind.isalnum():
                return False
            if kind == b"moof":
                return True
            if size == 1:
                size = int.from_bytes(file.read(8)) - 8
            if size < 8:
                return False
            file.seek(size - 8, 1)
    return False


@dataclass(frozen=True, eq=False)
class PreviewFrame:
    """One upright picture and its time in the clip."""

    seconds: float
    bgr: Image


def preview_frames(clip: Clip, count: int = 6) -> list[PreviewFrame]:
    """Up to `count` pictures spread over the clip, at most 640 wide; fewer where some cannot be decoded or would be the
    same."""
    moments = (np.arange(count) + 0.5) / count * clip.duration_seconds
    seconds, pictures = ask("previews", Path(clip.path), clip, moments)
    return [PreviewFrame(float(at), bgr) for at, bgr in zip(seconds, pictures, strict=True)]


def describe_previews(clip: Clip, moments: Floats) -> tuple[list[float], list[Image]]:
    """What a decoder shows of a clip: times, and pictures."""
    seconds: list[float] = []
    pictures: list[Image] = []
    for preview in _previews(clip, moments):
        if not seconds or preview.seconds > seconds[-1]:
            seconds.append(preview.seconds)
            pictures.append(_reduced(preview.bgr))
    return seconds, pictures


def _previews(clip: Clip, moments: Any) -> Iterator[PreviewFrame]:
    if clip.recordings:
        yield from _previews_of_recordings(clip, moments)
    elif clip.container == PICTURE_SEQUENCE:
        yield from _previews_of_pictures(clip, moments)
    elif clip.parts:
        yield from _previews_of_parts(clip, moments)
    else:
        yield from _previews_of_video(clip, moments)


def _previews_of_recordings(clip: Clip, moments: Any) -> Iterator[PreviewFrame]:
    begins = [float(clip.times[recording.frame]) for recording in clip.recordings]
    number_of = np.maximum(0, np.searchsorted(begins, moments, side="right") - 1)
    for number, (recording, begin) in enumerate(zip(clip.recordings, begins, strict=True)):
        own = recording.clip.times[recording.skipped :]
        wanted = np.minimum(moments[number_of == number] - begin, own[-1] - own[0]) + own[0]
        for preview in _previews(recording.clip, wanted):
            bgr = preview.bgr
            if bgr.shape[:2] != (clip.height, clip.width):
                bgr = _resized(bgr, clip.width, clip.height)
            yield PreviewFrame(preview.seconds - float(own[0]) + begin, bgr)


def _resized(bgr: Image, width: int, height: int) -> Image:
    import cv2

    return np.asarray(cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _previews_of_pictures(clip: Clip, moments: Any) -> Iterator[PreviewFrame]:
    files = picture_files(Path(clip.path))
    rows = np.searchsorted(clip.times, moments + _SLACK_SECONDS, side="right") - 1
    for row in np.unique(rows).tolist():
        bgr = read_picture(files[row])
        if len(bgr):
            yield PreviewFrame(float(clip.times[row]), bgr)


def _previews_of_parts(clip: Clip, moments: Any) -> Iterator[PreviewFrame]:
    """As `_previews_of_video`, where timestamps occur twice, and parts may have pictures of another size."""
    rows = np.maximum(0, np.searchsorted(clip.times, moments + _SLACK_SECONDS, side="right") - 1)
    width, height = clip.stored_size
    for row in np.unique(rows).tolist():
        with open_video(Path(clip.path)) as (container, stream):
            nearest = None
            for nearest in islice(frames_near(clip, container, stream, row), _most_frames(clip)):
                if nearest[0] >= row:
                    break
            if nearest is not None:
                stored = nearest[1].reformat(width, height, "bgr24").to_ndarray()
                yield PreviewFrame(float(clip.times[nearest[0]]), rotate(stored, clip.rotation))


def _most_frames(clip: Clip) -> int:
    return max(2, _MAX_PIXELS // (clip.width * clip.height))


def _previews_of_video(clip: Clip, moments: Any) -> Iterator[PreviewFrame]:
    import av

    with open_video(Path(clip.path)) as (container, stream):
        tick, max_frames = float(stream.time_base), _most_frames(clip)
        for seconds in moments.tolist():
            target = round((seconds + clip.start_seconds) / tick)
            try:
                container.seek(target, stream=stream)
                frame = _nearest(FrameDecoder(container, stream), target, max_frames)
            except av.FFmpegError:
                # A file without seeking: the previews so far must do.
                return
            if frame is not None:
                at = seconds if frame.pts is None else frame.pts * tick - clip.start_seconds
                stored: Any = frame.to_ndarray(format="bgr24")
                yield PreviewFrame(at, rotate(stored, clip.rotation))


def _nearest(frames: FrameDecoder, target: int, max_frames: int) -> Any:
    """The frame at the tick `target`, or the last before it of `max_frames` decoded; None where none can be decoded."""
    nearest = None
    for number, frame in enumerate(frames, 1):
        nearest = frame
        if number >= max_frames or (frame.pts is not None and frame.pts >= target):
            break
    return nearest


@dataclass(frozen=True)
class StartProposal:
    """When a recording may have begun: local ISO text, and where that was read, in words."""

    began: str
    source: str


_FIRST_YEAR = 1990
"""Recorders whose clock was never set write the beginning of an epoch: 1904, 1970."""


def start_proposals(path: Path, zone: str) -> tuple[StartProposal, ...]:
    """When the recording may have begun, by its name (local time) and by its container (UTC, so only with a `zone`).

    Of a list of recordings, its first one is looked at. The time of the file on disk says when it was copied, and is
    not used. Nothing here is certain: a name may be of the export, and a container may be made long after the
    recording.
    """
    if is_list(path):
        path = Path(read_list(path)[0].file)
    found = []
    if began := split_name(path.stem)[1]:
        found.append((began, "its name, taken as local time"))
    if zone and path.is_file() and (text := _creation_time(path)):
        found.append((text, "its creation_time, which is UTC"))
    proposals = []
    for text, source in found:
        with suppress(SettingsError):
            proposals.append(StartProposal(parse_moment(text, zone), source))
    return tuple({proposal.began: proposal for proposal in reversed(proposals)}.values())[::-1]


def _creation_time(path: Path) -> str:
    """What the container says of when it was made, with its offset from UTC; empty where it says nothing."""
    try:
        moment = datetime.fromisoformat(str(ask("creation time", path.resolve(), str(path.resolve()))[0]))
    except (ClipError, ValueError):
        return ""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.isoformat() if moment.year >= _FIRST_YEAR else ""


def describe_creation_time(path: str) -> tuple[str, list[Image]]:
    """The time in the container as it stands there."""
    with open_video(Path(path)) as (container, _):
        return str(container.metadata.get("creation_time", "")), []
