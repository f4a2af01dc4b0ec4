"""Why footage may be looked at, and until which day it is to be kept: read as users type it, and put into words.

Days are ISO text, and empty where none was given. Nothing is ever deleted because a day has passed.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from core.base.errors import SettingsError

PROPOSALS = {"30 days": 30, "90 days": 90, "1 year": 365}
"""How long cases are usually kept, in days."""


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
