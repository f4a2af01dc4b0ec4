"""Routes beside Streamlit's own: films (with Range, so that a player can jump) and the boxes drawn over them.

Each checks the Host itself, because Streamlit's list guards the socket only, and a token that is new with each
process and reaches the browser through the page. Names are matched, never joined from what a request says.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from core.errors import SightlineError
from core.folders import cache_dir
from core.results import overlay, record_of, tracks_of

TOKEN = secrets.token_urlsafe(24)
_DIGEST = re.compile(r"[0-9a-f]{32}")
_RUN = re.compile(r"[0-9a-f]{20}")
_HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def film_address(digest: str) -> str:
    return f"/films/{TOKEN}/{digest}.mp4"


def boxes_address(run: str, camera: str, stamp: int) -> str:
    """`stamp` changes with the results, so that a browser does not show boxes of an earlier run."""
    return f"/boxes/{TOKEN}/{run}/{quote(camera, safe='')}?{stamp}"


async def _film(request: Request) -> Response:
    name = request.path_params["name"]
    if refused := _refused(request):
        return refused
    path = _inside("proxies", f"{name}.mp4") if _DIGEST.fullmatch(name) else None
    if path is None or not path.is_file():
        return Response(status_code=404)
    return FileResponse(path, media_type="video/mp4", headers=_HEADERS)


async def _boxes(request: Request) -> Response:
    run, camera = request.path_params["run"], request.path_params["camera"]
    if refused := _refused(request):
        return refused
    out = _inside("runs", run) / "out" if _RUN.fullmatch(run) else None
    if out is None:
        return Response(status_code=404)
    try:
        content = await run_in_threadpool(_overlay, out, camera)
    except (SightlineError, KeyError):
        return Response(status_code=404)
    return Response(content, media_type="application/json", headers=_HEADERS)


def _overlay(out: Path, camera: str) -> bytes:
    about = record_of(out)["cameras"][camera]
    return overlay(tracks_of(out, camera), about["width"], about["height"])


def _inside(folder: str, name: str) -> Path:
    return cache_dir() / folder / name


def _refused(request: Request) -> Response | None:
    hosts = st.get_option("server.allowedHosts") or ["localhost", "127.0.0.1"]
    token = request.path_params["token"]
    if not host_allowed(request.headers.get("host", ""), list(hosts)):
        return Response("This host is not served.", status_code=403)
    if not secrets.compare_digest(token.encode(), TOKEN.encode()):
        return Response("Open this from the page.", status_code=403)
    return None


def host_allowed(header: str, hosts: list[str]) -> bool:
    """
    >>> [host_allowed(h, ["localhost"]) for h in ("localhost:8501", "evil.example", "", "localhost@evil.example")]
    [True, False, False, False]
    """
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port
    except ValueError:
        return False
    return parts.netloc == header and "@" not in header and (parts.hostname or "") in hosts


ROUTES = [
    Route("/films/{token}/{name}.mp4", _film),
    Route("/boxes/{token}/{run}/{camera}", _boxes),
]
