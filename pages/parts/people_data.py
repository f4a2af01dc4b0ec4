"""What the gallery draws from in the browser: who was seen, who joins whom at which likeness, and the crops.

    /people/{token}/{case}.json      everything that does not change with the threshold, but for the one in force
    /people/{token}/{case}/at.json   what does: ?t=0.52
    /crops/{token}/{run}/{camera}/{file}

A fault is answered as JSON: {"error": what is wrong and what to do}.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.cases import Case
from core.errors import SightlineError, StoreError
from core.people.evidence import CROPS
from pages.parts.desks import desk_at, desk_of, stamp_of
from pages.parts.films import run_folder
from pages.parts.people_rows import level_json, people_json, with_threshold
from pages.parts.services import services
from pages.parts.serving import HEADERS, TOKEN, guarded, served

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
    return served(out / CROPS / camera / file if out is not None and fine else None, "image/jpeg")


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
    stamp, desk = stamp_of(case), desk_of(case)
    if desk is None:
        return _fault(_NOBODY, 404)
    name = f'"{stamp}-{desk.match.threshold}"'
    headers = {**_ASK_AGAIN, "ETag": name}
    if name == known:
        return Response(status_code=304, headers=headers)
    content = services().people.get(stamp, lambda: people_json(case.run, desk))
    return Response(with_threshold(content, desk), media_type="application/json", headers=headers)


def _level_of(case: Case, level: float) -> Response:
    desk = desk_at(case, level)
    if desk is None:
        return _fault(_NOBODY, 404)
    return Response(level_json(desk), media_type="application/json", headers=HEADERS)


def _fault(words: str, status: int) -> Response:
    content: dict[str, Any] = {"error": words}
    return Response(json.dumps(content), status, headers=_ASK_AGAIN, media_type="application/json")


ROUTES = [
    guarded("/people/{token}/{case}.json", _people),
    guarded("/people/{token}/{case}/at.json", _at),
    guarded("/crops/{token}/{run}/{camera}/{file}", _crop),
]
