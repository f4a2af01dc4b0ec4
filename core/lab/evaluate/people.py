"""How well people are found again, over all cameras: one long recording, links between tracklets, and queries.

IDF1 and HOTA are those of all cameras as one recording, with people for ids. MOTA and what it counts go from frame to
frame, and the last frame of one camera has nothing to do with the first of the next: they are added up over cameras.
So no figure depends on which camera comes first.

A run's folder against truth: whom it takes each track for, and how alike its tracks are.

    RUN/tracks/<camera>.txt   MOT text, ids are tracks of that camera
    RUN/cut/<camera>.txt      if it is there: the same after tracks were cut by hand, which people.csv then speaks of
    RUN/people.csv            camera, track, person and whatever else: a line for every track, columns in any order
    RUN/similarity.npz        if it is there: similarity (n, n), and camera and track (n,) of its rows

Refuses what does not belong together, and says so."""

from __future__ import annotations

import csv
import functools
import operator
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.base.errors import TruthError
from core.base.types import Floats, Ints
from core.lab.evaluate.across_cameras import JoinedCameras, Links, Names, Persons, CameraRows, join_cameras, true_person_rows, count_links
from core.lab.evaluate.measures import NOBODY, clear_mot, hota, identity
from core.lab.evaluate.paired_frames import overlap
from core.lab.evaluate.ranking import Ranking, rank_across
from core.lab.evaluate.scores import Scores, align_columns, in_analysed_frames, format_figure, pair_files, score_table
from core.vision.mot import Doubles, read_mot


@dataclass(frozen=True, eq=False)
class TrackletSimilarity:
    """How alike tracklets are, greater is more: `similarity` (n, n), whose rows and columns `camera` and `track` name.

    Only pairs of two cameras are read; their similarities are finite.
    """

    similarity: Floats | Doubles
    camera: Names
    track: Ints

    def __post_init__(self) -> None:
        count = len(self.track)
        shapes = self.similarity.shape, self.camera.shape, self.track.shape
        if shapes != ((count, count), (count,), (count,)):
            raise ValueError(f"expected similarity (n, n), camera (n,) and track (n,), got {shapes}")
        if self.similarity.dtype.kind not in "iuf" or self.track.dtype.kind not in "iu":
            raise ValueError(f"expected numbers, got {self.similarity.dtype} and track {self.track.dtype}")
        if not (np.isfinite(self.similarity) | (self.camera[:, None] == self.camera)).all():
            raise ValueError("similarity: expected finite numbers between cameras")


@dataclass(frozen=True, eq=False)
class PeopleScores:
    """One result. `people` and `people_true` count who is in it and in the truth; `tracklets` those that are judged.

    `strangers` are the tracklets that are nobody. `ranking` is None where no similarities are known.
    """

    boxes: Scores
    across: Links
    every: Links
    people: int
    people_true: int
    tracklets: int
    strangers: int
    ranking: Ranking | None

    def as_dict(self) -> dict[str, Any]:
        """Every figure, for JSON: shares from 0 to 1, counts as whole numbers."""
        said: dict[str, Any] = {
            "boxes": self.boxes.as_dict(),
            "links": {"across": self.across.figures(), "all": self.every.figures()},
            "people": {"result": self.people, "truth": self.people_true},
            "tracklets": {"judged": self.tracklets, "nobody": self.strangers},
        }
        if self.ranking:
            said["queries"] = {"queries": self.ranking.queries, **self.ranking.figures()}
        return said


def score_people(
    cameras: Sequence[CameraRows], persons: Persons, likeness: TrackletSimilarity | None = None, visible: float = 0.0
) -> PeopleScores:
    """Scores of a result: `persons` says whom it takes each track for; `visible` is read as `overlap` reads it."""
    joined = join_cameras(cameras, persons)
    clip = overlap(joined.truth, joined.result, 1.0, visible)
    judged, person = clip.result_ids, joined.person[clip.result_ids]
    true = true_person_rows(clip)
    camera = np.unique(joined.camera[judged], return_inverse=True)[1]
    who = np.full(len(joined.track), NOBODY)
    who[judged] = true
    return PeopleScores(
        _score_boxes(joined, visible),
        *count_links(camera, person, true),
        people=len(np.unique(person)),
        people_true=len(clip.truth_ids),
        tracklets=len(judged),
        strangers=int((true == NOBODY).sum()),
        ranking=None if likeness is None else _rank_tracklets(joined, who, likeness),
    )


def _score_boxes(joined: JoinedCameras, visible: float) -> Scores:
    whole = overlap(joined.truth, joined.as_people, 1.0, visible)
    counts = [clear_mot(overlap(truth, result, 1.0, visible)) for truth, result in joined.by_camera()]
    return Scores(functools.reduce(operator.add, counts), identity(whole), hota(whole))


def _rank_tracklets(joined: JoinedCameras, true: Ints, likeness: TrackletSimilarity) -> Ranking:
    """Queries across cameras; tracklets of cameras without truth are junk."""
    people = (true + (true != NOBODY)).tolist()  # from 1: 0 would be a distractor's number
    who = dict(zip(_names(joined), people, strict=True))
    known, asked = set(joined.camera.tolist()), _names(likeness)
    for (camera, track), times in Counter(asked).items():
        if times > 1 or (camera in known and (camera, track) not in who):
            raise TruthError(
                f"similarity.npz names track {track} of camera {camera} twice, or there is no such track",
                "It belongs to other tracks; let the run find the people again.",
            )
    return rank_across(likeness.similarity, likeness.camera, [who.get(name, NOBODY) for name in asked])


def _names(tracklets: JoinedCameras | TrackletSimilarity) -> list[tuple[str, int]]:
    return list(zip(tracklets.camera.tolist(), tracklets.track.tolist(), strict=True))


def people_table(scores: PeopleScores) -> str:
    """A few plain text tables, shares in per cent."""
    said = {"across cameras": scores.across, "all": scores.every}
    pairs = [
        (name, *(format_figure(one.figures()[column]) for column in ("precision", "recall", "shown", "right", "true")))
        for name, one in said.items()
    ]
    return "\n".join(
        [
            score_table({"all cameras": scores.boxes}),
            "",
            align_columns([("links", "precision", "recall", "shown", "right", "true"), *pairs]),
            "",
            f"people      {scores.people} in the result, {scores.people_true} in the truth",
            f"tracklets   {scores.tracklets}, of which {scores.strangers} on nobody",
            f"queries     {_format_queries(scores.ranking)}",
        ]
    )


def _format_queries(ranking: Ranking | None) -> str:
    if ranking is None:
        return "no rank-1 and mAP: the run has no similarity.npz"
    return "  ".join([f"{ranking.queries}", *(f"{name} {format_figure(share)} %" for name, share in ranking.figures().items())])


_COLUMNS = ("camera", "track", "person")
_MATCH_ANEW = "Let the run find the people again."


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
        CameraRows(ours.stem, in_analysed_frames(read_mot(theirs), ours.stem, looked_at), read_mot(_edited_tracks(run, ours)))
        for theirs, ours in pair_files(truth, tracks)
    ]
    found = read_similarity(likeness) if likeness.is_file() else None
    return score_people(cameras, read_persons(table), found, visible)


def _edited_tracks(run: Path, ours: Path) -> Path:
    return cut if (cut := run / "cut" / ours.name).is_file() else ours


def read_persons(path: Path) -> Persons:
    """Whom `people.csv` takes each track for; one line per track."""
    persons: dict[tuple[str, int], str] = {}
    for number, (camera, track, person) in _read_lines(path):
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


def _read_lines(path: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
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
        raise TruthError(f"{path} cannot be read as a table ({fault})", _MATCH_ANEW) from fault


def read_similarity(path: Path) -> TrackletSimilarity:
    """How alike the tracks of a run are; numbers only, so that the file can run nothing."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            similarity, camera, track = (np.asarray(arrays[name]) for name in ("similarity", "camera", "track"))
        return TrackletSimilarity(similarity, camera.astype(str), track)
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as fault:
        raise TruthError(f"{path} cannot be read ({fault})", _MATCH_ANEW) from fault
