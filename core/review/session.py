"""A run on the desk: what was found in it, with what somebody has said about it since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from core.base.errors import SettingsError, StoreError
from core.base.memo import Memo
from core.base.types import Ints
from core.machine.artifacts import digest_of
from core.review.history import Review, TrackKey
from core.runs import TRACKLETS_FILE, Choice, Evidence, run_prior, load_evidence, match_people, names_by_person, read_record
from core.vision.match import TOGETHER, REASON_TEXTS, Contradiction, Identities, Match, number_people
from core.vision.models import Known

Matches = Memo[str, tuple[Evidence, Match]]
"""Tracks of one run, cut and matched, by the links and the threshold that were obeyed."""
_MATCHES = 2


@dataclass(frozen=True, eq=False)
class Desk:
    """`evidence` is cut as the review says, `whole` as the run left it; `chosen` is the user's threshold, if any.

    `matches` is the memory of whoever opened the run: what is tried and then kept is matched once.
    """

    out: Path
    evidence: Evidence
    match: Match
    review: Review
    whole: Evidence
    known: Known | None
    chosen: float | None
    matches: Matches = field(repr=False)

    @property
    def people(self) -> Identities:
        return self.match.people()

    @cached_property
    def row_of(self) -> Mapping[TrackKey, int]:
        return self.evidence.row_of

    @cached_property
    def sights(self) -> tuple[TrackKey, ...]:
        """Camera and track of each row."""
        return tuple(self.row_of)

    @cached_property
    def rank(self) -> Ints:
        """The place of each tracklet by first appearance, from 1: a person's number is the lowest of its tracklets."""
        return number_people(np.arange(len(self.evidence.tracklets)), self.evidence.tracklets)

    @cached_property
    def named(self) -> tuple[Mapping[int, str], Mapping[int, str]]:
        """Names and notes by the person's number."""
        return names_by_person(self.review.names, self.row_of, self.people.person.tolist())

    def row(self, camera: str, track: int) -> int:
        if (camera, track) not in self.row_of:
            raise SettingsError(f"there is no track {track} of camera {camera} any more", "Look at the page anew.")
        return self.row_of[camera, track]

    def tracks(self, person: int) -> tuple[TrackKey, ...]:
        """The tracks of a person, the first to appear first."""
        rows = np.flatnonzero(self.people.person == person)
        if not len(rows):
            raise SettingsError("this person is not there any more", "Look at the page anew.")
        return tuple(self.sights[row] for row in rows[np.argsort(self.rank[rows])])

    def at(self, threshold: float | None) -> Desk:
        """The same at another threshold; with None at the suggested one."""
        chosen = Choice(threshold).threshold
        level = self.match.calibration.threshold if chosen is None else chosen
        return replace(self, match=self.match.at(level), chosen=chosen)

    def tried(self, review: Review) -> Desk:
        """The same run with another review, matched again; refused where what it says cannot be."""
        asked = digest_of([review.links, self.chosen])
        try:
            evidence, match = self.matches.get(asked, lambda: self._matched(review))
        except Contradiction as fault:
            raise _explained(fault, self) from fault
        return replace(self, evidence=evidence, match=match, review=review)

    def _matched(self, review: Review) -> tuple[Evidence, Match]:
        return match_people(self.whole, self.out, self.known, Choice(self.chosen, review.links))


def open_desk(out: Path, review: Review, threshold: float | None, matches: Matches | None = None) -> Desk:
    """The run in folder `out`; `StoreError` where it cannot be looked at and has to be done again. `matches` belongs to
    this run alone."""
    record = read_record(out)
    try:
        whole = load_evidence(out)
    except StoreError as fault:
        words = "cannot be read" if (out / TRACKLETS_FILE).is_file() else "is not there: the run is of an older version"
        raise StoreError(f"what the run found of each track {words}", "Run it again.") from fault
    known = run_prior(record)
    evidence, match = match_people(whole, out, known, Choice(threshold, review.links))
    return Desk(out, evidence, match, review, whole, known, threshold, matches or Memo(_MATCHES))


def _explained(fault: Contradiction, desk: Desk) -> Contradiction:
    """It names rows, and only a cut makes new ones: those stand behind the others, and a cut contradicts nothing."""
    one, other = sorted(fault.pair, key=lambda row: desk.rank[row])
    why = int(desk.match.why[one, other])
    words = "are in the picture together" if why == TOGETHER else f"cannot be one person: {REASON_TEXTS[why]}"
    message = f"{sighted(desk, one)} and {sighted(desk, other)} {words}"
    return Contradiction(fault.pair, message, "So they are two people, and nothing was changed.")


def sighted(desk: Desk, row: int) -> str:
    """Where and when a tracklet is first seen: cam1 at 0:12 (track 3)."""
    camera, track = desk.sights[row]
    if not desk.evidence.has_times:
        return f"{camera} track {track}"
    minutes, seconds = divmod(int(max(desk.evidence.clip_seconds(row)[0], 0) + 1e-6), 60)
    return f"{camera} at {minutes}:{seconds:02d} (track {track})"
