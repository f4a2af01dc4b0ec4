"""The route that clips are uploaded by: into the case, or refused in words; strangers, breaks and twins."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from core.base.errors import SettingsError
from core.http import media
from core.machine.paths import data_dir
from core.workspace import services
from core.workspace.cases import Case
from core.workspace.sources import receive
from tests.pages.making import asked
from tests.vision.video.making import write_clip

# What `shared/data/hard` holds: what is said of each on its way in, or nothing where it is taken.
HARD = {
    "avi_header_only_0frames.avi": "has a header but no frames",
    "black_300frames.mkv": "",
    "datamosh_corrupt.mp4": "",
    "fragmented_with_boxes_drawn.mp4": "",
    "git_lfs_pointer_132B.mp4": "is a Git LFS pointer",
    "html_page_named.avi": "is a web page",
    "mp4_no_tracks_258B.mp4": "holds no tracks",
    "tiny_64x64_10frames.mp4": "",
    "zero_length.avi": "is empty",
    "zero_length.mp4": "is empty",
}


@pytest.fixture
def case() -> Case:
    return services().cases.new("a case")


def put(case: str, name: str, content: Any, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    """The route's answer to a browser that sends `content`."""
    address = media.upload_address(case) + quote(name, safe="")
    return asked(media.UPLOAD_ROUTES, address, "PUT", content=content, headers=headers, **more)


def kept() -> list[str]:
    return sorted(path.name for path in (data_dir() / "uploads").rglob("*") if path.is_file())


def test_a_clip_comes_into_the_case(case: Case, tmp_path: Path) -> None:
    # A few blocks, so that it comes in pieces: a video may be followed by anything.
    content = write_clip(tmp_path / "a.mp4", range(10)).read_bytes() + bytes(3_500_000)
    answer = put(case.key, "Gate 3 über.mp4", content)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    assert answer.json() == {"camera": "Gate_3_über", "digest": digest, "size": len(content)}
    (clip,) = services().cases.load(case.key).clips
    assert (clip.camera, clip.digest) == ("Gate_3_über", digest)
    assert Path(clip.path).read_bytes() == content
    assert "clip added: Gate 3 über.mp4" in services().cases.log_lines(case.key)[-1]


def test_the_same_clip_twice_is_noticed_and_stays_once(case: Case, tmp_path: Path) -> None:
    content = write_clip(tmp_path / "a.mp4", range(10)).read_bytes()
    put(case.key, "a.mp4", content)
    said = put(case.key, "b.mp4", content).json()
    assert "b.mp4 is already in this case, as a" in said["message"] and said["remedy"]
    assert len(services().cases.load(case.key).clips) == 1 and kept() == ["a.mp4"]


def test_a_clip_that_came_in_twice_at_once_stays(case: Case, tmp_path: Path) -> None:
    """Whoever brought the file first may be the second to ask for the case."""
    content = write_clip(tmp_path / "a.mp4", range(10)).read_bytes()
    with receive("a.mp4") as first:
        first.add(content)
        fresh = first.finish()
    put(case.key, "b.mp4", content)
    with pytest.raises(SettingsError, match="already in this case"):
        media._add(case.key, fresh, "a.mp4")
    assert kept() == ["a.mp4"] and Path(services().cases.load(case.key).clips[0].path).is_file()


def test_two_clips_of_one_name_get_names_of_their_own(case: Case, tmp_path: Path) -> None:
    for frames in (5, 6):
        put(case.key, "Gate.mp4", write_clip(tmp_path / "a.mp4", range(frames)).read_bytes())
    assert [clip.camera for clip in services().cases.load(case.key).clips] == ["Gate", "Gate-2"]


@pytest.mark.parametrize("name", ["notes.txt", "a.mp4/../../x.mp4", "nothing"])
def test_what_is_no_video_is_refused_and_gone(case: Case, name: str) -> None:
    answer = put(case.key, name, b"no video" * 1000)
    assert answer.status_code == 404 or (answer.json()["message"] and answer.json()["remedy"])
    assert kept() == [] and services().cases.load(case.key).clips == ()


def test_an_unknown_case_is_said(case: Case) -> None:
    assert "no longer exists" in put("0" * 16, "a.mp4", b"x").json()["message"]
    assert kept() == []


def test_a_connection_that_breaks_leaves_nothing(case: Case, tmp_path: Path) -> None:
    content = write_clip(tmp_path / "a.mp4", range(10)).read_bytes()

    async def half() -> AsyncIterator[bytes]:
        yield content[:500]

    answer = put(case.key, "a.mp4", half(), {"Content-Length": str(len(content))})
    assert "is incomplete" in answer.json()["message"] and answer.json()["again"]
    assert kept() == [] and services().cases.load(case.key).clips == ()


@pytest.mark.parametrize(
    "request_parts",
    [{"headers": {"Host": "evil.example"}}, {"headers": {"Origin": "https://evil.example"}}, {"cookies": {}}],
    ids=["host", "origin", "cookie"],
)
def test_strangers_are_refused(case: Case, tmp_path: Path, request_parts: dict[str, Any]) -> None:
    content = write_clip(tmp_path / "a.mp4", range(5)).read_bytes()
    assert put(case.key, "a.mp4", content, **request_parts).status_code == 403
    assert not (data_dir() / "uploads").exists()


@pytest.mark.shared
def test_hard_files_are_refused_in_words_or_taken_and_the_case_goes_on(case: Case, shared: Path) -> None:
    files = sorted((shared / "data" / "hard").iterdir())
    assert {file.name for file in files} == set(HARD)
    for file in files:
        said = put(case.key, file.name, file.read_bytes()).json()
        if HARD[file.name]:
            assert HARD[file.name] in said["message"] and said["remedy"]
        else:
            assert said["camera"] == file.stem
    taken = [name for name, words in HARD.items() if not words]
    assert [clip.camera for clip in services().cases.load(case.key).clips] == [Path(name).stem for name in taken]
    assert kept() == taken
