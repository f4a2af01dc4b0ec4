import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import StoreError
from core.base.settings import TrackSettings
from core.machine.artifacts import Artifact, Store, digest_of, trim_cache
from core.machine.paths import write_atomically
from tests.machine.refusing_disk import FULL, READ_ONLY, refusing

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path))
    return Store()


def opened(store: Store, **key: object) -> Artifact:
    return store.open("clip", "detect", dict(key), {"name": "a.mp4"})


def numbers(artifact: Artifact) -> list[int]:
    return [int(part["x"][0]) for part in artifact.read()]


def filled(store: Store, chunks: int = 3) -> Artifact:
    artifact = opened(store, a=1)
    for i in range(chunks):
        artifact.write(i, x=np.array([i]))
    return artifact


def test_chunks_come_back_in_order(store: Store) -> None:
    artifact = filled(store, 12)
    assert numbers(artifact) == list(range(12))
    assert artifact.intact_chunks() == 12 and artifact.summary is None
    artifact.finish(words="yolo")
    assert artifact.summary == {"words": "yolo", "chunks": 12}


def test_same_key_same_artifact_other_key_other(store: Store) -> None:
    filled(store)
    assert opened(store, a=1).intact_chunks() == 3
    assert opened(store, a=2).intact_chunks() == 0


@pytest.mark.parametrize("harm", ["cut", "flip", "gone"])
def test_a_damaged_chunk_is_not_there(store: Store, harm: str) -> None:
    artifact = filled(store, 4)
    artifact.finish()
    path = sorted(artifact.folder.glob("00002-*"))[0]
    content = bytearray(path.read_bytes())
    if harm == "gone":
        path.unlink()
    else:
        content[60] ^= 1
        path.write_bytes(content[:50] if harm == "cut" else bytes(content))
    assert artifact.intact_chunks() == 2
    if harm == "gone":
        assert artifact.summary is None
    else:
        with pytest.raises(StoreError, match="damaged"):
            numbers(artifact)
        assert artifact.summary is None, "after the damage was noticed the artifact is no longer whole"
    artifact.write(2, x=np.array([2]))
    assert numbers(artifact) == [0, 1, 2, 3]


def test_a_half_written_file_is_never_seen(store: Store) -> None:
    artifact = filled(store, 1)
    (artifact.folder / ".00001-aa.npz.1.part").write_bytes(b"half")
    assert artifact.intact_chunks() == 1


def test_writing_again_replaces(store: Store) -> None:
    artifact = filled(store, 2)
    artifact.write(1, x=np.array([7]))
    assert numbers(artifact) == [0, 7]


def test_no_pickles_go_in(store: Store) -> None:
    with pytest.raises(ValueError, match="pickle"):
        opened(store).write(0, x=np.array([object()]))


def test_what_is_stored_on_a_disk_that_cannot_be_written_is_read_all_the_same(store: Store) -> None:
    filled(store)
    with refusing(store.root, READ_ONLY):
        artifact = opened(store, a=1)
        assert numbers(artifact) == [0, 1, 2]
        with pytest.raises(StoreError, match="cannot be written"):
            artifact.write(3, x=np.arange(3))
    assert numbers(opened(store, a=1)) == [0, 1, 2]


@pytest.mark.parametrize("code", [FULL, READ_ONLY])
def test_a_chunk_that_cannot_be_replaced_is_said_to_be(store: Store, code: int) -> None:
    artifact = filled(store)
    with refusing(store.root, code), pytest.raises(StoreError, match=os.strerror(code)):
        artifact.write(1, x=np.arange(7))


def test_digest_covers_values_and_not_order() -> None:
    assert digest_of({"a": 1, "b": TrackSettings()}) == digest_of({"b": TrackSettings(), "a": 1})
    assert digest_of(TrackSettings()) != digest_of(TrackSettings(conf=0.3))


def test_trim_removes_the_least_recently_used(store: Store) -> None:
    for i in range(3):
        artifact = opened(store, a=i)
        artifact.write(0, x=np.zeros(1000))
        folder = artifact.folder
        del artifact  # it is in use as long as something refers to it
        os.utime(folder, (i, i))
    sizes = [e.size for e in store.entries()]
    removed = trim_cache(sum(sizes[1:]), ())
    assert len(removed) == 1 and removed[0].used == 0
    assert [e.used for e in store.entries()] == [1, 2]
    assert len(trim_cache(0, {store.entries()[0].folder})) == 1
    trim_cache(0, ())
    assert store.entries() == [] and not any(store.root.glob("*"))


def test_entries_say_what_they_are(store: Store) -> None:
    filled(store).finish()
    (entry,) = store.entries()
    assert (entry.stage, entry.clip, entry.complete) == ("detect", "a.mp4", True)
    assert json.loads((entry.folder / "about.json").read_text())["key"] == {"a": 1}


def test_atomic_writes_say_where_they_failed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        write_atomically(tmp_path / "file" / "below", b"y")
    assert (tmp_path / "file").read_text() == "x"


USE = """
import sys, time
from pathlib import Path
import numpy as np
from core.machine.artifacts import Store

artifact = Store(Path(sys.argv[1])).open("clip", "detect", {"a": 1}, {"name": "a.mp4"})
for number in range(2):
    artifact.write(number, x=np.array([number]))
print("written", flush=True)
sys.stdin.readline()
artifact.write(2, x=np.array([2]))
artifact.finish()
"""


@pytest.fixture
def user(store: Store) -> Iterator[subprocess.Popen[str]]:
    """A process that has written two chunks of an artifact, and goes on when it is told."""
    command = [sys.executable, "-c", USE, str(store.root)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == "written\n"
        yield process
        process.kill()


def test_trim_leaves_what_a_run_uses(store: Store, user: subprocess.Popen[str]) -> None:
    """It removed the first chunks of a run that went on with the next ones, and called the result complete."""
    assert trim_cache(0, ()) == [] and [entry.in_use for entry in store.entries()] == [True]
    with pytest.raises(StoreError, match="another run"):
        store.remove(opened(store, a=1))
    user.communicate("\n", timeout=20)
    assert user.returncode == 0
    assert opened(store, a=1).summary == {"chunks": 3} and numbers(opened(store, a=1)) == [0, 1, 2]
    assert [entry.in_use for entry in store.entries()] == [False]
    assert len(trim_cache(0, ())) == 1 and not any(store.root.glob("*"))


def test_a_run_that_was_killed_uses_nothing(store: Store, user: subprocess.Popen[str]) -> None:
    user.kill()
    user.wait()
    (entry,) = store.entries()
    assert not entry.in_use and len(trim_cache(0, ())) == 1


def test_what_is_no_longer_referred_to_is_not_in_use(store: Store) -> None:
    artifact = filled(store)
    assert trim_cache(0, ()) == []
    folder = artifact.folder
    del artifact
    assert not list(folder.glob("use-*")) and len(trim_cache(0, ())) == 1


def test_looking_at_an_artifact_does_not_mark_it(store: Store) -> None:
    filled(store)
    looked = Store(store.root, preserve_times=True).open("clip", "detect", {"a": 1}, {})
    assert looked.intact_chunks() == 3 and len(trim_cache(0, ())) == 1


def test_an_artifact_of_which_chunks_went_missing_is_not_called_complete(store: Store) -> None:
    artifact = filled(store)
    for path in sorted(artifact.folder.glob("0000[01]-*")):
        path.unlink()
    with pytest.raises(StoreError, match="removed while the run needed them"):
        artifact.finish()
    assert artifact.summary is None


def test_a_listing_meets_files_that_go_while_it_looks(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(store)
    real = Path.iterdir

    def with_a_part(folder: Path) -> Iterator[Path]:
        yield from real(folder)
        yield folder / ".00001-aa.npz.part"

    monkeypatch.setattr(Path, "iterdir", with_a_part)
    assert [entry.stage for entry in store.entries()] == ["detect"]
