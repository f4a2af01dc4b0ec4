"""Amounts, durations, clock times, counts and names as users read them: in the app, on the command line and in exports.

Clip times count from the first frame of a clip. Wall-clock times (`Clocks`) are of a time zone; they are read from what
users type, counted in UTC, and written by `format_moment`, whose other half for the browser is `time.js`.

A format that one screen or one file alone uses stays beside it; what two of them need is here."""

from __future__ import annotations

import csv
import io
import math
import os
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.base.errors import SettingsError

CANDIDATES = "Matches are candidates until somebody confirms them."
"""Stands on everything that names people."""

RETENTION_PROPOSALS = {"30 days": 30, "90 days": 90, "1 year": 365}
"""How long cases are usually kept, in days."""

_BYTE_UNITS = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
_RESERVED_FILE_NAMES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))}
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that spreadsheets compute, also in full width; apostrophes before it were put there, or typed."""
_FORMULA_AFTER = re.compile(r"(?<=[,;])(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
_NUMBER = re.compile(r"-\d+(\.\d+)?")
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_FLOAT_ERROR = 1e-6  # 83.4 seconds are 833.999... tenths


def format_bytes(count: float) -> str:
    """
    >>> format_bytes(0), format_bytes(999), format_bytes(2_999_036), format_bytes(5.3e9), format_bytes(2 * 10**12)
    ('0 B', '999 B', '3.0 MB', '5.3 GB', '2.0 TB')
    """
    for unit, power in _BYTE_UNITS:
        if count >= power:
            return f"{count / power:.1f} {unit}"
    return f"{count:.0f} B"


def format_count(number: int, singular: str, plural: str) -> str:
    """
    >>> format_count(1, "person", "people"), format_count(0, "person", "people"), format_count(1200, "track", "tracks")
    ('1 person', '0 people', '1,200 tracks')
    """
    return f"{number:,} {singular if number == 1 else plural}"


def format_ordinal(number: int) -> str:
    """
    >>> [format_ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 22, 101, 112)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '22nd', '101st', '112th']
    """
    last = 0 if number % 100 in (11, 12, 13) else number % 10
    return str(number) + {1: "st", 2: "nd", 3: "rd"}.get(last, "th")


def person_name(person: int) -> str:
    """
    >>> person_name(3), person_name(12345)
    ('P003', 'P12345')
    """
    return f"P{person:03d}"


def format_duration(seconds: float) -> str:
    """
    >>> format_duration(6.4), format_duration(83), format_duration(7322)
    ('6 s', '1 min 23 s', '2 h 2 min')
    """
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60} s"
    return f"{total // 3600} h {total % 3600 // 60} min"


def format_clock(seconds: float) -> str:
    """Clip time, h:mm:ss; a second counts once it has begun, as in a video player.

    >>> format_clock(83.9), format_clock(36_000)
    ('0:01:23', '10:00:00')
    """
    minutes, second = divmod(int(seconds + _FLOAT_ERROR), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"


def filename_clock(seconds: float) -> str:
    """Clip time for a file's name, hours-minutes-seconds.tenths.

    >>> filename_clock(83.4), filename_clock(59.99)
    ('00-01-23.4', '00-00-59.9')
    """
    minutes, tenths = divmod(int(seconds * 10 + _FLOAT_ERROR), 600)
    return f"{minutes // 60:02d}-{minutes % 60:02d}-{tenths // 10:02d}.{tenths % 10}"


def safe_name(text: str) -> str:
    """A name for a file or camera: what is not a letter, digit, `-`, `_` or `.` is replaced. Never empty, hidden or
    reserved by Windows.

    >>> safe_name("Gate 3/left"), safe_name("..."), safe_name("con")
    ('Gate_3_left', 'camera', 'con_')
    """
    name = re.sub(r"[^\w.-]+", "_", text).strip("._ ")[:80] or "camera"
    return f"{name}_" if name.lower().split(".")[0] in _RESERVED_FILE_NAMES else name


def one_line(text: str) -> str:
    """`text` on one line: control characters become spaces; lone surrogates, and signs that turn the direction of what
    follows them, also of our own words, the replacement character.

    >>> one_line("a\\n b\\x00\\ud800"), one_line("clip\\u202e4pm.exe")
    ('a b \ufffd', 'clip\ufffd4pm.exe')
    """
    is_plain = text.isascii() and text.isprintable()
    return " ".join((text if is_plain else "".join(map(_plain_sign, text))).split())


def _plain_sign(sign: str) -> str:
    category = unicodedata.category(sign)
    if category == "Cs" or unicodedata.bidirectional(sign) in _TURNING:
        return "\ufffd"
    return " " if category == "Cc" else sign


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """The rows as CSV in which no spreadsheet takes a cell for a formula; `csv_cell` reads a cell as it was.

    >>> csv_text([("name", "similarity"), ("=HYPERLINK(1)", "-0.25"), ("Anna", -1), ("'=1", "@home")])
    "name,similarity\\n'=HYPERLINK(1),-0.25\\nAnna,-1\\n''=1,'@home\\n"
    """
    return "".join(map(_csv_line, rows))


def _csv_line(row: Iterable[object]) -> str:
    text = io.StringIO()
    # A writer whose lines end otherwise would put no quotes round a carriage return.
    csv.writer(text, lineterminator="\r\n").writerow(map(_safe_cell, row))
    return text.getvalue().removesuffix("\r\n") + "\n"


def _safe_cell(cell: object) -> object:
    is_formula = isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if is_formula else cell


def csv_cell(cell: str) -> str:
    """A cell of `csv_text` without the apostrophe that stops spreadsheets from reading it as a formula.

    >>> csv_cell("'=1+1"), csv_cell("''=1"), csv_cell("'tis"), csv_cell("-1")
    ('=1+1', "'=1", "'tis", '-1')
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def csv_comment(text: str) -> str:
    """A line of CSV that begins with # and is no row; a spreadsheet splits it into cells nevertheless.

    >>> csv_comment("model: a,=1")
    '# model: a, =1\\n'
    """
    return f"# {_FORMULA_AFTER.sub(' ', one_line(text))}\n"


def format_day(day: str) -> str:
    """A day in words; what is no day, as a file may have it, stays as it is.

    >>> format_day("2027-05-03"), format_day("soon")
    ('3 May 2027', 'soon')
    """
    try:
        moment = date.fromisoformat(day)
    except ValueError:
        return day
    return f"{moment.day} {moment:%B %Y}"


def day_after(days: int, today: date | None = None) -> str:
    """
    >>> day_after(30, date(2027, 5, 3))
    '2027-06-02'
    """
    return ((today or date.today()) + timedelta(days)).isoformat()


def read_day(text: str, today: date | None = None) -> str:
    """A day as users type it: a date, a number of days from today, or none.

    >>> read_day("2027-05-31"), read_day("30d", date(2027, 5, 3)), read_day("none")
    ('2027-05-31', '2027-06-02', '')
    """
    typed = text.strip().lower()
    if typed in ("", "none"):
        return ""
    if found := re.fullmatch(r"(\d{1,5}) ?d(ays)?", typed):
        return day_after(int(found[1]), today)
    try:
        return date.fromisoformat(typed).isoformat()
    except ValueError as fault:
        raise SettingsError(f"'{text}' is not a date", "Write 2027-05-31, 30d for 30 days, or none.") from fault


def has_passed(day: str, today: date | None = None) -> bool:
    """Whether there is such a day and it is over.

    >>> has_passed("2027-05-31", date(2027, 5, 31)), has_passed("2027-05-31", date(2027, 6, 1)), has_passed("")
    (False, True, False)
    """
    return bool(day) and date.fromisoformat(day) < (today or date.today())


def describe_purpose(purpose: str) -> str:
    """
    >>> describe_purpose(""), describe_purpose("a theft")
    ('none was given', 'a theft')
    """
    return purpose or "none was given"


def describe_day(day: str) -> str:
    """Until when something is to be kept.

    >>> describe_day("2027-05-03"), describe_day("")
    ('3 May 2027', 'no date was given')
    """
    return format_day(day) if day else "no date was given"


def require_reason(reason: str) -> None:
    """`SettingsError` unless there is a reason to keep longer what was to be kept until a day that has passed."""
    if not reason.strip():
        raise SettingsError("the case was to be kept until a day that has passed", "Give the reason to keep it longer.")


def find_zone(name: str) -> tzinfo:
    """The time zone with this IANA name; `SettingsError` where there is none.

    >>> str(find_zone("Europe/Berlin"))
    'Europe/Berlin'
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as fault:
        raise SettingsError(f"'{name}' is not a time zone", "Write a name such as Europe/Berlin or UTC.") from fault


def machine_zone() -> str:
    """The IANA name of this computer's time zone; UTC where it is unknown."""
    link = Path("/etc/localtime")
    linked = str(link.resolve()).partition("zoneinfo/")[2] if link.is_symlink() else ""
    for name in (os.environ.get("TZ", "").lstrip(":"), linked):
        with suppress(SettingsError):
            if name and find_zone(name):
                return name
    return "UTC"


_TYPED_MOMENT = re.compile(
    r"(?:(?:(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})|(?P<d2>\d{1,2})(?P<sign>[./])(?P<m2>\d{1,2})(?P=sign)(?P<y2>\d{4}))"
    r"(?:T|,?\s+))?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,6}))?)?"
    r"\s*(?P<offset>Z|[+-]\d{2}:?\d{2})?"
)
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_WRITE_MOMENT = "Enter it like 14:03:10, 28.11.2026 14:03:10, 28/11/2026 14:03 or 2026-11-28 14:03:10."


def parse_moment(text: str, zone: str = "", day: str = "") -> str:
    """A typed time of day as local ISO text of the `zone`; `day` (ISO text) is its date where it names none.

    An offset is kept only where the local time exists twice.

    >>> parse_moment("28.11.2026 14:03"), parse_moment("28/11/2026 14:03:12"), parse_moment("9:05:00", day="2026-11-28")
    ('2026-11-28T14:03:00', '2026-11-28T14:03:12', '2026-11-28T09:05:00')
    >>> parse_moment("2026-11-28T13:03:10Z", "Europe/Berlin")
    '2026-11-28T14:03:10'
    """
    typed = text.strip()
    match = _TYPED_MOMENT.fullmatch(typed)
    if match is None:
        raise SettingsError(f"'{typed}' is not a date and time", _WRITE_MOMENT)
    parts = match.groupdict()
    date_parts = [parts["y"] or parts["y2"], parts["m"] or parts["m2"], parts["d"] or parts["d2"]]
    if date_parts[0] is None and not day:
        raise SettingsError(f"'{typed}' has no date", "Enter the date of the recordings first, or type it here too.")
    try:
        on = date(*map(int, date_parts)) if date_parts[0] else date.fromisoformat(day)
        micros = int((parts["part"] or "").ljust(6, "0"))
        if not _FIRST_YEAR <= on.year <= _LAST_YEAR:
            raise ValueError(f"years from {_FIRST_YEAR} to {_LAST_YEAR}")
        moment = datetime(
            on.year, on.month, on.day, int(parts["hour"]), int(parts["minute"]), int(parts["second"] or 0), micros
        )
    except ValueError as fault:
        raise SettingsError(f"'{typed}' is on no calendar or clock ({fault})", _WRITE_MOMENT) from fault
    return _moment_text(read_moment(f"{moment.isoformat()}{parts['offset'] or ''}", zone))


def read_moment(text: str, zone: str) -> datetime:
    """The moment that an ISO text names: aware in a `zone`, and as it stands without one.

    `SettingsError` where it is no time, where clocks of the zone skip it, and where they show it twice and the text has
    no offset.

    >>> read_moment("2026-10-25T02:30:00+01:00", "Europe/Berlin").isoformat()
    '2026-10-25T02:30:00+01:00'
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as fault:
        raise SettingsError(f"'{text}' is not a time", "Write 2026-05-31 14:05:00.") from fault
    if not zone:
        if moment.tzinfo is not None:
            raise SettingsError(
                f"'{text}' names a time zone", "Choose the time zone of the case first, or leave the offset out."
            )
        return moment
    place = find_zone(zone)
    if moment.tzinfo is not None:
        return moment.astimezone(place)
    local = moment.replace(tzinfo=place)
    first, second = local.utcoffset(), local.replace(fold=1).utcoffset()
    if first == second:
        return local
    shown = moment.isoformat(" ")
    if local.astimezone(UTC).astimezone(place).replace(tzinfo=None) != moment:
        raise SettingsError(f"{shown} does not exist in {zone}: clocks are put forward then", "Check time and zone.")
    readings = " or ".join(local.replace(fold=reading).isoformat()[11:] for reading in (0, 1))
    raise SettingsError(f"{shown} exists twice on that day in {zone}", f"Give it with its offset: {readings}.")


def _is_ambiguous(moment: datetime) -> bool:
    """Whether clocks show this local time twice; such a time exists, so it was not skipped."""
    return moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()


def _moment_text(moment: datetime) -> str:
    """Local ISO text, with the offset where the time exists twice."""
    return (moment if _is_ambiguous(moment) else moment.replace(tzinfo=None)).isoformat()


def typed_moment(text: str) -> str:
    """The local ISO text of a moment as people type it.

    >>> typed_moment("2026-11-28T14:03:09.800000"), typed_moment("2026-10-25T02:30:00+01:00")
    ('2026-11-28 14:03:09.8', '2026-10-25 02:30:00+01:00')
    """
    return re.sub(r"(\.\d*?)0+(?=[+-]|$)", r"\1", text.replace("T", " "))


def format_moment(moment: datetime, day: str = "", tenths: bool = False) -> str:
    """A time of day, with its date unless that is `day`, and with its offset where the time exists twice; what is shown
    of a second is what has begun.

    >>> format_moment(datetime(2026, 11, 28, 14, 3, 10, 970_000), "2026-11-28", tenths=True)
    '14:03:10.9'
    >>> format_moment(read_moment("2026-10-25T02:30:00+01:00", "Europe/Berlin"), "2026-10-24")
    '2026-10-25 02:30:00+01:00'
    """
    date_text = "" if moment.date().isoformat() == day else f"{moment.date().isoformat()} "
    tail = f".{moment.microsecond // 100_000}" if tenths else ""
    offset = moment.isoformat()[-6:] if _is_ambiguous(moment) else ""
    return f"{date_text}{moment:%H:%M:%S}{tail}{offset}"


@dataclass(frozen=True)
class Clocks:
    """The wall clocks of clips: the moment of each camera's first frame, all in one time zone (an IANA name).

    Without a `zone`, moments are local times as they were entered, and no clock is ever put forward or back. `drift`
    says how many seconds a day a camera's clock gains (loses, if negative): the seconds of its clip are counted by
    that clock, so that they pass faster, or more slowly, than those of the right time.
    """

    began: Mapping[str, datetime] = field(default_factory=dict)
    zone: str = ""
    drift: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, began: Mapping[str, str], zone: str, drift: Mapping[str, float] | None = None) -> Clocks:
        drifting = {camera: value for camera, value in (drift or {}).items() if value and camera in began}
        return cls({camera: read_moment(text, zone) for camera, text in began.items()}, zone, drifting)

    def __bool__(self) -> bool:
        return bool(self.began)

    def to_dict(self) -> dict[str, Any]:
        """As `read` takes it.

        >>> Clocks.read({"gate": "2026-11-28T14:03:10"}, "UTC").to_dict()
        {'began': {'gate': '2026-11-28T14:03:10'}, 'zone': 'UTC'}
        """
        began = {camera: _moment_text(moment) for camera, moment in self.began.items()}
        return {"began": began, "zone": self.zone, **({"drift": dict(self.drift)} if self.drift else {})}

    @property
    def day(self) -> str:
        """The day on which the first clip begins. Times on it are shown without their date."""
        return min(self.began.values()).date().isoformat()

    @property
    def offsets(self) -> dict[str, float]:
        """Seconds by which each clip begins after the first, however clocks are set between; empty without clocks.

        They hold at the first frame; `offset_amid` has what the drift of a clock adds."""
        seconds = {camera: _epoch(moment) for camera, moment in self.began.items()}
        return {camera: round(value - min(seconds.values()), 6) for camera, value in seconds.items()}

    def corrected(self, error_seconds: Mapping[str, float]) -> Clocks:
        """The clocks put right, where some were ahead of the right time by so many seconds (behind, if negative).

        >>> clocks = Clocks.read({"gate": "2026-11-28T14:03:10"}, "UTC")
        >>> clocks.corrected({"gate": 5.5}).format("gate", 0, tenths=True)
        '14:03:04.5'
        """
        moments = {
            camera: self._after(moment, -error_seconds.get(camera, 0.0)) for camera, moment in self.began.items()
        }
        return replace(self, began=moments)

    def at(self, camera: str, seconds: float) -> datetime | None:
        """The moment `seconds` into the clip; None for a camera without a clock."""
        began = self.began.get(camera)
        if began is None or math.isnan(seconds):
            return None
        return self._after(began, seconds * clock_rate(self.drift.get(camera, 0.0)))

    def _after(self, moment: datetime, seconds: float) -> datetime:
        """The moment so many true seconds later, on local clocks."""
        if not self.zone:
            return moment + timedelta(seconds=seconds)
        return (moment.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(moment.tzinfo)

    def format(self, camera: str, seconds: float, tenths: bool = False) -> str:
        """The moment as users read it; empty for a camera without a clock."""
        moment = self.at(camera, seconds)
        return "" if moment is None else format_moment(moment, self.day, tenths)

    def filename(self, camera: str, seconds: float) -> str:
        """The moment for a file's name, such as 2026-11-28_14-03-10.4; empty for a camera without a clock.

        >>> Clocks.read({"gate": "2026-11-28T14:03:10"}, "UTC").filename("gate", 0.4)
        '2026-11-28_14-03-10.4'
        """
        moment = self.at(camera, seconds)
        text = "" if moment is None else format_moment(moment, tenths=True)
        return text[:19].replace(":", "-").replace(" ", "_") + text[19:].replace(":", "")

    def for_browser(self) -> dict[str, Any] | None:
        """What `time.js` counts with: when clips begin, in seconds since 1970 (UTC), how many true seconds a second of
        each clip lasts, and from when on (null: always) local clocks are how many seconds ahead of UTC; None without
        clocks."""
        if not self.began:
            return None
        began = {camera: _epoch(moment) for camera, moment in self.began.items()}
        rates = {camera: clock_rate(self.drift.get(camera, 0.0)) for camera in began}
        steps = self._steps(began.values())
        return {"began": began, "rates": rates, "steps": steps, "day": self.day, "zone": self.zone}

    def _steps(self, began: Collection[float]) -> list[tuple[int | None, int]]:
        if not self.zone:
            return [(None, 0)]
        days = sorted({(int(moment) // _DAY + day) * _DAY for moment in began for day in range(-1, _FOLLOWED_DAYS)})
        steps: list[tuple[int | None, int]] = [(None, self._utc_offset(days[0]))]
        for start in days:
            before = self._utc_offset(start)
            if before != steps[-1][1]:
                steps.append((start, before))
            if before != self._utc_offset(start + _DAY):
                change = bisect_left(
                    range(start + _DAY), 1, start, key=lambda second: self._utc_offset(second) != before
                )
                steps.append((change, self._utc_offset(change)))
        return steps

    def _utc_offset(self, second: int) -> int:
        """By how many seconds local clocks are ahead of UTC, at a second since 1970."""
        offset = datetime.fromtimestamp(second, find_zone(self.zone)).utcoffset()
        return 0 if offset is None else round(offset.total_seconds())


_DAY = 86_400
MAX_DRIFT = 3600.0
"""The most seconds a day that a clock can gain or lose."""


def require_drift(seconds_per_day: float, camera: str) -> None:
    """`SettingsError` where no clock gains or loses so much."""
    if not abs(seconds_per_day) <= MAX_DRIFT:
        raise SettingsError(f"the clock of {camera} cannot drift by that much", "Enter at most an hour a day.")


def clock_rate(seconds_per_day: float) -> float:
    """How many true seconds pass while a clock that gains so many seconds a day counts one.

    >>> round(86_410 * clock_rate(10), 6)
    86400.0
    """
    return _DAY / (_DAY + seconds_per_day)


def offset_amid(offset: float, seconds: float, seconds_per_day: float) -> float:
    """The start offset of a clip whose clock drifts, as it is at `seconds` of the clip; `offset` is that of its start.

    Tracks are matched with one offset for each clip, that of its middle, so that the seconds at its two ends are wrong
    by no more than half of what the clock gains or loses during the clip.

    >>> round(offset_amid(8, 43_205, 10), 6)
    3.0
    """
    return offset + seconds * (clock_rate(seconds_per_day) - 1)


_FOLLOWED_DAYS = 32
"""How long after a clip began changes of local clocks are told to the browser: longer than any clip."""


def _epoch(moment: datetime) -> float:
    """Seconds since 1970; a time without a zone counts as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
