"""Which boxes of a track become crops: what makes one fit, and which of several pictures is the sharpest.

Owns the rules, their settings, and why a box was left out; opens a clip only at the frames it needs, and writes crops
below the folder it is given. Refuses to guess who a person is, and to know splits and the rest of the data set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.crops import covered, jpeg, sharpness_of, whole
from core.errors import SettingsError
from core.folders import write_atomically
from core.progress import Progress
from core.train.card import Crop
from core.types import Clip, Image, Ints, Timeline, Tracks
from core.video import read

TRIES = 3
"""Pictures that are looked at for each crop; the sharpest is kept."""
_QUALITY = 95


@dataclass(frozen=True)
class PrepareSettings:
    """What becomes a crop, and why it may.

    purpose     what the pictures are for; without one nothing is written
    consent     how the people in them agreed, or on what ground they are used
    most        crops of a track, spread over its time
    min_height  pixels that a box must be high
    overlap     share of a box that another one may cover
    sharpness   what a crop must have (`sharpness_of`). Of crops of Market-1501, 20 keeps all, 19 in 20 at a third of
                their light, 1 in 10 once they are blurred by two pixels and none by three
    share       of the people that go to validation
    """

    purpose: str = ""
    consent: str = ""
    most: int = 12
    min_height: int = 64
    overlap: float = 0.25
    sharpness: float = 20.0
    share: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.most < 1 or self.min_height < 1:
            raise SettingsError("crops per track and their height start at 1", "Give larger numbers.")
        if not (0 <= self.overlap <= 1 and 0 <= self.share < 1 and self.sharpness >= 0):
            raise SettingsError("overlap and share are shares, sharpness is 0 or more", "Give overlap 0.25, share 0.2.")


class Source:
    """One camera: which boxes of it fit, and the crops of them. `left_out` counts the others by reason."""

    def __init__(self, clip: Clip, tracks: Tracks, people: Mapping[int, str], camera: int) -> None:
        self._clip, self._tracks, self._people, self._camera = clip, tracks, people, camera
        self.left_out = Counter[str]()

    def write(self, folder: Path, settings: PrepareSettings, progress: Progress) -> list[Crop]:
        """The crops below `folder`/<person>/, one for each stretch that has a sharp picture."""
        reasons = self._reasons(settings)
        stretches = list(self._stretches(reasons == "", settings.most))
        best: dict[int, tuple[float, int, bytes]] = {}
        looked = 0
        for row, stretch, crop in self._pictures(stretches, progress):
            looked += 1
            sharp = sharpness_of(crop)
            if sharp < settings.sharpness:
                reasons[row] = "blurred"
            elif stretch not in best or sharp > best[stretch][0]:
                content = jpeg(crop, _QUALITY)
                best[stretch] = (sharp, row, content)
        crops = [self._crop(row) for _, row, _ in best.values()]
        for crop_, (_, _, content) in zip(crops, best.values(), strict=True):
            write_atomically(folder / crop_.name, content)
        spare = int((reasons == "").sum()) - len(crops)
        unreadable = sum(map(len, stretches)) - looked
        self.left_out.update(Counter(reasons[reasons != ""].tolist()))
        self.left_out.update({"in frames that cannot be read": unreadable, "more than needed": spare - unreadable})
        self.left_out = +self.left_out
        return crops

    def _reasons(self, settings: PrepareSettings) -> NDArray[np.object_]:
        """Why each box does not fit: the first reason that holds, empty where it fits."""
        x1, y1, x2, y2 = self._tracks.xyxy.T
        inside = whole(self._tracks.xyxy, self._clip.width, self._clip.height)
        checks = {
            "left out by people.csv": ~np.isin(self._tracks.track, list(self._people)),
            "filled in, not seen": ~self._tracks.seen,
            f"lower than {settings.min_height} pixels": y2 - y1 < settings.min_height,
            "cut off by the picture's edge": ~inside | (x2 - x1 < 2),
            "overlapped": covered(self._tracks) > settings.overlap,
        }
        chosen = np.select(list(checks.values()), list(range(len(checks))), len(checks)).astype(int)
        reasons: NDArray[np.object_] = np.array([*checks, ""], object)[chosen]
        return reasons

    def _stretches(self, fits: NDArray[np.bool_], most: int) -> Iterator[Ints]:
        """Each track's fitting boxes cut into at most `most` parts of its time; of each a few rows, evenly spread."""
        for track in self._people:
            rows = np.flatnonzero(fits & (self._tracks.track == track))
            for part in np.array_split(rows, min(most, len(rows))) if len(rows) else ():
                tries = min(TRIES, len(part))
                yield part[((np.arange(tries) + 0.5) / tries * len(part)).astype(int)]

    def _pictures(self, stretches: list[Ints], progress: Progress) -> Iterator[tuple[int, int, Image]]:
        """(row, its stretch, crop) in the order of the clip."""
        wanted: dict[int, list[tuple[int, int]]] = {}
        for stretch, rows in enumerate(stretches):
            for row in rows:
                wanted.setdefault(int(self._tracks.frame[row]), []).append((int(row), stretch))
        frames = np.array(sorted(wanted), np.int64)
        progress.begin("crops", len(frames))
        with read(self._clip, Timeline(frames, self._clip.times[frames])) as pictures:
            for picture in pictures:
                for row, stretch in wanted[picture.frame]:
                    x1, y1, x2, y2 = np.rint(self._tracks.xyxy[row]).astype(int)
                    yield row, stretch, picture.bgr[y1:y2, x1:x2]
                progress.at(picture.row + 1)

    def _crop(self, row: int) -> Crop:
        track = int(self._tracks.track[row])
        return Crop(self._people[track], self._camera, track, int(self._tracks.frame[row]), "all")
