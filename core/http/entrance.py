"""Who may come in: a browser that has exchanged the start secret for a cookie at `/enter`.

The cookie is named after the port that the browser sees, since browsers share cookies among all ports of a host, and
its value follows from secret and port: it does not reveal the secret, and nothing is stored for it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from functools import cached_property
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

_COOKIE_SECONDS = 90 * 24 * 3600
_REFUSAL = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sightline: not signed in</title>
<style>
  :root { color-scheme: light dark; }
  body { max-width: 40rem; margin: 10vh auto; padding: 0 1rem; font: 1rem/1.5 sans-serif; }
  code { padding: .1rem .3rem; border: 1px solid; border-radius: .2rem; white-space: nowrap; }
</style>
<h1>This browser is not signed in</h1>
<p>Sightline is open only to the user who started it. To come in, use the address that it printed when it started, or
type this in its folder, on the computer where it runs:</p>
<p><code>.venv/bin/python -m core open</code></p>
<p>On Windows: <code>.venv\\Scripts\\python -m core open</code></p>
<p>It prints the address and opens it in the browser. Pages that are open already work again once they are reloaded.</p>
</html>
"""


class Entrance:
    """Gives out the cookie and asks for it. `secret` is called once, when it is first needed."""

    def __init__(self, secret: Callable[[], str]) -> None:
        self._load = secret

    @cached_property
    def secret(self) -> str:
        return self._load()

    def admits(self, request: HTTPConnection) -> bool:
        """Whether the request brings the cookie."""
        port = _port(request)
        return _equal(request.cookies.get(cookie_name(port), ""), self.cookie(port))

    def cookie(self, port: int) -> str:
        """The value of the cookie at this port."""
        return hmac.new(self.secret.encode(), f"cookie {port}".encode(), hashlib.sha256).hexdigest()

    def enter(self, request: Request) -> Response:
        """The cookie and the way to the first page in exchange for the secret, or how to come in."""
        if not _equal(request.query_params.get("secret", ""), self.secret):
            return refusal()
        port = _port(request)
        answer = RedirectResponse("/", status_code=303, headers={"Cache-Control": "no-store"})
        answer.set_cookie(
            cookie_name(port),
            self.cookie(port),
            max_age=_COOKIE_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer


def cookie_name(port: int) -> str:
    return f"sightline-{port}"


def refusal() -> Response:
    """A page that says how to come in."""
    return HTMLResponse(_REFUSAL, status_code=403, headers={"Cache-Control": "no-store"})


def _port(request: HTTPConnection) -> int:
    """The port of the address in the browser, which a tunnel may have changed."""
    port = urlsplit(f"//{request.headers.get('host', '')}").port
    return port or (443 if request.url.scheme in ("https", "wss") else 80)


def _equal(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())
