"""How well people are found again over all cameras: a whole recording, links between tracklets, and queries.

IDF1 and HOTA are those of all cameras as one recording, with people as ids. MOTA and its counts go from frame to frame,
and the last frame of one camera has nothing to do with the first of the next, so they are added up over cameras. No
figure depends on the order of the cameras.

`score_run` scores the folder of a run:

    RUN/tracks/<camera>.txt   MOT text, ids are tracks of that camera
    RUN/cut/<camera>.txt      optional: the tracks after cuts by the user; people.csv then names these
    RUN/people.csv            camera, track, person and perhaps more: a line for every track, columns in any order
    RUN/similarity.npz        optional: similarity (n, n), and camera (n,) and track (n,) of its rows"""

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
from core.base.text import csv_cell
from core.base.types import Floats, Ints
from core.lab.evaluate.across_cameras import (
    CameraRows,
    JoinedCameras,
    Links,
    Names,
    Persons,
    count_links,
    join_cameras,
    true_person_rows,
)
from core.lab.evaluate.measures import NOBODY, clear_mot, hota, identity
from core.lab.evaluate.paired_frames import overlap
from core.lab.evaluate.ranking import Ranking, rank_across
from core.lab.evaluate.scores import Scores, align_columns, format_figure, in_analysed_frames, pair_files, score_table
from core.vision.match import NO_PERSON
from core.vision.mot import Doubles, read_mot


@dataclass(frozen=True, eq=False)
class TrackletSimilarity:
    """How alike tracklets look: `similarity` (n, n), with the camera (n,) and track (n,) of its rows and columns.

    Only pairs of two cameras are read; their similarities must be finite.
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
    """Scores of one result. `people` and `people_true` count people in the result and in the truth.

    `tracklets` counts the tracklets that are judged, `unmatched` those of them without a true person. `across` are the
    links between cameras, `every` are all links. `ranking` is None where there are no similarities.
    """

    boxes: Scores
    across: Links
    every: Links
    people: int
    people_true: int
    tracklets: int
    unmatched: int
    ranking: Ranking | None

    def as_dict(self) -> dict[str, Any]:
        """Every figure, for JSON: shares from 0 to 1, counts as whole numbers."""
        figures: dict[str, Any] = {
            "boxes": self.boxes.as_dict(),
            "links": {"across": self.across.figures(), "all": self.every.figures()},
            "people": {"result": self.people, "truth": self.people_true},
            "tracklets": {"judged": self.tracklets, "nobody": self.unmatched},
        }
        if self.ranking:
            figures["queries"] = {"queries": self.ranking.queries, **self.ranking.figures()}
        return figures


def score_people(
    cameras: Sequence[CameraRows], persons: Persons, similarity: TrackletSimilarity | None = None, visible: float = 0.0
) -> PeopleScores:
    """Scores of a result, whose tracks `persons` assigns to people; `visible` as in `overlap`."""
    recording = join_cameras(cameras, persons)
    clip = overlap(recording.truth, recording.result, 1.0, visible)
    judged, person = clip.result_ids, recording.person[clip.result_ids]
    true = true_person_rows(clip)
    camera = np.unique(recording.camera[judged], return_inverse=True)[1]
    true_of_tracklet = np.full(len(recording.track), NOBODY)
    true_of_tracklet[judged] = true
    return PeopleScores(
        _score_boxes(recording, visible),
        *count_links(camera, person, true),
        people=len(np.unique(person)),
        people_true=len(clip.truth_ids),
        tracklets=len(judged),
        unmatched=int((true == NOBODY).sum()),
        ranking=None if similarity is None else _rank_tracklets(recording, true_of_tracklet, similarity),
    )


def _score_boxes(recording: JoinedCameras, visible: float) -> Scores:
    clip = overlap(recording.truth, recording.as_people, 1.0, visible)
    counts = [clear_mot(overlap(truth, result, 1.0, visible)) for truth, result in recording.by_camera()]
    return Scores(functools.reduce(operator.add, counts), identity(clip), hota(clip))


def _rank_tracklets(recording: JoinedCameras, true: Ints, similarity: TrackletSimilarity) -> Ranking:
    """Queries across cameras. Tracklets of cameras without truth, and those without a true person, are junk."""
    people = (true + (true != NOBODY)).tolist()  # from 1 on: 0 means a distractor
    person_of = dict(zip(_names(recording), people, strict=True))
    judged_cameras, tracklets = set(recording.camera.tolist()), _names(similarity)
    for (camera, track), count in Counter(tracklets).items():
        if count > 1 or (camera in judged_cameras and (camera, track) not in person_of):
            raise TruthError(
                f"similarity.npz has track {track} of camera {camera} twice, or there is no such track",
                "The file belongs to other tracks; match the people of the run again.",
            )
    return rank_across(similarity.similarity, similarity.camera, [person_of.get(name, NOBODY) for name in tracklets])


def _names(tracklets: JoinedCameras | TrackletSimilarity) -> list[tuple[str, int]]:
    return list(zip(tracklets.camera.tolist(), tracklets.track.tolist(), strict=True))


def people_table(scores: PeopleScores) -> str:
    """A few plain text tables, shares in per cent."""
    links = {"across cameras": scores.across, "all": scores.every}
    link_rows = [
        (
            name,
            *(format_figure(counts.figures()[column]) for column in ("precision", "recall", "shown", "right", "true")),
        )
        for name, counts in links.items()
    ]
    return "\n".join(
        [
            score_table({"all cameras": scores.boxes}),
            "",
            align_columns([("links", "precision", "recall", "shown", "right", "true"), *link_rows]),
            "",
            f"people      {scores.people} in the result, {scores.people_true} in the truth",
            f"tracklets   {scores.tracklets}, of which {scores.unmatched} on nobody",
            f"queries     {_format_queries(scores.ranking)}",
        ]
    )


def _format_queries(ranking: Ranking | None) -> str:
    if ranking is None:
        return "rank-1 and mAP unknown: the run has no similarity.npz"
    return "  ".join(
        [f"{ranking.queries}", *(f"{name} {format_figure(share)} %" for name, share in ranking.figures().items())]
    )


_COLUMNS = ("camera", "track", "person")
_MATCH_ANEW = "Match the people of the run again."


def score_run(
    truth: Path, run: Path, analysed_frames: Mapping[str, Ints] | None = None, visible: float = 0.0
) -> PeopleScores:
    """Scores of the people of a run. `truth` is a folder with a file per camera, ids the same in all of them.

    `analysed_frames` and `visible` as in `score_files`. Cameras of the run without truth are not judged.
    """
    tracks, people, similarity = run / "tracks", run / "people.csv", run / "similarity.npz"
    if not tracks.is_dir() or not people.is_file():
        missing = "folder tracks/" if not tracks.is_dir() else "people.csv"
        raise TruthError(f"{run} has no {missing}", "Name the folder of a finished run.")
    cameras = [
        CameraRows(
            tracks_file.stem,
            in_analysed_frames(read_mot(truth_file), tracks_file.stem, analysed_frames),
            read_mot(_edited_tracks(run, tracks_file)),
        )
        for truth_file, tracks_file in pair_files(truth, tracks)
    ]
    found = read_similarity(similarity) if similarity.is_file() else None
    persons, objects = read_persons(people)
    return score_people(cameras, persons, None if found is None else _without(found, objects), visible)


def _without(similarity: TrackletSimilarity, objects: Persons) -> TrackletSimilarity:
    """The similarities of all tracklets but things, which are compared with nobody and have no line in tracks/."""
    is_person = np.array([name not in objects for name in _names(similarity)], bool)
    return TrackletSimilarity(
        similarity.similarity[is_person][:, is_person], similarity.camera[is_person], similarity.track[is_person]
    )


def _edited_tracks(run: Path, tracks_file: Path) -> Path:
    return edited if (edited := run / "cut" / tracks_file.name).is_file() else tracks_file


def read_persons(path: Path) -> tuple[Persons, Persons]:
    """The person of each track according to `people.csv`, one line per track: of those that show people, and of
    things."""
    persons: dict[tuple[str, int], str] = {}
    objects: dict[tuple[str, int], str] = {}
    for number, (camera, track, person), status in _read_lines(path):
        if not (track.isascii() and track.isdigit() and camera and person):
            raise TruthError(
                f"{path.name}, line {number}: expected a camera, the number of a track and a person",
                "Correct the line, or match the people of the run again.",
            )
        if (camera, int(track)) in persons or (camera, int(track)) in objects:
            raise TruthError(
                f"{path.name}, line {number}: track {track} of camera {camera} is there twice",
                "Delete one of the two lines.",
            )
        (objects if status == NO_PERSON else persons)[camera, int(track)] = person
    return persons, objects


def _read_lines(path: Path) -> Iterator[tuple[int, tuple[str, ...], str]]:
    """Number and cells of each line, in the order of `_COLUMNS`, and its status, if it has one."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (lines.fieldnames or ())]
            if missing:
                raise TruthError(f"{path.name} has no column {', '.join(missing)}", "Its first line names the columns.")
            for line in lines:
                cells = tuple(csv_cell((line[name] or "").strip()) for name in _COLUMNS)
                yield lines.line_num, cells, (line.get("status") or "").strip()
    except (OSError, ValueError, csv.Error) as fault:
        raise TruthError(f"{path} cannot be read as a table ({fault})", _MATCH_ANEW) from fault


def read_similarity(path: Path) -> TrackletSimilarity:
    """How alike the tracks of a run are. Read without pickle, so that the file cannot run code."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            similarity, camera, track = (np.asarray(arrays[name]) for name in ("similarity", "camera", "track"))
        return TrackletSimilarity(similarity, camera.astype(str), track)
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as fault:
        raise TruthError(f"{path} cannot be read ({fault})", _MATCH_ANEW) from fault
