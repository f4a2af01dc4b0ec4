"""Access control: every route beside Streamlit's own pages is made here, and requests from elsewhere are refused.

`LocalOnly` wraps the whole app and gets the hosts that are served. Each route checks the Host again, because
Streamlit's own list guards its socket only; the Origin, if the browser sends one; and a token that is new with each
process and reaches the browser through the page. Handlers match names against patterns and build no path from a
request's text.
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
    # A browser asks again each time, so that what it keeps of a picture ends with the picture.
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def guarded(path: str, answer: Answer, methods: Sequence[str] = ("GET",)) -> Route:
    """A route that answers only permitted requests. `path` contains `{token}`."""

    async def check_and_answer(request: Request) -> Response:
        return _refusal(request) or _revalidated(request, await answer(request))

    return Route(path, check_and_answer, methods=list(methods))


def serve_file(file: Path | None, media_type: str) -> Response:
    """A file, or the range of it that the browser requests; 404 if there is none."""
    if file is None or not file.is_file():
        return Response(status_code=404)
    # With its state, the response has an ETag.
    return FileResponse(file, media_type=media_type, headers=HEADERS, stat_result=file.stat())


def has_copy(request: Request, tag: str) -> bool:
    """Whether the browser has the content with this ETag already."""
    return tag in request.headers.get("if-none-match", "").split(", ")


def _revalidated(request: Request, response: Response) -> Response:
    """The response; or, if the browser has its content already, one that says so."""
    tag = response.headers.get("etag", "")
    if response.status_code != 200 or not tag or not has_copy(request, tag):
        return response
    return Response(status_code=304, headers={**HEADERS, "ETag": tag})


def _refusal(request: Request) -> Response | None:
    if reason := refusal_reason(request.headers, request.scope.get(_HOSTS, LOCAL_HOSTS)):
        return Response(reason, status_code=403)
    if not secrets.compare_digest(request.path_params["token"].encode(), TOKEN.encode()):
        return Response("This link has expired. Open it from the page.", status_code=403)
    return None


class LocalOnly:
    """Wraps the whole app, its pages and socket: requests for other hosts or from other sites are refused."""

    def __init__(self, app: ASGIApp, allowed_hosts: Callable[[], Sequence[str]] = lambda: LOCAL_HOSTS) -> None:
        self._app = app
        self._allowed_hosts = allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_HOSTS] = tuple(self._allowed_hosts()) or LOCAL_HOSTS
        reason = refusal_reason(Headers(scope=scope), scope[_HOSTS]) if scope["type"] in ("http", "websocket") else ""
        if not reason:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await Response(reason, status_code=403)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})


def refusal_reason(headers: Headers, hosts: Sequence[str]) -> str:
    """Why a request is refused, as a message; empty if it is permitted."""
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
