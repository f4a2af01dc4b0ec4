"""What the user says of the people, from any page: tried, on disk at once, in the case's log; or refused in words."""

from __future__ import annotations

from collections.abc import Callable

from core.cases import Case
from core.errors import SettingsError, SightlineError
from core.review import Desk, Review, load_review, save_review
from pages.parts.desks import desk_of, keep_desk
from pages.parts.services import services

ANOTHER_RUN = "A newer run is now shown, with other track numbers. Check the people and repeat the action."


def act(case: Case, how: Callable[[Desk], Review]) -> str:
    """Do what `how` makes of the case's desk: `act(case, lambda desk: confirm(desk, 3))`. Empty where it was done, or
    else why it cannot be, as words to show; then nothing is changed. It is meant for the run that `case` shows."""
    cases = services().cases
    try:
        with services().reviews.of(case.key):
            now = cases.load(case.key)
            if now.run != case.run:
                return ANOTHER_RUN
            desk = desk_of(now)
            if desk is None:
                raise SettingsError("there are no people yet", "Start a run.")
            review = how(desk)
            if review is not desk.review:
                after = desk.tried(review)
                save_review(cases.review_file(case.key), review)
                keep_desk(now, after)
                cases.log(case.key, review.done[-1].words)
    except SightlineError as fault:
        return str(fault)
    return ""


def review_of(case: Case) -> Review:
    """What was said so far: the last of `done` can be taken back, the last of `undone` done again."""
    return load_review(services().cases.review_file(case.key))


def undo(case: Case) -> str:
    """Take the last action back. As `act`; needs no run that can be looked at."""
    return _step(case, Review.undo, "undid")


def redo(case: Case) -> str:
    """Do again what was taken back last."""
    return _step(case, Review.redo, "redid")


def _step(case: Case, how: Callable[[Review], Review], words: str) -> str:
    try:
        with services().reviews.of(case.key):
            before = review_of(case)
            after = how(before)
            if after != before:
                save_review(services().cases.review_file(case.key), after)
                longer = max(before.done, after.done, key=len)
                services().cases.log(case.key, f"{words}: {longer[-1].words}")
    except SightlineError as fault:
        return str(fault)
    return ""
