import json
import os
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import StoreError
from core.base.settings import TrackSettings
from core.machine.artifacts import Artifact, Store, digest_of, trim_cache
from core.machine.paths import write_atomically


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


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


def test_digest_covers_values_and_not_order() -> None:
    assert digest_of({"a": 1, "b": TrackSettings()}) == digest_of({"b": TrackSettings(), "a": 1})
    assert digest_of(TrackSettings()) != digest_of(TrackSettings(conf=0.3))


def test_trim_removes_the_least_recently_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path))
    store = Store()
    for i in range(3):
        artifact = opened(store, a=i)
        artifact.write(0, x=np.zeros(1000))
        os.utime(artifact.folder, (i, i))
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
