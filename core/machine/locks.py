"""Locks between processes: two servers, their jobs and the command line take turns with what they share.

A lock belongs to a name under a root, as a case among all cases. Its file is an empty one in the folder `locks` beside
the root, so that whoever sees the thing sees its lock too, and deleting the thing removes no lock that somebody waits
for. The file's name is a digest: it tells nothing of what was deleted. The system releases the lock of a process that
dies, however it dies. On network file systems a lock holds as far as theirs do.

Within a process, threads take turns as well, and the thread that holds a lock may take it again.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from core.base.errors import StoreError

_WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.01
_MODE = 0o600


@contextmanager
def lock(root: Path, name: str, refusal: str, seconds: float = _WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock of `name` under `root` in this block, alone on this computer.

    After `seconds` of waiting, `StoreError` with `refusal`, a sentence such as "another Sightline holds this case".
    """
    file = _lock_file(root, name)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # A singleton for each file: so the thread that holds it may take it again.
        acquired = FileLock(file, mode=_MODE, is_singleton=True, poll_interval=_POLL_SECONDS).acquire(timeout=seconds)
    except Timeout as fault:
        raise StoreError(refusal, "Wait until it is done, then try again.") from fault
    except OSError as fault:
        raise StoreError(
            f"{file} cannot be written ({fault.strerror})", "Free some space or check its permissions; nothing is lost."
        ) from fault
    with acquired:
        yield


class Presence:
    """A random token of which other processes can tell whether its owner still lives: see `is_present`."""

    def __init__(self, root: Path) -> None:
        self.token = f"{os.getpid():x}-{secrets.token_hex(8)}"
        self._file = _lock_file(root, self.token)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        # It may end in another thread than it began in.
        self._lock = FileLock(self._file, mode=_MODE, thread_local=False)
        self._lock.acquire(blocking=False)

    def end(self) -> None:
        self._lock.release()
        _remove(self._file)


def is_present(root: Path, token: str) -> bool:
    """Whether the owner of this token lives and has not ended its presence."""
    file = _lock_file(root, token)
    if not file.exists():
        return False
    try:
        with FileLock(file, mode=_MODE, thread_local=False).acquire(blocking=False):
            pass
    except OSError:
        # Somebody holds it, or this process may not ask.
        return True
    _remove(file)
    return False


def is_own(token: str) -> bool:
    """Whether this process made the token."""
    return token.partition("-")[0] == f"{os.getpid():x}"


def _lock_file(root: Path, name: str) -> Path:
    place = root.absolute()
    digest = hashlib.blake2b(f"{place.name}/{name}".encode(), digest_size=16).hexdigest()
    return place.with_name("locks") / f"{digest}.lock"


def _remove(file: Path) -> None:
    with suppress(OSError):
        file.unlink()
