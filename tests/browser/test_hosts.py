"""The app as it really runs answers this machine's own page, and nobody who comes by another name or site."""

import re

import httpx

from tests.browser.conftest import Address, cookies_of

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


STRANGERS = (
    {"Host": "evil.example"},
    {"Host": "localhost.evil.example:8501"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
)


def test_pages_files_and_socket_are_refused_to_strangers(server: Address) -> None:
    cookies = cookies_of(server)
    for headers in STRANGERS:
        for path in ("/", "/people?case=abc", "/_stcore/health", "/static/index.html"):
            answer = httpx.get(server + path, headers=headers, cookies=cookies)
            assert answer.status_code == 403, (headers, path)
        answer = httpx.get(server + "/_stcore/stream", headers={**UPGRADE, **headers}, cookies=cookies)
        assert answer.status_code == 403, headers


def test_our_own_page_is_answered(server: Address) -> None:
    cookies, headers = cookies_of(server), {"Origin": server}
    assert httpx.get(server, headers=headers, cookies=cookies).status_code == 200
    # What a browser may keep is for Streamlit to say: its files for long, its page not.
    script = re.search(r"static/js/index[\w.-]+", httpx.get(server, cookies=cookies).text)
    assert script and "immutable" in httpx.get(f"{server}/{script[0]}", cookies=cookies).headers["cache-control"]
    assert httpx.get(server, cookies=cookies).headers["cache-control"] == "no-cache"
    socket = server + "/_stcore/stream"
    with httpx.stream("GET", socket, headers={**UPGRADE, **headers}, cookies=cookies) as answer:
        assert answer.status_code == 101
