"""Records of JSON: what is written comes back, older ones are brought up to date, and whatever is none is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import pytest

from core.base.errors import SettingsError, StoreError
from core.base.settings import Number
from core.machine.records import Content, NewerVersionError, RecordFormat


class Place(NamedTuple):
    camera: str
    track: int


@dataclass(frozen=True)
class Part:
    width: float
    state: Literal["open", "shut"] = "open"


@dataclass(frozen=True)
class Thing:
    name: str
    fps: Number = 10.0
    count: int = 0
    limit: float | None = None
    is_new: bool = False
    parts: tuple[Part, ...] = ()
    places: tuple[tuple[Place, Place], ...] = ()
    by_name: dict[str, Part] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise SettingsError(f"{self.count} things cannot be", "Count again.")
        if self.fps > 1000:
            raise ArithmeticError("too fast")


def _from_version_1(content: Content) -> Content:
    return {**content, "name": content["title"]}


def _from_version_2(content: Content) -> Content:
    return {**content, "count": len(content["list"]) * int(content.get("times", 1))}


FORMAT = RecordFormat(Thing, "thing", 3, {1: _from_version_1, 2: _from_version_2}, remedy="Make it again.")
WHOLE = Thing(
    *("gate \u00e9", 5, 3, 2.5, True),
    parts=(Part(1.5), Part(2.0, "shut")),
    places=((Place("gate", 1), Place("hall", 2)),),
    by_name={"a": Part(0.25)},
)


def text_of(**fields: object) -> str:
    return json.dumps({"format": 3, "name": "a", **fields})


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "thing.json"
    path.write_bytes(FORMAT.to_json(WHOLE))
    back = FORMAT.read(path)
    assert back == WHOLE and isinstance(back.places[0][0], Place)
    assert path.read_text(encoding="utf-8").startswith('{\n "format": 3,\n "name": "gate \u00e9",\n "fps": 5,\n')


def test_digits_that_keys_contain_stay() -> None:
    assert [repr(FORMAT.parse(text_of(fps=fps)).fps) for fps in (5, 5.0)] == ["5", "5.0"]
    assert repr(FORMAT.parse(text_of(limit=5)).limit) == "5.0"


def test_what_is_unknown_is_ignored_and_what_is_absent_has_its_default() -> None:
    assert FORMAT.parse(text_of(colour="red", parts=[{"width": 1.0, "more": [1]}])) == Thing("a", parts=(Part(1.0),))


def test_fields_that_are_not_in_the_text_win_over_it() -> None:
    assert FORMAT.parse(text_of(), name="b").name == FORMAT.parse('{"format": 3}', name="b").name == "b"


def test_earlier_versions_are_brought_up_to_date() -> None:
    assert FORMAT.parse('{"format": 1, "title": "a", "list": [1, 2]}') == Thing("a", count=2)
    assert FORMAT.parse('{"format": 2, "name": "a", "list": [1]}') == Thing("a", count=1)


def test_a_record_without_a_version_is_of_that_which_wrote_none() -> None:
    unversioned = RecordFormat(Thing, "thing", 2, {1: _from_version_1}, unversioned=1)
    assert unversioned.parse('{"title": "a"}') == Thing("a")
    with pytest.raises(StoreError, match="it is no thing"):
        FORMAT.parse('{"title": "a"}')


def test_a_newer_version_is_told_apart_from_damage(tmp_path: Path) -> None:
    path = tmp_path / "thing.json"
    path.write_text(text_of(format=4, name=5))
    with pytest.raises(NewerVersionError, match="made by a newer version of Sightline") as fault:
        FORMAT.read(path)
    assert str(path) in fault.value.message and fault.value.remedy == "Update Sightline."


DAMAGED = {
    "empty": "",
    "cut off": '{"format": 3, "na',
    "not text": b"\xff\xfe\x00",
    "a list": "[]",
    "no field": '{"format": 3}',
    "version as text": text_of(format="3"),
    "version as truth": text_of(format=True),
    "version 0": text_of(format=0),
    "no text": text_of(name=5),
    "null": text_of(name=None),
    "text for a number": text_of(count="3"),
    "a fraction for a whole number": text_of(count=3.5),
    "truth for a number": text_of(fps=True),
    "a number for truth": text_of(is_new=1),
    "no such choice": text_of(parts=[{"width": 1.0, "state": "ajar"}]),
    "too many": text_of(places=[[["a", 1], ["b", 2], ["c", 3]]]),
    "too few": text_of(places=[[["a", 1]]]),
    "text of digits": text_of(places=[[["a", "1"], ["b", 2]]]),
    "NaN": '{"format": 3, "name": "a", "limit": NaN}',
    "Infinity": '{"format": 3, "name": "a", "limit": -Infinity}',
    "more than a number holds": '{"format": 3, "name": "a", "limit": 1e999}',
    "many digits": '{"format": 3, "name": "a", "limit": 1' + "0" * 400 + "}",
    "very many digits": '{"format": 3, "name": "a", "count": 1' + "0" * 5000 + "}",
    "nested": '{"format": 3, "name": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "nested where it is ignored": '{"format": 3, "name": "a", "more": ' + "[" * 500 + "]" * 500 + "}",
    "refused by the thing itself": text_of(count=-1),
    "a fault of the check": text_of(fps=5000),
    "half a character": '{"format": 3, "name": "\\ud800"}',
    "an old one without its fields": '{"format": 1}',
    "an old one whose number becomes too large": '{"format": 2, "name": "a", "list": [1], "times": 9.3e18}',
    "an old one with other fields": '{"format": 2, "name": "a", "list": 5}',
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED.keys())
def test_damage_is_refused_in_words(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "thing.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(StoreError) as fault:
        FORMAT.read(path)
    assert fault.value.message.startswith(f"{path} cannot be read (") and fault.value.remedy == "Make it again."
    assert not isinstance(fault.value, NewerVersionError)


def test_the_place_of_the_damage_is_told() -> None:
    with pytest.raises(StoreError, match="parts, 1, width: Input should be a valid number"):
        FORMAT.parse(text_of(parts=[{"width": 1.0}, {"width": "wide"}]))


def test_a_file_that_is_missing_or_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FORMAT.read(tmp_path / "nothing.json")
    with pytest.raises(StoreError, match="cannot be read"):
        FORMAT.read(tmp_path)


def test_nobody_pays_for_the_checks_before_a_record_is_read() -> None:
    code = "import sys, core.machine.records, core.workspace.cases.case; print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
