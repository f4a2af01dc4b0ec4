"""Trials of this machine's speed, each by a child process of a few seconds: one at a time, and none twice in vain."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence

from core.jobs.children import ROOT, environment

TIME = (sys.executable, "-m", "core", "models", "time")


class Trials:
    """All trials of this server. `command` gets the words appended."""

    def __init__(self, command: Sequence[str] = TIME) -> None:
        self._command = list(command)
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._tried: set[tuple[str, ...]] = set()

    def begin(self, words: Sequence[str]) -> bool:
        """Start one, unless one is at work or this one was made already; whether one is at work now."""
        with self._lock:
            if self._child is not None and self._child.poll() is None:
                return True
            if tuple(words) in self._tried:
                return False
            self._tried.add(tuple(words))
            try:
                self._child = subprocess.Popen(
                    [*self._command, *words],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=ROOT,
                    env=environment(),
                )
            except OSError:
                # No estimate then: that is shown, and a run itself will say what is wrong.
                return False
            # Waited for, so that it leaves no zombie.
            threading.Thread(target=self._child.wait, name="sightline-trial", daemon=True).start()
            return True
