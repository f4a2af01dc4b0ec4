"""A server of model files on this machine that can be told to behave badly."""

import contextlib
import hashlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from core.vision.models import DETECTOR, MIRROR, download, manifest, recommendation

HOST = "127.0.0.1"
CONTENT = hashlib.shake_128(b"weights").digest(3_000_000)


@dataclass
class Server:
    """What is served, how, and which headers it was asked with."""

    port: int = 0
    content: bytes = CONTENT
    version: str = '"one"'
    ranges: bool = True
    honest: bool = True
    cut_after: int = 0
    status: int = 200
    redirect: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """By path; where there are none, every path has `content`."""
    pause: float = 0.0
    """Seconds before an answer."""
    silence: float = 0.0
    """Seconds after the last byte, before the connection ends."""
    claims: int = 0
    """The size that it states, whatever it sends."""
    asked: list[dict[str, str]] = field(default_factory=list)

    def url(self, name: str = "yolo11n.pt") -> str:
        return f"http://{HOST}:{self.port}/{name}"


@contextmanager
def serving() -> Iterator[Server]:
    """The server while this block lasts; no proxy is between."""
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append({"path": self.path, **dict(self.headers.items())})
            time.sleep(state.pause)
            if state.redirect and self.path != "/moved":
                self.send_response(302)
                self.send_header("Location", state.redirect)
                return self.end_headers()
            if state.status != 200:
                return self.send_error(state.status)
            self._send()

        def _send(self) -> None:
            content = state.files.get(self.path, b"") if state.files else state.content
            if not content:
                return self.send_error(404)
            total, start = state.claims or len(content), 0
            same = self.headers.get("If-Range") == state.version or not state.honest
            if state.ranges and same and "Range" in self.headers:
                start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            if state.version:
                self.send_header("ETag", state.version)
            self.send_header("Content-Disposition", "attachment; filename=../../elsewhere.pt")
            self.send_header("Content-Length", str(total - start))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(content[start : state.cut_after or total])
                self.wfile.flush()
                time.sleep(state.silence)

        def log_message(self, *words: object) -> None:
            pass

    with pytest.MonkeyPatch.context() as patch, http.server.ThreadingHTTPServer((HOST, 0), Handler) as httpd:
        patch.setenv("no_proxy", HOST)
        state.port = httpd.server_address[1]
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        httpd.shutdown()
        thread.join()


def stock(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server have a better detector and embedder than ours, as a mirror would, of other content. The manifest
    recommends them and has their digests until the test ends."""
    known = dict(manifest.entries())
    ours, better = known[DETECTOR], known["yolo11n"]
    known[DETECTOR] = replace(ours, model=replace(ours.model, recommended=()))
    known["yolo11n"] = replace(better, model=replace(better.model, recommended=("cpu", "gpu")))
    offered = [name for name, entry in known.items() if "cpu" in entry.model.recommended]
    for name in offered:
        entry = known[name]
        contents = {file.name: hashlib.shake_128(file.name.encode()).digest(100_000) for file in entry.remote_files}
        server.files |= {f"/{file}": content for file, content in contents.items()}
        whole = hashlib.sha256(b"".join(contents.values())).hexdigest()
        parts = tuple(
            replace(part, bytes=100_000, sha256=hashlib.sha256(contents[part.name]).hexdigest()) for part in entry.parts
        )
        model = replace(entry.model, megabytes=0.1 * len(contents), digest=whole)
        known[name] = replace(entry, model=model, sha256=whole, parts=parts)
    for module in (manifest, recommendation, download):
        monkeypatch.setattr(module, "entries", lambda: known)


@contextmanager
def mirroring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that is the mirror, and has what `stock` puts there."""
    with serving() as running:
        monkeypatch.setenv(MIRROR, running.url(""))
        stock(running, monkeypatch)
        yield running


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not is_so() and time.monotonic() < end:
        time.sleep(0.01)
    assert is_so()
