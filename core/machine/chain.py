"""A hash-chained, append-only log in two files: what was done, and apart from that the texts that say it in words.

    log.jsonl         a line for each entry: its number, when, who, the kind of act, a commitment to the text, the hash
                      of the entry before, and its own hash
    log_texts.jsonl   a line for each text: the number of its entry, a random salt, the text

An entry's hash is the SHA-256 of its line up to the hash. The commitment is the SHA-256 of salt and text: without the
salt nobody can tell whether a guessed text is the right one, so a text can be erased and the chain still holds. An
entry that erases names the entries whose texts went, and the chain holds it as any other.

A text is on disk before its entry, and both are flushed. What a power cut leaves half written is mended with the next
entry, which is preceded by one that says so. Whoever may write both files can write the whole chain anew: the hash of
its last entry, kept elsewhere, shows it.
"""

from __future__ import annotations

import errno
import getpass
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.base.text import one_line
from core.machine.paths import flush_folder, retry_in_use, write_atomically

CHAIN, TEXTS = "log.jsonl", "log_texts.jsonl"
ERASURE, REPAIR = "erasure", "repair"
BEFORE_FIRST = "0" * 64
"""What the first entry names as the hash of the one before."""
_END = re.compile(rb',"hash":"([0-9a-f]{64})"\}\Z')
_ERASED_NUMBERS = "erased"
_NO_ENTRY = 0
"""The number of a text whose entry was never written."""


@dataclass(frozen=True)
class Fault:
    """The first place at which a chain does not hold: the number of the entry, and what is wrong with it."""

    number: int
    reason: str

    @property
    def description(self) -> str:
        """
        >>> Fault(12, "was changed").description
        'entry 12 was changed'
        """
        return f"entry {self.number} {self.reason}"


@dataclass(frozen=True)
class Entry:
    """An entry as the chain has it; `erased` are the numbers of the entries whose texts it erased."""

    number: int
    when: str
    who: str
    kind: str
    commitment: str
    before: str
    hash: str
    erased: tuple[int, ...] = ()


@dataclass(frozen=True)
class LogRow:
    """An entry for readers: its text, or who erased that and when."""

    number: int
    when: str
    who: str
    kind: str
    text: str


@dataclass(frozen=True)
class Head:
    """Number and hash of the last entry: kept elsewhere, they show whether the chain was written anew."""

    entry: int = 0
    hash: str = BEFORE_FIRST


@dataclass(frozen=True)
class Log:
    """A chain as it was read: its rows, the first fault if there is one, and the hash of each entry in order."""

    rows: tuple[LogRow, ...] = ()
    fault: Fault | None = None
    hashes: tuple[str, ...] = ()
    erased: frozenset[int] = frozenset()

    @property
    def head(self) -> Head:
        return Head(len(self.hashes), self.hashes[-1]) if self.hashes else Head()

    def fault_against(self, head: Head) -> Fault | None:
        """What is wrong if this chain once ended with `head`: it must still have that entry, with that hash."""
        if head.entry > len(self.hashes):
            return Fault(head.entry, f"is missing: the log ends with entry {len(self.hashes)}")
        if head.entry and self.hashes[head.entry - 1] != head.hash:
            return Fault(head.entry, "has another hash than was recorded: the log was written anew")
        return None


def read_log(folder: Path) -> Log:
    """The log in `folder`, checked entry by entry; an empty one if there is none. Others may write meanwhile."""
    return parse_log(*log_contents(folder))


def log_contents(folder: Path) -> tuple[bytes, bytes]:
    """What the files of the log have at one moment: the chain and its texts."""
    before = _content(folder / CHAIN)
    while True:
        texts = _content(folder / TEXTS)
        # Unchanged around the texts, which are written before an entry and erased after one: they belong together.
        if (after := _content(folder / CHAIN)) == before:
            return before, texts
        before = after


def parse_log(chain: bytes, texts: bytes) -> Log:
    """The log in the contents of its two files."""
    *lines, tail = chain.split(b"\n")
    entries = [_parse_entry(line) for line in lines]
    erasures = {number: entry for entry in reversed(entries) if entry for number in entry.erased}
    stored = _parse_texts(texts)
    rows = tuple(
        LogRow(entry.number, entry.when, entry.who, entry.kind, _text_of(entry, stored, erasures))
        if entry
        else LogRow(position, "", "", "", "(this entry was changed and cannot be read)")
        for position, entry in enumerate(entries, 1)
    )
    fault = _first_fault(entries, stored, erasures) or _fault_at_end(len(lines), tail, stored)
    hashes = tuple(entry.hash if entry else "" for entry in entries)
    return Log(rows, fault, hashes, frozenset(erasures))


def append(folder: Path, kind: str, texts: Sequence[str], erased: Iterable[int] = ()) -> Callable[[], None]:
    """Add an entry for each text; it is on disk when this returns. Returns a function that takes them back.

    `OSError` if the disk refuses; then nothing was added. Whoever calls this holds a lock of the log.
    """
    _mend_end(folder)
    return _append(folder, kind, texts, tuple(sorted(erased)))


def erase_texts(folder: Path, matching: Callable[[str], bool]) -> int:
    """Erase the texts of all entries of which `matching` is true, for good; returns how many.

    That they were erased is an entry of its own, on disk before a text goes: so a repetition ends what was interrupted.
    """
    log = read_log(folder)
    chosen = {row.number for row in log.rows if row.number not in log.erased and matching(row.text)}
    if chosen:
        what = "the text of 1 entry" if len(chosen) == 1 else f"the texts of {len(chosen)} entries"
        append(folder, ERASURE, [f"erased {what}"], chosen)
    gone = chosen | log.erased
    lines = _content(folder / TEXTS).split(b"\n")
    left = [line for line in lines if not _is_erased(_parse_text(line), gone, matching)]
    if left != lines:
        write_atomically(folder / TEXTS, b"\n".join(left), flush=True)
    return len(chosen)


def user_name(unknown: str = "unknown") -> str:
    """The account that this program runs under; `unknown` where the system has no name for it."""
    try:
        return one_line(getpass.getuser()) or unknown
    except (ImportError, KeyError, OSError):
        return unknown


def time_with_zone() -> str:
    """Now, with the offset from UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _append(folder: Path, kind: str, texts: Sequence[str], erased: tuple[int, ...]) -> Callable[[], None]:
    head, when, who = _last_entry(_content(folder / CHAIN)), time_with_zone(), user_name()
    entry_lines, text_lines = bytearray(), bytearray()
    for text in map(one_line, texts):
        salt = secrets.token_hex(16)
        content = {"entry": head.entry + 1, "when": when, "who": who, "kind": kind, "commitment": _commit(salt, text)}
        more = {_ERASED_NUMBERS: list(erased)} if erased else {}
        body = _json({**content, **more, "before": head.hash})[:-1]
        head = Head(head.entry + 1, hashlib.sha256(body).hexdigest())
        entry_lines += body + b',"hash":"%b"}\n' % head.hash.encode()
        text_lines += _text_line(head.entry, salt, text)
    sizes = {path: _size(path) for path in (folder / TEXTS, folder / CHAIN)}

    def take_back() -> None:
        for path, size in reversed(sizes.items()):
            with suppress(OSError):
                os.truncate(path, size)

    try:
        _write_at_end(folder / TEXTS, bytes(text_lines))
        _write_at_end(folder / CHAIN, bytes(entry_lines))
        if not all(sizes.values()):
            flush_folder(folder)
    except OSError:
        take_back()
        raise
    return take_back


def _write_at_end(path: Path, content: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        if file.write(content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())


def _last_entry(chain: bytes) -> Head:
    """The head to go on from, also after a line that cannot be read: then the hash is that of its bytes."""
    last = chain[:-1].rpartition(b"\n")[2]
    if not chain:
        return Head()
    entry = _parse_entry(last)
    return Head(entry.number, entry.hash) if entry else Head(chain.count(b"\n"), hashlib.sha256(last).hexdigest())


def _mend_end(folder: Path) -> None:
    """Mend what an interruption left half written at the end of the files, and add an entry that says so.

    A text whose entry is not there stays, as one of no entry: somebody may have removed that entry.
    """
    contents = _content(folder / TEXTS), _content(folder / CHAIN)
    texts, chain = _with_last_line(contents[0], _parse_text), _with_last_line(contents[1], _parse_entry)
    head = _last_entry(chain).entry
    last_text = _parse_text(texts.rstrip(b"\n").rpartition(b"\n")[2])
    if last_text and last_text[0] > head:
        texts = b"".join(_without_entry(line, head) for line in texts.split(b"\n")[:-1])
    if (texts, chain) == contents:
        return
    for path, content in ((folder / TEXTS, texts), (folder / CHAIN, chain)):
        write_atomically(path, content, flush=True)
    note = f"the end of the log, after entry {head}, was incomplete: something stopped while it was written"
    _append(folder, REPAIR, [note], ())


def _with_last_line(content: bytes, parse: Callable[[bytes], object]) -> bytes:
    """The content with a last line that is whole: ended if only its end is missing, or else removed."""
    tail = content.rpartition(b"\n")[2]
    return content + b"\n" if tail and parse(tail) else content[: len(content) - len(tail)]


def _without_entry(line: bytes, head: int) -> bytes:
    text = _parse_text(line)
    return _text_line(_NO_ENTRY, *text[1:]) if text and text[0] > head else line + b"\n"


def _first_fault(
    entries: Sequence[Entry | None], stored: Mapping[int, Mapping[str, str]], erasures: Mapping[int, Entry]
) -> Fault | None:
    before, numbers = BEFORE_FIRST, {entry.number for entry in entries if entry}
    for position, entry in enumerate(entries, 1):
        if entry is None:
            return Fault(position, "was changed")
        if entry.number != position:
            where = "is out of order" if position in numbers else "is missing"
            return Fault(position, f"{where}: entry {entry.number} stands in its place")
        if entry.before != before:
            return Fault(position, "does not follow from the entry before: one of the two was written anew")
        if fault := _text_fault(entry, stored.get(position, {}), erasures):
            return fault
        before = entry.hash
    return None


def _text_fault(entry: Entry, texts: Mapping[str, str], erasures: Mapping[int, Entry]) -> Fault | None:
    if entry.number in erasures:
        is_there = entry.commitment in texts
        return Fault(entry.number, "is erased, but its text is still there: erase it again") if is_there else None
    if entry.commitment in texts:
        return None
    return Fault(entry.number, "has another text than it was written with" if texts else "has lost its text")


def _fault_at_end(count: int, tail: bytes, stored: Mapping[int, Mapping[str, str]]) -> Fault | None:
    """What is wrong after the last entry, which the next entry mends."""
    if tail:
        return Fault(count + 1, "is incomplete, as after a power cut: with the next entry, the log goes on")
    if max(stored, default=0) > count:
        return Fault(count + 1, "is missing, and its text is there: a step was interrupted, or the entry was removed")
    return None


def _parse_entry(line: bytes) -> Entry | None:
    """The entry in a line; None if the line is not as it was written."""
    end = _END.search(line)
    if end is None or hashlib.sha256(line[: end.start()]).hexdigest() != end[1].decode():
        return None
    try:
        content = json.loads(line)
        names = ("when", "who", "kind", "commitment", "before", "hash")
        texts = {name: content[name] for name in names}
        number, erased = content["entry"], content.get(_ERASED_NUMBERS, [])
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return None
    if not all(isinstance(text, str) for text in texts.values()) or not isinstance(erased, list):
        return None
    return (
        Entry(number=number, **texts, erased=tuple(erased)) if all(type(x) is int for x in (number, *erased)) else None
    )


def _parse_texts(content: bytes) -> dict[int, dict[str, str]]:
    """For the number of each entry, its text by the commitment to it; an interruption may have left a second one."""
    stored: dict[int, dict[str, str]] = {}
    for number, salt, text in filter(None, map(_parse_text, content.split(b"\n")[:-1])):
        stored.setdefault(number, {})[_commit(salt, text)] = text
    return stored


def _parse_text(line: bytes) -> tuple[int, str, str] | None:
    """Number, salt and text in a line; None if the line is not as it was written."""
    try:
        content = json.loads(line)
        number, salt, text = content["entry"], content["salt"], content["text"]
        is_text = type(number) is int and isinstance(salt, str) and isinstance(text, str)
        return (number, salt, text) if is_text and _text_line(number, salt, text) == line + b"\n" else None
    except (LookupError, RecursionError, TypeError, ValueError):
        return None


def _is_erased(text: tuple[int, str, str] | None, gone: Set[int], matching: Callable[[str], bool]) -> bool:
    """Whether a text goes: that of an erased entry, or one of no entry that matches as well."""
    return text is not None and (text[0] in gone or (text[0] == _NO_ENTRY and matching(text[2])))


def _text_of(entry: Entry, stored: Mapping[int, Mapping[str, str]], erasures: Mapping[int, Entry]) -> str:
    if erasure := erasures.get(entry.number):
        return f"erased on {erasure.when} by {erasure.who}"
    return stored.get(entry.number, {}).get(entry.commitment, "(the text was changed or is missing)")


def _text_line(number: int, salt: str, text: str) -> bytes:
    return _json({"entry": number, "salt": salt, "text": text}) + b"\n"


def _commit(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt} {text}".encode()).hexdigest()


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _content(path: Path) -> bytes:
    try:
        return retry_in_use(path.read_bytes)
    except FileNotFoundError:
        return b""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
