"""Who is who: by what was found, by what is known of the model, and by what the user has said. Writes nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from core.errors import SettingsError
from core.gallery.naming import one_line
from core.gallery.sightings import Crop, Gallery, Sighting
from core.match import Identities, Match, match
from core.people.evidence import CROPS, Evidence
from core.people.links import Link, cut_as_said, decisions_of
from core.people.lookalikes import lookalikes_of
from core.people.names import Name, people_named
from core.people.views import apart, described
from core.results import facts_of, record_of
from core.tracklets import words
from core.types import Seconds
from core.weights import Known

UNKNOWN_MODEL, UNKNOWN_FEW = Known(0.3, 0.25, 0.7), Known(-0.15, 0.25, 0.35)
"""For embedders of which nothing was measured: careful, and said so."""


class Way(NamedTuple):
    """The way between two cameras: nobody goes it in less than `seconds`, in either direction."""

    camera: str
    other_camera: str
    seconds: float


@dataclass(frozen=True)
class Choice:
    """What the user has said about who is who. Without a `threshold` the clips themselves suggest one.

    `travel` holds the fewest seconds from one camera to another and back; without any they may see the same place.
    With `looks_only` nothing is made of where people stood. `names` are shown with the people of their tracks.
    `purpose` is why anybody is looked for. How the result is handed out is no part of it.
    """

    threshold: float | None = None
    links: tuple[Link, ...] = ()
    travel: tuple[Way, ...] = ()
    looks_only: bool = False
    names: tuple[Name, ...] = ()
    purpose: str = ""

    def __post_init__(self) -> None:
        if self.threshold is not None and not -1 <= self.threshold <= 1:
            raise SettingsError(
                f"the least similarity is {self.threshold:g}", "A similarity lies between -1 and 1: try 0.6."
            )


@dataclass(frozen=True, eq=False)
class MatchedPeople:
    """Who is who in a run: `evidence` is cut as the choice says, and the rows of `match` are its tracklets.

    `gallery` holds the people with their names, the candidates of every track and what decided all of it; its crops
    stay in their files until they are needed.
    """

    evidence: Evidence
    match: Match
    gallery: Gallery


def decide(evidence: Evidence, out: Path, known: Known | None, choice: Choice | None = None) -> MatchedPeople:
    """Who is who by the evidence of the run in folder `out`, from which it only reads: nothing is written."""
    said = choice or Choice()
    parts, found = matched(evidence, out, known, said)
    return people_with_candidates(parts, found, out, about_people(evidence, out, known, said), said.names)


def people_with_candidates(
    evidence: Evidence, match: Match, out: Path, about: Mapping[str, Any], names: Sequence[Name] = ()
) -> MatchedPeople:
    """The people of a match together with who else each track may be, which takes longer than the people alone."""
    gallery = people_of(evidence, match, out, about, names)
    lookalikes = tuple(lookalikes_of(evidence, match, out))
    return MatchedPeople(evidence, match, replace(gallery, lookalikes=lookalikes))


def to_go_by(evidence: Evidence, known: Known | None) -> Known:
    """What is known of looks such as those of `evidence`."""
    there = known or UNKNOWN_MODEL
    return (there.few or UNKNOWN_FEW) if evidence.apart else there


def matched(evidence: Evidence, out: Path, known: Known | None, choice: Choice) -> tuple[Evidence, Match]:
    """The evidence cut as was said, and who is who in it; nothing is written."""
    parts = cut_as_said(choice.links, evidence, out)
    links, travel = decisions_of(choice.links, parts), _travel(choice.travel, parts)
    places = None if choice.looks_only else apart(parts)
    return parts, match(parts.tracklets, to_go_by(evidence, known), choice.threshold, links, travel, places)


def about_people(evidence: Evidence, out: Path, known: Known | None, choice: Choice) -> dict[str, Any]:
    """All that decides who is who in the run of folder `out`, for whoever is handed the result."""
    said = {
        "threshold": choice.threshold,
        "links": list(choice.links),
        "travel": list(choice.travel),
        "looks_only": choice.looks_only,
        "names": list(choice.names),
    }
    purpose = one_line(choice.purpose)
    return {**_about(evidence, out, known), **({"purpose": purpose} if purpose else {}), "choice": said}


def people_of(
    evidence: Evidence, match: Match, out: Path, about: Mapping[str, Any], names: Sequence[Name] = ()
) -> Gallery:
    """The gallery at the match's threshold; crops stay in their files below `out` until they are needed."""
    found = match.people()
    sightings = [_sighting(evidence, found, row, out) for row in range(len(evidence.tracklets))]
    cuts = {"cuts": [asdict(one) for one in evidence.cuts]} if evidence.cuts else {}
    matching = {**_matching(match), **cuts}
    called, noted = people_named(names, evidence.row_of, found.person.tolist())
    return Gallery(tuple(sightings), called, noted, tuple(_missing(about)), about={**about, "matching": matching})


def _missing(about: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each camera of the run that could not be worked on: whoever reads the report must know."""
    for camera in about.get("run", {}).get("cameras", ()):
        if "failed" in camera:
            yield f"{camera['camera']} could not be worked on, and is left out: {camera['failed']}"


def _sighting(evidence: Evidence, found: Identities, row: int, out: Path) -> Sighting:
    start, end = evidence.clip_seconds(row)
    upper, lower = words(evidence.colours[row])
    return Sighting(
        camera=evidence.cameras[evidence.tracklets.camera[row]],
        track=int(evidence.tracklets.track[row]),
        person=int(found.person[row]),
        start_seconds=float(np.maximum(start, 0)),
        end_seconds=float(np.maximum(end, 0)),
        similarity=float(found.similarity[row]),
        status=found.status(row),
        upper=upper,
        lower=lower,
        crops=pictures_of(evidence, row, out),
    )


def pictures_of(evidence: Evidence, row: int, out: Path) -> tuple[Crop, ...]:
    """The crops of a tracklet, best first, in their files below `out`."""
    mine = evidence.crops.of(row)
    return tuple(
        Crop(float(seconds), int(frame), out / CROPS / str(name))
        for seconds, frame, name in zip(mine.seconds, mine.frame, mine.name, strict=True)
    )


def _matching(match: Match) -> dict[str, Any]:
    """What the manifest says about the threshold and what is to be expected of it."""
    share, low, high = match.calibration.at(match.threshold)
    return {
        "threshold": round(match.threshold, 4),
        "suggested": round(match.calibration.threshold, 4),
        "words": match.calibration.words,
        "expected_false_share": {"share": round(share, 4), "low": round(low, 4), "high": round(high, 4)},
        "pairs_of_certain_strangers": match.calibration.pairs,
    }


def _travel(ways: Sequence[Way], evidence: Evidence) -> Seconds | None:
    """Fewest seconds between the cameras of which there is any evidence, (c, c)."""
    if not ways:
        return None
    if not evidence.timed:
        raise SettingsError("nobody knows when these pictures were taken", "Leave out how long the ways are.")
    place = {camera: number for number, camera in enumerate(evidence.cameras)}
    seconds = np.zeros((len(place), len(place)))
    for one, other, least in ways:
        if one in place and other in place:
            seconds[place[one], place[other]] = seconds[place[other], place[one]] = least
    return seconds


def _about(evidence: Evidence, out: Path, known: Known | None) -> dict[str, Any]:
    run = facts_of(record_of(out))
    files = [camera["file"] for camera in run["cameras"] if "digest" in camera and "file" in camera]
    command = f"python -m core run {shlex.join(files)} --like gallery.zip --out again"
    offsets = evidence.offsets.tolist() if evidence.timed else []
    return {
        **({"again": command} if files else {}),
        "run": run,
        "known_of_the_embedder": known and asdict(known),
        "looks": "less what is usual in each camera" if evidence.apart else "as they are",
        "same_ground": described(evidence),
        "offset_seconds": dict(zip(evidence.cameras, offsets, strict=evidence.timed)),
    }
