"""One file over the network: https only, continued where it stopped, within limits of time. Only `download` calls this,
when a user has asked for a model, and no other module of the program opens a connection to another machine.

Bytes go to a `.part` file, which a later attempt continues. It is continued only with bytes of the same file: the
server is asked with If-Range, and its answer is compared with the notes beside the part. No server decides a file's
name."""

from __future__ import annotations

import contextlib
import http.client
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.base.errors import StoreError, WeightsError
from core.base.progress import Progress
from core.machine.paths import make_folder
from core.machine.records import RecordFormat

BLOCK_BYTES = 1 << 18
CONNECT_SECONDS = 15.0
"""Until an answer begins: finding the address, connecting and all redirects together."""
STALL_SECONDS = 20.0
"""Without a single byte, after which a connection counts as broken."""
_POLL_SECONDS = 0.1
_RESUME_HINT = "Try again; the download continues where it stopped."


@dataclass(frozen=True)
class Source:
    """An address and the approximate size of its file.

    A file of less than half or more than twice `about_bytes` is refused, for it may be an error page.
    `plain_host` may be asked without https: a server on this machine, in tests.
    """

    url: str
    about_bytes: float
    plain_host: str = ""


@dataclass(frozen=True)
class _PartialDownload:
    """The notes beside a part: the file's address, version (ETag or modification time) and complete size."""

    url: str
    version: str
    size: int


_NOTES = RecordFormat(_PartialDownload, "record of a download", unversioned=1)


def fetch(source: Source, part: Path, progress: Progress) -> None:
    """Download into `part`, continuing it where possible; progress counts bytes.

    Where the server does not answer or does not have the file, the caller adds the remedy to the `WeightsError`.
    """
    partial = _read_notes(part)
    offset = part.stat().st_size if part.is_file() else 0
    if partial and partial.url == source.url and offset == partial.size:
        progress.begin("download", offset, offset)
        return
    if partial and partial.url == source.url and partial.version and 0 < offset < partial.size:
        with _request(source, progress, {"Range": f"bytes={offset}-", "If-Range": partial.version}) as answer:
            if _is_continuation(answer, offset, partial):
                return _save(answer, part, offset, partial, progress)
            if answer.status == 200:
                return _restart(answer, part, source, progress)
    with _request(source, progress, {}) as answer:
        _restart(answer, part, source, progress)


def remove_part(part: Path) -> None:
    """Remove a part and its notes."""
    part.unlink(missing_ok=True)
    _notes(part).unlink(missing_ok=True)


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, plain_host: str) -> None:
        self._plain_host = plain_host

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        _check(newurl, self._plain_host)
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def http_error_302(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any) -> Any:
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except (WeightsError, ValueError):
            fp.close()
            raise

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _check(url: str, plain_host: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and plain_host and parts.hostname == plain_host):
        raise WeightsError(f"{url} is not an https address, and downloads use https only")


@contextlib.contextmanager
def _request(source: Source, progress: Progress, headers: dict[str, str]) -> Iterator[Any]:
    """The server's answer, status 416 (nothing after the offset asked for) included."""
    _check(source.url, source.plain_host)
    opener = urllib.request.build_opener(_Redirects(source.plain_host))
    request = urllib.request.Request(source.url, headers={"User-Agent": "sightline", **headers})
    host = urlsplit(source.url).hostname
    try:
        answer = _open(opener, request, progress)
    except urllib.error.HTTPError as refusal:
        if refusal.code != 416:
            refusal.close()
            raise WeightsError(f"{host} does not provide {source.url} ({refusal.code} {refusal.reason})") from refusal
        answer = refusal
    except (OSError, ValueError, http.client.HTTPException) as fault:
        raise WeightsError(f"{host} cannot be reached ({getattr(fault, 'reason', fault)})") from fault
    with answer:
        yield answer


def _open(opener: urllib.request.OpenerDirector, request: urllib.request.Request, progress: Progress) -> Any:
    """The answer, within `CONNECT_SECONDS` whatever takes that long; asked for in a thread, since no limit of the
    system's covers looking up the name and every address that it has."""
    asked: Future[Any] = Future()

    def ask() -> None:
        try:
            asked.set_result(opener.open(request, timeout=STALL_SECONDS))
        except Exception as fault:  # noqa: BLE001
            asked.set_exception(fault)

    threading.Thread(target=ask, name="sightline-download", daemon=True).start()
    end = time.monotonic() + CONNECT_SECONDS
    try:
        while not asked.done() and time.monotonic() < end:
            progress.check_cancelled()
            with contextlib.suppress(TimeoutError):
                asked.exception(_POLL_SECONDS)
        if not asked.done():
            raise TimeoutError(f"no answer within {CONNECT_SECONDS:g} s")
    except BaseException:
        asked.add_done_callback(_close)
        raise
    return asked.result()


def _close(asked: Future[Any]) -> None:
    """Close an answer that nobody waits for any more."""
    if asked.exception() is None:
        asked.result().close()


def _is_continuation(answer: Any, offset: int, partial: _PartialDownload) -> bool:
    """Whether the answer holds the bytes of `partial` from `offset` on."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
    same = _version(answer.headers) in ("", partial.version)
    return bool(answer.status == 206 and same and span and (int(span[1]), int(span[2])) == (offset, partial.size))


def _version(headers: Mapping[str, str]) -> str:
    """The strong ETag, or else the modification time: a weak ETag does not promise equal bytes."""
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _restart(answer: Any, part: Path, source: Source, progress: Progress) -> None:
    length = answer.headers.get("Content-Length", "")
    size = int(length) if length.isdigit() else 0
    if not source.about_bytes / 2 <= size <= source.about_bytes * 2:
        actual = f"{size:,} bytes" if size else "a file of unknown size"
        raise WeightsError(f"{source.url} offers {actual}; about {source.about_bytes:,.0f} bytes were expected")
    _save(answer, part, 0, _PartialDownload(source.url, _version(answer.headers), size), progress)


def _save(answer: Any, part: Path, offset: int, partial: _PartialDownload, progress: Progress) -> None:
    try:
        make_folder(part.parent)
        if not offset:
            # Before the notes: a stop in between must not leave notes of the new version beside bytes of the old one.
            remove_part(part)
        _notes(part).write_bytes(_NOTES.to_json(partial))
        # Unbuffered, so that a full disk is noticed when bytes are written, not when the file is closed.
        with part.open("r+b" if offset else "wb", buffering=0) as file:
            file.seek(offset)
            progress.begin("download", partial.size, offset)
            for block in _blocks(answer, offset, partial.size):
                _write(file, block)
                offset += len(block)
                progress.at(offset)
    except OSError as fault:
        raise StoreError(f"{part} cannot be written ({fault.strerror})", f"Free some space. {_RESUME_HINT}") from fault


def _write(file: Any, block: bytes) -> None:
    unwritten = memoryview(block)
    while unwritten:
        unwritten = unwritten[file.write(unwritten) :]


def _blocks(answer: Any, offset: int, size: int) -> Iterator[bytes]:
    """The answer's bytes up to `size`; `WeightsError` where they end before."""
    broken = ""
    while offset < size and not broken:
        try:
            # What has come, without waiting for a block to be full: a slow download can be cancelled too.
            block = answer.read1(min(BLOCK_BYTES, size - offset))
        except (OSError, http.client.HTTPException) as fault:
            block, broken = b"", str(fault)
        if not block:
            raise WeightsError(
                f"the connection broke after {offset / 1e6:.1f} of {size / 1e6:.1f} MB{broken and f' ({broken})'}",
                _RESUME_HINT,
            )
        offset += len(block)
        yield block


def _notes(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_notes(part: Path) -> _PartialDownload | None:
    """The notes on `part`; None where there are none that can be read."""
    try:
        return _NOTES.read(_notes(part))
    except (FileNotFoundError, StoreError):
        return None
