"""Rules of matching in a review: travel times and places count or not, and what was decided stays decided."""

from pathlib import Path

import numpy as np
import pytest

from core.review import Action, Review, ReviewSession, open_session
from core.runs import SAME, Choice, Link, MatchRules, TravelTime, learn_overlaps, match_people
from core.vision.match import ELSEWHERE, TOGETHER, TOO_SOON
from tests.review.conftest import LEVEL
from tests.runs.test_views import KNOWN, square_of


def at(out: Path, *travel: TravelTime, review: Review | None = None) -> ReviewSession:
    return open_session(out, review or Review(), LEVEL, rules=MatchRules(travel))


def crosses(session: ReviewSession, *cameras: str) -> bool:
    """Whether some person was seen by both cameras."""
    camera = np.array(session.evidence.cameras)[session.evidence.tracklets.camera]
    people = [set(session.people.person[camera == name]) for name in cameras]
    return bool(people[0] & people[1])


def test_nobody_crosses_faster_than_the_travel_time(out: Path) -> None:
    free, ruled = at(out), at(out, TravelTime("cam2", "cam1", 3600.0))
    assert crosses(free, "cam1", "cam2") and not crosses(ruled, "cam1", "cam2")
    assert crosses(ruled, "cam1", "cam3") and (ruled.match.why == TOO_SOON).any()
    assert ruled.at(-1.0).rules == ruled.rules


def test_a_decision_stays_and_later_ones_go_by_the_rules(out: Path) -> None:
    """A merge of two cameras' tracks that a travel time added afterwards would forbid."""
    free = at(out)
    keys, person = free.track_keys, free.people.person
    pairs = [(a, b) for a in range(len(keys)) for b in range(a) if person[a] == person[b]]
    a, b = next(pair for pair in pairs if {keys[row].camera for row in pair} == {"cam1", "cam2"})
    link = Link(keys[a], SAME, keys[b])
    ruled = at(out, TravelTime("cam1", "cam2", 3600.0), review=Review((Action("same", "two", 0.0, (link,)),)))
    assert ruled.people.person[a] == ruled.people.person[b]
    why = ruled.match.why
    other = next(row for row in range(len(keys)) if why[a, row] == TOO_SOON and why[b, row] != TOGETHER)
    assert ruled.people.person[a] != ruled.people.person[other]
    links = (link, Link(keys[a], SAME, keys[other]))
    after = ruled.preview(Review((Action("same", "three", 0.0, links),)))
    assert after.people.person[a] == after.people.person[other] and after.rules == ruled.rules
    assert (after.match.why == TOO_SOON).any()


@pytest.mark.slow
def test_places_count_or_not(tmp_path: Path) -> None:
    """Two people are dressed so that looks mislead; only where they stood tells them apart."""
    found = learn_overlaps(*square_of(mix=False, alike=True))
    people = []
    for ignore in (False, True):
        _, matched = match_people(found, tmp_path, KNOWN, Choice(0.5, ignore_positions=ignore))
        assert (matched.why == ELSEWHERE).any() == (not ignore)
        people.append(matched.people().person)
    assert people[0][0] != people[0][7] and people[1][0] == people[1][7]
