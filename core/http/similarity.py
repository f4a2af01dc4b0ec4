"""What the maps of the Similarity page ask for: how alike all are, who they are, and one pair at a time.

Every address names the results that it is of: whatever changes them is another address, and an old one is refused
rather than answered with something else."""

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
from core.http.guard import HEADERS, TOKEN, guarded
from core.review import Desk
from core.runs import people_similarity, explain_people, explain_tracks, load_projection
from core.workspace import session_at, session_of, services, stamp_of
from core.workspace.cases import Case

UNIT = 10_000
"""A similarity goes out as a whole number, so many to 1."""
NONE = -32_768
"""Instead of one, where there is nothing to compare."""
PEOPLE, TRACKS = "people", "tracks"


def similarity_address(case: Case, what: str, threshold: float) -> str:
    """`what` is people.bin, tracks.bin, shown.json, pair.json or map.json."""
    return f"/likeness/{TOKEN}/{case.key}/{what}?{urlencode({'stamp': stamp_of(case), 't': repr(threshold)})}"


async def _answer(request: Request) -> Response:
    what = request.path_params["what"]
    if what not in _WHAT:
        return Response(status_code=404)
    try:
        content = await run_in_threadpool(_content, request.path_params["case"], what, dict(request.query_params))
    except SightlineError as fault:
        return Response(str(fault), status_code=404)
    except (KeyError, ValueError):
        return Response("Unknown request.", status_code=400)
    if content is None:
        return Response("The results have changed.", status_code=409)
    kind = "application/octet-stream" if what.endswith(".bin") else "application/json"
    return Response(content, media_type=kind, headers=HEADERS)


def _content(key: str, what: str, asked: Mapping[str, str]) -> bytes | None:
    """Nothing where the results are not those any more that the address names."""
    case = services().cases.load(key)
    if stamp_of(case) != asked["stamp"]:
        return None
    desk, threshold = session_of(case), float(asked["t"])
    if desk is not None and threshold != desk.match.threshold:
        desk = session_at(case, threshold)
    return None if desk is None else _WHAT[what](desk, asked)


def _tracks(desk: Desk, _: Mapping[str, str]) -> bytes:
    return _packed(desk.match.similarity, desk.match.why)


def _people(desk: Desk, _: Mapping[str, str]) -> bytes:
    people, alike = people_similarity(desk.match)
    group = np.searchsorted(people, desk.people.person)
    order = np.argsort(group, kind="stable")
    begin = np.searchsorted(group[order], np.arange(len(people)))
    # Where anything forbids any pair of their tracks, they cannot be one person.
    why = np.maximum.reduceat(np.maximum.reduceat(desk.match.why[order][:, order], begin, axis=0), begin, axis=1)
    return _packed(alike, why)


def _packed(alike: Floats, why: np.ndarray[Any, Any]) -> bytes:
    """Row by row: similarities in two bytes each, then why they cannot be one person in one byte each, 0: they can."""
    whole = np.where(np.isnan(alike), NONE, np.round(np.nan_to_num(alike) * UNIT)).astype("<i2")
    return bytes(whole.tobytes() + why.astype(np.uint8).tobytes())


def _shown(desk: Desk, _: Mapping[str, str]) -> bytes:
    """Who stands in each row of either matrix, and the orders in which they may be shown."""
    evidence, person = desk.evidence, desk.people.person
    tracklets, best = evidence.tracklets, _best_crops(desk)
    people, members = np.unique(person, return_counts=True)
    names, _notes = desk.named
    by_tree = desk.match.tree.order()
    quality = evidence.crops.quality[best]
    portrait = best[_first_of(person, np.lexsort((-quality, person)))]
    clip = np.array([evidence.clip_seconds(row) for row in range(len(tracklets))]).reshape(-1, 2)
    seen = np.unique(person[by_tree], return_index=True)[1]
    content = {
        "threshold": desk.match.threshold,
        "cameras": evidence.cameras,
        "unit": UNIT,
        TRACKS: {
            "camera": tracklets.camera.tolist(),
            "track": tracklets.track.tolist(),
            "person": person.tolist(),
            "start": np.round(np.maximum(clip[:, 0], 0), 2).tolist(),
            "end": np.round(np.maximum(clip[:, 1], 0), 2).tolist(),
            "crop": evidence.crops.name[best].tolist(),
            "people": np.lexsort((tracklets.start, tracklets.camera, person)).tolist(),
            "alike": by_tree.tolist(),
        },
        PEOPLE: {
            "person": people.tolist(),
            "name": [names.get(number, "") for number in people.tolist()],
            "tracks": members.tolist(),
            "crop": evidence.crops.name[portrait].tolist(),
            "people": list(range(len(people))),
            "alike": np.argsort(seen).tolist(),
        },
    }
    return _json(content)


def _best_crops(desk: Desk) -> Ints:
    """The row of the best crop of each tracklet."""
    crops = desk.evidence.crops
    return _first_of(crops.row, np.lexsort((-crops.quality, crops.row)))


def _first_of(name: Ints, order: Ints) -> Ints:
    """For each name, rising, the row that comes first in the order."""
    return np.asarray(order[np.unique(name[order], return_index=True)[1]], np.int64)


def _pair(desk: Desk, asked: Mapping[str, str]) -> bytes:
    one, other = int(asked["a"]), int(asked["b"])
    if asked["of"] == TRACKS:
        if not (0 <= one < len(desk.evidence.tracklets) and 0 <= other < len(desk.evidence.tracklets)):
            raise ValueError("no such row")
        pair = explain_tracks(desk.evidence, desk.match, one, other)
    else:
        if not np.isin([one, other], desk.people.person).all():
            raise SettingsError("this person no longer exists", "Reload the page.")
        pair = explain_people(desk.evidence, desk.match, one, other)
    crops, tracklets = desk.evidence.crops, desk.evidence.tracklets
    shown = [
        {
            "camera": desk.evidence.cameras[tracklets.camera[crops.row[at]]],
            "track": int(tracklets.track[crops.row[at]]),
            "seconds": round(float(crops.seconds[at]), 2),
            "file": str(crops.name[at]),
        }
        for at in pair.crops
    ]
    similarity = None if math.isnan(pair.similarity) else round(pair.similarity, 4)
    about = {"similarity": similarity, "together": pair.together, "words": pair.words}
    return _json({**about, "alike": round(pair.alike, 4), "crops": shown})


def _plane(desk: Desk, _: Mapping[str, str]) -> bytes:
    plane = load_projection(desk.evidence, desk.out)
    return _json({"xy": np.round(plane.xy, 4).tolist(), "way": plane.method})


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


_WHAT = {"tracks.bin": _tracks, "people.bin": _people, "shown.json": _shown, "pair.json": _pair, "map.json": _plane}
SIMILARITY_ROUTES = [guarded("/likeness/{token}/{case}/{what}", _answer)]
