"""A folder that two processes make at once is there once, whole; and what a killed one was writing is recognised."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.base.errors import Cancelled
from core.machine.paths import (
    JOB_FOLDER,
    JOB_OUTPUT,
    living_part,
    open_atomically,
    publish,
    remove_leftovers,
    working_folder,
    write_atomically,
)

HOLD = """
import sys
from pathlib import Path
from core.machine.paths import living_part, open_atomically, working_folder
folder = Path(sys.argv[1])
with open_atomically(folder / "file") as file, working_folder(folder) as beside:
    file.write(b"half")
    (beside / "picture").write_text("half")
    print("writing", flush=True)
    sys.stdin.read()
"""
ROOT = Path(__file__).resolve().parents[2]


def made(path: Path, words: str) -> Path:
    path.mkdir(parents=True)
    for name in ("model.xml", "model.bin"):
        (path / name).write_text(words)
    return path


def test_it_appears_under_its_name(tmp_path: Path) -> None:
    publish(made(tmp_path / "room" / "new", "new"), tmp_path / "model")
    assert (tmp_path / "model" / "model.bin").read_text() == "new"


@pytest.mark.parametrize(("missing", "words"), [(None, "first"), ("model.bin", "second")])
def test_who_comes_second_takes_what_is_there_if_it_is_whole(tmp_path: Path, missing: str | None, words: str) -> None:
    first = made(tmp_path / "model", "first")
    if missing:
        (first / missing).unlink()
    publish(made(tmp_path / "room" / "new", "second"), first)
    assert (first / "model.xml").read_text() == (first / "model.bin").read_text() == words


def test_what_a_process_writes_is_left_alone_until_it_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline()
        before = sorted(tmp_path.rglob("*"))
        remove_leftovers(tmp_path)
        assert sorted(tmp_path.rglob("*")) == before and len(before) == 4
        child.kill()
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_part_is_gone_after_its_block_whether_it_was_moved_or_not(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"a")
    with pytest.raises(RuntimeError), open_atomically(tmp_path / "b") as file:
        file.write(b"b")
        raise RuntimeError
    with working_folder(tmp_path) as beside:
        (beside / "c").write_text("c")
        beside.rename(tmp_path / "c")
    with living_part(tmp_path / ".d.part"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c"]


def test_a_job_whose_folder_is_gone_writes_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = tmp_path / "job"
    write_atomically(job / JOB_OUTPUT, b"")
    monkeypatch.setenv(JOB_FOLDER, str(job))
    write_atomically(tmp_path / "stages" / "a", b"vectors")
    with pytest.raises(Cancelled), open_atomically(job / "out" / "gallery.zip") as file:
        file.write(b"zip")
        job.rename(tmp_path / ".aside")
    with pytest.raises(Cancelled):
        write_atomically(tmp_path / "stages" / "b", b"vectors")
    assert not job.exists() and [path.name for path in (tmp_path / "stages").iterdir()] == ["a"]
