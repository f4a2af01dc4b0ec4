"""Who is who, once: by what was found, by what is known of the model, and by what the user has said."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import SettingsError
from core.gallery import Gallery, one_line
from core.match import Match, match
from core.people.evidence import Evidence
from core.people.links import Link, cut_as_said, decisions_of
from core.people.names import Name
from core.people.views import apart, described
from core.people.writing import write_people
from core.progress import Progress
from core.results import facts_of, record_of
from core.types import Seconds
from core.weights import Known

Way = tuple[str, str, float]
"""Two cameras, and how many seconds it takes at least to go from one to the other."""
UNKNOWN_MODEL, UNKNOWN_FEW = Known(0.3, 0.25, 0.7), Known(-0.15, 0.25, 0.35)
"""For embedders of which nothing was measured: careful, and said so."""


@dataclass(frozen=True)
class Choice:
    """What the user has said about who is who. Without a `threshold` the clips themselves suggest one.

    `travel` holds the fewest seconds from one camera to another and back; without any they may see the same place.
    With `looks_only` nothing is made of where people stood. `names` are shown with the people of their tracks.
    `purpose` is why anybody is looked for, and `reason` why heads are not blurred, where they are not. Unless it is to
    be `zipped`, everything but the zip is written.
    """

    threshold: float | None = None
    links: tuple[Link, ...] = ()
    blur: bool = True
    travel: tuple[Way, ...] = ()
    looks_only: bool = False
    names: tuple[Name, ...] = ()
    purpose: str = ""
    reason: str = ""
    zipped: bool = True

    def __post_init__(self) -> None:
        if self.threshold is not None and not -1 <= self.threshold <= 1:
            raise SettingsError(
                f"the least similarity is {self.threshold:g}", "A similarity lies between -1 and 1: try 0.6."
            )


def decide(
    evidence: Evidence,
    out: Path,
    known: Known | None,
    choice: Choice | None = None,
    progress: Progress | None = None,
    when: str | None = None,
    to: Path | None = None,
) -> tuple[Match, Gallery]:
    """Match, and write what a run leaves below `out` (or `to`), the zip with all that decides it."""
    said = choice or Choice()
    parts, found = matched(evidence, out, known, said)
    about = about_people(evidence, out, known, said)
    return found, write_people(parts, found, out, about, said.blur, progress, when, said.names, to, said.zipped)


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
    words = {
        "threshold": choice.threshold,
        "links": list(choice.links),
        "travel": list(choice.travel),
        "looks_only": choice.looks_only,
        "names": list(choice.names),
    }
    why = {"purpose": one_line(choice.purpose), "heads_shown_because": one_line(choice.reason)}
    return {**_about(evidence, out, known), **{name: text for name, text in why.items() if text}, "choice": words}


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
