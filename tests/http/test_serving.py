"""The routes beside Streamlit's own: parts of a film, boxes; foreign hosts, crooked paths refused."""

import asyncio
import shutil
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from core.http import FILM_ROUTES as ROUTES
from core.http import Guard, boxes_address, detections_address, film_address
from core.http import media as previews
from core.http.entrance import cookie_name
from core.machine.paths import cache_dir
from core.workspace.jobs import PREVIEW
from tests.pages.making import COOKIES, ENTRANCE, asked, clip_at, finished_run, order_for

CONTENT = bytes(range(256)) * 8
DIGEST = "0123456789abcdef" * 2
HOST = [(b"host", b"localhost:8501"), *((b"cookie", f"{name}={value}".encode()) for name, value in COOKIES.items())]


class Client:
    """Asks the routes as a browser would, without a server."""

    def get(self, address: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return asked(ROUTES, address, headers=headers or {})


@pytest.fixture
def client() -> Client:
    films = cache_dir() / "proxies"
    films.mkdir(parents=True)
    (films / f"{DIGEST}.mp4").write_bytes(CONTENT)
    (cache_dir() / "secret.mp4").write_bytes(b"secret")
    return Client()


def test_the_whole_film(client: Client) -> None:
    answer = client.get(film_address(DIGEST))
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"


RANGES = {"bytes=0-0": (0, 1), "bytes=100-299": (100, 300), "bytes=2000-": (2000, 2048), "bytes=-5": (2043, 2048)}


@pytest.mark.parametrize(("asked", "part"), RANGES.items())
def test_a_part_of_the_film(client: Client, asked: str, part: tuple[int, int]) -> None:
    answer = client.get(film_address(DIGEST), headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == CONTENT[slice(*part)]
    assert answer.headers["content-range"] == f"bytes {part[0]}-{part[1] - 1}/{len(CONTENT)}"


def test_a_part_beyond_the_end(client: Client) -> None:
    assert client.get(film_address(DIGEST), headers={"Range": "bytes=9999-"}).status_code == 416


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:8501", "localhost@evil.example", ""]
)
def test_foreign_hosts_are_refused(client: Client, host: str) -> None:
    assert client.get(film_address(DIGEST), headers={"Host": host}).status_code == 403
    assert client.get(boxes_address("0" * 20, "gate", 0), headers={"Host": host}).status_code == 403


@pytest.mark.parametrize(("host", "port"), [("localhost", 80), ("localhost:9000", 9000), ("127.0.0.1:8501", 8501)])
def test_our_own_hosts_are_served(client: Client, host: str, port: int) -> None:
    cookies = {cookie_name(port): ENTRANCE.cookie(port)}
    assert asked(ROUTES, film_address(DIGEST), headers={"Host": host}, cookies=cookies).status_code == 200


CROOKED = [
    "..%2Fsecret",
    "%2e%2e%2fsecret",
    "../secret",
    "..%5Csecret",
    "%2Fetc%2Fpasswd",
    "0" * 31,
    DIGEST.upper(),
    "*",
]


@pytest.mark.parametrize("name", CROOKED)
def test_crooked_names_find_nothing(client: Client, name: str) -> None:
    assert client.get(f"/films/{name}.mp4").status_code == 404


def test_boxes_of_a_run(client: Client, own_house: Path) -> None:
    clip = clip_at(own_house)
    key = finished_run(order_for(clip), [clip])
    answer = client.get(boxes_address(key, "gate", 1))
    assert answer.status_code == 200
    assert answer.json()["track"] == [1, 2, 1, 2, 1, 2, 1, 2]
    assert client.get(boxes_address(key, "no such camera", 1)).status_code == 404
    assert client.get(boxes_address(key, "../gate", 1)).status_code == 404
    assert client.get(f"/boxes/..%2F..%2F{key}/gate").status_code == 404
    assert client.get(boxes_address("f" * 20, "gate", 1)).status_code == 404
    # Its detections were never stored: that is said, in an answer that is no fault.
    answer = client.get(detections_address(key, "gate", 1))
    assert answer.status_code == 200 and "no longer in the cache" in answer.json()["missing"]
    assert client.get(detections_address(key, "../gate", 1)).status_code == 404


def test_a_picture_that_is_replaced_on_its_way_comes_whole() -> None:
    folder = cache_dir() / "runs" / ("0123456789" * 2)
    folder.mkdir(parents=True)
    picture = folder / PREVIEW
    picture.write_bytes(b"first picture")
    path = f"/preview/{folder.name}.jpg"
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": HOST}
    told: dict[bytes, bytes] = {}
    body = b""

    async def receive() -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal body
        if message["type"] == "http.response.start":
            told.update(message["headers"])
            picture.write_bytes(b"a second picture, which is larger")
        body += message.get("body", b"")

    asyncio.run(Guard(Starlette(routes=previews.PREVIEW_ROUTES), ENTRANCE)(scope, receive, send))
    assert (int(told[b"content-length"]), body) == (len(b"first picture"), b"first picture")


def test_what_a_browser_keeps_of_a_picture_ends_with_the_picture(client: Client) -> None:
    first = client.get(film_address(DIGEST))
    assert first.headers["cache-control"] == "private, no-cache"
    tag = {"If-None-Match": first.headers["etag"]}
    assert (client.get(film_address(DIGEST), tag).status_code, client.get(film_address(DIGEST), tag).content) == (
        304,
        b"",
    )
    film = cache_dir() / "proxies" / f"{DIGEST}.mp4"
    film.write_bytes(CONTENT + b"more")
    assert client.get(film_address(DIGEST), tag).status_code == 200
    film.unlink()
    assert client.get(film_address(DIGEST), tag).status_code == 404


def test_boxes_are_asked_for_again_and_sent_once(client: Client, own_house: Path) -> None:
    clip = clip_at(own_house)
    key = finished_run(order_for(clip), [clip])
    first = client.get(boxes_address(key, "gate", 1))
    tag = {"If-None-Match": first.headers["etag"]}
    assert first.headers["cache-control"] == "private, no-cache"
    assert client.get(boxes_address(key, "gate", 1), tag).status_code == 304
    shutil.rmtree(cache_dir() / "runs" / key)
    assert client.get(boxes_address(key, "gate", 1), tag).status_code == 404
