"""The app as it really runs answers this machine's own page, and nobody who comes by another name or site."""

import httpx

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


def test_pages_files_and_socket_are_refused_to_strangers(server: str) -> None:
    for headers in STRANGERS:
        for path in ("/", "/people?case=abc", "/_stcore/health", "/static/index.html"):
            assert httpx.get(server + path, headers=headers).status_code == 403, (headers, path)
        assert httpx.get(server + "/_stcore/stream", headers={**UPGRADE, **headers}).status_code == 403, headers


def test_our_own_page_is_answered(server: str) -> None:
    assert httpx.get(server, headers={"Origin": server}).status_code == 200
    with httpx.stream("GET", server + "/_stcore/stream", headers={**UPGRADE, "Origin": server}) as answer:
        assert answer.status_code == 101
