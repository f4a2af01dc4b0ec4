"""The people of a case as JSON, from which the browser draws the gallery, and their crops.

    /people/{case}.json              everything that does not depend on the threshold, and the current
                                     threshold: a row for each tracklet, the merge tree, the calibration
    /people/{case}/at.json           who is who at a threshold, ?t=0.52, and the most doubtful pairs
    /people/{case}/lookalikes.json   who else one of the people may be, ?t=0.52&camera=gate&track=3
    /people/{case}/state.json        what changes with every decision, for tabs that watch for those of others
    /crops/{run}/{camera}/{file}

A fault is answered as {"error": what is wrong and what to do}.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.base.errors import SightlineError, StoreError
from core.http.guard import HEADERS, guarded, has_copy, serve_file
from core.review import DoubtfulPair, ReviewSession, find_lookalikes, most_doubtful_pairs
from core.runs import CROPS_FOLDER, Evidence, read_record
from core.vision.appearance import describe_colours
from core.vision.match import FREE, IMPOSTOR_REASONS
from core.workspace import services, session_at, session_of, stamp_of
from core.workspace.cases import Case
from core.workspace.jobs import run_folder

_MAX_DOUBTS = 40
_MAX_LOOKALIKES = 20
_LEVEL_OF_DECISIONS = 2.0
"""The level of merges that the user decided: above every threshold."""
_BINS = 100
_BLOCK_ROWS = 512
_FILE = re.compile(r"[\w-][\w.-]*\.jpg")
_CAMERA = re.compile(r"[\w-][\w.-]*")
_NO_LEVEL = "A similarity lies between -1 and 1."
_NO_PEOPLE = "There are no people yet. Start a run."


def people_address(case: Case, stamp: str = "") -> str:
    """With the case's stamp, which is looked up unless it is known."""
    return f"/people/{case.key}.json?{stamp or stamp_of(case)}"


def levels_address(case: Case, stamp: str = "") -> str:
    """To be followed by `&t=` and a threshold; `stamp` as in `people_address`."""
    return f"/people/{case.key}/at.json?{stamp or stamp_of(case)}"


def lookalikes_address(case: Case) -> str:
    """To be followed by `&t=` and a threshold, `&camera=` and `&track=` of one of the person's sightings."""
    return f"/people/{case.key}/lookalikes.json?{stamp_of(case)}"


def crop_address(run: str) -> str:
    """To be followed by `/` and the file of a crop as people.json names it."""
    return f"/crops/{quote(run, safe='')}"


def state_address(case: Case) -> str:
    return f"/people/{case.key}/state.json"


def state_of(case: Case, stamp: str = "") -> str:
    """Differs after every decision about the people of the case, and every change of what they follow from; `stamp` as
    in `people_address`."""
    return f"{stamp or stamp_of(case)} {case.threshold}"


async def _answer_people(request: Request) -> Response:
    return await _answer_case(request, lambda case: _people_response(request, case))


async def _answer_level(request: Request) -> Response:
    level = _requested_level(request)
    if level is None:
        return _fault(_NO_LEVEL, 400)
    return await _answer_case(request, lambda case: _level_response(request, case, level))


async def _answer_lookalikes(request: Request) -> Response:
    level, camera, track = _requested_level(request), *map(request.query_params.get, ("camera", "track"))
    if level is None:
        return _fault(_NO_LEVEL, 400)
    if camera is None or track is None or not track.isdecimal():
        return _fault("Name a camera and a track.", 400)
    return await _answer_case(request, lambda case: _lookalikes_response(case, level, camera, int(track)))


async def _answer_state(request: Request) -> Response:
    news = await run_in_threadpool(_news_of, request.path_params["case"])
    return Response(_to_json(news), media_type="application/json", headers=HEADERS)


def _news_of(key: str) -> dict[str, str]:
    """The state of a case and the addresses that go with it, so that a gallery need not wait for its page to be drawn.

    An empty state where there is no such case any more: an error status would be a line in the console at each look."""
    try:
        case = services().cases.load(key)
        # Asked for twice a second by every tab: the stamp's files are looked at once, and all three agree.
        stamp = stamp_of(case)
        addresses = {"people": people_address(case, stamp), "levels": levels_address(case, stamp)}
        return {"state": state_of(case, stamp), "case": key, **addresses}
    except (SightlineError, OSError):
        return {"state": ""}


def _requested_level(request: Request) -> float | None:
    """The threshold of the address, None where it is no similarity."""
    try:
        level = float(request.query_params.get("t", ""))
    except ValueError:
        return None
    return level if -1 <= level <= 1 else None


async def _answer_crop(request: Request) -> Response:
    out = run_folder(request.path_params["run"])
    camera, file = request.path_params["camera"], request.path_params["file"]
    valid = out is not None and _CAMERA.fullmatch(camera) and _FILE.fullmatch(file)
    return serve_file(out / CROPS_FOLDER / camera / file if out is not None and valid else None, "image/jpeg")


async def _answer_case(request: Request, respond: Callable[[Case], Response]) -> Response:
    try:
        case = await run_in_threadpool(services().cases.load, request.path_params["case"])
        return await run_in_threadpool(respond, case)
    except StoreError as fault:
        return _fault(str(fault), 404)
    except SightlineError as fault:
        return _fault(str(fault), 409)


def _people_response(request: Request, case: Case) -> Response:
    # The stamp first: a decision made meanwhile changes it.
    stamp, session = stamp_of(case), session_of(case)
    if session is None:
        return _fault(_NO_PEOPLE, 404)
    tag = f'"{stamp}-{session.match.threshold}"'
    headers = {**HEADERS, "ETag": tag}
    if has_copy(request, tag):
        return Response(status_code=304, headers=headers)
    content = services().people.get(stamp, lambda: people_json(case.run, session))
    return Response(with_threshold(content, session), media_type="application/json", headers=headers)


def _level_response(request: Request, case: Case, level: float) -> Response:
    headers = {**HEADERS, "ETag": f'"{stamp_of(case)}-{level}"'}
    if has_copy(request, headers["ETag"]) and case.run:
        return Response(status_code=304, headers=headers)
    session = session_at(case, level)
    if session is None:
        return _fault(_NO_PEOPLE, 404)
    return Response(level_json(session), media_type="application/json", headers=headers)


def _lookalikes_response(case: Case, level: float, camera: str, track: int) -> Response:
    session = session_at(case, level)
    if session is None:
        return _fault(_NO_PEOPLE, 404)
    return Response(lookalikes_json(session, camera, track), media_type="application/json", headers=HEADERS)


def _fault(message: str, status: int) -> Response:
    content: dict[str, Any] = {"error": message}
    return Response(json.dumps(content), status, headers=HEADERS, media_type="application/json")


PEOPLE_ROUTES = [
    guarded("/people/{case}.json", _answer_people),
    guarded("/people/{case}/at.json", _answer_level),
    guarded("/people/{case}/lookalikes.json", _answer_lookalikes),
    guarded("/people/{case}/state.json", _answer_state),
    guarded("/crops/{run}/{camera}/{file}", _answer_crop),
]


def people_json(run: str, session: ReviewSession) -> bytes:
    """All that does not depend on the threshold. Levels are single precision: compare them with `Math.fround(t)`."""
    match, evidence = session.match, session.evidence
    calibration, tree = match.calibration, match.tree
    return _to_json(
        {
            "run": run,
            "cameras": evidence.cameras,
            "clips": _clips(session),
            "timed": evidence.has_times,
            "offsets": _round(evidence.offsets, 3),
            "rows": _rows(session),
            "tree": {
                "leaf_a": tree.leaf_a.tolist(),
                "leaf_b": tree.leaf_b.tolist(),
                "level": np.where(np.isfinite(tree.level), tree.level, _LEVEL_OF_DECISIONS).tolist(),
            },
            "bundle": match.must_link.tolist(),
            "merged": sorted(session.review.merged),
            "suggested": calibration.threshold,
            "enough": calibration.enough,
            "pairs": calibration.pairs,
            "calibration": {name: _round(getattr(calibration, name), 4) for name in ("levels", "share", "low", "high")},
            "histogram": _histogram(session),
        }
    )


def with_threshold(content: bytes, session: ReviewSession) -> bytes:
    """`people_json` with the current threshold added."""
    return content[:-1] + b"," + _to_json({"threshold": session.match.threshold})[1:]


def level_json(session: ReviewSession) -> bytes:
    """Who is who at the session's threshold, row by row, and the most doubtful pairs."""
    people = session.people
    return _to_json(
        {
            "similarity": _round(people.similarity, 4),
            "status": [people.status(row) for row in range(len(people.person))],
            "rival": people.rival.tolist(),
            "rival_similarity": _round(people.rival_similarity, 4),
            "doubts": _pairs(session, most_doubtful_pairs(session, _MAX_DOUBTS)),
        }
    )


def lookalikes_json(session: ReviewSession, camera: str, track: int) -> bytes:
    """Who else the person of a track may be, most similar first; `more` where there are too many to list."""
    person = int(session.people.person[session.row(camera, track)])
    found = find_lookalikes(session, person, _MAX_LOOKALIKES + 1)
    return _to_json({"pairs": _pairs(session, found[:_MAX_LOOKALIKES]), "more": len(found) > _MAX_LOOKALIKES})


def _pairs(session: ReviewSession, pairs: Sequence[DoubtfulPair]) -> list[dict[str, Any]]:
    return [
        {
            "a": pair.rows[0],
            "b": pair.rows[1],
            "similarity": round(pair.similarity, 4),
            "is_same_person": pair.together,
            "unsure": pair.unsure,
            "joinable": pair.joinable,
            "crops": [str(session.evidence.crops.name[crop]) for crop in pair.crops],
            "crop_similarity": round(pair.crop_similarity, 4),
        }
        for pair in pairs
    ]


def _clips(session: ReviewSession) -> dict[str, dict[str, Any]]:
    evidence, record = session.evidence, read_record(session.out).cameras
    clips = {}
    for number, camera in enumerate(evidence.cameras):
        about = record[camera]
        ends = evidence.tracklets.end[evidence.tracklets.camera == number] - evidence.offsets[number]
        length = about.frames / about.fps if about.fps else 0.0
        facts = {"digest": about.digest, "width": about.width, "height": about.height}
        clips[camera] = {**facts, "duration": round(float(max(length, *ends, 0.0)), 3)}
    return clips


def _rows(session: ReviewSession) -> dict[str, Any]:
    evidence, tracklets = session.evidence, session.evidence.tracklets
    offset = evidence.offsets[tracklets.camera]
    upper, lower = zip(*map(describe_colours, evidence.colours), strict=True) if len(tracklets) else ((), ())
    labels = {(camera, track): (name, note) for camera, track, name, note in session.review.names}
    row_labels = [labels.get(sight, ("", "")) for sight in session.track_keys]
    return {
        "camera": tracklets.camera.tolist(),
        "track": tracklets.track.tolist(),
        "start": _round(np.maximum(tracklets.start - offset, 0), 3),
        "end": _round(np.maximum(tracklets.end - offset, 0), 3),
        "rank": session.rank.tolist(),
        "numbers": session.row_numbers,
        "upper": upper,
        "lower": lower,
        "name": [name for name, _ in row_labels],
        "note": [note for _, note in row_labels],
        "thing": tracklets.is_object.tolist(),
        "crops": _crops(evidence),
    }


def _crops(evidence: Evidence) -> list[list[tuple[str, float | None, float | None]]]:
    """File, second and quality of the crops of each row, best first."""
    crops = evidence.crops
    order = np.lexsort((-crops.quality, crops.row))
    columns = crops.name[order].tolist(), _round(crops.seconds[order], 3), _round(crops.quality[order], 3)
    rows = list(zip(*columns, strict=True))
    ends = np.searchsorted(crops.row[order], np.arange(len(evidence.tracklets) + 1)).tolist()
    return [rows[a:b] for a, b in pairwise(ends)]


def _histogram(session: ReviewSession) -> dict[str, Any]:
    """How many pairs have which similarity: those known to be different, and those that may be one person."""
    similarity, why = session.match.similarity, session.match.why
    known_different, possible = np.zeros((2, _BINS), np.int64)
    for start in range(0, len(similarity), _BLOCK_ROWS):
        # Each pair once: the upper triangle of the block, and all columns to its right.
        rows = slice(start, start + _BLOCK_ROWS)
        bins = np.minimum(((similarity[rows, start:] + 1) * (_BINS / 2)).astype(np.int16), _BINS - 1)
        later = np.triu(np.ones(bins.shape, bool), 1)
        reason = why[rows, start:]
        known_different += np.bincount(bins[later & np.isin(reason, IMPOSTOR_REASONS)], minlength=_BINS)
        possible += np.bincount(bins[later & (reason == FREE)], minlength=_BINS)
    edges = np.linspace(-1, 1, _BINS + 1)
    return {"edges": _round(edges, 4), "known_different": known_different.tolist(), "possible": possible.tolist()}


def _round(values: NDArray[np.floating[Any]], digits: int) -> Sequence[float | None]:
    """Rounded for JSON, with None for what is not finite."""
    numbers = np.round(values.astype(np.float64), digits).tolist()
    return numbers if np.isfinite(values).all() else [value if np.isfinite(value) else None for value in numbers]


def _to_json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
