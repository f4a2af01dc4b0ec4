"""Brings the bytes of one address into a `.part` file, going on where an earlier attempt stopped.

Bytes are added only to a part of the same file: the server is asked with If-Range, and its answer is compared with
what was written down beside the part; anything else starts anew. Only https is spoken, after a redirect too, and no
server decides a file's name. Refuses to say whether the bytes are right.

Fetches published weights when a user asks for them by name, and at no other time.

A file appears under its name only when it is whole and has the manifest's SHA-256. Where the publisher gives none, the
first file is pinned (core/weights/pins.py) and the user is told so. Refuses to overwrite a file that is there."""

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
from typing import Any, BinaryIO, Literal
from urllib.parse import urlsplit

from core.base.errors import StoreError, WeightsError
from core.base.progress import Progress
from core.vision.models.digests import PINS_FILE, add_pin, digest, pins
from core.vision.models.manifest import Entry, download_folder, entries, status, statuses, verified_model
from core.vision.models.model import Model, Status

BLOCK_BYTES = 1 << 18
TIMEOUT_SECONDS = 30.0
_RESUME_HINT = "Run the same command again; it goes on from there."
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
class _PartialDownload:
    """What a part holds the beginning of: an address, the version it had (ETag or time of change), its size."""

    url: str
    version: str
    size: int


def fetch(source: Source, part: Path, tell: Tell) -> None:
    """Fill `part`; `tell` hears how many bytes are there and how many there will be.

    Where the server does not answer or give the file, the error's remedy is left to the caller.
    """
    begun = _read_notes(part)
    held = part.stat().st_size if part.is_file() else 0
    if begun and begun.url == source.url and held == begun.size:
        tell(held, held)
        return
    if begun and begun.url == source.url and begun.version and 0 < held < begun.size:
        with _request(source, {"Range": f"bytes={held}-", "If-Range": begun.version}) as answer:
            if _is_continuation(answer, held, begun):
                return _save(answer, part, held, begun, tell)
            if answer.status == 200:
                return _restart(answer, part, source, tell)
    with _request(source, {}) as answer:
        _restart(answer, part, source, tell)


def remove_part(part: Path) -> None:
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
def _request(source: Source, headers: dict[str, str]) -> Iterator[Any]:
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


def _is_continuation(answer: Any, held: int, begun: _PartialDownload) -> bool:
    """Whether the answer is the rest of what was begun."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
    same = _version(answer.headers) in ("", begun.version)
    return bool(answer.status == 206 and same and span and (int(span[1]), int(span[2])) == (held, begun.size))


def _version(headers: Mapping[str, str]) -> str:
    """A weak ETag vouches for the meaning of a file, not for its bytes."""
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _restart(answer: Any, part: Path, source: Source, tell: Tell) -> None:
    length = answer.headers.get("Content-Length", "")
    size = int(length) if length.isdigit() else 0
    if not source.about_bytes / 2 <= size <= source.about_bytes * 2:
        said = f"{size:,} bytes" if size else "a file of unknown length"
        raise WeightsError(f"{source.url} gives {said}, and about {source.about_bytes:,.0f} were expected")
    _save(answer, part, 0, _PartialDownload(source.url, _version(answer.headers), size), tell)


def _save(answer: Any, part: Path, held: int, begun: _PartialDownload, tell: Tell) -> None:
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        if not held:
            # Before the notes: a stop in between must not leave notes on one version beside the bytes of another.
            remove_part(part)
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
        raise StoreError(f"{part} cannot be written ({fault.strerror})", f"Free some space. {_RESUME_HINT}") from fault


def _write(file: Any, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[file.write(rest) :]


def _blocks(answer: BinaryIO, held: int, size: int) -> Iterator[bytes]:
    """The answer's bytes, never more than are due, and an error where they are fewer."""
    broken = ""
    while held < size and not broken:
        try:
            block = answer.read(min(BLOCK_BYTES, size - held))
        except (OSError, http.client.HTTPException) as fault:
            block, broken = b"", str(fault)
        if not block:
            raise WeightsError(
                f"the connection broke after {held / 1e6:.1f} of {size / 1e6:.1f} MB{broken and f' ({broken})'}", _RESUME_HINT
            )
        held += len(block)
        yield block


def _notes(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_notes(part: Path) -> _PartialDownload | None:
    """What was begun in `part`; None where nothing was, or nothing that can be read."""
    try:
        return _PartialDownload(**json.loads(_notes(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


@dataclass(frozen=True)
class Download:
    """A model that is here now. `state` says how its file was checked."""

    model: Model
    state: Literal["here already", "digest matches", "pin matches", "pinned now"]


def downloadable() -> list[Status]:
    """The models that their publishers offer for download, and whether they are here."""
    return [status for status in statuses() if status.model.url]


def download_model(name: str, progress: Progress) -> Download:
    """Fetch the model of that name into the user's folder, or find that it is here."""
    entry = entries().get(name)
    if entry is None or not entry.model.url:
        why = (
            f"no model is called '{name}'" if entry is None else f"{name} has no address that it could be fetched from"
        )
        raise WeightsError(why, f"These can be fetched: {', '.join(s.model.name for s in downloadable())}.")
    return download_entry(entry, progress)


def download_entry(entry: Entry, progress: Progress, plain_host: str = "") -> Download:
    """`get` for an entry of any manifest. `plain_host` may be asked without https: a server on this machine, in tests.

    Progress is told in bytes.
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
        start = f"{fault.remedy} Or fetch" if fault.remedy else "Fetch"
        remedy = f"{start} {entry.model.url} by hand, on any machine, and put the file at {target}."
        raise WeightsError(fault.message, remedy) from fault
    return _verify_and_publish(entry, folder, part)


class _ByteProgress:
    """Progress that begins with what an earlier attempt has left."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._begun = progress, False

    def __call__(self, done: int, total: int) -> None:
        if self._begun:
            self._progress.at(done)
        else:
            self._progress.begin("download", total, done)
            self._begun = True


def _verify_and_publish(entry: Entry, folder: Path, part: Path) -> Download:
    """The whole part under its own name, if it is what it should be; otherwise nothing of it is kept."""
    found, pin = digest(part), pins(folder).get(entry.file)
    due = entry.sha256 or (pin.sha256 if pin else "")
    if due and not found.startswith(due):
        remove_part(part)
        what = f"{entry.model.url} gives a file whose SHA-256 begins with {found[:12]}, and {due[:12]} was expected"
        remedy = "It was not kept. Try again; if it stays so, do not use that file."
        if not entry.sha256 and pin:
            remedy = (
                f"It was not kept: it is not the file that was fetched on {pin.since}. If you trust the new one, "
                f"remove {entry.file} from {folder / PINS_FILE} and fetch again."
            )
        raise WeightsError(what, remedy)
    # The pin is first: a stop between the two leaves a pin without a file, never a file without its pin.
    if not due:
        add_pin(folder, entry.file, found, entry.model.url)
    try:
        part.replace(folder / entry.file)
        remove_part(part)
    except OSError as fault:
        raise StoreError(
            f"{folder / entry.file} cannot be written ({fault.strerror})", "Choose another folder."
        ) from fault
    return Download(verified_model(entry), "digest matches" if entry.sha256 else "pin matches" if pin else "pinned now")
