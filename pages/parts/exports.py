"""What was exported, as downloads: a route that hands over a file of gigabytes in parts, under a name that tells."""

from __future__ import annotations

import time
from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.cases import Case
from core.jobs import Making
from core.pipeline import safe_name
from pages.parts.services import services
from pages.parts.serving import TOKEN, guarded, served

_KINDS = {".zip": "application/zip", ".mp4": "video/mp4"}


def export_address(making: Making, name: str, called: str) -> str:
    """Where a file that is done can be had, to be kept as `called`."""
    return f"/exports/{TOKEN}/{making.key}/{quote(name, safe='')}?as={quote(called, safe='')}"


def called_of(case: Case, ending: str, moment: float | None = None) -> str:
    """A name that tells which case it is of, and the day: Till_3-2026-05-31.zip."""
    return f"{safe_name(case.name)}-{time.strftime('%Y-%m-%d', time.localtime(moment))}{ending}"


async def _export(request: Request) -> Response:
    name = request.path_params["name"]
    making = await run_in_threadpool(services().exports.look, request.path_params["key"])
    answer = served(making.file(name) if making else None, _KINDS.get(PurePosixPath(name).suffix, "text/plain"))
    if answer.status_code == 200:
        called = quote(safe_name(request.query_params.get("as", "") or name))
        answer.headers["Content-Disposition"] = f"attachment; filename*=utf-8''{called}"
        # It shows people: nothing but the file that was asked for stays with the browser.
        answer.headers["Cache-Control"] = "no-store"
    return answer


ROUTES = [guarded("/exports/{token}/{key}/{name}", _export, methods=("GET", "HEAD"))]
