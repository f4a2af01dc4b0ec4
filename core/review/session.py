"""A run open for review: its evidence and people, with the user's decisions applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.base.errors import SettingsError, StoreError
from core.base.memo import Memo
from core.base.types import Ints
from core.review.history import Review
from core.runs import (
    TRACKLETS_FILE,
    Choice,
    Evidence,
    Link,
    MatchRules,
    PersonNumber,
    TrackKey,
    load_evidence,
    load_tracks,
    match_people,
    names_by_person,
    new_numbers,
    number_match,
    numbers_by_row,
    read_record,
    run_prior,
    split_tracks,
)
from core.vision.match import OBJECT, REASON_TEXTS, TOGETHER, Contradiction, Identities, Match, rank_tracklets
from core.vision.models import EmbedderPrior

Matches = Memo[tuple[tuple[Link, ...], float | None], tuple[Evidence, Match]]
"""Evidence after its cuts, and the match, of one run; by links and threshold."""
_MAX_MATCHES = 2


class PersonLabels(NamedTuple):
    """What the user calls people, and notes on them, by the person's number."""

    names: Mapping[int, str]
    notes: Mapping[int, str]


class SharedMoment(NamedTuple):
    """A moment at which a track is in the picture together with another one, in seconds of the clip."""

    camera: str
    track: int
    seconds: float


class SeenTogether(Contradiction):
    """The user joined two tracks that are in one picture; `moment` shows both."""

    def __init__(self, fault: Contradiction, moment: SharedMoment, message: str, remedy: str) -> None:
        super().__init__(fault.pair, message, remedy)
        self.moment = moment


@dataclass(frozen=True, eq=False)
class ReviewSession:
    """A run with a review applied to it.

    `evidence` is cut as the review says, `uncut_evidence` is as the run left it. `chosen_threshold` is the user's
    similarity threshold, None for the suggested one. `rules` are those of matching in the case. `matches` remembers
    recent results, so that a decision that was previewed is not matched a second time when it is kept.
    """

    out: Path
    evidence: Evidence
    match: Match
    review: Review
    uncut_evidence: Evidence
    prior: EmbedderPrior | None
    chosen_threshold: float | None
    matches: Matches = field(repr=False)
    rules: MatchRules

    @property
    def people(self) -> Identities:
        return self.match.people()

    @cached_property
    def row_of(self) -> Mapping[tuple[str, int], int]:
        """The row of each track in the evidence, by camera and track."""
        return self.evidence.row_of

    @cached_property
    def track_keys(self) -> tuple[TrackKey, ...]:
        """The track of each row."""
        return tuple(TrackKey(*key) for key in self.row_of)

    @cached_property
    def rank(self) -> Ints:
        """Order of first appearance of each row, from 1."""
        return rank_tracklets(self.evidence.tracklets)

    @cached_property
    def numbers(self) -> tuple[PersonNumber, ...]:
        """The numbers of people in this case. A case of 0.1.0 has none before its first decision: rank numbers it."""
        numbers = self.review.state.numbers
        return (*numbers, *new_numbers(numbers, self.evidence, self.review.highest)) if numbers else ()

    @cached_property
    def row_numbers(self) -> list[tuple[int, ...]]:
        """The numbers of each row, rising; a person shows the lowest one of all rows."""
        if not self.numbers:
            return [(number,) for number in self.rank.tolist()]
        return numbers_by_row(self.numbers, self.evidence)

    @cached_property
    def labels(self) -> PersonLabels:
        return PersonLabels(*names_by_person(self.review.names, self.row_of, self.people.person.tolist()))

    def row(self, camera: str, track: int) -> int:
        if (camera, track) not in self.row_of:
            raise SettingsError(f"{format_key(camera, track)} no longer exists", "Reload the page.")
        return self.row_of[camera, track]

    def person_of(self, key: TrackKey) -> int:
        """The number of the person that a track belongs to."""
        return int(self.people.person[self.row(*key)])

    def tracks(self, person: int) -> tuple[TrackKey, ...]:
        """The tracks of a person in order of appearance."""
        rows = np.flatnonzero(self.people.person == person)
        if not len(rows):
            raise SettingsError("this person no longer exists", "Reload the page.")
        return tuple(self.track_keys[row] for row in rows[np.argsort(self.rank[rows])])

    def at(self, threshold: float | None) -> ReviewSession:
        """The session at another similarity threshold; None is the suggested one."""
        chosen = Choice(threshold).threshold
        level = self.match.calibration.threshold if chosen is None else chosen
        return replace(self, match=self.match.at(level), chosen_threshold=chosen)

    def preview(self, review: Review) -> ReviewSession:
        """The session with another review, matched again. Raises `Contradiction` if the review cannot hold."""
        key = review.links, self.chosen_threshold
        try:
            evidence, match = self.matches.get(key, lambda: self._match(review))
        except Contradiction as fault:
            raise _explain_contradiction(fault, self) from fault
        session = replace(self, evidence=evidence, match=match, review=review)
        return replace(session, match=number_match(match, evidence, session.numbers))

    def _match(self, review: Review) -> tuple[Evidence, Match]:
        choice = Choice(self.chosen_threshold, review.links, *self.rules)
        return match_people(self.uncut_evidence, self.out, self.prior, choice)


def open_session(
    out: Path,
    review: Review,
    threshold: float | None,
    matches: Matches | None = None,
    rules: MatchRules | None = None,
) -> ReviewSession:
    """Open the run in folder `out`. `matches` must not be shared with another run or other rules.

    Raises `StoreError` if files that a review needs are missing or damaged; the run must then be repeated.
    """
    record = read_record(out)
    try:
        evidence = load_evidence(out)
    except StoreError as fault:
        if (out / TRACKLETS_FILE).is_file():
            raise StoreError("the tracks of this run cannot be read", "Run it again.") from fault
        raise StoreError("this run was made by an older version of Sightline", "Run it again.") from fault
    prior = run_prior(record)
    rules = rules or MatchRules()
    cut_evidence, match = match_people(evidence, out, prior, Choice(threshold, review.links, *rules))
    memo: Matches = matches or Memo(_MAX_MATCHES)
    session = ReviewSession(out, cut_evidence, match, review, evidence, prior, threshold, memo, rules)
    return replace(session, match=number_match(match, cut_evidence, session.numbers))


def _explain_contradiction(fault: Contradiction, session: ReviewSession) -> Contradiction:
    """The contradiction with the names of the tracks, and the moment that shows both if they were seen together.

    The rows of `fault` are valid in `session`: only a cut adds rows, these come last, and a cut contradicts nothing.
    """
    first, second = sorted(fault.pair, key=lambda row: session.rank[row])
    tracks = f"{describe_track(session, first)} and {describe_track(session, second)}"
    why, remedy = int(session.match.why[first, second]), "They must be different people, so nothing was changed."
    # Of a thing that is joined with somebody, this is still the reason before.
    if why not in (TOGETHER, OBJECT):
        return Contradiction(fault.pair, f"{tracks} cannot be one person: {REASON_TEXTS[why]}", remedy)
    moment = _shared_moment(session, first, second) if session.evidence.has_times else None
    if moment is None:
        return Contradiction(fault.pair, f"{tracks} are visible at the same time", remedy)
    message = f"{tracks} are visible at the same time: {moment.camera} at {format_seconds(moment.seconds)} shows both"
    return SeenTogether(fault, moment, message, remedy)


def _shared_moment(session: ReviewSession, first: int, second: int) -> SharedMoment | None:
    """The first moment at which both tracks have a box, detected if there is such a one; None if they share no frame.

    There may be none in runs of 0.1.0: they tell only from when to when each was seen.
    """
    (camera, track), (_, other_track) = session.track_keys[first], session.track_keys[second]
    cuts = [each for each in session.evidence.cuts if each.camera == camera]
    tracks = split_tracks(load_tracks(session.out, camera), cuts)
    for boxes in (tracks[tracks.detected], tracks):
        shared = np.intersect1d(*(boxes.frame[boxes.track == number] for number in (track, other_track)))
        if len(shared):
            break
    else:
        return None
    return SharedMoment(camera, track, round(float(tracks.seconds[np.searchsorted(tracks.frame, shared[0])]), 3))


def format_seconds(seconds: float) -> str:
    """
    >>> format_seconds(72.34)
    '1:12.3'
    """
    minutes, tenths = divmod(int(seconds * 10 + 1e-6), 600)
    return f"{minutes}:{tenths // 10:02d}.{tenths % 10}"


def describe_track(session: ReviewSession, row: int) -> str:
    """A track with its first appearance: `cam1 at 0:12 (track 3)`."""
    camera, track = session.track_keys[row]
    if not session.evidence.has_times:
        return format_key(camera, track)
    minutes, seconds = divmod(int(max(session.evidence.clip_seconds(row)[0], 0) + 1e-6), 60)
    return f"{camera} at {minutes}:{seconds:02d} (track {track})"


def format_key(camera: str, track: int) -> str:
    """
    >>> format_key("gate", 3)
    'gate/track 3'
    """
    return f"{camera}/track {track}"
