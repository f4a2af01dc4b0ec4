"""What an export will hold, in words and numbers."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.cases import Case
from core.results import record_of
from core.review import Desk
from pages.parts.words import count

MOST = 3


def what_is_in_it(case: Case, desk: Desk) -> None:
    """Numbers first, then what they rest on."""
    people = desk.people
    numbers = np.unique(people.person)
    confirmed = len(np.unique(people.person[people.confirmed]))
    with st.container(horizontal=True):
        st.metric("People", f"{len(numbers):,}", width="content")
        st.metric("Sightings", f"{len(people.person):,}", width="content")
        st.metric("Crops", f"{len(desk.evidence.crops):,}", width="content")
        st.metric("Cameras", f"{len(desk.evidence.cameras):,}", width="content")
        st.metric("Confirmed by you", f"{confirmed} of {len(numbers)}", width="content")
    if confirmed < len(numbers):
        st.info(
            "**Unconfirmed people are candidates.** They look alike to the program; nobody has checked them. "
            "The report says so on its first page.",
            icon=":material/visibility:",
        )
    st.markdown("  \n".join(f"**{name}:** {words}" for name, words in _rests_on(case, desk)))


def _rests_on(case: Case, desk: Desk) -> list[tuple[str, str]]:
    given = "suggested" if case.threshold is None else "set by you"
    links, names = len(desk.review.links), len({name for _, _, name, _ in desk.review.names if name})
    decided = f"{count(links, 'manual decision')}, {count(names, 'name')}" if links or names else "none yet"
    models = record_of(desk.out)["models"]
    known = [f"{kind} {facts['name']}" for kind, facts in models.items() if isinstance(facts, dict)]
    return [
        ("Threshold", f"{desk.match.threshold:.2f}, {given}; {desk.match.calibration.words}"),
        ("Decisions", decided),
        ("Models", ", ".join(known)),
        ("Purpose", _plain(case.purpose) or "none. Add one in the sidebar, under *This case*"),
    ]


def _plain(text: str) -> str:
    """Text that somebody typed, without its power over Markdown.

    >>> _plain("[a](b) $x$")
    '\\\\[a\\\\](b) \\\\$x\\\\$'
    """
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#$~:|" else letter for letter in " ".join(text.split()))
