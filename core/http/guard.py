"""Access control: `Guard` wraps the whole app, its pages, socket, files and routes.

It refuses requests for other hosts, from other sites and from frames, and those without the cookie of the entrance. It
sets the headers of every answer, which tell the browser what a page may load, and that no other page may use it. Routes
beside Streamlit's own are made by `guarded` and answer only what has passed the guard. Handlers match names against
patterns and build no path from a request's text.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.http.entrance import Entrance, refusal
from core.machine.servers import ENTER_PATH

Answer = Callable[[Request], Awaitable[Response]]
LOCAL_HOSTS = ("localhost", "127.0.0.1")
# A browser asks again each time, so that what it keeps of a picture ends with the picture.
HEADERS = {"Cache-Control": "private, no-cache"}
_ADMITTED = "sightline.admitted"
_FRAMES = ("iframe", "frame", "embed", "object", "fencedframe")
_INLINE_SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def guarded(path: str, answer: Answer, methods: Sequence[str] = ("GET",)) -> Route:
    """A route that answers only what has passed the guard."""

    async def check_and_answer(request: Request) -> Response:
        if not request.scope.get(_ADMITTED):
            return refusal()
        return _revalidated(request, await answer(request))

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


class Guard:
    """Wraps the app. `page` is the HTML of its page, whose own inline scripts may run."""

    def __init__(
        self,
        app: ASGIApp,
        entrance: Entrance,
        page: str = "",
        allowed_hosts: Callable[[], Sequence[str]] = lambda: LOCAL_HOSTS,
    ) -> None:
        self._app = app
        self._entrance = entrance
        self._script_hashes = script_hashes(page)
        self._allowed_hosts = allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif refused := self._refusal(scope):
            if scope["type"] == "http":
                await refused(scope, receive, self._with_headers(scope, send))
            else:
                await send({"type": "websocket.close", "code": 1008})
        else:
            scope[_ADMITTED] = True
            await self._app(scope, receive, self._with_headers(scope, send))

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that goes no further; None if the app is to answer it."""
        if reason := refusal_reason(Headers(scope=scope), tuple(self._allowed_hosts()) or LOCAL_HOSTS):
            return Response(reason, status_code=403)
        if scope["type"] == "http" and scope["path"] == ENTER_PATH and scope["method"] == "GET":
            return self._entrance.enter(Request(scope))
        return None if self._entrance.admits(HTTPConnection(scope)) else refusal()

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        headers = answer_headers(Headers(scope=scope).get("host", ""), self._script_hashes)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        return send_with_headers


def server_error(request: Request, _: Exception) -> Response:
    """The answer to a request that failed: it is made outside of the guard, which could add no headers to it."""
    headers = answer_headers(request.headers.get("host", ""), "")
    return PlainTextResponse("This request failed; the terminal says why.", status_code=500, headers=headers)


def answer_headers(host: str, script_hashes: str) -> Mapping[str, str]:
    """What every answer says beside its content. `host` has been checked, or the answer is no page."""
    # Not every browser counts the socket as 'self'.
    sockets = f" ws://{host} wss://{host}" if re.fullmatch(r"[\w.:\[\]-]+", host) else ""
    policy = (
        "default-src 'self'",
        f"script-src 'self' blob:{script_hashes}",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "worker-src blob:",
        "font-src 'self' data:",
        f"connect-src 'self'{sockets}",
        "frame-src 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
    return {**_HEADERS, "Content-Security-Policy": "; ".join(policy)}


def script_hashes(page: str) -> str:
    """The sources of a policy that allow the inline scripts of a page, each after a space.

    >>> script_hashes("<script>let a</script><script src='b.js'></script>")
    " 'sha256-IfEXP/8HLuXoAiy0hZVrCAcjcLsZqYFpLOHDGj8enqE='"
    """
    scripts = _INLINE_SCRIPT.findall(page.replace("\r\n", "\n"))
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    return "".join(f" 'sha256-{digest}'" for digest in digests)


def refusal_reason(headers: Headers, hosts: Sequence[str]) -> str:
    """Why a request is refused, whoever it comes from, as a message; empty if it may be answered.

    Another site may lead the user here, by a link, but may not fetch, embed or send anything.
    """
    host, origin = headers.get("host", ""), headers.get("origin")
    if not host_allowed(host, hosts):
        return "This host name is not allowed."
    destination = headers.get("sec-fetch-dest", "")
    if destination in _FRAMES:
        return "This app cannot be shown inside another page."
    is_visit = headers.get("sec-fetch-mode") == "navigate" and destination == "document"
    is_own = headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    if (origin is not None and urlsplit(origin).netloc != host) or not (is_own or is_visit):
        return "Requests from other sites are refused."
    return ""


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
