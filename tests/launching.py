"""A launcher in place of child processes: the work is done at once, in this process, by a function of the test's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.workspace.jobs.job import W, Work

Child = Callable[[Sequence[str], Path, dict[str, str]], int | None]
"""Is given the words of the command, the job's folder and the variables set for it, and leaves there what a child
would: its files, `progress` and `log`. Returns its exit status, or None for work that goes on until it is stopped."""

STOPPED = 130
KILLED = -9


@dataclass
class FakeLauncher:
    """Does `work` in place of a child process. What it does not finish goes on until it is stopped, and then says so
    as a child does, or nothing at all if it is killed."""

    work: Child
    _going: dict[int, Path] = field(default_factory=dict)
    _count: int = 0

    def start(self, command: Sequence[str], arguments: Sequence[str], folder: Path, **variables: str) -> int:
        self._count += 1
        for name in ("progress", "log"):
            (folder / name).write_bytes(b"")
        status = self.work([*command, *arguments], folder, variables)
        if status is None:
            self._going[self._count] = folder
        else:
            (folder / "ended").write_text(str(status), encoding="utf-8")
        return self._count

    def alive(self, job: Work) -> bool:
        return job.pid in self._going

    def stop(self, job: W, save: Callable[[W], None]) -> None:
        folder = self._going.pop(job.pid or 0, None)
        if folder is None:
            return
        save(replace(job, cancelled=True))
        (folder / "log").write_text("sightline: stopped. What was done is kept.\n", encoding="utf-8")
        (folder / "ended").write_text(str(STOPPED), encoding="utf-8")

    def kill(self, job: Work) -> None:
        """As the system does when memory runs out."""
        folder = self._going.pop(job.pid or 0)
        (folder / "ended").write_text(str(KILLED), encoding="utf-8")


def flags(words: Sequence[str]) -> dict[str, str]:
    """The flags of a command that are written --name=value, by their names."""
    return dict(word[2:].partition("=")[::2] for word in words if word.startswith("--") and "=" in word)
