"""Brings the bytes of one address into a `.part` file, going on where an earlier attempt stopped.

Bytes are added only to a part of the same file: the server is asked with If-Range, and its answer is compared with
what was written down beside the part; anything else starts anew. Only https is spoken, after a redirect too, and no
server decides a file's name. Refuses to say whether the bytes are right.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from core.errors import StoreError, WeightsError

BLOCK = 1 << 18
TIMEOUT_SECONDS = 30.0
AGAIN = "Run the same command again; it goes on from there."
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Source:
    """An address and about how many bytes it gives: half to double is believed, so that no page of excuses is.

    `plain_host` may be asked without https: a server on this machine, in tests.
    """

    url: str
    about_bytes: float
    plain_host: str = ""


@dataclass(frozen=True)
class _Begun:
    """What a part holds the beginning of: an address, the version it had (ETag or time of change), its size."""

    url: str
    version: str
    size: int


def fetch(source: Source, part: Path, tell: Tell) -> None:
    """Fill `part`; `tell` hears how many bytes are there and how many there will be.

    Where the server does not answer or give the file, the error's remedy is left to the caller.
    """
    begun = _recall(part)
    held = part.stat().st_size if part.is_file() else 0
    if begun and begun.url == source.url and held == begun.size:
        tell(held, held)
        return
    if begun and begun.url == source.url and begun.version and 0 < held < begun.size:
        with _asked(source, {"Range": f"bytes={held}-", "If-Range": begun.version}) as answer:
            if _goes_on(answer, held, begun):
                return _save(answer, part, held, begun, tell)
            if answer.status == 200:
                return _save_anew(answer, part, source, tell)
    with _asked(source, {}) as answer:
        _save_anew(answer, part, source, tell)


def forget(part: Path) -> None:
    """Remove a part and what is written down about it."""
    part.unlink(missing_ok=True)
    _notes(part).unlink(missing_ok=True)


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, plain_host: str) -> None:
        self._plain_host = plain_host

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        _check(newurl, self._plain_host)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check(url: str, plain_host: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and plain_host and parts.hostname == plain_host):
        raise WeightsError(f"{url} is no https address, and nothing else is fetched from")


@contextlib.contextmanager
def _asked(source: Source, headers: dict[str, str]) -> Iterator[Any]:
    """The server's answer; one of status 416 (nothing after what is held) counts as one."""
    _check(source.url, source.plain_host)
    opener = urllib.request.build_opener(_Redirects(source.plain_host))
    request = urllib.request.Request(source.url, headers={"User-Agent": "sightline", **headers})
    host = urlsplit(source.url).hostname
    try:
        answer = opener.open(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as refusal:
        if refusal.code != 416:
            refusal.close()
            raise WeightsError(f"{host} does not give {source.url} ({refusal.code} {refusal.reason})") from refusal
        answer = refusal
    except (OSError, http.client.HTTPException) as fault:
        raise WeightsError(f"{host} cannot be reached ({getattr(fault, 'reason', fault)})") from fault
    with answer:
        yield answer


def _goes_on(answer: Any, held: int, begun: _Begun) -> bool:
    """Whether the answer is the rest of what was begun."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
    same = _version(answer.headers) in ("", begun.version)
    return bool(answer.status == 206 and same and span and (int(span[1]), int(span[2])) == (held, begun.size))


def _version(headers: Mapping[str, str]) -> str:
    """A weak ETag vouches for the meaning of a file, not for its bytes."""
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _save_anew(answer: Any, part: Path, source: Source, tell: Tell) -> None:
    length = answer.headers.get("Content-Length", "")
    size = int(length) if length.isdigit() else 0
    if not source.about_bytes / 2 <= size <= source.about_bytes * 2:
        said = f"{size:,} bytes" if size else "a file of unknown length"
        raise WeightsError(f"{source.url} gives {said}, and about {source.about_bytes:,.0f} were expected")
    _save(answer, part, 0, _Begun(source.url, _version(answer.headers), size), tell)


def _save(answer: Any, part: Path, held: int, begun: _Begun, tell: Tell) -> None:
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        if not held:
            # Before the notes: a stop in between must not leave notes on one version beside the bytes of another.
            forget(part)
        _notes(part).write_text(json.dumps(asdict(begun)), encoding="utf-8")
        # Unbuffered: a full disk is then met where bytes are written, and never when a file is closed.
        with part.open("r+b" if held else "wb", buffering=0) as file:
            file.seek(held)
            tell(held, begun.size)
            for block in _blocks(answer, held, begun.size):
                _write(file, block)
                held += len(block)
                tell(held, begun.size)
    except OSError as fault:
        raise StoreError(f"{part} cannot be written ({fault.strerror})", f"Free some space. {AGAIN}") from fault


def _write(file: Any, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[file.write(rest) :]


def _blocks(answer: BinaryIO, held: int, size: int) -> Iterator[bytes]:
    """The answer's bytes, never more than are due, and an error where they are fewer."""
    broken = ""
    while held < size and not broken:
        try:
            block = answer.read(min(BLOCK, size - held))
        except (OSError, http.client.HTTPException) as fault:
            block, broken = b"", str(fault)
        if not block:
            raise WeightsError(
                f"the connection broke after {held / 1e6:.1f} of {size / 1e6:.1f} MB{broken and f' ({broken})'}", AGAIN
            )
        held += len(block)
        yield block


def _notes(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _recall(part: Path) -> _Begun | None:
    """What was begun in `part`; None where nothing was, or nothing that can be read."""
    try:
        return _Begun(**json.loads(_notes(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
