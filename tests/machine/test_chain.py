"""The chained log: whatever is changed in its files is named, what is interrupted is mended, what is erased is gone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.machine import chain
from core.machine.chain import CHAIN, TEXTS, Head, append, erase_texts, parse_log, read_log

ROOT = Path(__file__).resolve().parents[2]
WORDS = ["added gate", "named P001 Ana Çelik", "confirmed P002", "export begun"]

# Appends and erases, and is killed at the given flush: between any two steps that are on the disk.
KILLED = """
import os, signal, sys
from pathlib import Path
from core.machine.chain import append, erase_texts

folder, last = Path(sys.argv[1]), int(sys.argv[2])
real, count = os.fsync, 0

def fsync(descriptor):
    global count
    count += 1
    if count >= last:
        os.kill(os.getpid(), signal.SIGKILL)
    real(descriptor)

os.fsync = fsync
for number in range(3):
    append(folder, "change", [f"step {number}"])
erase_texts(folder, lambda text: text == "step 1")
append(folder, "change", ["step 3"])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for text in WORDS:
        append(tmp_path, "change", [text])
    return tmp_path


def texts_of(folder: Path) -> list[str]:
    return [row.text for row in read_log(folder).rows]


def fault_of(folder: Path) -> str:
    fault = read_log(folder).fault
    return fault.description if fault else ""


def lines_of(folder: Path, name: str = CHAIN) -> list[bytes]:
    return (folder / name).read_bytes().splitlines(keepends=True)


def test_what_was_done_is_read_back_in_order(folder: Path) -> None:
    log = read_log(folder)
    assert log.fault is None and [row.text for row in log.rows] == WORDS
    assert [row.number for row in log.rows] == [1, 2, 3, 4] and log.head == Head(4, log.hashes[3])
    assert {(row.who, row.kind) for row in log.rows} == {(chain.user_name(), "change")}
    assert all(row.when[-5] in "+-" for row in log.rows)


def test_an_empty_log_holds(tmp_path: Path) -> None:
    assert read_log(tmp_path).fault is None and read_log(tmp_path).head == Head()


@pytest.mark.parametrize("name", [CHAIN, TEXTS])
def test_every_changed_byte_is_named(tmp_path: Path, name: str) -> None:
    append(tmp_path, "change", WORDS[:2])
    contents = {each: (tmp_path / each).read_bytes() for each in (CHAIN, TEXTS)}
    for at in range(len(contents[name])):
        changed = bytearray(contents[name])
        changed[at] ^= 1 if at % 2 else 0x20  # letters change their case
        fault = parse_log(*{**contents, name: bytes(changed)}.values()).fault
        # A line break that is gone makes one line of two.
        assert fault is not None and fault.number == contents[name][:at].count(b"\n") + 1, at


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: lines[:1] + lines[2:], "entry 2 is missing: entry 3 stands in its place"),
        (lambda lines: [*lines[:1], lines[2], lines[1], *lines[3:]], "entry 2 is out of order: entry 3"),
        (lambda lines: lines[:3], "entry 4 is missing, and its text is there"),
        (lambda lines: [*lines[:3], lines[3][:-9]], "entry 4 is incomplete"),
        (lambda lines: [lines[0], b"\n", *lines[1:]], "entry 2 was changed"),
        (lambda lines: [lines[0], lines[0], *lines[1:]], "entry 2 is out of order: entry 1 stands"),
        (lambda lines: [b"{}\n", *lines[1:]], "entry 1 was changed"),
    ],
)
def test_the_first_broken_link_is_named(folder: Path, change: object, words: str) -> None:
    (folder / CHAIN).write_bytes(b"".join(change(lines_of(folder))))  # type: ignore[operator]
    assert fault_of(folder).startswith(words)


def test_an_entry_that_was_written_anew_does_not_fit_the_next(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    for text in (WORDS[0], "named P001 Someone Else"):
        append(other, "change", [text])
    lines, texts = lines_of(folder), lines_of(folder, TEXTS)
    (folder / CHAIN).write_bytes(b"".join([*lines_of(other), *lines[2:]]))
    (folder / TEXTS).write_bytes(b"".join([*lines_of(other, TEXTS), *texts[2:]]))
    assert fault_of(folder).startswith("entry 3 does not follow from the entry before")


def test_a_chain_that_was_written_anew_shows_against_a_head_kept_elsewhere(folder: Path) -> None:
    head = read_log(folder).head
    append(folder, "change", ["later"])
    assert read_log(folder).fault_against(head) is None
    for name in (CHAIN, TEXTS):
        (folder / name).unlink()
    for text in WORDS[:2]:
        append(folder, "change", [text])
    log = read_log(folder)
    assert log.fault is None
    missing = log.fault_against(head)
    assert missing is not None and missing.description == "entry 4 is missing: the log ends with entry 2"
    rewritten = log.fault_against(Head(2, head.hash))
    assert rewritten is not None and "written anew" in rewritten.description


def test_a_broken_chain_goes_on_and_stays_broken_where_it_is(folder: Path) -> None:
    lines = lines_of(folder)
    (folder / CHAIN).write_bytes(b"".join([*lines[:3], lines[3].replace(b"change", b"chance")]))
    append(folder, "change", ["goes on"])
    assert texts_of(folder)[-1] == "goes on" and fault_of(folder) == "entry 4 was changed"


@pytest.mark.parametrize("name", [CHAIN, TEXTS])
@pytest.mark.parametrize("left", [1, 40])
def test_a_torn_last_line_is_mended_with_a_note_and_hides_nothing(folder: Path, name: str, left: int) -> None:
    whole = (folder / name).read_bytes()
    append(folder, "change", ["torn"])
    (folder / name).write_bytes((folder / name).read_bytes()[: len(whole) + left])
    if name == TEXTS:
        (folder / CHAIN).write_bytes(b"".join(lines_of(folder)[:4]))  # entries come after their texts
    assert texts_of(folder)[:4] == WORDS
    append(folder, "change", ["after"])
    log = read_log(folder)
    assert log.fault is None and log.rows[4].kind == "repair" and "after entry 4" in log.rows[4].text
    assert [row.text for row in log.rows if row.kind != "repair"] == [*WORDS, "after"]


def test_a_last_line_without_its_end_stays(folder: Path) -> None:
    for name in (CHAIN, TEXTS):
        (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    assert read_log(folder).fault is not None
    append(folder, "change", ["after"])
    assert fault_of(folder) == "" and texts_of(folder)[:4] == WORDS


def test_the_text_of_a_removed_entry_stays_on_disk(folder: Path) -> None:
    (folder / CHAIN).write_bytes(b"".join(lines_of(folder)[:3]))
    append(folder, "change", ["after"])
    append(folder, "change", ["and so on"])
    assert fault_of(folder) == "" and "repair" in [row.kind for row in read_log(folder).rows]
    assert WORDS[3].encode() in (folder / TEXTS).read_bytes()


def test_what_is_taken_back_leaves_nothing(folder: Path) -> None:
    before = [(folder / name).read_bytes() for name in (CHAIN, TEXTS)]
    append(folder, "change", ["a", "b"])()
    assert [(folder / name).read_bytes() for name in (CHAIN, TEXTS)] == before


def test_erased_texts_are_gone_and_the_chain_holds(folder: Path) -> None:
    assert erase_texts(folder, lambda text: "Ana" in text) == 1
    log = read_log(folder)
    assert log.fault is None and log.erased == {2}
    assert log.rows[1].text == f"erased on {log.rows[4].when} by {chain.user_name()}"
    assert (log.rows[4].kind, log.rows[4].text) == ("erasure", "erased the text of 1 entry")
    stored = b"".join((folder / name).read_bytes() for name in (CHAIN, TEXTS))
    assert "Çelik".encode() not in stored and b"confirmed P002" in stored
    salts = [json.loads(line)["entry"] for line in lines_of(folder, TEXTS)]
    assert salts == [1, 3, 4, 5]
    assert erase_texts(folder, lambda text: "Ana" in text) == 0 and len(read_log(folder).rows) == 5


def test_a_text_cannot_go_without_an_entry_that_says_so(folder: Path) -> None:
    (folder / TEXTS).write_bytes(b"".join(line for line in lines_of(folder, TEXTS) if b"Ana" not in line))
    assert fault_of(folder) == "entry 2 has lost its text"


def test_a_guessed_text_cannot_be_confirmed(folder: Path) -> None:
    """Equal texts have commitments that differ."""
    append(folder, "change", ["confirmed P002", "confirmed P002"])
    commitments = [json.loads(line)["commitment"] for line in lines_of(folder)]
    assert len(set(commitments)) == len(commitments)


@pytest.mark.parametrize(
    "text", ["line\nbreak\r\0", "\ud800 alone", '","hash":"x"}', "\N{WAVING HAND SIGN}", "x" * 9999]
)
def test_any_text_can_be_logged(folder: Path, text: str) -> None:
    append(folder, "change", [text])
    append(folder, "change", ["after"])
    assert fault_of(folder) == "" and texts_of(folder)[-1] == "after"


@pytest.mark.parametrize(
    "content", [b"[" * 9999, b"null", b'{"entry":1}', b"\xff\xfe", b'{"entry":true,"salt":"","text":""}']
)
def test_files_that_are_no_log_are_named(folder: Path, content: bytes) -> None:
    (folder / CHAIN).write_bytes(content + b"\n")
    assert fault_of(folder) == "entry 1 was changed"
    (folder / CHAIN).write_bytes(b"")
    (folder / TEXTS).write_bytes(content + b"\n")
    append(folder, "change", ["after"])
    assert fault_of(folder) == ""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing kills like that there")
@pytest.mark.slow
def test_killed_between_any_two_steps_the_chain_goes_on(tmp_path: Path) -> None:
    steps, status = 0, -signal.SIGKILL
    while status == -signal.SIGKILL:
        steps += 1
        folder = tmp_path / str(steps)
        folder.mkdir()
        status = subprocess.call([sys.executable, "-c", KILLED, str(folder), str(steps)], cwd=ROOT)
        before = [text for text in texts_of(folder) if text.startswith("step")]
        append(folder, "change", ["after"])
        erase_texts(folder, lambda text: text == "step 1")
        assert fault_of(folder) == "", steps
        assert b"step 1" not in (folder / TEXTS).read_bytes()
        assert [text for text in before if text != "step 1" and text not in texts_of(folder)] == []
    assert status == 0 and steps > 10


def test_a_system_without_a_name_for_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise KeyError("uid")

    monkeypatch.setattr(chain.getpass, "getuser", refuse)
    assert chain.user_name() == "unknown"
