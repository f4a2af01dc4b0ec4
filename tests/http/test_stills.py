"""Stills by address: for clips of cases only, and refused like every route to whoever has no token."""

from pathlib import Path

import httpx
import pytest

from core.base.types import Clip
from core.http import STILL_ROUTES as ROUTES
from core.http import stills_address
from core.workspace import services
from core.workspace.cases import CaseClip
from tests.pages.making import asked, clip_at


def get(address: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return asked(ROUTES, address, headers=headers)


@pytest.fixture
def clip(own_house: Path) -> Clip:
    """A clip that a case holds."""
    found, cases = clip_at(own_house), services().cases
    case = cases.new()
    cases.change(case.key, lambda old: old.with_clips([CaseClip("gate", found.path, found.digest)]))
    return found


def test_a_still(clip: Clip) -> None:
    answer = get(f"{stills_address(clip.digest)}200.jpg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.content[:2] == b"\xff\xd8"


@pytest.mark.parametrize("name", ["-1", "1e3", "..%2f1", "9" * 10, "x"])
def test_crooked_moments_find_nothing(clip: Clip, name: str) -> None:
    assert get(f"{stills_address(clip.digest)}{name}.jpg").status_code == 404


def test_only_clips_of_cases(own_house: Path, clip: Clip) -> None:
    stranger = clip_at(own_house, "other.mp4", 10)
    assert get(f"{stills_address(stranger.digest)}0.jpg").status_code == 404
    assert get(f"{stills_address('../secret')}0.jpg").status_code == 404


def test_a_clip_that_is_gone_or_another_one(own_house: Path, clip: Clip) -> None:
    clip_at(own_house, "gate.mp4", 10)
    assert get(f"{stills_address(clip.digest)}0.jpg").status_code == 404
    Path(clip.path).unlink()
    assert get(f"{stills_address(clip.digest)}0.jpg").status_code == 404


def test_strangers_are_refused(clip: Clip) -> None:
    address = f"{stills_address(clip.digest)}0.jpg"
    assert get(address, {"Host": "evil.example"}).status_code == 403
    assert get(address, {"Origin": "http://evil.example"}).status_code == 403
    assert asked(ROUTES, address, cookies={}).status_code == 403
