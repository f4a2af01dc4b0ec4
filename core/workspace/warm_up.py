"""What a server reads as soon as it has started, so that the first visit to a page need not wait for it.

The case used last is the one that the pages show first. Its clips, its run and its decisions are read through the same
caches as the pages', so a page that comes early waits for this reading instead of starting its own.
"""

from __future__ import annotations

from contextlib import suppress

from core.base.errors import SightlineError
from core.workspace.jobs import order_of
from core.workspace.review_actions import has_repeated_run
from core.workspace.server import clip_of, services, session_of


def open_last_case() -> None:
    """Read what the pages show of the case used last. Whatever cannot be read is left for the page to report."""
    with suppress(OSError, SightlineError):
        case = next(iter(services().cases.all()), None)
        if case is None:
            return
        for clip in case.clips:
            with suppress(SightlineError):
                clip_of(clip.path)
        has_repeated_run(case)
        with suppress(SightlineError):
            session_of(case)
        if case.clips:
            # Half of the time of a first estimate is for libraries.
            _ = order_of(case).key
