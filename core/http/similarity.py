"""What the maps of the Similarity page draw from: both similarity matrices, who is in their rows, and single pairs.

Matrices are fetched in tiles as they come into view, so that neither the browser nor an answer grows with the square of
their rows. Seen from afar, a tile covers more: its cells are means over `step` x `step` pairs.

Every address contains the stamp of the results that it is for. Whatever changes the results changes the address, and
an outdated address is refused instead of being answered from other results.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.base.errors import SettingsError, SightlineError
from core.base.memo import Memo
from core.base.types import Floats, Ints
from core.http.guard import HEADERS, guarded, has_copy
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
TILE = 512
"""Cells of a tile from side to side."""
MOST_ROWS = 8_000
"""More rows of a matrix are not shown: the page says so."""
_STEPS = (1, 2, 4, 8, 16, 32)
_SAMPLES = 4
"""The mean of a cell is taken over at most so many rows and columns, evenly spread."""
_SCALE_SAMPLE = 40_000


@dataclass(frozen=True, eq=False)
class _Matrix:
    """All similarities (n, n), why a pair cannot be one person (0 if it can), and the orders of the rows."""

    similarity: Floats
    why: NDArray[np.uint8]
    orders: Mapping[str, Ints]


_MATRICES: Memo[tuple[str, float, str], _Matrix] = Memo(2)


def similarity_address(case: Case, what: str, threshold: float) -> str:
    """`what` is rows.json, scale.json, pair.json, map.json, or a matrix: people.bin or tracks.bin.

    To be followed by `&of=` and people or tracks for scale.json and pair.json, by the pair for pair.json, and for a
    matrix by `&order=`, `&step=`, `&row=` and `&column=`: the tile, counted in tiles of that step.
    """
    return f"/similarity/{case.key}/{what}?{urlencode({'stamp': stamp_of(case), 't': repr(threshold)})}"


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


def _matrix(session: ReviewSession, query: Mapping[str, str], kind: str) -> _Matrix:
    """The matrix of `kind`, cached while it is looked at."""
    if kind not in (TRACKS, PEOPLE):
        raise ValueError("no such matrix")
    make = _tracks_matrix if kind == TRACKS else _people_matrix
    return _MATRICES.get((query["stamp"], session.match.threshold, kind), lambda: make(session))


def _tracks_matrix(session: ReviewSession) -> _Matrix:
    return _Matrix(session.match.similarity, session.match.why, _orders(session)[TRACKS])


def _people_matrix(session: ReviewSession) -> _Matrix:
    people, similarity = people_similarity(session.match)
    group = np.searchsorted(people, session.people.person)
    order = np.argsort(group, kind="stable")
    begin = np.searchsorted(group[order], np.arange(len(people)))
    # If anything rules out one pair of their tracks, they cannot be one person.
    why = np.maximum.reduceat(np.maximum.reduceat(session.match.why[order][:, order], begin, axis=0), begin, axis=1)
    return _Matrix(similarity, why, _orders(session)[PEOPLE])


def _orders(session: ReviewSession) -> dict[str, dict[str, Ints]]:
    """The orders of the rows of both matrices; in each, the tracks of a person stand together."""
    tracklets, person = session.evidence.tracklets, session.people.person
    by_tree = session.match.tree.order()
    people, first_in_tree = np.unique(person[by_tree], return_index=True)
    by_person = np.lexsort((tracklets.start, tracklets.camera, person))
    return {
        TRACKS: {"by_person": by_person, "by_similarity": by_tree},
        PEOPLE: {"by_person": np.arange(len(people)), "by_similarity": np.argsort(first_in_tree)},
    }


def _tile(kind: str, session: ReviewSession, query: Mapping[str, str]) -> bytes:
    """Row by row: similarities as int16, then a byte per cell: what part of its pairs cannot be one person, of 255."""
    matrix, step = _matrix(session, query, kind), int(query["step"])
    order = matrix.orders[query["order"]][:MOST_ROWS]
    if step not in _STEPS:
        raise ValueError("no such step")
    rows, columns = (_rows_of_cells(order, int(query[side]), step) for side in ("row", "column"))
    shape = (*rows.shape, *columns.shape)
    cells = np.ix_(rows.ravel(), columns.ravel())
    similarity = matrix.similarity[cells].reshape(shape)
    is_known = ~np.isnan(similarity)
    count = is_known.sum((1, 3))
    mean = np.where(is_known, similarity, 0).sum((1, 3)) / np.maximum(count, 1)
    units = np.where(count > 0, np.round(mean * UNIT), NONE).astype("<i2")
    share = np.round(255 * (matrix.why[cells] != 0).reshape(shape).mean((1, 3))).astype(np.uint8)
    return bytes(units.tobytes() + share.tobytes())


def _rows_of_cells(order: Ints, tile: int, step: int) -> Ints:
    """The rows of the matrix (cells, samples) that the cells of a tile stand for."""
    first = tile * TILE * step
    if not 0 <= first < len(order):
        raise ValueError("no such tile")
    samples = min(step, _SAMPLES)
    begins = np.arange(first, min(first + TILE * step, len(order)), step)
    places = begins[:, None] + np.arange(samples) * step // samples
    return np.asarray(order[np.minimum(places, len(order) - 1)], np.int64)


def _scale_json(session: ReviewSession, query: Mapping[str, str]) -> bytes:
    return _to_json({"low": scale_begin(_matrix(session, query, query["of"]).similarity.ravel())})


def scale_begin(values: Floats) -> float:
    """Where a scale of colours begins: at a whole tenth under all of the similarities but the least hundredth.

    >>> [scale_begin(np.array(values)) for values in ([], [np.nan], [0.99], [-0.25, 0.5], [0.3] * 300 + [-0.9])]
    [0.0, 0.0, 0.9, -0.3, 0.3]
    """
    values = np.sort(values[:: max(1, len(values) // _SCALE_SAMPLE)])
    values = values[~np.isnan(values)]
    least = float(values[len(values) // 100]) if len(values) else 0.0
    return min(0.9, math.floor(least * 10 + 1e-6) / 10)


def _rows_json(session: ReviewSession, _: Mapping[str, str]) -> bytes:
    """Who is in each row of both matrices, and the orders in which the rows may be shown."""
    evidence, person = session.evidence, session.people.person
    tracklets, best = evidence.tracklets, _best_crops(session)
    people, members = np.unique(person, return_counts=True)
    names, _notes = session.labels
    orders = _orders(session)
    quality = evidence.crops.quality[best]
    portrait = best[_first_of(person, np.lexsort((-quality, person)))]
    clip = np.array([evidence.clip_seconds(row) for row in range(len(tracklets))]).reshape(-1, 2)
    content = {
        "threshold": session.match.threshold,
        "cameras": evidence.cameras,
        "unit": UNIT,
        "most_rows": MOST_ROWS,
        TRACKS: {
            "camera": tracklets.camera.tolist(),
            "track": tracklets.track.tolist(),
            "person": person.tolist(),
            "start": np.round(np.maximum(clip[:, 0], 0), 2).tolist(),
            "end": np.round(np.maximum(clip[:, 1], 0), 2).tolist(),
            "crop": evidence.crops.name[best].tolist(),
            **{name: order.tolist() for name, order in orders[TRACKS].items()},
        },
        PEOPLE: {
            "person": people.tolist(),
            "name": [names.get(number, "") for number in people.tolist()],
            "tracks": members.tolist(),
            "crop": evidence.crops.name[portrait].tolist(),
            **{name: order.tolist() for name, order in orders[PEOPLE].items()},
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
        sides = [np.array([a]), np.array([b])]
    else:
        if not np.isin([a, b], session.people.person).all():
            raise SettingsError("this person no longer exists", "Reload the page.")
        pair = explain_people(session.evidence, session.match, a, b)
        sides = [np.flatnonzero(session.people.person == number) for number in (a, b)]
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
    is_known_different = bool(session.match.why[np.ix_(*sides)].any())
    about = {"similarity": similarity, "is_same_person": pair.is_same_person, "text": pair.text}
    about["is_known_different"] = is_known_different
    return _to_json({**about, "crop_similarity": round(pair.crop_similarity, 4), "crops": rows})


def _map_json(session: ReviewSession, _: Mapping[str, str]) -> bytes:
    projection = load_projection(session.evidence, session.out)
    return _to_json({"xy": np.round(projection.xy, 4).tolist(), "method": projection.method})


def _to_json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


_CONTENTS: Mapping[str, Callable[[ReviewSession, Mapping[str, str]], bytes]] = {
    "tracks.bin": partial(_tile, TRACKS),
    "people.bin": partial(_tile, PEOPLE),
    "scale.json": _scale_json,
    "rows.json": _rows_json,
    "pair.json": _pair_json,
    "map.json": _map_json,
}
SIMILARITY_ROUTES = [guarded("/similarity/{case}/{what}", _answer)]
