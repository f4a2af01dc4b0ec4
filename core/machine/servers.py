"""The user's running servers, the secret that lets their owner in, and the browser that is opened for them.

    <data>/entrance/secret         made once, so that bookmarks and open tabs outlive a restart
                    <token>.json   a running server: its port and host
                    open.html      leads the browser in

Only their owner can read these files. Whoever wants all browsers out again stops the servers and removes `secret`.
"""

from __future__ import annotations

import html
import json
import os
import platform
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from core.base.errors import StoreError
from core.machine.locks import Presence, is_present, lock
from core.machine.paths import chosen_data_dir, write_atomically

ENTER_PATH = "/enter"
_FOLDER = "entrance"
_SECRET = re.compile(r"[\w-]{43}")
_PAGE_SECONDS = 30.0
"""How long the page in the home folder stays, for a browser that takes long to start."""


def start_secret() -> str:
    """The secret of this user's servers, made if there is none, or if others could read it."""
    folder = _entrance_folder()
    file = folder / "secret"
    with lock(folder, "secret", "Another Sightline is starting"):
        try:
            stored = file.read_text(encoding="ascii").strip()
            is_private = sys.platform == "win32" or not file.stat().st_mode & 0o077
        except (OSError, UnicodeDecodeError):
            stored, is_private = "", False
        if is_private and _SECRET.fullmatch(stored):
            return stored
        secret = secrets.token_urlsafe(32)
        write_atomically(file, secret.encode(), flush=True)
    return secret


def enter_address(host: str, port: int, secret: str) -> str:
    """The address that lets a browser in."""
    return f"http://{host}:{port}{ENTER_PATH}?secret={secret}"


@dataclass(frozen=True)
class Server:
    """A server of this user, as it is reached on this computer."""

    host: str
    port: int
    started: float


@contextmanager
def announced(host: str, port: int) -> Iterator[None]:
    """Within the block, this process is listed as a server. Where the data folder cannot be written, it is not."""
    try:
        folder = _entrance_folder()
        presence = Presence(folder)
        record = folder / f"{presence.token}.json"
        write_atomically(record, json.dumps(asdict(Server(host, port, time.time()))).encode())
    except (OSError, StoreError):
        yield
        return
    try:
        yield
    finally:
        record.unlink(missing_ok=True)
        presence.end()


def running_servers() -> list[Server]:
    """The user's servers that run now, the latest first. What is left of those that were killed is removed.

    A port that somebody else took after a server's end is never listed, since the secret would go there.
    """
    folder, found = _entrance_folder(), []
    for record in folder.glob("*.json"):
        if not is_present(folder, record.stem):
            record.unlink(missing_ok=True)
            continue
        with suppress(OSError, ValueError, TypeError):
            found.append(Server(**json.loads(record.read_text(encoding="utf-8"))))
    return sorted(found, key=lambda server: server.started, reverse=True)


def has_screen(system: str, environment: Mapping[str, str]) -> bool:
    """Whether a browser that is opened here is one that the user sees.

    >>> has_screen("linux", {"DISPLAY": ":0"}), has_screen("linux", {}), has_screen("darwin", {"SSH_CONNECTION": "1"})
    (True, False, False)
    """
    if any(environment.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")):
        return True
    return system in ("win32", "darwin") and not environment.get("SSH_CONNECTION")


def open_browser(address: str) -> None:
    """Open the address in the browser that `BROWSER` names, or else in the usual one; it may take until that is open.

    Other users can read the arguments of a process. So the browser is given a page that only its owner can read, and
    which leads to the address; but not on Windows, where they cannot, nor where a Windows browser serves Linux.
    """
    if not has_screen(sys.platform, os.environ):
        return
    if sys.platform == "win32" or "microsoft" in platform.release().lower():
        _start_browser(address)
        return
    # Browsers that are snaps cannot read hidden folders.
    is_snap = sys.platform == "linux" and Path("/snap/bin").is_dir()
    # Where the page cannot be written, the user still has the address that is printed.
    with suppress(OSError, StoreError):
        page = Path.home() / "sightline-open.html" if is_snap else _entrance_folder() / "open.html"
        _write_page(page, address)
        _start_browser(page.as_uri())
        if is_snap:
            time.sleep(_PAGE_SECONDS)
            page.unlink(missing_ok=True)


def _write_page(page: Path, address: str) -> None:
    link = html.escape(address)
    content = (
        '<!doctype html><meta charset="utf-8"><title>Sightline</title><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0; url={link}"><a href="{link}">Open Sightline</a>\n'
    )
    # Not in place of another file, which might be open to others.
    page.unlink(missing_ok=True)
    with os.fdopen(os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content)


def _start_browser(address: str) -> None:
    """In a session of its own, which Ctrl+C does not end, and without its messages in our terminal."""
    command = [sys.executable, "-I", "-m", "webbrowser", address]
    none = subprocess.DEVNULL
    subprocess.run(command, stdin=none, stdout=none, stderr=none, start_new_session=True, check=False)


def _entrance_folder() -> Path:
    return chosen_data_dir() / _FOLDER
