"""A disk that refuses: it is full, or was mounted read-only, from one step of a program on."""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FULL, READ_ONLY = errno.ENOSPC, errno.EROFS


class Disk:
    """Counts the steps that change something below `root`, and refuses them from the step `first` on."""

    def __init__(self, root: Path, code: int, first: int) -> None:
        self.root, self.code, self.first, self.steps = str(root), code, first, 0

    def step(self, path: Any = None) -> None:
        if path is None or self.has(path):
            self.steps += 1
            if self.steps >= self.first:
                raise OSError(self.code, os.strerror(self.code), path and os.fspath(path))

    def has(self, path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self.root)

    def opens(self, path: Any) -> None:
        """Somebody opens a file to write to it. What is there already can be opened on a full disk."""
        if self.has(path) and (self.code != FULL or not Path(path).exists()):
            self.step(path)


class _File(io.FileIO):
    disk: Disk

    def write(self, content: Any) -> int:
        self.disk.step()
        return super().write(content)


@contextmanager
def refusing(root: Path, code: int, first: int = 1) -> Iterator[Disk]:
    """In this block the disk below `root` refuses with this error, from the step `first` on."""
    disk = Disk(root, code, first)
    real_open, real_os_open = io.open, os.open

    def open_file(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any) -> Any:
        if not (set(mode) & set("wax+") and disk.has(file)):
            return real_open(file, mode, buffering, *rest, **named)
        disk.opens(file)
        raw = _File(file, mode.replace("b", "").replace("t", ""))
        raw.disk = disk
        if buffering == 0:
            return raw
        buffered: Any = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, *rest, **named)

    def open_descriptor(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            disk.opens(path)
        return real_os_open(path, flags, *rest, **named)

    def after_step(function: Callable[..., Any]) -> Callable[..., Any]:
        def refusable(path: Any, *rest: Any, **named: Any) -> Any:
            # What is named by a descriptor, as in `rmtree`, is not known to be below the root: it is.
            disk.step(path if isinstance(path, str | os.PathLike) and Path(path).is_absolute() else None)
            return function(path, *rest, **named)

        return refusable

    changing = ("mkdir", "fsync", "symlink")
    if code != FULL:
        changing += ("rename", "replace", "unlink", "remove", "rmdir", "utime", "truncate", "chmod")
    with pytest.MonkeyPatch.context() as patch:
        for module in (io, builtins):
            patch.setattr(module, "open", open_file)
        patch.setattr(os, "open", open_descriptor)
        for name in changing:
            patch.setattr(os, name, after_step(getattr(os, name)))
        yield disk
