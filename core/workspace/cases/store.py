"""All cases under one root folder: created, loaded, changed, logged, and removed.

A change is a function from the old case to the new one. It is on disk when `change` returns. All that change the same
case take turns: two tabs, two servers, the command line. Whoever changes another file of a case holds its lock too.

What is done is logged in a chain of hashes, `core.machine.chain`. Cases of version 0.1.0 logged it in log.txt, whose
lines nobody can verify; they stay.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from core.base.errors import SightlineError, StoreError
from core.base.memo import Memo
from core.base.text import csv_text
from core.machine.chain import (
    CHAIN,
    TEXTS,
    Log,
    append,
    erase_texts,
    log_contents,
    parse_log,
    time_with_zone,
    user_name,
)
from core.machine.locks import lock
from core.machine.paths import data_dir, explain_refusal, make_folder, working_folder, write_atomically
from core.machine.settings_file import load_settings
from core.workspace.cases.case import RECORD, Case, default_plan, read_case

_FILE, _EARLIER_LOG, _REVIEW = "case.json", "log.txt", "review.json"
LogKind = Literal["case", "change", "run", "decision", "export"]
"""What kind of act an entry of the log is about; it stays when the entry's text is erased."""
LOG_TABLE = "log.csv"
_IN_USE = "another Sightline holds this case"
_CASES_IN_MEMORY = 32
"""A page asks for its case several times; one of hundreds of clips takes 20 ms to read."""


@dataclass(frozen=True)
class UnreadableCase:
    """A case that is damaged or of a newer version, why it cannot be read, and all that its files say as text.

    Whatever the text names may be needed, and must not be deleted; without a text, nobody knows what is needed.
    """

    folder: Path
    reason: str
    text: str


class Cases:
    """All cases under one root, by default in the user's data folder."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or data_dir() / "cases"
        self._read: Memo[tuple[Path, int, int, int], Case] = Memo(_CASES_IN_MEMORY)

    def new(self, name: str = "", purpose: str = "", keep_until: str = "") -> Case:
        """A new case, on disk when this returns; without a name it is called after the time."""
        made = time.time()
        title = name.strip() or time.strftime("Case of %d %b %Y, %H:%M", time.localtime(made))
        files = load_settings()
        case = Case(new_key(), title, made, plan=default_plan(files), **files.values("match"))
        case = replace(case, purpose=purpose.strip(), expires=keep_until)
        with explain_refusal("the case cannot be created"), working_folder(self._root) as folder:
            return self.adopt(case, folder, f"made: {case.name}")

    def all(self) -> list[Case]:
        """Every case that can be read, the last changed first."""
        files = sorted(self._root.glob(f"*/{_FILE}"), key=_change_time, reverse=True)
        cases = []
        for path in files:
            try:
                cases.append(self.load(path.parent.name))
            except SightlineError:
                continue
        return cases

    def unreadable(self) -> list[UnreadableCase]:
        """Every case that is there but cannot be read."""
        found = []
        for folder in sorted(self._root.glob("[!.]*")):
            # Without case.json, a review or a log shows that it was a case.
            if not any((folder / name).exists() for name in (_FILE, _REVIEW, _EARLIER_LOG, CHAIN)):
                continue
            try:
                self.load(folder.name)
            except SightlineError as fault:
                # Another tab may just have deleted it.
                if folder.is_dir():
                    reason = fault.message if (folder / _FILE).exists() else f"{folder / _FILE} is missing"
                    found.append(UnreadableCase(folder, reason, _text_of(folder)))
        return found

    def keys(self) -> list[str]:
        """The keys of all cases, also of those that cannot be read."""
        return sorted(path.parent.name for path in self._root.glob(f"*/{_FILE}"))

    def load(self, key: str) -> Case:
        """`StoreError` if there is no such case, or if it cannot be read."""
        path = self.folder(key) / _FILE
        try:
            stat = path.stat()
            stamp = path, stat.st_mtime_ns, stat.st_size, stat.st_ino
            return self._read.get(stamp, lambda: read_case(path, key))
        except FileNotFoundError as fault:
            raise _no_case() from fault

    def _load_from_disk(self, key: str) -> Case:
        self._read = Memo(_CASES_IN_MEMORY)
        return self.load(key)

    def adopt(self, case: Case, folder: Path, log_entry: str) -> Case:
        """Add a case whose other files are in `folder`, which is renamed to the folder of the case, complete."""
        write_atomically(folder / _FILE, RECORD.to_json(case), flush=True)
        _log_to(folder, "case", log_entry)
        with self.lock(case.key), explain_refusal("the case cannot be added"):
            folder.rename(self.folder(case.key))
        return case

    def change(self, key: str, edit: Callable[[Case], Case], log_entry: str = "", kind: LogKind = "change") -> Case:
        """Apply `edit` to the case; the result is on disk when this returns. `log_entry` goes into the activity log."""
        with self.lock(key):
            # Read anew: two changes within one tick of the file system's clock could leave the same stamp.
            old = self._load_from_disk(key)
            case = edit(old)
            if case != old:
                with self.logging(key, log_entry, kind=kind):
                    self._save(case)
        return case

    def lock(self, key: str) -> AbstractContextManager[None]:
        """Within this block nobody else changes the case, its review or its log, in this process or another.

        It may be taken again by whoever holds it.
        """
        self.folder(key)
        return lock(self._root, key, _IN_USE)

    def delete(self, key: str) -> None:
        """Remove the case's folder. Runs and uploads are elsewhere; `erase` removes those that only this case uses."""
        with self.lock(key):
            self.load(key)
            # Renamed first: half a case would be one that cannot be read.
            hidden = self.folder(key).with_name(f".{key}.{secrets.token_hex(4)}")
            self.folder(key).rename(hidden)
        # A sweep may remove it at the same time.
        with suppress(FileNotFoundError):
            shutil.rmtree(hidden)

    def move(self, key: str, target: Cases) -> Case:
        """Move a case to another root, in one step; `moved_at` says when."""
        with self.lock(key), explain_refusal("the case cannot be moved"):
            case = self.load(key)
            make_folder(target._root)
            os.utime(self.folder(key) / _FILE)
            self.folder(key).rename(target.folder(key))
        return case

    def moved_at(self, key: str) -> float:
        """When the case was last changed or moved, in seconds since 1970."""
        return (self.folder(key) / _FILE).stat().st_mtime

    def folder(self, key: str) -> Path:
        if not (key.isalnum() and key.isascii()):
            raise _no_case()
        return self._root / key

    def review_file(self, key: str) -> Path:
        return self.folder(key) / _REVIEW

    def log(self, key: str, entry: str, kind: LogKind = "change") -> None:
        """Add an entry to the log, with the time and the user's name."""
        with self.logging(key, entry, kind=kind):
            pass

    @contextmanager
    def logging(self, key: str, *entries: str, kind: LogKind = "change") -> Iterator[None]:
        """What is done in this block has these entries in the log: both are on disk afterwards, or neither.

        The entries are written first, so that a change whose entry cannot be written is refused and not made, and taken
        back if the block fails. Empty entries are left out.
        """
        with self.lock(key):
            take_back = _log_to(self.folder(key), kind, *entries)
            try:
                yield
            except BaseException:
                take_back()
                raise

    def read_log(self, key: str) -> Log:
        """The log, verified; `earlier_log` has what was logged before there was a chain."""
        return parse_log(*self._log_contents(key))

    def earlier_log(self, key: str) -> list[str]:
        """The lines that version 0.1.0 logged, oldest first: nobody can verify them."""
        path = self.folder(key) / _EARLIER_LOG
        return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []

    def log_lines(self, key: str) -> list[str]:
        """The log as text, oldest line first, each with its time."""
        return [*self.earlier_log(key), *(f"{row.when} {row.text}" for row in self.read_log(key).rows)]

    def log_files(self, key: str) -> dict[str, bytes]:
        """What an export has of the log, by name: the chain and its texts as they are now, and a table to read."""
        chain, texts = self._log_contents(key)
        table = _log_table(parse_log(chain, texts), self.earlier_log(key))
        return {CHAIN: chain, TEXTS: texts, LOG_TABLE: table.encode()}

    def erase_payloads(self, key: str, matching: Callable[[str], bool]) -> int:
        """Erase what the log says, for good, wherever `matching` is true of the text; returns how many entries that is.

        The entries stay, and say when they were erased and by whom. May be repeated after an interruption.
        """
        with self.lock(key), explain_refusal("the log cannot be erased"):
            self.load(key)
            lines = self.earlier_log(key)
            gone = [number for number, line in enumerate(lines) if matching(line)]
            for number in gone:
                lines[number] = f"{lines[number].partition(' ')[0]} erased on {time_with_zone()} by {user_name()}"
            if gone:
                content = "".join(f"{line}\n" for line in lines).encode()
                write_atomically(self.folder(key) / _EARLIER_LOG, content, flush=True)
            return len(gone) + erase_texts(self.folder(key), matching)

    def _log_contents(self, key: str) -> tuple[bytes, bytes]:
        with explain_refusal("the log cannot be read"):
            return log_contents(self.folder(key))

    def _save(self, case: Case) -> None:
        write_atomically(self.folder(case.key) / _FILE, RECORD.to_json(case), flush=True)
        self._read = Memo(_CASES_IN_MEMORY)


def _log_to(folder: Path, kind: LogKind, *entries: str) -> Callable[[], None]:
    """Add the entries that are not empty to the log in `folder`; returns a function that takes them back."""
    texts = [entry for entry in entries if entry.strip()]
    try:
        return append(folder, kind, texts) if texts else lambda: None
    except FileNotFoundError as fault:
        raise _no_case() from fault
    except OSError as fault:
        raise StoreError(
            f"the activity log cannot be written ({fault.strerror}), so nothing was changed",
            "Free some space and check the permissions of the case's folder, then try again.",
        ) from fault


def _log_table(log: Log, earlier: list[str]) -> str:
    """The log as CSV, oldest row first, those from before the chain without a number."""
    parts = [line.partition(" ") for line in earlier]
    before = [(when, "", what, "from before, unverified", "") for when, _, what in parts]
    chained = [(row.when, row.who, row.text, row.kind, row.number) for row in log.rows]
    return csv_text([("when", "who", "what", "kind", "entry"), *before, *chained])


def _no_case() -> StoreError:
    return StoreError("this case no longer exists", "Open another case, or create one.")


def new_key() -> str:
    """A key that no case has; those made later sort last."""
    return f"{int(time.time()):x}{secrets.token_hex(4)}"


def _text_of(folder: Path) -> str:
    """What the files of a case say; empty if one of them cannot be read."""
    try:
        files = [path for path in sorted(folder.iterdir()) if path.is_file()]
        return "\n".join(path.read_bytes().decode("utf-8", "replace") for path in files).strip()
    except OSError:
        return ""


def _change_time(file: Path) -> int:
    """When the file was written; 0 if another tab has just deleted it."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
