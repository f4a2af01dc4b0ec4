"""What the player asks for: films (with Range, so that it can jump) and the boxes drawn over them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.errors import SightlineError
from core.folders import cache_dir
from core.results import overlay, record_of, tracks_of
from pages.parts.serving import HEADERS, TOKEN, guarded, served

_DIGEST = re.compile(r"[0-9a-f]{32}")
_RUN = re.compile(r"[0-9a-f]{20}")


def film_address(digest: str) -> str:
    return f"/films/{TOKEN}/{digest}.mp4"


def boxes_address(run: str, camera: str, stamp: int) -> str:
    """`stamp` changes with the results, so that a browser does not show boxes of an earlier run."""
    return f"/boxes/{TOKEN}/{run}/{quote(camera, safe='')}?{stamp}"


def run_folder(run: str) -> Path | None:
    """The results of a run that a request names."""
    return cache_dir() / "runs" / run / "out" if _RUN.fullmatch(run) else None


async def _film(request: Request) -> Response:
    name = request.path_params["name"]
    return served(cache_dir() / "proxies" / f"{name}.mp4" if _DIGEST.fullmatch(name) else None, "video/mp4")


async def _boxes(request: Request) -> Response:
    out = run_folder(request.path_params["run"])
    if out is None:
        return Response(status_code=404)
    try:
        content = await run_in_threadpool(_overlay, out, request.path_params["camera"])
    except (SightlineError, KeyError):
        return Response(status_code=404)
    return Response(content, media_type="application/json", headers=HEADERS)


def _overlay(out: Path, camera: str) -> bytes:
    about = record_of(out)["cameras"][camera]
    return overlay(tracks_of(out, camera), about["width"], about["height"])


ROUTES = [guarded("/films/{token}/{name}.mp4", _film), guarded("/boxes/{token}/{run}/{camera}", _boxes)]
