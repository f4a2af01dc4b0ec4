"""Texts that we did not write, as Markdown that shows them as they are.

Streamlit renders Markdown in nearly everything that it draws: messages, captions, labels, tooltips, titles, options.
What comes from elsewhere goes there only through `escape`, `code` or `describe_fault`: names of cases, cameras, files,
people, regions and models, purposes, notes, paths, and messages that quote any of them. `tests/pages/test_markdown.py`
finds whatever goes another way."""

from __future__ import annotations

import re

from core.base.errors import SightlineError
from core.base.text import one_line

_BREAK = "\u2060"
"""A word joiner: it has no width."""
# Streamlit looks for these in the text that is left once backslashes are gone, so that only a break stops it: signs
# such as :smile: and :material/home:, bare addresses, and arrows and dashes between spaces. Clock times are none.
_FOUND_IN_TEXT = re.compile(
    r"(?<=:)(?!\d\d(?!\w))(?=/|material|[\w+-]+(?::|$))"
    r"|(?<=@)(?=[\w-])"
    r"|(?<=www)(?=\.|$)"
    r"|(?<!\S)(?=(?:<->|->|<-|--|>=|<=|~=)(?!\S))",
    re.IGNORECASE,
)
# An underscore inside a word, and a colon before a digit or a space, mean nothing.
_SPECIAL = re.compile(r"[\\`*\[\]<>#$~|&!]|(?<![^\W_])_|_(?![^\W_])|:(?=[^\s\d])")
# A line that begins so is a list, a heading or a rule.
_LINE_START = re.compile(r"^([-+=]|\d+(?=[.)](?:\s|$)))")


def escape(text: str) -> str:
    """`text` on one line, as Markdown that shows it as it is.

    >>> escape("[a](b) $x$ cam_1.mp4 14:03:10")
    '\\\\[a\\\\](b) \\\\$x\\\\$ cam_1.mp4 14:03:10'
    """
    broken = _FOUND_IN_TEXT.sub(_BREAK, one_line(text))
    return _LINE_START.sub(_escape_start, _SPECIAL.sub(r"\\\g<0>", broken))


def _escape_start(match: re.Match[str]) -> str:
    """A backslash stands before punctuation; of "1." that is the full stop."""
    return f"{match[1]}\\" if match[1].isdigit() else f"\\{match[1]}"


def code(text: str) -> str:
    """`text` on one line, in the type of a command or path.

    >>> code("a`b")
    '`` a`b ``'
    """
    broken = _FOUND_IN_TEXT.sub(_BREAK, one_line(text))
    fence = "`" * (1 + max(map(len, re.findall("`+", broken)), default=0))
    pad = " " if "`" in broken else ""
    return f"{fence}{pad}{broken}{pad}{fence}" if broken else ""


def describe_fault(fault: SightlineError, what: str = "") -> str:
    """What is wrong, in bold, and what to do; `what` is what could not be done because of it.

    >>> from core.base.errors import ClipError
    >>> describe_fault(ClipError("*.mp4 is missing", "Restore it."), "The run was not started")
    '**The run was not started: \\\\*.mp4 is missing.** Restore it.'
    """
    message = fault.message.rstrip(".")
    return f"**{escape(f'{what}: {message}' if what else message)}.** {escape(fault.remedy)}".rstrip()
