"""A desk as JSON for the browser: rows of the tracklets, the tree by which they join, and who is who at a level.

What the gallery draws from in the browser: who was seen, who joins whom at which likeness, and the crops.

    /people/{token}/{case}.json      everything that does not change with the threshold, but for the one in force
    /people/{token}/{case}/at.json   what does: ?t=0.52
    /crops/{token}/{run}/{camera}/{file}

A fault is answered as JSON: {"error": what is wrong and what to do}."""

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
from core.http.guard import HEADERS, TOKEN, guarded, served
from core.review import Desk, doubts
from core.runs import CROPS_FOLDER, Evidence, read_record
from core.vision.appearance import describe_colours
from core.vision.match import FREE, IMPOSTOR_REASONS
from core.workspace import session_at, session_of, services, stamp_of
from core.workspace.cases import Case
from core.workspace.jobs import run_folder

_DOUBTS = 40
_SAID = 2.0
"""The level of those whom the user joined: no threshold is above it."""
_BINS = 100
_BLOCK = 512


def people_json(run: str, desk: Desk) -> bytes:
    """All that does not depend on the threshold. Levels are single precision: compare them with `Math.fround(t)`."""
    match, evidence = desk.match, desk.evidence
    told, tree = match.calibration, match.tree
    return _plain(
        {
            "run": run,
            "cameras": evidence.cameras,
            "clips": _clips(desk),
            "timed": evidence.has_times,
            "offsets": _rounded(evidence.offsets, 3),
            "rows": _rows(desk),
            "tree": {
                "one": tree.one.tolist(),
                "other": tree.other.tolist(),
                "level": np.where(np.isfinite(tree.level), tree.level, _SAID).tolist(),
            },
            "bundle": match.bundle.tolist(),
            "suggested": told.threshold,
            "words": told.words,
            "enough": told.enough,
            "pairs": told.pairs,
            "calibration": {name: _rounded(getattr(told, name), 4) for name in ("levels", "share", "low", "high")},
            "histogram": _histogram(desk),
        }
    )


def with_threshold(content: bytes, desk: Desk) -> bytes:
    """`people_json` and the threshold in force."""
    return content[:-1] + b"," + _plain({"threshold": desk.match.threshold})[1:]


def level_json(desk: Desk) -> bytes:
    """Who is who at the desk's threshold, row by row, and the most doubtful pairs."""
    found = desk.people
    return _plain(
        {
            "similarity": _rounded(found.similarity, 4),
            "status": [found.status(row) for row in range(len(found.person))],
            "rival": found.rival.tolist(),
            "rival_similarity": _rounded(found.rival_similarity, 4),
            "doubts": _doubts(desk),
        }
    )


def _doubts(desk: Desk) -> list[dict[str, Any]]:
    return [
        {
            "a": one.rows[0],
            "b": one.rows[1],
            "similarity": round(one.similarity, 4),
            "together": one.together,
            "unsure": one.unsure,
            "crops": [str(desk.evidence.crops.name[at]) for at in one.crops],
            "alike": round(one.alike, 4),
        }
        for one in doubts(desk, _DOUBTS)
    ]


def _clips(desk: Desk) -> dict[str, dict[str, Any]]:
    evidence, record = desk.evidence, read_record(desk.out)["cameras"]
    found = {}
    for number, camera in enumerate(evidence.cameras):
        about = record[camera]
        seen = evidence.tracklets.end[evidence.tracklets.camera == number] - evidence.offsets[number]
        length = about["frames"] / about["fps"] if about.get("fps") else 0.0
        facts = {name: about.get(name) for name in ("digest", "width", "height")}
        found[camera] = {**facts, "duration": round(float(max(length, *seen, 0.0)), 3)}
    return found


def _rows(desk: Desk) -> dict[str, Any]:
    evidence, tracklets = desk.evidence, desk.evidence.tracklets
    offset = evidence.offsets[tracklets.camera]
    upper, lower = zip(*map(describe_colours, evidence.colours), strict=True) if len(tracklets) else ((), ())
    called = {(camera, track): (name, note) for camera, track, name, note in desk.review.names}
    said = [called.get(sight, ("", "")) for sight in desk.sights]
    return {
        "camera": tracklets.camera.tolist(),
        "track": tracklets.track.tolist(),
        "start": _rounded(np.maximum(tracklets.start - offset, 0), 3),
        "end": _rounded(np.maximum(tracklets.end - offset, 0), 3),
        "rank": desk.rank.tolist(),
        "upper": upper,
        "lower": lower,
        "name": [name for name, _ in said],
        "note": [note for _, note in said],
        "crops": _crops(evidence),
    }


def _crops(evidence: Evidence) -> list[list[tuple[str, float | None, float | None]]]:
    """File, second and quality of the crops of each row, best first."""
    crops = evidence.crops
    order = np.lexsort((-crops.quality, crops.row))
    columns = crops.name[order].tolist(), _rounded(crops.seconds[order], 3), _rounded(crops.quality[order], 3)
    listed = list(zip(*columns, strict=True))
    ends = np.searchsorted(crops.row[order], np.arange(len(evidence.tracklets) + 1)).tolist()
    return [listed[a:b] for a, b in pairwise(ends)]


def _histogram(desk: Desk) -> dict[str, Any]:
    """How many pairs have which similarity: certain strangers, and all others that could be one person."""
    similarity, why = desk.match.similarity, desk.match.why
    strangers, others = np.zeros((2, _BINS), np.int64)
    for at in range(0, len(similarity), _BLOCK):
        # Each pair once: the block's own triangle, and all that lies right of it.
        rows, place = slice(at, at + _BLOCK), ((similarity[at : at + _BLOCK, at:] + 1) * (_BINS / 2)).astype(np.int16)
        later = np.triu(np.ones(place.shape, bool), 1)
        reason = why[rows, at:]
        place = np.minimum(place, _BINS - 1)
        strangers += np.bincount(place[later & np.isin(reason, IMPOSTOR_REASONS)], minlength=_BINS)
        others += np.bincount(place[later & (reason == FREE)], minlength=_BINS)
    edges = np.linspace(-1, 1, _BINS + 1)
    return {"edges": _rounded(edges, 4), "strangers": strangers.tolist(), "others": others.tolist()}


def _rounded(values: NDArray[np.floating[Any]], digits: int) -> Sequence[float | None]:
    """As JSON has them: nothing where there is no number."""
    numbers = np.round(values.astype(np.float64), digits).tolist()
    return numbers if np.isfinite(values).all() else [value if np.isfinite(value) else None for value in numbers]


def _plain(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


_FILE = re.compile(r"[\w-][\w.-]*\.jpg")
_CAMERA = re.compile(r"[\w-][\w.-]*")
_ASK_AGAIN = {**HEADERS, "Cache-Control": "private, no-cache"}
"""The threshold in force is in it, and not in its address."""

_NOBODY = "There are no people yet. Start a run."


def people_address(case: Case) -> str:
    return f"/people/{TOKEN}/{case.key}.json?{stamp_of(case)}"


def levels_address(case: Case) -> str:
    """Append `&t=0.52`."""
    return f"/people/{TOKEN}/{case.key}/at.json?{stamp_of(case)}"


def crop_address(run: str) -> str:
    """Append `/` and a crop's file as people.json names it."""
    return f"/crops/{TOKEN}/{quote(run, safe='')}"


async def _people(request: Request) -> Response:
    return await _answered(request, lambda case: _people_of(case, request.headers.get("if-none-match", "")))


async def _at(request: Request) -> Response:
    try:
        level = float(request.query_params.get("t", ""))
    except ValueError:
        level = float("nan")
    if not -1 <= level <= 1:
        return _fault("A similarity lies between -1 and 1.", 400)
    return await _answered(request, lambda case: _level_of(case, level))


async def _crop(request: Request) -> Response:
    out = run_folder(request.path_params["run"])
    camera, file = request.path_params["camera"], request.path_params["file"]
    fine = out is not None and _CAMERA.fullmatch(camera) and _FILE.fullmatch(file)
    return served(out / CROPS_FOLDER / camera / file if out is not None and fine else None, "image/jpeg")


async def _answered(request: Request, how: Callable[[Case], Response]) -> Response:
    try:
        case = await run_in_threadpool(services().cases.load, request.path_params["case"])
        return await run_in_threadpool(how, case)
    except StoreError as fault:
        return _fault(str(fault), 404)
    except SightlineError as fault:
        return _fault(str(fault), 409)


def _people_of(case: Case, known: str) -> Response:
    # The stamp first: what is said meanwhile has another one.
    stamp, desk = stamp_of(case), session_of(case)
    if desk is None:
        return _fault(_NOBODY, 404)
    name = f'"{stamp}-{desk.match.threshold}"'
    headers = {**_ASK_AGAIN, "ETag": name}
    if name == known:
        return Response(status_code=304, headers=headers)
    content = services().people.get(stamp, lambda: people_json(case.run, desk))
    return Response(with_threshold(content, desk), media_type="application/json", headers=headers)


def _level_of(case: Case, level: float) -> Response:
    desk = session_at(case, level)
    if desk is None:
        return _fault(_NOBODY, 404)
    return Response(level_json(desk), media_type="application/json", headers=HEADERS)


def _fault(words: str, status: int) -> Response:
    content: dict[str, Any] = {"error": words}
    return Response(json.dumps(content), status, headers=_ASK_AGAIN, media_type="application/json")


PEOPLE_ROUTES = [
    guarded("/people/{token}/{case}.json", _people),
    guarded("/people/{token}/{case}/at.json", _at),
    guarded("/crops/{token}/{run}/{camera}/{file}", _crop),
]
