from pathlib import Path

import pytest

from core.base.errors import SettingsError
from core.runs import name_cameras

A, B = Path("x/gate.mp4"), Path("y/gate.avi")


def names(clips: list[Path], named: list[str] | None = None) -> list[str]:
    return [c.name for c in name_cameras(clips, named or [])]


def test_after_the_file_and_unique() -> None:
    assert names([A, B, A]) == ["gate", "gate-2", "gate-3"]
    assert names([Path("GATE.mp4"), A]) == ["GATE", "gate-2"]
    assert names([Path("a b/c:d.mp4"), Path("con.mp4")]) == ["c_d", "con_"]


def test_named_by_the_user() -> None:
    assert names([A, B], [f"door={B}"]) == ["gate", "door"]
    assert names([A], [f"door={B}"]) == ["gate", "door"]
    assert names([A, B], [f"gate-2={A}", f"gate={B}"]) == ["gate-2", "gate"]
    assert [c.clip for c in name_cameras([], [f"door={B}"])] == [B]


def test_a_taken_name_makes_way() -> None:
    assert names([A, B], [f"gate={B}"]) == ["gate-2", "gate"]


@pytest.mark.parametrize("word", ["door", "=x.mp4", "door=", "a/b=x.mp4", "con=x.mp4"])
def test_what_names_nothing_is_refused(word: str) -> None:
    with pytest.raises(SettingsError):
        name_cameras([A], [word])


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsError, match="two cameras"):
        name_cameras([], [f"door={A}", f"Door={B}"])
