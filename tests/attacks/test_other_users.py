"""Another user of the machine, and another machine in the network."""

from __future__ import annotations

import http.client
import json
import os
import socket
import stat
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app import ROUTES
from core.http import (
    Entrance,
    guarded,
)
from core.http.entrance import cookie_name
from core.machine import servers
from core.machine.servers import open_browser, start_secret
from core.workspace.cases import Cases
from tests.browser.conftest import Address, at_home, cookies_of
from tests.browser.test_hosts import UPGRADE
from tests.pages.making import BASE, ENTRANCE, asked

NOBODY = 65534
STREAMLIT = (
    "/",
    "/people?case=0",
    "/favicon.png",
    "/static/index.html",
    "/media/x.jpg",
    "/component/x/index.html",
    "/app/static/x",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/script-health-check",
    "/_stcore/agent/openapi.json",
    "/_stcore/upload_file/x/y",
)


async def _private(request: Request) -> Response:
    return PlainTextResponse("a recording")


PRIVATE = [guarded("/private", _private)]


def addresses() -> list[tuple[str, str]]:
    """A method and an address of each of our routes and of Streamlit's."""
    own = [(min(route.methods or ()), route.path.replace("{", "").replace("}", "")) for route in ROUTES]
    return [*own, *(("GET", path) for path in STREAMLIT), ("PUT", "/_stcore/upload_file/x/y"), ("POST", "/")]


@pytest.mark.slow
@pytest.mark.always
def test_without_the_cookie_nothing_is_answered(server: Address) -> None:
    with httpx.Client(base_url=server) as stranger, httpx.Client(base_url=server, cookies=cookies_of(server)) as owner:
        for method, path in addresses():
            answer = stranger.request(method, path)
            assert answer.status_code == 403 and "core open" in answer.text, (method, path)
        assert stranger.get("/_stcore/stream", headers=UPGRADE).status_code == 403
        assert owner.get("/").status_code == owner.get("/_stcore/host-config").status_code == 200


def test_a_route_without_the_guard_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(PRIVATE, "/private", cookies={}).status_code == 403
    assert asked(PRIVATE, "/private").text == "a recording"
    monkeypatch.setattr(Entrance, "admits", lambda self, request: True)
    assert asked(PRIVATE, "/private", cookies={}).text == "a recording"


GUESSES: dict[str, Callable[[], dict[str, str]]] = {
    "the secret itself": lambda: {cookie_name(8501): ENTRANCE.secret},
    "of another port": lambda: {cookie_name(8501): ENTRANCE.cookie(8502)},
    "under another name": lambda: {cookie_name(8502): ENTRANCE.cookie(8501)},
    "cut short": lambda: {cookie_name(8501): ENTRANCE.cookie(8501)[:-1]},
    "empty": lambda: {cookie_name(8501): ""},
    "of another secret": lambda: {cookie_name(8501): Entrance(lambda: "a guess").cookie(8501)},
}


@pytest.mark.parametrize("cookies", GUESSES.values(), ids=GUESSES)
def test_a_guessed_cookie_is_refused(cookies: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(PRIVATE, "/private", cookies=cookies()).status_code == 403
    monkeypatch.setattr("core.http.entrance._equal", lambda given, right: True)
    assert asked(PRIVATE, "/private", cookies=cookies()).status_code == 200


@pytest.mark.parametrize("secret", ["", "guess", ENTRANCE.secret[:-1], ENTRANCE.cookie(8501), "%00", "%C3%A9"])
def test_a_guessed_secret_gets_no_cookie(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = asked(PRIVATE, f"/enter?secret={secret}", cookies={})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers
    monkeypatch.setattr("core.http.entrance._equal", lambda given, right: True)
    assert "set-cookie" in asked(PRIVATE, f"/enter?secret={secret}", cookies={}).headers


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites() -> None:
    answer = asked(PRIVATE, "/enter", params={"secret": ENTRANCE.secret}, cookies={})
    assert (answer.status_code, answer.headers["location"], answer.headers["cache-control"]) == (303, "/", "no-store")
    name, _, rest = answer.headers["set-cookie"].partition("=")
    assert name == cookie_name(httpx.URL(BASE).port or 0) and ENTRANCE.secret not in rest
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in rest.split(";")}


def test_the_secret_is_kept_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    with at_home(tmp_path):
        secret = start_secret()
        (file,) = tmp_path.rglob("secret")
        assert start_secret() == secret == file.read_text() and len(secret) == 43
        if sys.platform != "win32":
            modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (file, file.parent, file.parents[1])}
            assert modes == {0}
            # Whoever could read it may have done so.
            file.chmod(0o644)
            assert start_secret() != secret and stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="on Windows, other users cannot read the arguments of a process")
def test_the_browser_is_opened_without_the_secret_in_its_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_home(tmp_path):
        started: list[list[str]] = []
        pages: list[tuple[int, str]] = []

        def run(words: list[str], **options: object) -> None:
            page = Path(httpx.URL(words[-1]).path)
            started.append(words)
            pages.append((stat.S_IMODE(page.stat().st_mode), page.read_text()))

        monkeypatch.setattr(subprocess, "run", run)
        # Where there are snaps, the page is in the home folder for a while.
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        monkeypatch.setattr(servers.platform, "release", lambda: "6.1")
        monkeypatch.setattr(servers, "_PAGE_SECONDS", 0)
        address = servers.enter_address("localhost", 8501, start_secret())
        open_browser(address)
        (words,) = started
        assert start_secret() not in " ".join(words) and words[-1].startswith("file://")
        ((mode, content),) = pages
        assert mode == 0o600 and address in content


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="needs root, to become another user")
def test_another_user_reads_nothing_from_port_files_or_ps(server: Address, home: Path) -> None:
    with at_home(home):
        Cases().new("Till 3", "a purpose")
        secret = start_secret()
    files = [str(path) for path in home.rglob("*") if path.is_file() and path.name != "log"]
    assert any("case.json" in path for path in files) and any(path.endswith("/secret") for path in files)
    report = as_user(NOBODY, lambda: loot(server, files, secret))
    assert report == {"status": [403, 403], "files": [], "arguments": []}
    # The same attack by the owner finds the files.
    assert loot(server, files, secret)["files"] == files


def loot(server: str, files: list[str], secret: str) -> dict[str, Any]:
    """What can be had without the cookie: answers of the port, files that can be read, arguments with the secret."""
    status, readable, arguments = [], [], []
    for path in ("/", "/_stcore/host-config"):
        connection = http.client.HTTPConnection(server.removeprefix("http://"))
        connection.request("GET", path)
        status.append(connection.getresponse().status)
        connection.close()
    for name in files:
        try:
            Path(name).read_bytes()
        except OSError:
            continue
        readable.append(name)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments += [process.name] if secret in (process / "cmdline").read_text(errors="replace") else []
        except OSError:
            continue
    return {"status": status, "files": readable, "arguments": arguments}


def as_user(uid: int, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` gives in a child process of that user, which needs no program that he may not read."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            os.write(writing, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        content = pipe.read()
    os.waitpid(child, 0)
    found: dict[str, Any] = json.loads(content)
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs a second address of this machine")
def test_another_machine_finds_no_open_port(server: Address) -> None:
    """127.0.0.2 is an address of this machine, and not the one that the app listens on."""
    port = int(server.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 5):
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), 5)
