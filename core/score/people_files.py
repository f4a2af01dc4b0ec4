"""A run's folder against truth: whom it takes each track for, and how alike its tracks are.

    RUN/tracks/<camera>.txt   MOT text, ids are tracks of that camera
    RUN/cut/<camera>.txt      if it is there: the same after tracks were cut by hand, which people.csv then speaks of
    RUN/people.csv            camera, track, person and whatever else: a line for every track, columns in any order
    RUN/similarity.npz        if it is there: similarity (n, n), and camera and track (n,) of its rows

Refuses what does not belong together, and says so.
"""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from core.errors import TruthError
from core.mot import read_mot
from core.score.files import asked, pairs
from core.score.joined import Persons, Recorded
from core.score.people import Likeness, PeopleScores, score_people
from core.types import Ints

_COLUMNS = ("camera", "track", "person")
_AGAIN = "Let the run find the people again."


def score_run(
    truth: Path, run: Path, looked_at: Mapping[str, Ints] | None = None, visible: float = 0.0
) -> PeopleScores:
    """Scores of the people of a run. `truth` is a folder with a file per camera, ids the same in all of them.

    `looked_at` and `visible` are read as by `score_files`. Cameras of the run without truth are not judged.
    """
    tracks, table, likeness = run / "tracks", run / "people.csv", run / "similarity.npz"
    if not tracks.is_dir() or not table.is_file():
        missing = "folder tracks/" if not tracks.is_dir() else "people.csv"
        raise TruthError(f"{run} has no {missing}", "Name the folder of a run that has found the people.")
    cameras = [
        Recorded(ours.stem, asked(read_mot(theirs), ours.stem, looked_at), read_mot(_cut(run, ours)))
        for theirs, ours in pairs(truth, tracks)
    ]
    found = read_likeness(likeness) if likeness.is_file() else None
    return score_people(cameras, read_persons(table), found, visible)


def _cut(run: Path, ours: Path) -> Path:
    return cut if (cut := run / "cut" / ours.name).is_file() else ours


def read_persons(path: Path) -> Persons:
    """Whom `people.csv` takes each track for; one line per track."""
    persons: dict[tuple[str, int], str] = {}
    for number, (camera, track, person) in _lines(path):
        if not (track.isascii() and track.isdigit() and camera and person):
            raise TruthError(
                f"{path.name}, line {number}: expected a camera, the number of a track and a person",
                "Mend the line, or let the run find the people again.",
            )
        if (camera, int(track)) in persons:
            raise TruthError(
                f"{path.name}, line {number}: track {track} of camera {camera} was there before", "Keep one of the two."
            )
        persons[camera, int(track)] = person
    return persons


def _lines(path: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Number and cells of each line, in the order of `_COLUMNS`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            lines = csv.DictReader(text)
            missing = [name for name in _COLUMNS if name not in (lines.fieldnames or ())]
            if missing:
                raise TruthError(f"{path.name} has no column {', '.join(missing)}", "Its first line names the columns.")
            for line in lines:
                yield lines.line_num, tuple((line[name] or "").strip() for name in _COLUMNS)
    except (OSError, ValueError, csv.Error) as fault:
        raise TruthError(f"{path} cannot be read as a table ({fault})", _AGAIN) from fault


def read_likeness(path: Path) -> Likeness:
    """How alike the tracks of a run are; numbers only, so that the file can run nothing."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            similarity, camera, track = (np.asarray(arrays[name]) for name in ("similarity", "camera", "track"))
        return Likeness(similarity, camera.astype(str), track)
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as fault:
        raise TruthError(f"{path} cannot be read ({fault})", _AGAIN) from fault
