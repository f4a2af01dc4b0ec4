"""Records: the JSON files in which cases, jobs, runs, decisions and exports are kept, read into frozen dataclasses.

    RECORD = RecordFormat(Review, "review", version=2, upgrades={1: _from_version_1})
    review = RECORD.read(path)
    write_atomically(path, RECORD.to_json(review), flush=True)

pydantic checks each field against its type in the dataclass, as strictly as JSON allows: no text for a number, no
number that is not finite. It is imported with the first record that is read or written, so that no command pays for it
before. A field that an older version did not write needs a default; one that an older version wrote differently needs a
new version and an upgrade from the one before. A field that is unknown here is ignored.

A field of type `Number` keeps a whole number as it was written, where `float` would make 5 into 5.0: keys of runs and
exports are digests of such fields.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from core.base.errors import SightlineError, StoreError
from core.base.limits import RECORD_BYTES, read_bounded
from core.machine.paths import retry_in_use

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

R = TypeVar("R")
Content = dict[str, Any]
_MAX_INTEGER = 2**63
DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)
"""What reading a file may raise where it has something that no field can hold."""


class NewerVersionError(StoreError):
    """A record that a newer version of Sightline has written."""


@dataclass(frozen=True, eq=False)
class RecordFormat(Generic[R]):
    """How records of one `kind` are written and read; `name` is what users call one, such as "case".

    `version` stands in the record as "format"; a record without it is of version `unversioned`, or refused for 0.
    `upgrades` turn the content of each earlier version into that of the next. `remedy` ends the message about a record
    that is damaged. `to_content` says what is written, where that is not every field as it is.
    """

    kind: type[R]
    name: str
    version: int = 1
    upgrades: Mapping[int, Callable[[Content], Content]] = field(default_factory=dict)
    remedy: str = "Restore the case from a back-up."
    unversioned: int = 0
    to_content: Callable[[R], Content] | None = None

    def read(self, path: Path, **more: Any) -> R:
        """The record in a file; `StoreError` that names the file if it cannot be read, `FileNotFoundError` if there is
        none."""
        try:
            return self.parse(retry_in_use(lambda: read_bounded(path, RECORD_BYTES, StoreError, self.remedy)), **more)
        except FileNotFoundError:
            raise
        except StoreError as fault:
            raise type(fault)(f"{path} cannot be read ({fault.message})", fault.remedy) from fault
        except OSError as fault:
            raise StoreError(f"{path} cannot be read ({fault.strerror})", self.remedy) from fault

    def parse(self, text: str | bytes, **more: Any) -> R:
        """The record in a text of JSON; `more` are fields that are not in the text. `StoreError` if it is none."""
        try:
            content = _load(text)
        except DAMAGE as fault:
            raise StoreError(f"it is no {self.name}: {fault}", self.remedy) from fault
        if not isinstance(content, dict):
            raise StoreError(f"it is no {self.name}", self.remedy)
        return self._from_content(content, more, text)

    def from_content(self, content: Content) -> R:
        """The record with this content, which came from JSON. `StoreError` if it is none."""
        return self._from_content(content, {}, None)

    def to_json(self, record: R) -> bytes:
        """The text of the record's file."""
        if self.to_content is not None:
            content = {"format": self.version, **self.to_content(record)}
            return json.dumps(content, indent=1, ensure_ascii=False).encode()
        text = self._adapter.dump_json(record, indent=1)
        return b'{\n "format": %d,%b' % (self.version, text.removeprefix(b"{"))

    @cached_property
    def _adapter(self) -> TypeAdapter[R]:
        from pydantic import TypeAdapter

        return TypeAdapter(self.kind)

    def _from_content(self, content: Content, more: Content, text: str | bytes | None) -> R:
        """The record; `text` is the same content as JSON, if there is one."""
        from pydantic import ValidationError

        try:
            upgraded = self._upgraded(content)
            if text is None or more or upgraded is not content:
                # As JSON again, because strict values of Python would have to be tuples, which JSON does not have.
                text = json.dumps({**upgraded, **more})
                _load(text)
            return self._adapter.validate_json(text, strict=True)
        except StoreError:
            raise
        except SightlineError as fault:
            raise StoreError(fault.message, self.remedy) from fault
        except ValidationError as fault:
            raise StoreError(f"it is no {self.name}: {_first_fault(fault)}", self.remedy) from fault
        except DAMAGE as fault:
            raise StoreError(f"it is no {self.name}: {fault}", self.remedy) from fault

    def _upgraded(self, content: Content) -> Content:
        version = content.get("format", self.unversioned)
        if type(version) is not int or version < min(self.upgrades, default=self.version):
            raise StoreError(f"it is no {self.name}", self.remedy)
        if version > self.version:
            raise NewerVersionError(f"this {self.name} was made by a newer version of Sightline", "Update Sightline.")
        for earlier in range(version, self.version):
            content = self.upgrades[earlier](content)
        return content


def _first_fault(fault: ValidationError) -> str:
    """Where the first fault lies and what it is: "clips, 0, offset_seconds: Input should be a valid number"."""
    first = fault.errors(include_url=False)[0]
    place = ", ".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]


def _load(text: str | bytes) -> Any:
    """What the JSON says; `ValueError` if it has a number that no field can hold."""
    return json.loads(text, parse_constant=_refuse_constant, parse_int=_integer, parse_float=_finite)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _integer(digits: str) -> int:
    value = int(digits)
    if abs(value) >= _MAX_INTEGER:
        raise ValueError(f"{digits:.20}... is too large")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits:.20} is too large")
    return value
