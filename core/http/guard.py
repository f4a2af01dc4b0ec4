"""Who may ask for anything beside Streamlit's own pages: every route of ours is made here.

`LocalOnly` stands around the whole app and is told which hosts are served. Each route checks the Host again, because
Streamlit's list guards the socket only, the Origin where a browser names one, and a token that is new with each process
and reaches the browser through the page. Names are matched, never joined from what a request says.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

Answer = Callable[[Request], Awaitable[Response]]
TOKEN = secrets.token_urlsafe(24)
LOCAL_HOSTS = ("localhost", "127.0.0.1")
_HOSTS = "sightline.allowed_hosts"
HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def guarded(path: str, answer: Answer, methods: Sequence[str] = ("GET",)) -> Route:
    """A route that answers only whoever may ask. `path` holds `{token}`."""

    async def checked(request: Request) -> Response:
        return _refused(request) or await answer(request)

    return Route(path, checked, methods=list(methods))


def served(file: Path | None, kind: str) -> Response:
    """A file, in parts where the browser asks for parts; 404 where there is none."""
    if file is None or not file.is_file():
        return Response(status_code=404)
    return FileResponse(file, media_type=kind, headers=HEADERS)


def _refused(request: Request) -> Response | None:
    if why := foreign(request.headers, request.scope.get(_HOSTS, LOCAL_HOSTS)):
        return Response(why, status_code=403)
    if not secrets.compare_digest(request.path_params["token"].encode(), TOKEN.encode()):
        return Response("This link has expired. Open it from the page.", status_code=403)
    return None


class LocalOnly:
    """Around all of the app, Streamlit's pages and socket too: whoever comes by another name or site is sent away."""

    def __init__(self, app: ASGIApp, allowed_hosts: Callable[[], Sequence[str]] = lambda: LOCAL_HOSTS) -> None:
        self._app = app
        self._allowed_hosts = allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_HOSTS] = tuple(self._allowed_hosts()) or LOCAL_HOSTS
        why = foreign(Headers(scope=scope), scope[_HOSTS]) if scope["type"] in ("http", "websocket") else ""
        if not why:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await Response(why, status_code=403)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})


def foreign(headers: Headers, hosts: Sequence[str]) -> str:
    """Why a request is none of ours, in words; empty for one that is."""
    host, origin = headers.get("host", ""), headers.get("origin")
    if not host_allowed(host, hosts):
        return "This host name is not allowed."
    return "Requests from other sites are refused." if origin is not None and urlsplit(origin).netloc != host else ""


def host_allowed(header: str, hosts: Sequence[str]) -> bool:
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
