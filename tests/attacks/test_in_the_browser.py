"""What Chromium does with pages that want to use ours, and with texts that got into ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import PROGRAM, Address, cookies_of, enter

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Its own check of requests to this machine is off: not every browser has it."""
    if PROGRAM is None:
        pytest.skip("needs Chromium, which is not on this machine")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-features=LocalNetworkAccessChecks"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Browser, server: Address) -> Iterator[Page]:
    """A tab that has been let in."""
    context = chromium.new_context()
    enter(context, server)
    yield context.new_page()
    context.close()


class Elsewhere(HTTPServer):
    """Another server on this machine, which notes what it is asked for."""

    def __init__(self, page: str) -> None:
        self.asked: list[str] = []
        self.page = page
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Elsewhere

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.server.page.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere(server: Address) -> Iterator[Elsewhere]:
    page = f'<h1>Win a prize</h1><iframe src="{server}/"></iframe><img src="{server}/favicon.png">'
    with Elsewhere(page) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def test_another_page_can_neither_frame_the_app_nor_use_its_pictures(tab: Page, elsewhere: Elsewhere) -> None:
    """Another port is the same site, so that the cookie comes along."""
    tab.goto(elsewhere.address)
    expect(tab.get_by_role("heading", name="Win a prize")).to_be_visible()
    tab.wait_for_load_state("load")
    (_, frame) = tab.frames
    assert "Sightline" not in frame.content() and "stApp" not in frame.content()
    assert tab.evaluate("document.querySelector('img').naturalWidth") == 0


def test_no_page_is_listened_to(server: Address) -> None:
    """By default, pages of streamlit.app may steer the app."""
    answer = httpx.get(f"{server}/_stcore/host-config", cookies=cookies_of(server)).json()
    assert answer["allowedOrigins"] == [] and not answer["enableCustomParentMessages"]


ATTEMPTS = {
    "picture": "new Image().src = '{away}/picture'",
    "style": "document.body.style.background = 'url({away}/style)'",
    "fetch": "fetch('{away}/fetch', {{mode: 'no-cors'}}).catch(() => 0)",
    "beacon": "navigator.sendBeacon('{away}/beacon', 'x')",
    "socket": "new WebSocket('{away}/socket'.replace('http', 'ws'))",
    "script": "document.head.append(Object.assign(document.createElement('script'), {{src: '{away}/script'}}))",
    "frame": "document.body.append(Object.assign(document.createElement('iframe'), {{src: '{away}/frame'}}))",
    "film": "document.body.append(Object.assign(document.createElement('video'), {{src: '{away}/film'}}))",
    "form": "const f = Object.assign(document.createElement('form'), {{action: '{away}/form'}}); "
    "document.body.append(f); f.submit()",
    "inline": "document.head.append(Object.assign(document.createElement('script'), {{text: 'hacked = 1'}}))",
    "handler": "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"hacked = 1\">')",
    "eval": "eval('globalThis.hacked = 1')",
    "base": "document.head.append(Object.assign(document.createElement('base'), {{href: '{away}/base/'}}))",
}


def test_what_gets_into_a_page_neither_runs_nor_asks_elsewhere(tab: Page, server: Address) -> None:
    """Whatever gets past the escaping of texts. Each attempt is one that the policy names."""
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    with Elsewhere("") as away:
        threading.Thread(target=away.serve_forever, daemon=True).start()
        tab.goto(server)
        expect(tab.get_by_role("heading", name="Sightline", level=1)).to_be_visible()
        assert said == []
        for name, script in ATTEMPTS.items():
            said.clear()
            # As a script of the page, since those that a debugger runs are exempt from some rules.
            fault = tab.evaluate(_WITH_MODULE, script.format(away=away.address))
            tab.wait_for_timeout(150)
            # So the tests of all pages, in which nothing may be said in red, would notice it too.
            assert any("Content Security Policy" in line for line in [*said, str(fault)]), (name, said)
        assert tab.evaluate("typeof hacked") == "undefined"
        away.shutdown()
    assert away.asked == []


_WITH_MODULE = """code => {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  return import(url).catch((fault) => String(fault));
}"""
