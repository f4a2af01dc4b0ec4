"""What a user should know of a clip before it is worked on, in plain words and with what to do about it.

Owns the limits between fine and worth a note, each with where it comes from. Refuses nothing: a clip with notes is
still a clip.

A few pictures over the length of a clip, for a first look: near their moments, not exactly at them.

Owns the shortcut: from the key frame before a moment a limited number of frames is decoded, so that an hour costs no
more than a minute. Refuses to number what it sees; whoever measures reads the clip itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from core.base.types import Clip, Floats, Image
from core.vision.video.decoding import PICTURE_SEQUENCE, FrameDecoder, decode_picture, open_video, picture_files
from core.vision.video.reading import ROTATIONS

BLACK = 16
"""The lighter parts (95 of 100 pixels are darker) of a picture that shows nothing."""
DARK = 40
"""The mean of a picture in which people are hardly seen; night clips with lamps or infrared light have 100."""
FLAT = 14
"""Between the darker and the lighter parts of a picture of one colour; a white hall with one person has 40."""
BLURRED = 0.006
"""Fine detail for the contrast there is, at 640 across. Sharp clips of every kind have 0.025 and more; the same ones
blurred by 3 pixels have 0.001 to 0.005."""
LOW = 240
"""Lines of a picture below which whole people are a few dozen pixels tall."""
SMALL = 48
"""Pixels of height from which looks tell people apart: networks look at 256, five times as many."""
_LARGEST = 640
_MOST_BOXES = 64

# What to do about what the probe has noticed.
_ADVICE = {
    r"The frame rate varies": "Nothing to do: times are read from the file.",
    r"Time jumps": "Nobody is followed across such a gap; nothing to do if the recorder was meant to pause.",
    r"The header announces": "What the file holds is what counts. Export it again if it seems too short.",
    r".* packets are damaged": "Copy or export it again if you can; pictures that cannot be read are left out.",
    r"The first \d+ frames": "Nothing to do: the clip begins with the first picture that can be read.",
}


@dataclass(frozen=True)
class Note:
    """`words` say what was seen, `remedy` what to do about it."""

    message: str
    remedy: str


@dataclass(frozen=True)
class Measures:
    """What one picture is like: its mean and its lighter parts (0 to 255), the range of its tones, its fine detail."""

    mean: float
    light: float
    range: float
    detail: float


def measure(bgr: Image) -> Measures:
    height, width = bgr.shape[:2]
    scale = min(1.0, _LARGEST / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    grey = cv2.cvtColor(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    dark, light = np.percentile(grey, (5, 95))
    detail = float(cv2.Laplacian(grey, cv2.CV_32F).var()) / max(1.0, float(grey.var()))
    return Measures(float(grey.mean()), float(light), float(light - dark), detail)


def clip_notes(clip: Clip, seen: Sequence[Measures]) -> list[Note]:
    """Notes on a clip of which some pictures were `seen`; what most of them are like counts."""
    told = [Note(words, advice_for(words)) for words in clip.warnings if "picture is black" not in words]
    if is_fragmented(Path(clip.path)):
        told.append(
            Note(
                "The file is written in pieces (fragmented MP4), as recorders do while they record.",
                "All pieces that are there are read. Check that the length is the one you expect.",
            )
        )
    return told + _notes_on_pictures(seen) + _of_size(clip)


def advice_for(warning: str) -> str:
    """What to do about a warning of the probe.

    >>> advice_on("Time jumps 2 times, by up to 4.0 s.")[:24]
    'Nobody is followed acros'
    """
    return next((remedy for sign, remedy in _ADVICE.items() if re.match(sign, warning)), "")


def _notes_on_pictures(seen: Sequence[Measures]) -> list[Note]:
    if not seen:
        return []
    black = sum(one.light < BLACK for one in seen)
    if black == len(seen):
        return [Note("All sampled frames are black.", "Check the camera and the export: nobody can be found here.")]
    lit = [one for one in seen if one.light >= BLACK]
    mean, tones, detail = (
        float(np.median([getattr(one, name) for one in lit])) for name in ("mean", "range", "detail")
    )
    told = []
    if black:
        words = f"{black} of {len(seen)} sampled frames are black."
        told.append(Note(words, "Set From and To around the part that shows something."))
    if tones < FLAT:
        told.append(Note("The frames have almost no contrast.", "Check that nothing covers the lens."))
    elif mean < DARK:
        told.append(Note("The frames are very dark.", "People may be missed: use a brighter export if there is one."))
    elif detail < BLURRED:
        told.append(
            Note(
                "The frames are blurred.",
                "Appearance is unreliable here. Check the lens, and export in full size and quality.",
            )
        )
    return told


def _of_size(clip: Clip) -> list[Note]:
    if clip.height >= LOW:
        return []
    return [
        Note(
            f"The picture is only {clip.height} pixels high, so people are small in it.",
            "Export it in the camera's full size. Tracking may work; re-identification will be weak.",
        )
    ]


def small_people_notes(heights: Floats) -> list[Note]:
    """A note where most of the people found in a clip (heights of their boxes in pixels) are too small for looks."""
    if not len(heights) or (usual := float(np.median(heights))) >= SMALL:
        return []
    return [
        Note(
            f"Most people found in it are under {SMALL} pixels tall (usually {usual:.0f}): too small to re-identify.",
            "Use a larger export or a closer camera. Check the matches of this camera.",
        )
    ]


def is_fragmented(path: Path) -> bool:
    """Whether an MP4 file holds its frames in pieces: it has a `moof` box.

    The first boxes tell; a file of another kind is not fragmented.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        for _ in range(_MOST_BOXES):
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


# Pixels that may be decoded for one glimpse: 80 frames of 1920 x 1080, well under a second.
_PIXELS = 160_000_000
_SLACK_SECONDS = 1e-6


@dataclass(frozen=True, eq=False)
class PreviewFrame:
    """One picture as it is shown (rotation applied), and its second of the clip."""

    seconds: float
    bgr: Image


def preview_frames(clip: Clip, count: int = 6) -> list[PreviewFrame]:
    """Up to `count` pictures spread over the clip; fewer where some cannot be had or would be the same one."""
    moments = (np.arange(count) + 0.5) / count * clip.duration_seconds
    found = _glimpses_of_pictures(clip, moments) if clip.container == PICTURE_SEQUENCE else _of_video(clip, moments)
    different: list[PreviewFrame] = []
    for glimpse in found:
        if not different or glimpse.seconds > different[-1].seconds:
            different.append(glimpse)
    return different


def _glimpses_of_pictures(clip: Clip, moments: Any) -> Iterator[PreviewFrame]:
    files = picture_files(Path(clip.path))
    rows = np.searchsorted(clip.times, moments + _SLACK_SECONDS, side="right") - 1
    for row in np.unique(rows).tolist():
        bgr = decode_picture(files[row])
        if len(bgr):
            yield PreviewFrame(float(clip.times[row]), bgr)


def _of_video(clip: Clip, moments: Any) -> Iterator[PreviewFrame]:
    with open_video(Path(clip.path)) as (container, stream):
        tick, most = float(stream.time_base), max(2, _PIXELS // (clip.width * clip.height))
        for seconds in moments.tolist():
            due = round((seconds + clip.start_seconds) / tick)
            try:
                container.seek(due, stream=stream)
                frame = _near(FrameDecoder(container, stream), due, most)
            except av.FFmpegError:
                # A file that cannot be jumped in: what has been seen so far must do.
                return
            if frame is not None:
                at = seconds if frame.pts is None else frame.pts * tick - clip.start_seconds
                stored: Any = frame.to_ndarray(format="bgr24")
                yield PreviewFrame(at, cv2.rotate(stored, ROTATIONS[clip.rotation]) if clip.rotation else stored)


def _near(frames: FrameDecoder, due: int, most: int) -> Any:
    """The frame at the tick `due`, or as near before it as `most` frames lead; nothing where none can be decoded."""
    found = None
    for number, frame in enumerate(frames, 1):
        found = frame
        if number >= most or (frame.pts is not None and frame.pts >= due):
            break
    return found
