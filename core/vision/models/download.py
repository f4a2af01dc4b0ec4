"""Downloading published weights when a user asks for them by name, and at no other time.

Bytes go to a `.part` file, which a later attempt continues. It is continued only with bytes of the same file: the
server is asked with If-Range, and its answer is compared with the notes beside the part. Only https is spoken, after a
redirect too, and no server decides a file's name. A file appears under its name only when it is complete and has the
manifest's SHA-256. Where the publisher states none, the first file is pinned (`core.vision.models.digests`) and the
user is told so. A file that is present is never overwritten."""

from __future__ import annotations

import contextlib
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal
from urllib.parse import urlsplit

from core.base.errors import StoreError, WeightsError
from core.base.progress import Progress
from core.machine.records import RecordFormat
from core.vision.models.digests import PINS_FILE, add_pin, model_digest, pins
from core.vision.models.manifest import ManifestEntry, download_folder, entries, status, statuses, verified_model
from core.vision.models.model import Model, ModelStatus

BLOCK_BYTES = 1 << 18
TIMEOUT_SECONDS = 30.0
_RESUME_HINT = "Run the same command again; the download continues where it stopped."
OnBytes = Callable[[int, int], None]
"""Called with the number of bytes present and the number expected."""


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


def fetch(source: Source, part: Path, on_bytes: OnBytes) -> None:
    """Download into `part`, continuing it where possible.

    Where the server does not answer or does not have the file, the caller adds the remedy to the `WeightsError`.
    """
    partial = _read_notes(part)
    offset = part.stat().st_size if part.is_file() else 0
    if partial and partial.url == source.url and offset == partial.size:
        on_bytes(offset, offset)
        return
    if partial and partial.url == source.url and partial.version and 0 < offset < partial.size:
        with _request(source, {"Range": f"bytes={offset}-", "If-Range": partial.version}) as answer:
            if _is_continuation(answer, offset, partial):
                return _save(answer, part, offset, partial, on_bytes)
            if answer.status == 200:
                return _restart(answer, part, source, on_bytes)
    with _request(source, {}) as answer:
        _restart(answer, part, source, on_bytes)


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


def _check(url: str, plain_host: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and plain_host and parts.hostname == plain_host):
        raise WeightsError(f"{url} is not an https address, and downloads use https only")


@contextlib.contextmanager
def _request(source: Source, headers: dict[str, str]) -> Iterator[Any]:
    """The server's answer, status 416 (nothing after the offset asked for) included."""
    _check(source.url, source.plain_host)
    opener = urllib.request.build_opener(_Redirects(source.plain_host))
    request = urllib.request.Request(source.url, headers={"User-Agent": "sightline", **headers})
    host = urlsplit(source.url).hostname
    try:
        answer = opener.open(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as refusal:
        if refusal.code != 416:
            refusal.close()
            raise WeightsError(f"{host} does not provide {source.url} ({refusal.code} {refusal.reason})") from refusal
        answer = refusal
    except (OSError, http.client.HTTPException) as fault:
        raise WeightsError(f"{host} cannot be reached ({getattr(fault, 'reason', fault)})") from fault
    with answer:
        yield answer


def _is_continuation(answer: Any, offset: int, partial: _PartialDownload) -> bool:
    """Whether the answer holds the bytes of `partial` from `offset` on."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
    same = _version(answer.headers) in ("", partial.version)
    return bool(answer.status == 206 and same and span and (int(span[1]), int(span[2])) == (offset, partial.size))


def _version(headers: Mapping[str, str]) -> str:
    """The strong ETag, or else the modification time: a weak ETag does not promise equal bytes."""
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _restart(answer: Any, part: Path, source: Source, on_bytes: OnBytes) -> None:
    length = answer.headers.get("Content-Length", "")
    size = int(length) if length.isdigit() else 0
    if not source.about_bytes / 2 <= size <= source.about_bytes * 2:
        actual = f"{size:,} bytes" if size else "a file of unknown size"
        raise WeightsError(f"{source.url} offers {actual}; about {source.about_bytes:,.0f} bytes were expected")
    _save(answer, part, 0, _PartialDownload(source.url, _version(answer.headers), size), on_bytes)


def _save(answer: Any, part: Path, offset: int, partial: _PartialDownload, on_bytes: OnBytes) -> None:
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        if not offset:
            # Before the notes: a stop in between must not leave notes of the new version beside bytes of the old one.
            remove_part(part)
        _notes(part).write_bytes(_NOTES.to_json(partial))
        # Unbuffered, so that a full disk is noticed when bytes are written, not when the file is closed.
        with part.open("r+b" if offset else "wb", buffering=0) as file:
            file.seek(offset)
            on_bytes(offset, partial.size)
            for block in _blocks(answer, offset, partial.size):
                _write(file, block)
                offset += len(block)
                on_bytes(offset, partial.size)
    except OSError as fault:
        raise StoreError(f"{part} cannot be written ({fault.strerror})", f"Free some space. {_RESUME_HINT}") from fault


def _write(file: Any, block: bytes) -> None:
    unwritten = memoryview(block)
    while unwritten:
        unwritten = unwritten[file.write(unwritten) :]


def _blocks(answer: BinaryIO, offset: int, size: int) -> Iterator[bytes]:
    """The answer's bytes up to `size`; `WeightsError` where they end before."""
    broken = ""
    while offset < size and not broken:
        try:
            block = answer.read(min(BLOCK_BYTES, size - offset))
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


@dataclass(frozen=True)
class Download:
    """A model that is present now; `state` says how its file was verified."""

    model: Model
    state: Literal["here already", "digest matches", "pin matches", "pinned now"]


def downloadable() -> list[ModelStatus]:
    """The models that can be downloaded, and whether they are present."""
    return [status for status in statuses() if status.model.url]


def download_model(name: str, progress: Progress) -> Download:
    """Download the model of that name into the user's folder, unless it is present."""
    entry = entries().get(name)
    if entry is None or not entry.model.url:
        reason = f"no model is called '{name}'" if entry is None else f"{name} is not offered for download"
        raise WeightsError(reason, f"These can be downloaded: {', '.join(s.model.name for s in downloadable())}.")
    return download_entry(entry, progress)


def download_entry(entry: ManifestEntry, progress: Progress, plain_host: str = "") -> Download:
    """`download_model` for an entry of any manifest; progress counts bytes.

    `plain_host` may be asked without https: a server on this machine, in tests.
    """
    if status(entry).state != "missing":
        return Download(verified_model(entry), "here already")
    folder = download_folder()
    target = folder / entry.file
    part = target.with_name(target.name + ".part")
    progress.camera(entry.model.name, 1, 1)
    source = Source(entry.model.url, entry.model.megabytes * 1e6, plain_host)
    try:
        fetch(source, part, _ByteProgress(progress))
    except WeightsError as fault:
        start = f"{fault.remedy} Or download" if fault.remedy else "Download"
        remedy = f"{start} {entry.model.url} by hand, on any machine, and put the file at {target}."
        raise WeightsError(fault.message, remedy) from fault
    return _verify_and_publish(entry, folder, part)


class _ByteProgress:
    """Passes bytes on as progress, which begins at the bytes of an earlier attempt."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._has_begun = progress, False

    def __call__(self, done: int, total: int) -> None:
        if self._has_begun:
            self._progress.at(done)
        else:
            self._progress.begin("download", total, done)
            self._has_begun = True


def _verify_and_publish(entry: ManifestEntry, folder: Path, part: Path) -> Download:
    """Give the complete part its name if its digest is the expected one; otherwise remove it."""
    found, pin = model_digest(part), pins(folder).get(entry.file)
    expected = entry.sha256 or (pin.sha256 if pin else "")
    if expected and not found.startswith(expected):
        remove_part(part)
        remedy = "It was not kept. Try again; if the mismatch persists, do not use that file."
        if not entry.sha256 and pin:
            remedy = (
                f"It was not kept: it is not the file that was downloaded on {pin.since}. If you trust the new file, "
                f"remove {entry.file} from {folder / PINS_FILE} and download it again."
            )
        raise WeightsError(
            f"the SHA-256 of the file from {entry.model.url} begins with {found[:12]}, not {expected[:12]}", remedy
        )
    # The pin comes first: a stop between the two leaves a pin without a file, never a file without its pin.
    if not expected:
        add_pin(folder, entry.file, found, entry.model.url)
    try:
        part.replace(folder / entry.file)
        remove_part(part)
    except OSError as fault:
        raise StoreError(
            f"{folder / entry.file} cannot be written ({fault.strerror})", "Choose another folder."
        ) from fault
    return Download(verified_model(entry), "digest matches" if entry.sha256 else "pin matches" if pin else "pinned now")
