"""What a server reads when it starts: the case used last, and nothing that is damaged stops it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.workspace import Services, open_last_case, serve_with, services, session_of, stamp_of
from core.workspace.cases import Case
from tests.review.making import big_case


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("DATA", "CACHE"):
        monkeypatch.setenv(f"SIGHTLINE_{name}", str(tmp_path / name.lower()))
    serve_with(Services())
    yield
    serve_with(None)


@pytest.fixture
def case() -> Case:
    return big_case(cameras=2, people=2, tracklets=4, crops=1, seconds=4)


def test_the_case_used_last_is_open(case: Case) -> None:
    older = services().cases.new("older")
    os.utime(services().cases.folder(older.key) / "case.json", (1, 1))
    open_last_case()
    assert stamp_of(case) in services().runs
    stat = Path(case.clips[0].path).stat()
    assert (case.clips[0].path, stat.st_size, stat.st_mtime_ns) in services().clips


def test_without_a_case_there_is_nothing_to_read() -> None:
    open_last_case()
    assert services().cases.all() == []


def test_damage_is_left_for_the_pages_to_report(case: Case) -> None:
    session = session_of(case)
    assert session is not None
    serve_with(Services())
    (session.out / "tracks.parquet").write_bytes(b"no table")
    (session.out / "embeddings.npz").unlink(missing_ok=True)
    Path(case.clips[0].path).unlink()
    services().cases.review_file(case.key).write_text("{")
    open_last_case()
    # The other clip was read all the same.
    stat = Path(case.clips[1].path).stat()
    assert (case.clips[1].path, stat.st_size, stat.st_mtime_ns) in services().clips
