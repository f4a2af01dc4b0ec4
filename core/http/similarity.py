"""What the maps of the Similarity page draw from: both similarity matrices, who is in their rows, and single pairs.

Every address contains the stamp of the results that it is for. Whatever changes the results changes the address, and
an outdated address is refused instead of being answered from other results.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.base.errors import SettingsError, SightlineError
from core.base.types import Floats, Ints
from core.http.guard import HEADERS, TOKEN, guarded, has_copy
from core.machine.artifacts import digest_of
from core.review import ReviewSession
from core.runs import explain_people, explain_tracks, load_projection, people_similarity
from core.workspace import services, session_at, session_of, stamp_of
from core.workspace.cases import Case

UNIT = 10_000
"""Similarities are sent as integers; this many are 1."""
NONE = -32_768
"""Sent where there is nothing to compare."""
PEOPLE, TRACKS = "people", "tracks"


def similarity_address(case: Case, what: str, threshold: float) -> str:
    """`what` is people.bin, tracks.bin, rows.json, pair.json or map.json."""
    return f"/similarity/{TOKEN}/{case.key}/{what}?{urlencode({'stamp': stamp_of(case), 't': repr(threshold)})}"


async def _answer(request: Request) -> Response:
    what = request.path_params["what"]
    if what not in _CONTENTS:
        return Response(status_code=404)
    # An address is for one content, as long as the results are those that it is for.
    headers = {**HEADERS, "ETag": f'"{digest_of(str(request.url.query))}"'}
    try:
        if has_copy(request, headers["ETag"]) and await run_in_threadpool(_is_current, request):
            return Response(status_code=304, headers=headers)
        content = await run_in_threadpool(_content, request.path_params["case"], what, dict(request.query_params))
    except SightlineError as fault:
        return Response(str(fault), status_code=404)
    except (KeyError, ValueError):
        return Response("Unknown request.", status_code=400)
    if content is None:
        return Response("The results have changed.", status_code=409)
    kind = "application/octet-stream" if what.endswith(".bin") else "application/json"
    return Response(content, media_type=kind, headers=headers)


def _is_current(request: Request) -> bool:
    """Whether the results are still those that the address is for."""
    return stamp_of(services().cases.load(request.path_params["case"])) == request.query_params["stamp"]


def _content(key: str, what: str, query: Mapping[str, str]) -> bytes | None:
    """The content of an address; None if the results have changed since it was made."""
    case = services().cases.load(key)
    if stamp_of(case) != query["stamp"]:
        return None
    session, threshold = session_of(case), float(query["t"])
    if session is not None and threshold != session.match.threshold:
        session = session_at(case, threshold)
    return None if session is None else _CONTENTS[what](session, query)


def _tracks_matrix(session: ReviewSession, _: Mapping[str, str]) -> bytes:
    return _pack(session.match.similarity, session.match.why)


def _people_matrix(session: ReviewSession, _: Mapping[str, str]) -> bytes:
    people, similarity = people_similarity(session.match)
    group = np.searchsorted(people, session.people.person)
    order = np.argsort(group, kind="stable")
    begin = np.searchsorted(group[order], np.arange(len(people)))
    # If anything rules out one pair of their tracks, they cannot be one person.
    why = np.maximum.reduceat(np.maximum.reduceat(session.match.why[order][:, order], begin, axis=0), begin, axis=1)
    return _pack(similarity, why)


def _pack(similarity: Floats, why: np.ndarray[Any, Any]) -> bytes:
    """Row by row: similarities as int16, then one byte per pair: why it cannot be one person, 0 if it can."""
    units = np.where(np.isnan(similarity), NONE, np.round(np.nan_to_num(similarity) * UNIT)).astype("<i2")
    return bytes(units.tobytes() + why.astype(np.uint8).tobytes())


def _rows_json(session: ReviewSession, _: Mapping[str, str]) -> bytes:
    """Who is in each row of both matrices, and the orders in which the rows may be shown."""
    evidence, person = session.evidence, session.people.person
    tracklets, best = evidence.tracklets, _best_crops(session)
    people, members = np.unique(person, return_counts=True)
    names, _notes = session.labels
    by_tree = session.match.tree.order()
    quality = evidence.crops.quality[best]
    portrait = best[_first_of(person, np.lexsort((-quality, person)))]
    clip = np.array([evidence.clip_seconds(row) for row in range(len(tracklets))]).reshape(-1, 2)
    first_in_tree = np.unique(person[by_tree], return_index=True)[1]
    content = {
        "threshold": session.match.threshold,
        "cameras": evidence.cameras,
        "unit": UNIT,
        TRACKS: {
            "camera": tracklets.camera.tolist(),
            "track": tracklets.track.tolist(),
            "person": person.tolist(),
            "start": np.round(np.maximum(clip[:, 0], 0), 2).tolist(),
            "end": np.round(np.maximum(clip[:, 1], 0), 2).tolist(),
            "crop": evidence.crops.name[best].tolist(),
            "by_person": np.lexsort((tracklets.start, tracklets.camera, person)).tolist(),
            "by_similarity": by_tree.tolist(),
        },
        PEOPLE: {
            "person": people.tolist(),
            "name": [names.get(number, "") for number in people.tolist()],
            "tracks": members.tolist(),
            "crop": evidence.crops.name[portrait].tolist(),
            "by_person": list(range(len(people))),
            "by_similarity": np.argsort(first_in_tree).tolist(),
        },
    }
    return _to_json(content)


def _best_crops(session: ReviewSession) -> Ints:
    """The row of the best crop of each tracklet."""
    crops = session.evidence.crops
    return _first_of(crops.row, np.lexsort((-crops.quality, crops.row)))


def _first_of(group: Ints, order: Ints) -> Ints:
    """For each group, in ascending order, its first row in `order`."""
    return np.asarray(order[np.unique(group[order], return_index=True)[1]], np.int64)


def _pair_json(session: ReviewSession, query: Mapping[str, str]) -> bytes:
    a, b = int(query["a"]), int(query["b"])
    if query["of"] == TRACKS:
        if not (0 <= a < len(session.evidence.tracklets) and 0 <= b < len(session.evidence.tracklets)):
            raise ValueError("no such row")
        pair = explain_tracks(session.evidence, session.match, a, b)
    else:
        if not np.isin([a, b], session.people.person).all():
            raise SettingsError("this person no longer exists", "Reload the page.")
        pair = explain_people(session.evidence, session.match, a, b)
    crops, tracklets = session.evidence.crops, session.evidence.tracklets
    rows = [
        {
            "camera": session.evidence.cameras[tracklets.camera[crops.row[at]]],
            "track": int(tracklets.track[crops.row[at]]),
            "seconds": round(float(crops.seconds[at]), 2),
            "file": str(crops.name[at]),
        }
        for at in pair.crops
    ]
    similarity = None if math.isnan(pair.similarity) else round(pair.similarity, 4)
    about = {"similarity": similarity, "is_same_person": pair.is_same_person, "text": pair.text}
    return _to_json({**about, "crop_similarity": round(pair.crop_similarity, 4), "crops": rows})


def _map_json(session: ReviewSession, _: Mapping[str, str]) -> bytes:
    projection = load_projection(session.evidence, session.out)
    return _to_json({"xy": np.round(projection.xy, 4).tolist(), "method": projection.method})


def _to_json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


_CONTENTS = {
    "tracks.bin": _tracks_matrix,
    "people.bin": _people_matrix,
    "rows.json": _rows_json,
    "pair.json": _pair_json,
    "map.json": _map_json,
}
SIMILARITY_ROUTES = [guarded("/similarity/{token}/{case}/{what}", _answer)]
