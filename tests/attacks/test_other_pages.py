"""Another page in the browser of somebody who has been let in: the cookie may come with its requests."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.http import Guard, guard, server_error
from core.http.entrance import cookie_name
from tests.attacks.test_other_users import PRIVATE
from tests.pages.making import BASE, COOKIES, ENTRANCE, asked

FOREIGN = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
VISIT = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def is_answered(**headers: str) -> bool:
    """Whether a request with these headers and the cookie is."""
    cookies = {**COOKIES, cookie_name(80): ENTRANCE.cookie(80)}
    return asked(PRIVATE, "/private", headers=headers, cookies=cookies).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8501", "localhost@evil.example"])
def test_a_name_that_leads_here_is_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of evil.example whose name suddenly leads to this machine (DNS rebinding)."""
    assert not is_answered(Host=host)
    monkeypatch.setattr(guard, "host_allowed", lambda header, hosts: True)
    monkeypatch.setattr(guard.Entrance, "admits", lambda self, request: True)
    assert is_answered(Host=host)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:9000", "http://127.0.0.1:8501"])
def test_another_origin_is_refused(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_answered(Origin=origin) and is_answered(Origin="http://localhost:8501")
    monkeypatch.setattr(guard, "refusal_reason", lambda headers, hosts: "")
    assert is_answered(Origin=origin)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("mode", ["no-cors", "cors", "websocket", "navigate"])
def test_what_another_page_embeds_or_fetches_is_refused(site: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another port of this machine is the same site: the cookie comes along."""
    request = {**FOREIGN, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
    assert not is_answered(**request)
    assert is_answered(**{**request, "Sec-Fetch-Site": "same-origin"}) and is_answered(**VISIT)
    monkeypatch.setattr(guard, "refusal_reason", lambda headers, hosts: "")
    assert is_answered(**request)


@pytest.mark.parametrize("destination", ["iframe", "frame", "embed", "object", "fencedframe"])
def test_a_frame_is_refused(destination: str, monkeypatch: pytest.MonkeyPatch) -> None:
    request = {**VISIT, "Sec-Fetch-Dest": destination}
    for site in ("cross-site", "same-site", "same-origin", "none"):
        assert not is_answered(**{**request, "Sec-Fetch-Site": site})
    monkeypatch.setattr(guard, "_FRAMES", ())
    assert is_answered(**{**request, "Sec-Fetch-Site": "same-origin"})


def _fail(request: Request) -> Response:
    raise ArithmeticError


async def _answer_of_a_fault() -> httpx.Response:
    app = Starlette(
        routes=[Route("/", _fail)],
        middleware=[Middleware(Guard, entrance=ENTRANCE)],
        exception_handlers={500: server_error},
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=COOKIES) as client:
        return await client.get("/")


def test_every_answer_says_what_a_page_may_load_and_who_may_use_it() -> None:
    answers = [
        asked(PRIVATE, "/private"),
        asked(PRIVATE, "/nothing"),
        asked(PRIVATE, "/private", cookies={}),
        asked(PRIVATE, "/private", headers={"Host": "evil.example"}),
        asked(PRIVATE, "/enter", params={"secret": ENTRANCE.secret}),
    ]
    answers.append(asyncio.run(_answer_of_a_fault()))
    assert [answer.status_code for answer in answers] == [200, 404, 403, 403, 303, 500]
    for answer in answers:
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'self'" and policy["frame-ancestors"] == "'none'"
        assert "unsafe" not in policy["script-src"] and policy["object-src"] == policy["base-uri"] == "'none'"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
